//! The traits that every learner implements: [`Learner`] to adapt and predict, [`Trainable`] to be meta-trained.

use std::fmt::Debug;

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::lesson::Lesson;
use super::progress::Progress;
use super::score::{Score, Scores};
use super::task::Task;
use crate::data::{Episode, Examples, Targets};
use crate::error::Result;
use crate::nn::{ParamSpec, init_params};
use crate::real::Real;

/// What training changes: a value to keep, save, load and adapt from.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned<T> {
    /// The meta-parameters, an array for each of [`Learner::specs`].
    pub params: Vec<ArrayD<T>>,
    /// What is carried along but not learned, an array for each of [`Learner::state`]; often empty.
    pub state: Vec<ArrayD<T>>,
}

/// Meta-parameters of a learner that has no state.
impl<T> From<Vec<ArrayD<T>>> for Learned<T> {
    fn from(params: Vec<ArrayD<T>>) -> Learned<T> {
        Learned { params, state: Vec::new() }
    }
}

/// A few-shot learner: it adapts to a support set and predicts.
///
/// What it needs to predict is a value, [`Adapted`]. Evaluation, files and programs that adapt to their users' examples
/// know this trait only. A learner that can be meta-trained implements [`Trainable`] too. References and boxes
/// of learners are learners, so `Box<dyn Learner<f32>>` is one.
///
/// A learner's `Debug` text describes its settings: checkpoints hold it, and a training that continues compares it.
pub trait Learner<T: Real>: Sync + Debug {
    /// The meta-parameters.
    fn specs(&self) -> Vec<ParamSpec>;

    /// Initial meta-parameters, a function of the seed; by default what [`init_params`]
    /// draws, which says when the bits are the same. A learner that has a model should return
    /// the model's [`init`](crate::Model::init).
    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        init_params(&self.specs(), seed)
    }

    /// What the learner carries along without learning it by gradients, with its initial values: running statistics,
    /// moments of an inner optimizer. By default nothing.
    fn state(&self) -> Vec<ParamSpec> {
        Vec::new()
    }

    /// Whether the learner's settings are in range and fit each other. Training, evaluation and
    /// [`check_adapt`](crate::check_adapt) ask this once, before anything else. By default yes.
    ///
    /// # Errors
    /// Usually [`Error::Setting`](crate::Error::Setting), which names the setting.
    fn check_settings(&self) -> Result<()> {
        Ok(())
    }

    /// Whether examples fit the learner: the shape of its inputs, the number of ways, the kind of targets. `set` is
    /// what messages call them, "support" or "query". Usually [`check_examples`](crate::check_examples).
    ///
    /// # Errors
    /// What does not fit.
    fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()>;

    /// Adapts to a support set. The same arguments give the same bits.
    ///
    /// # Errors
    /// What [`check_adapt`](crate::check_adapt) and the learner refuse, or what fails on the way.
    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>>;

    /// Logits `[n, ways]` or predicted values for inputs `x: [n, ..]`, each by itself: the answer for an input does
    /// not depend on the others.
    ///
    /// # Errors
    /// What does not fit, or what fails on the way.
    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>>;

    /// As [`predict`](Learner::predict), with all inputs together (transductive): batch norm uses their common
    /// statistics. By default the same as `predict`.
    ///
    /// # Errors
    /// As [`predict`](Learner::predict).
    fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.predict(adapted, x)
    }

    /// The score of outputs that [`predict`](Learner::predict) returned. By default that of logits or values,
    /// [`Score::of`]; a learner whose outputs are something else says here what its loss is.
    fn score(&self, outputs: &ArrayD<T>, targets: &Targets<T>) -> Score {
        Score::of(outputs, targets)
    }

    /// The scores of an episode's query set: before adaptation and after each of its steps, or
    /// a single entry for a learner that does not adapt in steps. Their number is
    /// the same for all episodes: [`evaluate`](crate::evaluate) refuses others.
    ///
    /// # Errors
    /// As [`adapt`](Learner::adapt) and [`predict`](Learner::predict); what [`Episode::check`] refuses.
    fn scores(&self, learned: &Learned<T>, episode: &Episode<T>) -> Result<Vec<Scores>> {
        episode.check()?;
        self.check("query", &episode.query)?;
        let adapted = self.adapt(learned, &episode.support)?;
        let (x, y) = (&episode.query.x, &episode.query.y);
        let inductive = self.score(&self.predict(&adapted, x)?, y);
        Ok(vec![Scores { inductive, transductive: self.score(&self.predict_together(&adapted, x)?, y) }])
    }
}

/// A learner that is meta-trained on tasks of kind `K`, usually episodes.
///
/// Meta-steps, training and checkpoints are written once, on this trait.
/// `Box<dyn Trainable<f32>>` is a learner that is trained on episodes.
pub trait Trainable<T: Real, K: Task<T> = Episode<T>>: Learner<T> {
    /// What one task teaches: a score, a direction for the meta-parameters, and what it saw for the state. It must
    /// depend on the arguments alone. Where it is the gradient of a loss, [`Lesson::of_query`] makes it.
    ///
    /// # Errors
    /// What fails on the way, such as a system that cannot be solved; training names the task.
    fn lesson(&self, learned: &Learned<T>, task: &K, progress: &Progress) -> Result<Lesson<T>>;

    /// Brings the state up to date after a meta-step, with what each of its lessons saw, in the order of the tasks.
    /// By default the state stays as it is.
    fn absorb(&self, state: &mut [ArrayD<T>], seen: &[Vec<ArrayD<T>>]) {
        let _ = (state, seen);
    }
}

/// Implements the traits for a pointer to a learner.
macro_rules! forwarded {
    ($pointer:ty) => {
        impl<T: Real, L: Learner<T> + ?Sized> Learner<T> for $pointer {
            fn specs(&self) -> Vec<ParamSpec> {
                (**self).specs()
            }

            fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
                (**self).init(seed)
            }

            fn state(&self) -> Vec<ParamSpec> {
                (**self).state()
            }

            fn check_settings(&self) -> Result<()> {
                (**self).check_settings()
            }

            fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
                (**self).check(set, examples)
            }

            fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
                (**self).adapt(learned, support)
            }

            fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
                (**self).predict(adapted, x)
            }

            fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
                (**self).predict_together(adapted, x)
            }

            fn score(&self, outputs: &ArrayD<T>, targets: &Targets<T>) -> Score {
                (**self).score(outputs, targets)
            }

            fn scores(&self, learned: &Learned<T>, episode: &Episode<T>) -> Result<Vec<Scores>> {
                (**self).scores(learned, episode)
            }
        }

        impl<T: Real, K: Task<T>, L: Trainable<T, K> + ?Sized> Trainable<T, K> for $pointer {
            fn lesson(&self, learned: &Learned<T>, task: &K, progress: &Progress) -> Result<Lesson<T>> {
                (**self).lesson(learned, task, progress)
            }

            fn absorb(&self, state: &mut [ArrayD<T>], seen: &[Vec<ArrayD<T>>]) {
                (**self).absorb(state, seen);
            }
        }
    };
}

forwarded!(&L);
forwarded!(Box<L>);
