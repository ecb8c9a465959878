//! What validations have found so far.

use std::sync::Arc;

use crate::meta::Learned;

/// What the validations of a training have found: a part of its state, so that an interruption changes nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Validated<T> {
    /// The best that were found, the very best first: as many as the run keeps ([`Run::keep`](crate::Run::keep)), one unless said
    /// otherwise. Shared, since a training state is copied at each step.
    pub best: Vec<Arc<Best<T>>>,
    /// Validations since the very best.
    pub since: u64,
}

impl<T> Default for Validated<T> {
    fn default() -> Self {
        Validated { best: Vec::new(), since: 0 }
    }
}

/// What was learned when a validation was best.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Best<T> {
    /// Meta-steps made then.
    pub iteration: u64,
    /// The accuracy in `0..=1` that was reached, or for regression the loss with its sign changed: more is better.
    pub value: f64,
    /// Meta-parameters and state of then.
    pub learned: Learned<T>,
}

impl<T: Clone> Validated<T> {
    /// Takes in a validation, and keeps it if it is one of the `keep` best, of equal ones the first. Whether it is the best.
    pub(in crate::train) fn add(
        &mut self,
        iteration: u64,
        value: f64,
        learned: &Learned<T>,
        keep: usize,
    ) -> bool {
        let place = self.best.iter().position(|best| value > best.value).unwrap_or(self.best.len());
        if place < keep {
            self.best.insert(place, Arc::new(Best { iteration, value, learned: learned.clone() }));
        }
        self.best.truncate(keep);
        self.since = if place == 0 { 0 } else { self.since + 1 };
        place == 0
    }
}
