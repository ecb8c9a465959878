//! Evaluation: the published protocol, written once for all learners.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::learner::{Learned, Learner};
use super::score::{Score, Scores};
use super::task::{Task, check_learned};
use crate::data::{Episode, Tasks};
use crate::error::{Error, Result};
use crate::kernels::with_image_threads;
use crate::ranks::{Ranks, Reader, exchange, put, share, unread};
use crate::real::Real;

/// A mean over episodes with half the width of its 95 % interval.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// `1.96·σ/√n` with the standard deviation over episodes.
    pub interval: f64,
}

/// As a number with its interval, for a share in per cent: `0.9830 ± 0.0021`, or with `{:#}` as `98.3 ± 0.2 %`.
impl fmt::Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return write!(f, "{:.1} ± {:.1} %", 100.0 * self.mean, 100.0 * self.interval);
        }
        write!(f, "{:.4} ± {:.4}", self.mean, self.interval)
    }
}

impl Mean {
    pub(crate) fn of(values: impl Iterator<Item = f64> + Clone) -> Mean {
        let n = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / n;
        let variance = values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
        Mean { mean, interval: 1.96 * (variance / n).sqrt() }
    }
}

/// Loss and accuracy over episodes by one way of normalising queries.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Query loss.
    pub loss: Mean,
    /// Query accuracy in `0..=1`; `None` for regression.
    pub accuracy: Option<Mean>,
}

/// Loss and accuracy over episodes after one number of inner steps.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StepReport {
    /// Each query by itself.
    pub inductive: Report,
    /// All queries of an episode together.
    pub transductive: Report,
}

/// Evaluates on episodes `0..count` of a source, usually of classes never seen in
/// training. Returns an entry for each number of inner steps from 0 (a single entry
/// for a learner that does not adapt in steps).
///
/// Episodes run in parallel; memory is that of one inner step per thread. With fewer
/// episodes than threads, large convolutions share the threads, with the same bits.
///
/// # Errors
/// [`Error::Setting`] for no episodes; what [`check_learned`] and [`Tasks::check_evaluation`] refuse; and, within
/// [`Error::Task`], which names the episode: what [`Learner::check`] refuses, what [`Learner::scores`] returns,
/// [`Error::NotFinite`] if a loss is not finite, naming the step; [`Error::Shape`] if
/// the learner returns no scores, or another number than for episode 0.
pub fn evaluate<T: Real>(
    learner: &(impl Learner<T> + ?Sized),
    learned: &Learned<T>,
    episodes: &(impl Tasks<Episode<T>> + ?Sized),
    count: u64,
) -> Result<Vec<StepReport>> {
    mean_scores(&(), &learner, learned, &episodes, count)
}

/// As [`evaluate`], with the episodes shared out over ranks, and the same bits. All ranks call it with the same arguments,
/// and all get the reports.
///
/// # Errors
/// As [`evaluate`], the same on all ranks; [`Error::Rank`] for an error of a rank that is not of one episode.
pub fn evaluate_across<T: Real>(
    ranks: &dyn Ranks,
    learner: &(impl Learner<T> + ?Sized),
    learned: &Learned<T>,
    episodes: &(impl Tasks<Episode<T>> + ?Sized),
    count: u64,
) -> Result<Vec<StepReport>> {
    mean_scores(ranks, &learner, learned, &episodes, count)
}

/// Not generic in learner and source, so that it is compiled with this crate.
#[inline(never)]
fn mean_scores<T: Real>(
    ranks: &dyn Ranks,
    learner: &dyn Learner<T>,
    learned: &Learned<T>,
    episodes: &dyn Tasks<Episode<T>>,
    count: u64,
) -> Result<Vec<StepReport>> {
    if count == 0 {
        return Err(Error::Setting { name: "episodes", value: "0".into(), need: "at least 1" });
    }
    let mut scores = scores_of(learner, learned, episodes, share(ranks, count));
    if ranks.size() > 1 {
        let said = exchange(ranks, scores.map(|scores| bytes_of(&scores)))?;
        let read = |(rank, bytes): (usize, &Vec<u8>)| scores_from(bytes).ok_or_else(|| unread(rank));
        let parts: Vec<_> = said.iter().enumerate().map(read).collect::<Result<_>>()?;
        scores = Ok(parts.concat());
    }
    let scores = scores?;
    let entries = scores[0].len().max(1);
    if let Some(i) = scores.iter().position(|s| s.len() != entries) {
        let (expected, found) = (vec![entries], vec![scores[i].len()]);
        return Err(Error::Shape { what: "list of scores".into(), expected, found }.in_task(i as u64));
    }
    let report = |of: &dyn Fn(&Vec<Scores>) -> Score| {
        let all: Vec<Score> = scores.iter().map(of).collect();
        let accuracies: Option<Vec<f64>> = all.iter().map(|s| s.accuracy).collect();
        Report {
            loss: Mean::of(all.iter().map(|s| s.loss)),
            accuracy: accuracies.map(|a| Mean::of(a.iter().copied())),
        }
    };
    let step = |k: usize| StepReport {
        inductive: report(&|s| s[k].inductive),
        transductive: report(&|s| s[k].transductive),
    };
    Ok((0..entries).map(step).collect())
}

/// The scores of some episodes: for each, before adaptation and after each inner step.
fn scores_of<T: Real>(
    learner: &dyn Learner<T>,
    learned: &Learned<T>,
    episodes: &dyn Tasks<Episode<T>>,
    numbers: Range<u64>,
) -> Result<Vec<Vec<Scores>>> {
    check_learned(learner, learned)?;
    episodes.check_evaluation()?;
    let few = numbers.end - numbers.start < rayon::current_num_threads() as u64;
    let scored = |i| {
        let episode = episodes.task(i);
        Task::check(&episode, learner)?;
        let scores = with_image_threads(few, || learner.scores(learned, &episode))?;
        let finite = |s: &Scores| s.inductive.loss.is_finite() && s.transductive.loss.is_finite();
        match scores.iter().position(|s| !finite(s)) {
            Some(step) => Err(Error::NotFinite { what: format!("the query loss after {step} inner steps") }),
            None => Ok(scores),
        }
    };
    // the error that is reported is that of the first episode that has one, whichever fails first
    let failed = AtomicU64::new(u64::MAX);
    let one = |i| {
        let needed = i <= failed.load(Ordering::Relaxed);
        needed.then(|| {
            scored(i).map_err(|error| {
                failed.fetch_min(i, Ordering::Relaxed);
                error.in_task(i)
            })
        })
    };
    let all: Vec<Option<Result<Vec<Scores>>>> = numbers.into_par_iter().map(one).collect();
    all.into_iter().flatten().collect()
}

fn bytes_of(scores: &[Vec<Scores>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for scores in scores {
        put(&mut bytes, scores.len() as u64);
        for s in scores {
            [s.inductive, s.transductive].iter().for_each(|score| score.put(&mut bytes));
        }
    }
    bytes
}

fn scores_from(bytes: &[u8]) -> Option<Vec<Vec<Scores>>> {
    let (mut reader, mut all) = (Reader(bytes), Vec::new());
    while !reader.0.is_empty() {
        let entries = reader.number()?;
        let mut one =
            || Some(Scores { inductive: Score::read(&mut reader)?, transductive: Score::read(&mut reader)? });
        all.push((0..entries).map(|_| one()).collect::<Option<_>>()?);
    }
    Some(all)
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
