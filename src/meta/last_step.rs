//! Evaluation after the last inner step alone.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::learner::{Learned, Learner};
use super::score::Score;
use crate::data::{Examples, Targets};
use crate::error::Result;
use crate::nn::ParamSpec;
use crate::real::Real;

/// A learner that is evaluated after its last step alone. [`evaluate`](crate::evaluate) and [`Evaluator`](crate::Evaluator) then
/// report a single entry, the last of those that the learner has by itself, and predict for the queries once instead of after each
/// step.
///
/// ```
/// use innerloop::{LastStep, Learned, Learner, Maml, Mlp, NormMode, Order, Sinusoids, evaluate};
/// let maml = Maml::new(Mlp::new(&[1, 40, 1])?, 0.01, Order::First, NormMode::Batch).eval_steps(10);
/// let learned: Learned<f32> = maml.init(0).into();
/// let tasks = Sinusoids::new(10, 10, 0);
/// let curve = evaluate(&maml, &learned, &tasks, 5)?;
/// let last = evaluate(&LastStep(&maml), &learned, &tasks, 5)?;
/// assert_eq!((curve.len(), last.len()), (11, 1));
/// assert_eq!(curve[10], last[0]);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LastStep<L>(pub L);

impl<T: Real, L: Learner<T>> Learner<T> for LastStep<L> {
    fn specs(&self) -> Vec<ParamSpec> {
        self.0.specs()
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        self.0.init(seed)
    }

    fn state(&self) -> Vec<ParamSpec> {
        self.0.state()
    }

    fn check_settings(&self) -> Result<()> {
        self.0.check_settings()
    }

    fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
        self.0.check(set, examples)
    }

    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        self.0.adapt(learned, support)
    }

    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.0.predict(adapted, x)
    }

    fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.0.predict_together(adapted, x)
    }

    fn score(&self, outputs: &ArrayD<T>, targets: &Targets<T>) -> Score {
        self.0.score(outputs, targets)
    }

    // `scores` is the default, which adapts and predicts
}
