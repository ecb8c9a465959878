//! One meta-step over a batch of episodes, in parallel and with fixed bits.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::ArrayD;

use super::learner::{Learner, TaskGrad, check_task};
use crate::arrays;
use crate::data::Episode;
use crate::error::{Error, Result};
use crate::kernels::with_image_threads;
use crate::nn::ParamSpec;
use crate::real::{Real, all_finite};

/// The mean over a meta-batch.
#[derive(Debug, Clone, PartialEq)]
pub struct MetaGrad<T> {
    /// Mean query loss.
    pub loss: f64,
    /// Mean query accuracy in `0..=1`; `None` for regression.
    pub accuracy: Option<f64>,
    /// Mean gradient, one array per meta-parameter.
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
/// [`Error::Setting`] without episodes; what [`Learner::check`] refuses; [`Error::Spec`];
/// [`Error::NotFinite`] if a loss or gradient is not finite, and [`Error::Shape`] if the learner
/// returns gradients of another number or shape than its parameters, both naming the episode.
pub fn meta_grad<T: Real>(
    learner: &(impl Learner<T> + ?Sized),
    params: &[ArrayD<T>],
    episodes: &[Episode<T>],
) -> Result<MetaGrad<T>> {
    mean_of_tasks(&learner, params, episodes)
}

/// Not generic in the learner, so that it is compiled with this crate.
#[inline(never)]
pub(crate) fn mean_of_tasks<T: Real>(
    learner: &dyn Learner<T>,
    params: &[ArrayD<T>],
    episodes: &[Episode<T>],
) -> Result<MetaGrad<T>> {
    if episodes.is_empty() {
        return Err(Error::Setting { name: "meta_batch", value: "0".into(), need: "at least 1 episode" });
    }
    let specs = check_task(learner, params, episodes)?;
    let sum = OrderedSum { specs: &specs, total: None, due: 0, early: BTreeMap::new(), refused: None };
    let sum = Mutex::new(sum);
    let next = AtomicUsize::new(0);
    let threads = rayon::current_num_threads();
    // with fewer tasks than threads, the large convolutions of a task use the idle threads
    let task_grad =
        |episode| with_image_threads(episodes.len() < threads, || learner.task_grad(params, episode));
    let work = || {
        while let Some((i, episode)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            episodes.get(i).map(|e| (i, e))
        } {
            let task = task_grad(episode);
            if sum.lock().expect("no task panicked").add(i, task).is_break() {
                next.store(episodes.len(), Ordering::Relaxed); // no further task is needed
            }
        }
    };
    rayon::scope(|scope| {
        let helpers = threads.min(episodes.len()) - 1;
        (0..helpers).for_each(|_| scope.spawn(|_| work()));
        work(); // this thread works too, instead of waiting for a helper to wake up
    });
    sum.into_inner().expect("no task panicked").mean(episodes.len())
}

compiled_here!(T: mean_of_tasks::<T>);

/// Adds up the tasks' shares in the order of the episodes, whatever order they come in.
struct OrderedSum<'s, T> {
    specs: &'s [ParamSpec],
    total: Option<TaskGrad<T>>,
    /// The episode to add next.
    due: usize,
    /// Tasks that finished before their turn. Tasks are started in order, so there are about
    /// as many as threads.
    early: BTreeMap<usize, TaskGrad<T>>,
    /// Why the first episode in order that cannot be added cannot be.
    refused: Option<Error>,
}

impl<T: Real> OrderedSum<'_, T> {
    /// Takes the share of episode `i`. Breaks at the first that is refused.
    fn add(&mut self, i: usize, task: TaskGrad<T>) -> ControlFlow<()> {
        if self.refused.is_some() {
            return ControlFlow::Break(());
        }
        if i != self.due {
            self.early.insert(i, task);
            return ControlFlow::Continue(());
        }
        let mut next = Some(task);
        while let Some(task) = next {
            if let Err(error) = check_share(self.specs, self.due, &task) {
                self.refused = Some(error);
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
        if let Some(error) = self.refused {
            return Err(error);
        }
        let TaskGrad { score, mut grads } = self.total.expect("a meta-batch has at least one episode");
        let share = 1.0 / count as f64;
        grads.iter_mut().for_each(|g| *g *= T::of(share));
        Ok(MetaGrad { loss: share * score.loss, accuracy: score.accuracy.map(|a| share * a), grads })
    }
}

/// Refuses what a learner returned for episode `i` if it is not finite or does not fit the specs.
fn check_share<T: Real>(specs: &[ParamSpec], i: usize, task: &TaskGrad<T>) -> Result<()> {
    let refuse = |what: String, expected, found| Err(Error::Shape { what, expected, found });
    if task.grads.len() != specs.len() {
        let what = format!("list of gradients for episode {i} of the meta-batch");
        return refuse(what, vec![specs.len()], vec![task.grads.len()]);
    }
    for (spec, grad) in specs.iter().zip(&task.grads) {
        if spec.shape != grad.shape() {
            let what = format!("gradient of parameter {} for episode {i} of the meta-batch", spec.name);
            return refuse(what, spec.shape.clone(), grad.shape().to_vec());
        }
    }
    if task.score.loss.is_finite() && task.grads.iter().all(all_finite) {
        return Ok(());
    }
    Err(Error::NotFinite { what: format!("the loss or meta-gradient of episode {i} of the meta-batch") })
}

fn added<T: Real>(mut total: TaskGrad<T>, task: &TaskGrad<T>) -> TaskGrad<T> {
    total.score.loss += task.score.loss;
    total.score.accuracy = total.score.accuracy.zip(task.score.accuracy).map(|(sum, a)| sum + a);
    for (sum, g) in total.grads.iter_mut().zip(&task.grads) {
        arrays::update(sum, g, |sum, g| sum + g);
    }
    total
}
