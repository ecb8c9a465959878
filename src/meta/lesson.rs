//! What a learner takes from one task of training.

use ndarray::ArrayD;

use super::score::{Query, Score};
use crate::data::Targets;
use crate::error::Result;
use crate::grad::last_grad_values;
use crate::real::Real;
use crate::tape::Tape;
use crate::var::Var;

/// One task's share of a meta-step.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Lesson<T> {
    /// Loss and accuracy to report.
    pub score: Score,
    /// The direction to move against, one array per meta-parameter and of its shape: usually the gradient of the loss.
    pub grads: Vec<ArrayD<T>>,
    /// What it saw for the learner's state, in a form of the learner's own; see
    /// [`Trainable::absorb`](crate::Trainable::absorb).
    pub seen: Vec<ArrayD<T>>,
}

/// A query loss as a function of meta-parameters.
type QueryLoss<'f, T> = dyn for<'t> Fn(&[Var<'t, T>]) -> Result<Query<'t, T>> + 'f;

impl<T: Real> Lesson<T> {
    /// A lesson that changes no state.
    pub fn new(score: Score, grads: Vec<ArrayD<T>>) -> Lesson<T> {
        Lesson { score, grads, seen: Vec::new() }
    }

    /// The same with what it saw for the learner's state.
    #[must_use]
    pub fn with_seen(self, seen: Vec<ArrayD<T>>) -> Lesson<T> {
        Lesson { seen, ..self }
    }

    /// The lesson of a learner that is a differentiable query loss: the loss and its gradient in `params`.
    ///
    /// # Errors
    /// What `query` returns.
    #[inline(never)]
    pub fn of_query(
        params: &[ArrayD<T>],
        targets: &Targets<T>,
        query: &QueryLoss<'_, T>,
    ) -> Result<Lesson<T>> {
        let tape = Tape::new();
        let theta = tape.leaves(params);
        let query = query(&theta)?;
        Ok(Lesson::new(query.score(targets), last_grad_values(query.loss, &theta)))
    }
}

compiled_here!(T: Lesson::<T>::of_query);
