//! Accuracy by class.

use std::collections::BTreeMap;

/// How often queries of one class were answered correctly.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClassAccuracy {
    /// The name of the class; all rotations of a class count as one.
    pub class: String,
    /// Queries of the class in all episodes.
    pub queries: u64,
    /// The share of them that was answered correctly, in `0..=1`.
    pub accuracy: f64,
}

/// Queries and correct answers by class. Its size is the number of classes.
#[derive(Debug, Clone, Default)]
pub(super) struct ClassSums(BTreeMap<String, [u64; 2]>);

impl ClassSums {
    /// Takes in an episode by the names of its classes and the label and answer of each query.
    pub(super) fn add(&mut self, classes: &[String], chosen: &[[usize; 2]]) {
        for &[label, answer] in chosen {
            let Some(name) = classes.get(label) else { continue };
            let sums = match self.0.get_mut(name) {
                Some(sums) => sums,
                None => self.0.entry(name.clone()).or_default(),
            };
            sums[0] += 1;
            sums[1] += u64::from(label == answer);
        }
    }

    /// The classes, the worst first, and by name where they are equal.
    pub(super) fn worst_first(&self) -> Vec<ClassAccuracy> {
        let one = |(class, &[queries, right]): (&String, &[u64; 2])| ClassAccuracy {
            class: class.clone(),
            queries,
            accuracy: right as f64 / queries as f64,
        };
        let mut all: Vec<_> = self.0.iter().map(one).collect();
        all.sort_by(|a, b| a.accuracy.total_cmp(&b.accuracy)); // stable, so names stay in order
        all
    }
}
