//! What a learner says about a query set.

use ndarray::{ArrayD, ArrayViewD};

use crate::data::Targets;
use crate::ops::{accuracy, cross_entropy, mse};
use crate::ranks::{Reader, put};
use crate::real::Real;
use crate::tape::Tape;
use crate::var::Var;

/// Loss and outputs of an episode's query set, as variables.
#[derive(Debug, Clone, Copy)]
pub struct Query<'t, T: Real> {
    /// The loss, a single number.
    pub loss: Var<'t, T>,
    /// Logits `[n, ways]`, or predictions shaped as the values.
    pub outputs: Var<'t, T>,
}

impl<'t, T: Real> Query<'t, T> {
    /// The loss that fits the targets.
    ///
    /// # Panics
    /// As [`task_loss`].
    #[track_caller]
    pub fn new(outputs: Var<'t, T>, targets: &Targets<T>) -> Query<'t, T> {
        Query { loss: task_loss(outputs, targets), outputs }
    }

    /// Loss and accuracy as plain numbers.
    #[inline(never)]
    pub fn score(&self, targets: &Targets<T>) -> Score {
        Score {
            loss: self.loss.item().as_f64(),
            accuracy: self.outputs.with_value(|outputs| share_right(outputs, targets)),
        }
    }
}

/// Loss and, for classification, accuracy of one episode's query set.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Mean query loss: nats for labels, squared units for values.
    pub loss: f64,
    /// Share of query examples classified correctly, in `0..=1`; `None` for regression.
    pub accuracy: Option<f64>,
}

impl Score {
    /// The score of outputs: logits `[n, ways]`, or predictions shaped as the values.
    ///
    /// # Panics
    /// As [`task_loss`].
    #[inline(never)]
    #[track_caller]
    pub fn of<T: Real>(outputs: &ArrayD<T>, targets: &Targets<T>) -> Score {
        let tape = Tape::new();
        Query::new(tape.constant(outputs), targets).score(targets)
    }

    /// Appends it to a message to other ranks.
    pub(super) fn put(&self, bytes: &mut Vec<u8>) {
        put(bytes, self.loss.to_bits());
        put(bytes, self.accuracy.is_some().into());
        put(bytes, self.accuracy.unwrap_or(0.0).to_bits());
    }

    /// The other way round.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Score> {
        let (loss, has_accuracy, accuracy) = (reader.float()?, reader.number()?, reader.float()?);
        Some(Score { loss, accuracy: (has_accuracy == 1).then_some(accuracy) })
    }
}

/// The scores of one query set by both ways of normalising it.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Each query by itself, as [`predict`](crate::Learner::predict) does.
    pub inductive: Score,
    /// All queries together, as [`predict_together`](crate::Learner::predict_together) does; equal to the other for a
    /// learner that makes no difference.
    pub transductive: Score,
}

/// The loss that fits the targets: [`cross_entropy`] for labels, [`mse`] for values.
///
/// # Panics
/// If outputs and targets do not match in shape.
#[track_caller]
#[inline(never)]
pub fn task_loss<'t, T: Real>(outputs: Var<'t, T>, targets: &Targets<T>) -> Var<'t, T> {
    match targets {
        Targets::Labels { labels, .. } => cross_entropy(outputs, labels),
        Targets::Values(values) => mse(outputs, outputs.tape().leaf(values)),
    }
}

fn share_right<T: Real>(outputs: ArrayViewD<'_, T>, targets: &Targets<T>) -> Option<f64> {
    targets.labels().map(|labels| accuracy(outputs, labels))
}

compiled_here!(T: task_loss::<T>, Query::<T>::score, Score::of::<T>);
