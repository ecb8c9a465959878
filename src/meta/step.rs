//! One meta-step over a batch of episodes, in parallel and with fixed bits.

use ndarray::ArrayD;
use rayon::prelude::*;

use super::learner::{Learner, check_task};
use crate::data::Episode;
use crate::error::{Error, Result};
use crate::real::Real;

/// The mean over a meta-batch.
#[derive(Debug, Clone, PartialEq)]
pub struct MetaGrad<T> {
    /// Mean query loss.
    pub loss: f64,
    /// Mean query accuracy in `0..=1`; `None` for regression.
    pub accuracy: Option<f64>,
    /// Mean gradient, one array a meta-parameter.
    pub grads: Vec<ArrayD<T>>,
}

/// Mean query loss over `episodes` and its gradient in the meta-parameters.
///
/// Tasks run in parallel on rayon's current thread pool; their gradients are added
/// in the order of the episodes, so the bits do not depend on the number of threads.
///
/// # Errors
/// [`Error::Setting`] without episodes; what [`Learner::check`] refuses;
/// [`Error::NotFinite`] if a loss or gradient is not finite, naming the episode.
pub fn meta_grad<T: Real>(
    learner: &(impl Learner<T> + ?Sized),
    params: &[ArrayD<T>],
    episodes: &[Episode<T>],
) -> Result<MetaGrad<T>> {
    if episodes.is_empty() {
        return Err(Error::Setting { name: "meta_batch", value: "0".into(), need: "at least 1 episode" });
    }
    check_task(learner, params, episodes)?;
    let share = 1.0 / episodes.len() as f64;
    let mut total = MetaGrad { loss: 0.0, accuracy: Some(0.0), grads: Vec::new() };
    // A chunk at a time bounds the gradients held at once; the order of adding does not change.
    for (chunk, tasks) in episodes.chunks(CHUNK).enumerate() {
        let done: Vec<_> = tasks.par_iter().map(|e| learner.task_grad(params, e)).collect();
        for (i, task) in done.into_iter().enumerate() {
            let finite =
                task.score.loss.is_finite() && task.grads.iter().all(|g| g.iter().all(|v| v.is_finite()));
            if !finite {
                let what =
                    format!("loss or meta-gradient of episode {} of the meta-batch", chunk * CHUNK + i);
                return Err(Error::NotFinite { what });
            }
            total.loss += share * task.score.loss;
            total.accuracy = total.accuracy.zip(task.score.accuracy).map(|(sum, a)| sum + share * a);
            if total.grads.is_empty() {
                total.grads = task.grads;
            } else {
                total.grads.iter_mut().zip(&task.grads).for_each(|(sum, g)| *sum += g);
            }
        }
    }
    total.grads.iter_mut().for_each(|g| *g *= T::of(share));
    Ok(total)
}

/// Tasks whose gradients are held at once; a fixed number, so bits and memory do
/// not depend on the machine.
const CHUNK: usize = 64;
