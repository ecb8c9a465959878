//! The seam that every learner implements.

use ndarray::ArrayD;

use crate::data::{Episode, Examples, Targets};
use crate::error::{Error, Result};
use crate::grad::last_grad_values;
use crate::nn::{Model, ParamSpec, check_params, init_params};
use crate::ops::{accuracy, cross_entropy, mse};
use crate::real::Real;
use crate::tape::Tape;
use crate::var::Var;

/// A meta-learning algorithm: meta-parameters and an episode in, a differentiable
/// query loss out. Meta-steps, training, evaluation and checkpoints are written
/// once, on this trait.
///
/// A new learner needs [`specs`](Learner::specs), [`query`](Learner::query) and
/// [`check`](Learner::check); the rest has defaults.
pub trait Learner<T: Real>: Sync {
    /// The meta-parameters.
    fn specs(&self) -> Vec<ParamSpec>;

    /// The query loss of an episode as a function of the meta-parameters.
    ///
    /// # Panics
    /// If [`check`](Learner::check) would refuse the episode.
    fn query<'t>(&self, theta: &[Var<'t, T>], episode: &Episode<T>) -> Query<'t, T>;

    /// Whether an episode fits the learner: shapes of its inputs, ways, kind of targets.
    ///
    /// # Errors
    /// What does not fit.
    fn check(&self, episode: &Episode<T>) -> Result<()>;

    /// Initial meta-parameters: the same for the same seed, on every platform.
    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        init_params(&self.specs(), seed)
    }

    /// Query loss of one episode and its gradient in the meta-parameters.
    fn task_grad(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> TaskGrad<T> {
        on_one_tape(params, &episode.query.y, |theta| self.query(theta, episode))
    }

    /// Query loss and accuracy of one episode, before adaptation and after each of
    /// its steps; a single entry for a learner that does not adapt in steps.
    fn scores(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> Vec<Score> {
        let tape = Tape::new();
        vec![self.query(&tape.leaves(params), episode).score(&episode.query.y)]
    }

    /// Outputs for the query inputs, before adaptation and after the last step
    /// (the same twice for a learner that does not adapt in steps).
    fn outputs(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> [ArrayD<T>; 2] {
        let tape = Tape::new();
        let outputs = self.query(&tape.leaves(params), episode).outputs.value();
        [outputs.clone(), outputs]
    }
}

/// What a learner made of an episode's query set.
#[derive(Debug, Clone, Copy)]
pub struct Query<'t, T: Real> {
    /// The loss, a single number.
    pub loss: Var<'t, T>,
    /// Logits `[n, ways]`, or predictions shaped as the values.
    pub outputs: Var<'t, T>,
}

impl<T: Real> Query<'_, T> {
    /// Loss and accuracy as plain numbers.
    pub fn score(&self, targets: &Targets<T>) -> Score {
        let right = targets.labels().map(|l| self.outputs.with_value(|o| accuracy(o, l)));
        Score { loss: self.loss.item().as_f64(), accuracy: right }
    }
}

/// Loss and, for classification, accuracy of one episode's query set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Mean query loss: nats for labels, squared units for values.
    pub loss: f64,
    /// Share of query examples classified correctly, in `0..=1`; `None` for regression.
    pub accuracy: Option<f64>,
}

/// One episode's share of a meta-gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskGrad<T> {
    /// The query loss whose gradient it is, and the accuracy there.
    pub score: Score,
    /// The gradient, one array a meta-parameter.
    pub grads: Vec<ArrayD<T>>,
}

/// The loss that fits the targets: [`cross_entropy`] for labels, [`mse`] for values.
///
/// # Panics
/// If outputs and targets do not match in shape.
#[track_caller]
pub fn loss<'t, T: Real>(outputs: Var<'t, T>, targets: &Targets<T>) -> Var<'t, T> {
    match targets {
        Targets::Labels(labels) => cross_entropy(outputs, labels),
        Targets::Values(values) => mse(outputs, outputs.tape().leaf(values)),
    }
}

/// The gradient of a query loss in `params`, all on one tape.
pub(crate) fn on_one_tape<T: Real>(
    params: &[ArrayD<T>],
    targets: &Targets<T>,
    query: impl for<'t> FnOnce(&[Var<'t, T>]) -> Query<'t, T>,
) -> TaskGrad<T> {
    let tape = Tape::new();
    let theta = tape.leaves(params);
    let query = query(&theta);
    TaskGrad { score: query.score(targets), grads: last_grad_values(query.loss, &theta) }
}

/// Checks parameters and episodes where they enter a library call.
pub(crate) fn check_task<T: Real>(
    learner: &(impl Learner<T> + ?Sized),
    params: &[ArrayD<T>],
    episodes: &[Episode<T>],
) -> Result<()> {
    check_params(&learner.specs(), params)?;
    if params.is_empty() {
        return Err(Error::Setting { name: "parameters", value: "none".into(), need: "at least one array" });
    }
    episodes.iter().try_for_each(|e| learner.check(e))
}

/// Refuses an episode that is not whole, or does not fit a model with `outputs`.
pub(crate) fn check_episode<T: Real>(model: &impl Model, outputs: usize, episode: &Episode<T>) -> Result<()> {
    episode.check()?;
    check_examples(model, outputs, "support", episode.ways, &episode.support)?;
    check_examples(model, outputs, "query", episode.ways, &episode.query)
}

/// Refuses inputs of another shape than the model's, more ways than it has `outputs`,
/// or values of another width.
pub(crate) fn check_examples<T: Real>(
    model: &impl Model,
    outputs: usize,
    set: &str,
    ways: usize,
    examples: &Examples<T>,
) -> Result<()> {
    model.check_input(examples.x.shape())?;
    if ways > outputs {
        let need = "at most as many as the model has outputs";
        return Err(Error::Setting { name: "ways", value: ways.to_string(), need });
    }
    match examples.y.values() {
        Some(values) if values.shape() != [examples.len(), outputs] => Err(Error::Shape {
            what: format!("{set} values for the model's outputs"),
            expected: vec![examples.len(), outputs],
            found: values.shape().to_vec(),
        }),
        _ => Ok(()),
    }
}
