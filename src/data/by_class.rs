//! Examples that come one by one, put together by class.

use std::collections::HashMap;

/// Examples by class, in the order in which the classes first appear.
pub(super) struct ByClass<E> {
    place: HashMap<String, usize>,
    classes: Vec<(String, Vec<E>)>,
}

impl<E> ByClass<E> {
    pub(super) fn new() -> ByClass<E> {
        ByClass { place: HashMap::new(), classes: Vec::new() }
    }

    pub(super) fn add(&mut self, class: &str, example: E) {
        let place = *self.place.entry(class.to_owned()).or_insert_with(|| {
            self.classes.push((class.to_owned(), Vec::new()));
            self.classes.len() - 1
        });
        self.classes[place].1.push(example);
    }

    /// `(class name, examples)` pairs.
    pub(super) fn into_classes(self) -> Vec<(String, Vec<E>)> {
        self.classes
    }
}
