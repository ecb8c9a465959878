//! Any learner with a network that is random in training.

use std::fmt;

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::score::{Score, Scores};
use super::task::Task;
use crate::data::{Episode, Examples, Targets};
use crate::error::Result;
use crate::nn::{InTraining, Noise, NoisyModel, ParamSpec};
use crate::real::Real;

/// A learner whose network is random in training (dropout, DropBlock): each lesson is that of the learner with the
/// network and the noise of this lesson; wherever it adapts or predicts, there is no noise.
///
/// `build` makes the learner for a network, so any learner can be regularised and none has to know about it. The noise
/// is a pure function of seed, iteration and task ([`Progress::key`]), and one and the same for all passes of a lesson:
/// every way to run an inner loop sees the same function, and a run that continues goes on with the same bits.
/// Parameters and state are those of the plain learner, [`plain`](Regularized::plain), which can take them over.
///
/// ```
/// use innerloop::{DropBlocks, Learner, NoisyResNet12, NormMode, ProtoNet, Regularized, ResNet12};
/// let image = [32, 32, 3];
/// let model = NoisyResNet12::new(ResNet12::new(image, [4, 6, 8, 10], None)?, DropBlocks::new(image))?;
/// let learner = Regularized::new(model, |model| ProtoNet::new(model, NormMode::Together));
/// assert_eq!(Learner::<f32>::init(&learner, 0).len(), 48);
/// # Ok::<(), innerloop::Error>(())
/// ```
pub struct Regularized<M, L, F> {
    model: M,
    build: F,
    plain: L,
}

/// The purpose of the noise among the keys of a lesson: far from the numbers that learners give to theirs.
const PURPOSE: u64 = 0x6e6f_6973_6500_0001;

impl<M: Clone, L, F: Fn(InTraining<M>) -> L> Regularized<M, L, F> {
    /// The learner that `build` makes, with a noisy network. `build` must depend on its argument alone.
    pub fn new(model: M, build: F) -> Regularized<M, L, F> {
        let plain = build(InTraining::new(model.clone(), None));
        Regularized { model, build, plain }
    }
}

impl<M, L, F> Regularized<M, L, F> {
    /// The learner without noise, which adapts and predicts.
    pub fn plain(&self) -> &L {
        &self.plain
    }
}

impl<M: fmt::Debug, L: fmt::Debug, F> fmt::Debug for Regularized<M, L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Regularized").field("model", &self.model).field("plain", &self.plain).finish()
    }
}

impl<T, M, L, F> Learner<T> for Regularized<M, L, F>
where
    T: Real,
    M: NoisyModel<T>,
    L: Learner<T>,
    F: Sync,
{
    fn specs(&self) -> Vec<ParamSpec> {
        self.plain.specs()
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        self.plain.init(seed)
    }

    fn state(&self) -> Vec<ParamSpec> {
        self.plain.state()
    }

    fn check_settings(&self) -> Result<()> {
        self.plain.check_settings()
    }

    fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
        self.plain.check(set, examples)
    }

    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        self.plain.adapt(learned, support)
    }

    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.plain.predict(adapted, x)
    }

    fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.plain.predict_together(adapted, x)
    }

    fn score(&self, outputs: &ArrayD<T>, targets: &Targets<T>) -> Score {
        self.plain.score(outputs, targets)
    }

    fn scores(&self, learned: &Learned<T>, episode: &Episode<T>) -> Result<Vec<Scores>> {
        self.plain.scores(learned, episode)
    }
}

impl<T, K, M, L, F> Trainable<T, K> for Regularized<M, L, F>
where
    T: Real,
    K: Task<T>,
    M: NoisyModel<T> + Clone,
    L: Trainable<T, K>,
    F: Fn(InTraining<M>) -> L + Sync,
{
    fn lesson(&self, learned: &Learned<T>, task: &K, progress: &Progress) -> Result<Lesson<T>> {
        let noise = Noise::new(progress.key(PURPOSE), progress.iteration);
        let learner = (self.build)(InTraining::new(self.model.clone(), Some(noise)));
        learner.lesson(learned, task, progress)
    }

    fn absorb(&self, state: &mut [ArrayD<T>], seen: &[Vec<ArrayD<T>>]) {
        self.plain.absorb(state, seen);
    }
}
