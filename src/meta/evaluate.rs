//! Evaluation: the published protocol, written once for all learners.

use ndarray::ArrayD;
use rayon::prelude::*;

use super::learner::{Learner, Score, check_task};
use crate::data::Episodes;
use crate::error::{Error, Result};
use crate::kernels::with_image_threads;
use crate::real::Real;

/// A mean over episodes with half the width of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// `1.96·σ/√n` with the standard deviation over episodes.
    pub interval: f64,
}

impl Mean {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Mean {
        let n = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / n;
        let variance = values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
        Mean { mean, interval: 1.96 * (variance / n).sqrt() }
    }
}

/// Loss and accuracy over episodes after one number of inner steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Query loss.
    pub loss: Mean,
    /// Query accuracy in `0..=1`; `None` for regression.
    pub accuracy: Option<Mean>,
}

/// Evaluates on episodes `0..count` of a source, usually of classes never seen in
/// training. Returns an entry for each number of inner steps from 0 (a single entry
/// for a learner that does not adapt in steps).
///
/// Episodes run in parallel; memory is that of one inner step per thread. With fewer
/// episodes than threads, large convolutions share the threads, with the same bits.
///
/// # Errors
/// [`Error::Setting`] for no episodes; what [`Learner::check`] and [`Episodes::check`] refuse;
/// [`Error::NotFinite`] if a loss is not finite, naming episode and step; [`Error::Shape`] if
/// the learner returns no scores, or another number than for episode 0, naming the episode.
pub fn evaluate<T: Real>(
    learner: &(impl Learner<T> + ?Sized),
    params: &[ArrayD<T>],
    episodes: &(impl Episodes<T> + ?Sized),
    count: u64,
) -> Result<Vec<StepReport>> {
    mean_scores(&learner, params, &episodes, count)
}

/// Not generic in learner and source, so that it is compiled with this crate.
#[inline(never)]
fn mean_scores<T: Real>(
    learner: &dyn Learner<T>,
    params: &[ArrayD<T>],
    episodes: &dyn Episodes<T>,
    count: u64,
) -> Result<Vec<StepReport>> {
    if count == 0 {
        return Err(Error::Setting { name: "episodes", value: "0".into(), need: "at least 1" });
    }
    check_task(learner, params, &[])?;
    episodes.check()?;
    let few = count < rayon::current_num_threads() as u64;
    let one = |i| {
        let episode = episodes.episode(i);
        learner.check(&episode)?;
        let scores = with_image_threads(few, || learner.scores(params, &episode));
        match scores.iter().position(|s| !s.loss.is_finite()) {
            Some(step) => {
                let what = format!("the query loss of test episode {i} after {step} inner steps");
                Err(Error::NotFinite { what })
            }
            None => Ok(scores),
        }
    };
    let scores: Vec<Vec<Score>> = (0..count).into_par_iter().map(one).collect::<Result<_>>()?;
    let entries = scores[0].len().max(1);
    if let Some(i) = scores.iter().position(|s| s.len() != entries) {
        let (expected, found) = (vec![entries], vec![scores[i].len()]);
        return Err(Error::Shape { what: format!("list of scores for test episode {i}"), expected, found });
    }
    let report = |step: usize| {
        let accuracies = scores.iter().map(|s| s[step].accuracy);
        let classified = accuracies.clone().all(|a| a.is_some());
        StepReport {
            loss: Mean::of(scores.iter().map(|s| s[step].loss)),
            accuracy: classified.then(|| Mean::of(accuracies.flatten())),
        }
    };
    Ok((0..entries).map(report).collect())
}

compiled_here!(T: mean_scores::<T>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_of_the_mean_over_episodes() {
        let m = Mean::of([0.0, 1.0, 1.0, 0.0].into_iter());
        assert_eq!((m.mean, m.interval), (0.5, 1.96 * 0.25));
    }
}
