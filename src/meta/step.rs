//! One meta-step over a batch of episodes, in parallel and with fixed bits.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::ArrayD;

use super::learner::{Learner, TaskGrad, check_task};
use crate::data::Episode;
use crate::error::{Error, Result};
use crate::kernels::{vectorized, with_image_threads};
use crate::real::{Real, all_finite};

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
/// With fewer episodes than threads, large convolutions run in parallel over their images,
/// with the same bits.
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
    let sum = Mutex::new(OrderedSum { total: None, due: 0, early: BTreeMap::new() });
    let next = AtomicUsize::new(0);
    let threads = rayon::current_num_threads();
    // with a thread to spare, a task's large convolutions share it
    let task_grad =
        |episode| with_image_threads(episodes.len() < threads, || learner.task_grad(params, episode));
    let work = || {
        while let Some((i, episode)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            episodes.get(i).map(|e| (i, e))
        } {
            let task = task_grad(episode);
            if sum.lock().expect("no task panicked").add(i, task).is_break() {
                next.store(episodes.len(), Ordering::Relaxed); // nothing more is needed
            }
        }
    };
    rayon::scope(|scope| {
        let helpers = threads.min(episodes.len()) - 1;
        (0..helpers).for_each(|_| scope.spawn(|_| work()));
        work(); // rather than wait for a helper to wake up
    });
    sum.into_inner().expect("no task panicked").mean(episodes.len())
}

/// Adds up the tasks' shares in the order of the episodes, whatever order they come in.
struct OrderedSum<T> {
    total: Option<TaskGrad<T>>,
    /// The episode to add next.
    due: usize,
    /// Tasks that are done before their turn; as tasks are started in order, no more
    /// than there are threads, or little more.
    early: BTreeMap<usize, TaskGrad<T>>,
}

impl<T: Real> OrderedSum<T> {
    /// Takes the share of episode `i`. Breaks at the first that is not finite.
    fn add(&mut self, i: usize, task: TaskGrad<T>) -> ControlFlow<()> {
        if i != self.due {
            self.early.insert(i, task);
            return ControlFlow::Continue(());
        }
        let mut next = Some(task);
        while let Some(task) = next {
            if !(task.score.loss.is_finite() && task.grads.iter().all(all_finite)) {
                return ControlFlow::Break(());
            }
            self.due += 1;
            self.total = Some(match self.total.take() {
                Some(total) => added(total, &task),
                None => task,
            });
            next = self.early.remove(&self.due);
        }
        ControlFlow::Continue(())
    }

    fn mean(self, count: usize) -> Result<MetaGrad<T>> {
        let Some(TaskGrad { score, mut grads }) = self.total.filter(|_| self.due == count) else {
            let what = format!("loss or meta-gradient of episode {} of the meta-batch", self.due);
            return Err(Error::NotFinite { what });
        };
        let share = 1.0 / count as f64;
        grads.iter_mut().for_each(|g| *g *= T::of(share));
        Ok(MetaGrad { loss: share * score.loss, accuracy: score.accuracy.map(|a| share * a), grads })
    }
}

fn added<T: Real>(mut total: TaskGrad<T>, task: &TaskGrad<T>) -> TaskGrad<T> {
    total.score.loss += task.score.loss;
    total.score.accuracy = total.score.accuracy.zip(task.score.accuracy).map(|(sum, a)| sum + a);
    for (sum, g) in total.grads.iter_mut().zip(&task.grads) {
        match (sum.as_slice_mut(), g.as_slice()) {
            (Some(sum), Some(g)) if sum.len() == g.len() => vectorized(
                #[inline(always)]
                || sum.iter_mut().zip(g).for_each(|(sum, &g)| *sum += g),
            ),
            _ => *sum += g, // a learner's own arrays may lie otherwise
        }
    }
    total
}
