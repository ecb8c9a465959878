//! One meta-step over a batch of tasks, in parallel and with fixed bits.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::ArrayD;

use super::learner::{Learned, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::task::{Task, check_learned, check_trainable};
use crate::arrays;
use crate::data::Tasks;
use crate::error::{Error, Result};
use crate::kernels::with_image_threads;
use crate::nn::ParamSpec;
use crate::real::{Real, all_finite};

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
    mean_of_lessons(&specs, tasks.len(), progress.task, &|i| taught(learner, learned, &tasks[i], progress, i))
}

/// As [`meta_grad`], of tasks that are drawn where they are learned from: `count` of a source, from number
/// `progress.task` on.
pub(crate) fn meta_grad_of<T: Real, K: Task<T>>(
    learner: &(impl Trainable<T, K> + ?Sized),
    learned: &Learned<T>,
    tasks: &(impl Tasks<K> + ?Sized),
    count: usize,
    progress: &Progress,
) -> Result<MetaGrad<T>> {
    let specs = check_learned(&learner, learned)?;
    check_trainable(&specs)?;
    tasks.check()?;
    mean_of_lessons(&specs, count, progress.task, &|i| {
        let task = tasks.task(progress.task + i as u64);
        taught(learner, learned, &task, progress, i)
    })
}

/// What the task of place `i` in a meta-batch teaches.
fn taught<T: Real, K: Task<T>>(
    learner: &(impl Trainable<T, K> + ?Sized),
    learned: &Learned<T>,
    task: &K,
    progress: &Progress,
    i: usize,
) -> Result<Lesson<T>> {
    task.check(&learner)?;
    learner.lesson(learned, task, &progress.of_task(progress.task.saturating_add(i as u64)))
}

/// Not generic in the learner and its tasks, so that it is compiled with this crate.
#[inline(never)]
fn mean_of_lessons<T: Real>(
    specs: &[ParamSpec],
    count: usize,
    first: u64,
    lesson: &(dyn Fn(usize) -> Result<Lesson<T>> + Sync),
) -> Result<MetaGrad<T>> {
    if count == 0 {
        return Err(Error::Setting { name: "meta_batch", value: "0".into(), need: "at least 1 task" });
    }
    let sum = OrderedSum {
        specs,
        first,
        total: None,
        seen: Vec::new(),
        due: 0,
        early: BTreeMap::new(),
        refused: None,
    };
    let sum = Mutex::new(sum);
    let next = AtomicUsize::new(0);
    let threads = rayon::current_num_threads();
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count {
                return;
            }
            // with fewer tasks than threads, the large convolutions of a task use the idle threads
            let lesson = with_image_threads(count < threads, || lesson(i));
            if sum.lock().expect("no task panicked").add(i, lesson).is_break() {
                next.store(count, Ordering::Relaxed); // no further task is needed
            }
        }
    };
    rayon::scope(|scope| {
        let helpers = threads.min(count) - 1;
        (0..helpers).for_each(|_| scope.spawn(|_| work()));
        work(); // this thread works too, instead of waiting for a helper to wake up
    });
    sum.into_inner().expect("no task panicked").mean(count)
}

compiled_here!(T: mean_of_lessons::<T>);

/// Adds up the lessons in the order of the tasks, whatever order they come in.
struct OrderedSum<'s, T> {
    specs: &'s [ParamSpec],
    /// The number of the first task.
    first: u64,
    total: Option<Lesson<T>>,
    seen: Vec<Vec<ArrayD<T>>>,
    /// The task to add next.
    due: usize,
    /// Lessons that came before their turn. Tasks are started in order, so there are about
    /// as many as threads.
    early: BTreeMap<usize, Result<Lesson<T>>>,
    /// Why the first task in order that cannot be added cannot be.
    refused: Option<Error>,
}

impl<T: Real> OrderedSum<'_, T> {
    /// Takes the lesson of task `i`. Breaks at the first that is refused.
    fn add(&mut self, i: usize, lesson: Result<Lesson<T>>) -> ControlFlow<()> {
        if self.refused.is_some() {
            return ControlFlow::Break(());
        }
        if i != self.due {
            self.early.insert(i, lesson);
            return ControlFlow::Continue(());
        }
        let mut next = Some(lesson);
        while let Some(lesson) = next {
            let checked = lesson.and_then(|lesson| check_lesson(self.specs, lesson));
            match checked {
                Ok(mut lesson) => {
                    self.seen.push(std::mem::take(&mut lesson.seen));
                    self.total = Some(match self.total.take() {
                        Some(total) => added(total, &lesson),
                        None => lesson,
                    });
                }
                Err(error) => {
                    self.refused = Some(error.in_task(self.first.saturating_add(self.due as u64)));
                    return ControlFlow::Break(());
                }
            }
            self.due += 1;
            next = self.early.remove(&self.due);
        }
        ControlFlow::Continue(())
    }

    fn mean(self, count: usize) -> Result<MetaGrad<T>> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let Lesson { score, mut grads, .. } = self.total.expect("a meta-batch has at least one task");
        let share = 1.0 / count as f64;
        grads.iter_mut().for_each(|g| *g *= T::from_f64(share));
        let accuracy = score.accuracy.map(|a| share * a);
        Ok(MetaGrad { loss: share * score.loss, accuracy, grads, seen: self.seen })
    }
}

/// Refuses a lesson that is not finite or does not fit the specs.
fn check_lesson<T: Real>(specs: &[ParamSpec], lesson: Lesson<T>) -> Result<Lesson<T>> {
    let refuse = |what: String, expected, found| Err(Error::Shape { what, expected, found });
    if lesson.grads.len() != specs.len() {
        return refuse("list of gradients".into(), vec![specs.len()], vec![lesson.grads.len()]);
    }
    for (spec, grad) in specs.iter().zip(&lesson.grads) {
        if spec.shape != grad.shape() {
            return refuse(
                format!("gradient of parameter {}", spec.name),
                spec.shape.clone(),
                grad.shape().to_vec(),
            );
        }
    }
    if lesson.score.loss.is_finite() && lesson.grads.iter().all(all_finite) {
        return Ok(lesson);
    }
    Err(Error::NotFinite { what: "the loss or meta-gradient".into() })
}

fn added<T: Real>(mut total: Lesson<T>, lesson: &Lesson<T>) -> Lesson<T> {
    total.score.loss += lesson.score.loss;
    total.score.accuracy = total.score.accuracy.zip(lesson.score.accuracy).map(|(sum, a)| sum + a);
    for (sum, g) in total.grads.iter_mut().zip(&lesson.grads) {
        arrays::update(sum, g, |sum, g| sum + g);
    }
    total
}
