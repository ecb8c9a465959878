//! Names and sizes of the classes of a data set.

use std::collections::HashMap;
use std::sync::Arc;

use super::class::ClassRef;
use crate::error::{Error, Result};

/// Examples that stand one after the other, class by class. Cloning shares everything.
#[derive(Clone, PartialEq)]
pub(super) struct Groups {
    names: Arc<[String]>,
    /// `first[k]` is the first example of class `k`; one more entry ends the last class.
    first: Arc<[usize]>,
    by_name: Arc<HashMap<String, usize>>,
}

impl Groups {
    /// Of names and numbers of examples; `what` is the set in messages, "an image set".
    pub(super) fn new(counted: Vec<(String, usize)>, what: &'static str) -> Result<Groups> {
        if counted.is_empty() {
            return Err(Error::TooFewClasses { what, need: 1, have: 0 });
        }
        let (mut names, mut first, mut by_name) = (Vec::new(), vec![0usize], HashMap::new());
        for (class, count) in counted {
            if count == 0 {
                return Err(Error::EmptyClass { class });
            }
            if by_name.insert(class.clone(), names.len()).is_some() {
                let place = what.trim_start_matches("an ").trim_start_matches("a ");
                return Err(Error::RepeatedClass { class, place: format!("the {place}") });
            }
            first.push(first[names.len()].checked_add(count).expect("as many examples as there are numbers"));
            names.push(class);
        }
        Ok(Groups { names: names.into(), first: first.into(), by_name: Arc::new(by_name) })
    }

    /// The number of classes.
    pub(super) fn classes(&self) -> usize {
        self.names.len()
    }

    /// The number of examples of all classes together.
    pub(super) fn all(&self) -> usize {
        self.first[self.names.len()]
    }

    #[track_caller]
    pub(super) fn name(&self, class: usize) -> &str {
        &self.names[class]
    }

    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The number of examples of one class.
    #[track_caller]
    pub(super) fn count(&self, class: usize) -> usize {
        self.first[class + 1] - self.first[class]
    }

    /// Every class once.
    pub(super) fn refs(&self) -> Vec<ClassRef> {
        (0..self.classes()).map(|class| ClassRef { class, turns: 0 }).collect()
    }

    /// Whether there is such a class.
    pub(super) fn check(&self, class: ClassRef) -> Result<()> {
        if class.class < self.classes() {
            return Ok(());
        }
        let place = format!("classes are numbered from 0 to {}", self.classes() - 1);
        Err(Error::UnknownClass { class: class.class.to_string(), place })
    }

    /// Where one example of a class stands among all.
    #[track_caller]
    pub(super) fn at(&self, class: usize, example: usize) -> usize {
        assert!(example < self.count(class), "example {example} of class {:?}", self.names[class]);
        self.first[class] + example
    }

    /// Adds names and counts to a sum over the data.
    pub(super) fn sum(&self, sum: &mut crc32fast::Hasher) {
        for (class, name) in self.names.iter().enumerate() {
            sum.update(name.as_bytes());
            sum.update(&(self.count(class) as u64).to_le_bytes());
        }
    }
}
