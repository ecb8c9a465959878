//! What validations have found so far.

use std::sync::Arc;

use crate::meta::Learned;

/// What the validations of a training have found: a part of its state, so that an interruption changes nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Validated<T> {
    /// The best that was found; shared, since a training state is copied at each step.
    pub best: Option<Arc<Best<T>>>,
    /// Validations since then.
    pub since: u64,
}

impl<T> Default for Validated<T> {
    fn default() -> Self {
        Validated { best: None, since: 0 }
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
    /// Takes in a validation. Whether it is the best, of equal ones the first.
    pub(in crate::train) fn add(&mut self, iteration: u64, value: f64, learned: &Learned<T>) -> bool {
        let better = self.best.as_ref().is_none_or(|best| value > best.value);
        if better {
            self.best = Some(Arc::new(Best { iteration, value, learned: learned.clone() }));
            self.since = 0;
        } else {
            self.since += 1;
        }
        better
    }
}
