//! The lessons of the tasks of a meta-batch, in parallel and with fixed bits.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::ArrayD;

use super::lesson::Lesson;
use super::score::Score;
use crate::arrays;
use crate::error::{Error, Result};
use crate::kernels::with_image_threads;
use crate::nn::ParamSpec;
use crate::real::{Real, all_finite};

/// What neighbouring tasks of a meta-batch taught.
pub(super) struct Taught<T> {
    /// The score of each.
    pub(super) scores: Vec<Score>,
    /// What each saw.
    pub(super) seen: Vec<Vec<ArrayD<T>>>,
    /// The sum of their gradients, added from left to right, a single entry; or, if they were to be kept apart, the
    /// gradients of each.
    pub(super) grads: Vec<Vec<ArrayD<T>>>,
    /// How many of the tasks taught nothing.
    pub(super) skipped: usize,
}

impl<T> Taught<T> {
    /// Of no tasks.
    pub(super) fn nothing() -> Taught<T> {
        Taught { scores: Vec::new(), seen: Vec::new(), grads: Vec::new(), skipped: 0 }
    }
}

/// The lessons of `count` tasks, which may be none, from number `first` on; `None` is that of a task that is left out. Not
/// generic in the learner and its tasks, so that it is compiled with this crate.
///
/// # Errors
/// The error of the first task in order that has one.
#[inline(never)]
pub(super) fn lessons_of<T: Real>(
    count: usize,
    first: u64,
    apart: bool,
    lesson: &(dyn Fn(usize) -> Result<Option<Lesson<T>>> + Sync),
) -> Result<Taught<T>> {
    let taught = Taught::nothing();
    if count == 0 {
        return Ok(taught);
    }
    let ordered = Ordered { first, apart, taught, early: BTreeMap::new(), refused: None };
    let ordered = Mutex::new(ordered);
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
            if ordered.lock().expect("no task panicked").add(i, lesson).is_break() {
                next.store(count, Ordering::Relaxed); // no further task is needed
            }
        }
    };
    rayon::scope(|scope| {
        let helpers = threads.min(count) - 1;
        (0..helpers).for_each(|_| scope.spawn(|_| work()));
        work(); // this thread works too, instead of waiting for a helper to wake up
    });
    let Ordered { taught, refused, .. } = ordered.into_inner().expect("no task panicked");
    match refused {
        Some(error) => Err(error),
        None => Ok(taught),
    }
}

compiled_here!(T: lessons_of::<T>);

/// Takes the lessons in the order of the tasks, whatever order they come in.
struct Ordered<T> {
    /// The number of the first task.
    first: u64,
    /// Whether gradients are kept apart instead of added up.
    apart: bool,
    taught: Taught<T>,
    /// Lessons that came before their turn. Tasks are started in order, so there are about
    /// as many as threads.
    early: BTreeMap<usize, Result<Option<Lesson<T>>>>,
    /// Why the first task in order that cannot be taken cannot be.
    refused: Option<Error>,
}

impl<T: Real> Ordered<T> {
    /// Takes the lesson of task `i`. Breaks at the first that is refused.
    fn add(&mut self, i: usize, lesson: Result<Option<Lesson<T>>>) -> ControlFlow<()> {
        if self.refused.is_some() {
            return ControlFlow::Break(());
        }
        let mut due = self.taught.scores.len() + self.taught.skipped;
        if i != due {
            self.early.insert(i, lesson);
            return ControlFlow::Continue(());
        }
        let mut next = Some(lesson);
        while let Some(lesson) = next {
            match lesson {
                Ok(Some(lesson)) => self.take(lesson),
                Ok(None) => self.taught.skipped += 1,
                Err(error) => {
                    self.refused = Some(error.in_task(self.first.saturating_add(due as u64)));
                    return ControlFlow::Break(());
                }
            }
            due += 1;
            next = self.early.remove(&due);
        }
        ControlFlow::Continue(())
    }

    fn take(&mut self, Lesson { score, grads, seen }: Lesson<T>) {
        self.taught.scores.push(score);
        self.taught.seen.push(seen);
        match self.taught.grads.last_mut() {
            Some(sums) if !self.apart => {
                sums.iter_mut().zip(&grads).for_each(|(sum, g)| arrays::update(sum, g, |sum, g| sum + g));
            }
            _ => self.taught.grads.push(grads),
        }
    }
}

/// Refuses a lesson that is not finite or does not fit the specs.
pub(super) fn check_lesson<T: Real>(specs: &[ParamSpec], lesson: Lesson<T>) -> Result<Lesson<T>> {
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
