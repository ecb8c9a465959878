//! Mini-batches of one task's examples, and fitting a model on them.

use ndarray::{ArrayD, Axis, concatenate};
use rand::rngs::ChaCha8Rng;

use super::score::{Query, Score};
use crate::data::{Episode, Examples, Targets};
use crate::error::{Error, Result};
use crate::grad::last_grad_values;
use crate::nn::{Model, Norm, check_params};
use crate::optim::{Optimizer, OptimizerState};
use crate::random::distinct;
use crate::real::Real;
use crate::tape::Tape;

compiled_here!(T: both::<T>, fit::<T>);

/// `count` batches of `size` indices below `n`, taken one after another from a pool that is shuffled each time it
/// is used up; a batch may span two shuffles. So each index is used equally often, up to one.
pub(super) fn walked(rng: &mut ChaCha8Rng, n: usize, size: usize, count: usize) -> Vec<Vec<usize>> {
    let mut pool = Vec::new();
    let mut next = || {
        if pool.is_empty() {
            pool = distinct(rng, n, n);
        }
        pool.pop().expect("filled above")
    };
    (0..count).map(|_| (0..size).map(|_| next()).collect()).collect()
}

/// The batches of `epochs` epochs over `n` examples: each epoch is a shuffle cut into batches of `size`, the last of
/// which may be smaller.
pub(super) fn epochs(rng: &mut ChaCha8Rng, n: usize, size: usize, epochs: usize) -> Vec<Vec<usize>> {
    let epoch = |_| distinct(rng, n, n).chunks(size).map(<[usize]>::to_vec).collect::<Vec<_>>();
    (0..epochs).flat_map(epoch).collect()
}

/// The examples of these indices.
///
/// # Panics
/// If there is no such example.
#[track_caller]
pub(super) fn chosen<T: Real>(examples: &Examples<T>, indices: &[usize]) -> Examples<T> {
    let x = examples.x.select(Axis(0), indices);
    match &examples.y {
        Targets::Labels { labels, ways } => {
            Examples::labelled(x, indices.iter().map(|&i| labels[i]).collect(), *ways)
        }
        Targets::Values(values) => Examples::valued(x, values.select(Axis(0), indices)),
    }
}

/// Support and query set as one.
#[inline(never)]
pub(super) fn both<T: Real>(episode: &Episode<T>) -> Examples<T> {
    let Episode { support, query, .. } = episode;
    let rows = |a: &ArrayD<T>, b: &ArrayD<T>| concatenate(Axis(0), &[a.view(), b.view()]).expect("checked");
    let x = rows(&support.x, &query.x);
    match (&support.y, &query.y) {
        (Targets::Labels { labels, ways }, Targets::Labels { labels: more, .. }) => {
            Examples::labelled(x, [&labels[..], more].concat(), *ways)
        }
        (Targets::Values(values), Targets::Values(more)) => Examples::valued(x, rows(values, more)),
        _ => unreachable!("an episode's sets have targets of one kind, which was checked"),
    }
}

/// What inner steps of [`Reptile`](crate::Reptile) lead to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Fitted<T> {
    /// The parameters.
    pub params: Vec<ArrayD<T>>,
    /// The optimizer's state.
    pub state: OptimizerState<T>,
    /// Loss and accuracy, the mean over the batches, each before its step.
    pub score: Score,
}

/// A step of `optimizer` for each batch, at a rate for each parameter, with batch norm by the batch's statistics.
#[inline(never)]
pub(super) fn fit<T: Real>(
    model: &dyn Model<T>,
    optimizer: &dyn Optimizer<T>,
    rates: &[f64],
    params: &[ArrayD<T>],
    examples: &Examples<T>,
    batches: &[Vec<usize>],
    mut state: OptimizerState<T>,
) -> Result<Fitted<T>> {
    let mut params = params.to_vec();
    let mut scores = Vec::with_capacity(batches.len());
    for (k, batch) in batches.iter().enumerate() {
        let batch = chosen(examples, batch);
        let tape = Tape::new();
        let phi = tape.leaves(&params);
        let query = Query::new(model.forward(&phi, tape.constant(&batch.x), Norm::Batch), &batch.y);
        let score = query.score(&batch.y);
        if !score.loss.is_finite() {
            return Err(Error::NotFinite { what: format!("the loss before inner step {k}") });
        }
        scores.push(score);
        optimizer.update(rates, &mut params, &last_grad_values(query.loss, &phi), &mut state);
    }
    check_params(&model.specs(), &params)?; // the inner rate may be too large
    let mean = |of: &dyn Fn(&Score) -> f64| scores.iter().map(of).sum::<f64>() / scores.len().max(1) as f64;
    let accuracy = examples.y.labels().map(|_| mean(&|s| s.accuracy.expect("labels")));
    Ok(Fitted { params, state, score: Score { loss: mean(&|s| s.loss), accuracy } })
}
