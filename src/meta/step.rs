//! One meta-step over a batch of tasks, in parallel and with fixed bits.

use ndarray::ArrayD;

use super::combine::combined;
use super::learner::{Learned, Trainable};
use super::lesson::Lesson;
use super::lessons::{Taught, check_lesson, lessons_of};
use super::progress::Progress;
use super::score::Score;
use super::task::{Task, check_learned, check_trainable};
use crate::data::Tasks;
use crate::error::{Error, Result};
use crate::nn::ParamSpec;
use crate::ranks::{Ranks, share};
use crate::real::Real;

/// The mean over a meta-batch.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MetaGrad<T> {
    /// Mean query loss.
    pub loss: f64,
    /// Mean query accuracy in `0..=1`; `None` for regression.
    pub accuracy: Option<f64>,
    /// Mean gradient, one array per meta-parameter.
    pub grads: Vec<ArrayD<T>>,
    /// What each lesson saw for the learner's state, in the order of the tasks.
    pub seen: Vec<Vec<ArrayD<T>>>,
    /// How many tasks were left out of the mean, see [`TrainConfig::skip_diverged`](crate::TrainConfig::skip_diverged).
    pub skipped: usize,
}

/// Mean query loss over tasks and its gradient in the meta-parameters. Task `i` of the list is told
/// that it is number `progress.task + i`.
///
/// Tasks run in parallel on rayon's current thread pool; their gradients are added
/// in the order of the tasks, so the bits do not depend on the number of threads.
/// With fewer tasks than threads, large convolutions run in parallel over their images,
/// with the same bits.
///
/// # Errors
/// [`Error::Setting`] without tasks; what [`check_learned`] and [`Task::check`] refuse; and, within
/// [`Error::Task`], which names the task: what its lesson returned, [`Error::NotFinite`] if a loss or gradient is not
/// finite, [`Error::Shape`] if gradients are of another number or shape than the parameters.
pub fn meta_grad<T: Real, K: Task<T>>(
    learner: &(impl Trainable<T, K> + ?Sized),
    learned: &Learned<T>,
    tasks: &[K],
    progress: &Progress,
) -> Result<MetaGrad<T>> {
    let specs = check_learned(&learner, learned)?;
    check_trainable(&specs)?;
    if tasks.is_empty() {
        return Err(Error::Setting { name: "meta_batch", value: "0".into(), need: "at least 1 task" });
    }
    let lesson = |i: usize| taught(learner, learned, &tasks[i], progress, i, (&specs, false));
    lessons_of(tasks.len(), progress.task, false, &lesson)?.mean()
}

/// As [`meta_grad`], of tasks that are drawn where they are learned from: `count` of a source, from number
/// `progress.task` on, shared out over ranks, with the bits of a process by itself. `ready` is whether this rank can take
/// part, and the checksum of what must be the same on all. With `skip`, tasks whose lesson is not finite are left out.
pub(crate) fn meta_grad_across<T: Real, K: Task<T>>(
    ranks: &dyn Ranks,
    ready: Result<u32>,
    learner: &(impl Trainable<T, K> + ?Sized),
    learned: &Learned<T>,
    tasks: &(impl Tasks<K> + ?Sized),
    (count, skip): (usize, bool),
    progress: &Progress,
) -> Result<MetaGrad<T>> {
    let mine = share(ranks, count as u64);
    let here = progress.of_task(progress.task + mine.start);
    let specs = learner.specs();
    let taught = ready.and_then(|same| {
        check_trainable(&check_learned(&learner, learned)?)?;
        tasks.check()?;
        let task = |i: usize| tasks.task(here.task + i as u64);
        let lesson = |i| taught(learner, learned, &task(i), &here, i, (&specs, skip));
        let count = (mine.end - mine.start) as usize;
        // the sum begins on rank 0; the others cannot add before they have what comes before
        Ok((same, lessons_of(count, here.task, ranks.rank() > 0, &lesson)?))
    });
    combined(ranks, &specs, taught)
}

/// What the task of place `i` in a meta-batch teaches, gradients of the shapes of `specs`. `None` if that is not finite and
/// to be left out; inputs that are not are an error all the same.
fn taught<T: Real, K: Task<T>>(
    learner: &(impl Trainable<T, K> + ?Sized),
    learned: &Learned<T>,
    task: &K,
    progress: &Progress,
    i: usize,
    (specs, skip): (&[ParamSpec], bool),
) -> Result<Option<Lesson<T>>> {
    task.check(&learner)?;
    let lesson = learner.lesson(learned, task, &progress.of_task(progress.task.saturating_add(i as u64)));
    match lesson.and_then(|lesson| check_lesson(specs, lesson)) {
        Err(Error::NotFinite { .. }) if skip => Ok(None),
        lesson => lesson.map(Some),
    }
}

impl<T: Real> Taught<T> {
    /// The mean of lessons whose gradients are added up.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if more than half of the tasks were left out.
    #[inline(never)]
    pub(super) fn mean(self) -> Result<MetaGrad<T>> {
        let skipped = self.skipped;
        if skipped > self.scores.len() {
            let all = self.scores.len() + skipped;
            let what = format!("the loss or meta-gradient of {skipped} of the {all} tasks of a meta-batch");
            return Err(Error::NotFinite { what });
        }
        let share = 1.0 / self.scores.len() as f64;
        let added = |sum: Score, s: Score| Score {
            loss: sum.loss + s.loss,
            accuracy: sum.accuracy.zip(s.accuracy).map(|(sum, a)| sum + a),
        };
        let score = self.scores.into_iter().reduce(added).expect("a meta-batch has at least one task");
        let mut grads = self.grads.into_iter().next().expect("the sum of its gradients");
        grads.iter_mut().for_each(|g| *g *= T::from_f64(share));
        let accuracy = score.accuracy.map(|a| share * a);
        Ok(MetaGrad { loss: share * score.loss, accuracy, grads, seen: self.seen, skipped })
    }
}

compiled_here!(T: Taught::<T>::mean);
