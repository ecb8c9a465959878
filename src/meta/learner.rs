//! The trait that every learner implements.

use ndarray::ArrayD;

use crate::data::{Episode, Examples, Targets};
use crate::error::{Error, Result};
use crate::grad::last_grad_values;
use crate::nn::{Network, ParamSpec, check_params, init_params};
use crate::ops::{accuracy, cross_entropy, mse};
use crate::real::Real;
use crate::tape::Tape;
use crate::var::Var;

/// A meta-learning algorithm: meta-parameters and an episode in, a differentiable
/// query loss out. Meta-steps, training, evaluation and checkpoints are written
/// once, on this trait.
///
/// A new learner needs [`specs`](Learner::specs), [`query`](Learner::query) and
/// [`check`](Learner::check); the rest has defaults. A learner that has a model should also
/// return the model's [`init`](crate::Model::init). References and boxes of learners are
/// learners, so `Box<dyn Learner<f32>>` is one.
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

    /// Initial meta-parameters, a function of the seed; by default what [`init_params`]
    /// draws, which says when the bits are the same.
    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        init_params(&self.specs(), seed)
    }

    /// Query loss of one episode and its gradient in the meta-parameters, one array for each
    /// of [`specs`](Learner::specs) and of its shape. [`meta_grad`](crate::meta_grad) refuses others.
    fn task_grad(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> TaskGrad<T> {
        on_one_tape(params, &episode.query.y, &|theta| self.query(theta, episode))
    }

    /// Query loss and accuracy of one episode, before adaptation and after each of
    /// its steps; a single entry for a learner that does not adapt in steps. Their number is
    /// the same for all episodes: [`evaluate`](crate::evaluate) refuses others.
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

/// Implements the trait for a pointer to a learner.
macro_rules! forwarded {
    ($pointer:ty) => {
        impl<T: Real, L: Learner<T> + ?Sized> Learner<T> for $pointer {
            fn specs(&self) -> Vec<ParamSpec> {
                (**self).specs()
            }

            fn query<'t>(&self, theta: &[Var<'t, T>], episode: &Episode<T>) -> Query<'t, T> {
                (**self).query(theta, episode)
            }

            fn check(&self, episode: &Episode<T>) -> Result<()> {
                (**self).check(episode)
            }

            fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
                (**self).init(seed)
            }

            fn task_grad(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> TaskGrad<T> {
                (**self).task_grad(params, episode)
            }

            fn scores(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> Vec<Score> {
                (**self).scores(params, episode)
            }

            fn outputs(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> [ArrayD<T>; 2] {
                (**self).outputs(params, episode)
            }
        }
    };
}

forwarded!(&L);
forwarded!(Box<L>);

/// Loss and outputs of an episode's query set, as variables.
#[derive(Debug, Clone, Copy)]
pub struct Query<'t, T: Real> {
    /// The loss, a single number.
    pub loss: Var<'t, T>,
    /// Logits `[n, ways]`, or predictions shaped as the values.
    pub outputs: Var<'t, T>,
}

impl<T: Real> Query<'_, T> {
    /// Loss and accuracy as plain numbers.
    #[inline(never)]
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
    /// The gradient, one array per meta-parameter.
    pub grads: Vec<ArrayD<T>>,
}

/// The loss that fits the targets: [`cross_entropy`] for labels, [`mse`] for values.
///
/// # Panics
/// If outputs and targets do not match in shape.
#[track_caller]
#[inline(never)]
pub fn loss<'t, T: Real>(outputs: Var<'t, T>, targets: &Targets<T>) -> Var<'t, T> {
    match targets {
        Targets::Labels(labels) => cross_entropy(outputs, labels),
        Targets::Values(values) => mse(outputs, outputs.tape().leaf(values)),
    }
}

/// The gradient of a query loss in `params`, all on one tape.
#[inline(never)]
pub(crate) fn on_one_tape<T: Real>(
    params: &[ArrayD<T>],
    targets: &Targets<T>,
    query: &dyn for<'t> Fn(&[Var<'t, T>]) -> Query<'t, T>,
) -> TaskGrad<T> {
    let tape = Tape::new();
    let theta = tape.leaves(params);
    let query = query(&theta);
    TaskGrad { score: query.score(targets), grads: last_grad_values(query.loss, &theta) }
}

/// Checks specs, parameters and episodes where they enter a library call, and returns the specs.
#[inline(never)]
pub(super) fn check_task<T: Real>(
    learner: &dyn Learner<T>,
    params: &[ArrayD<T>],
    episodes: &[Episode<T>],
) -> Result<Vec<ParamSpec>> {
    let specs = learner.specs();
    check_params(&specs, params)?;
    if specs.is_empty() {
        let need = "a list of at least one array";
        return Err(Error::Setting { name: "parameters", value: "empty".into(), need });
    }
    episodes.iter().try_for_each(|e| learner.check(e))?;
    Ok(specs)
}

compiled_here!(T: on_one_tape::<T>, check_task::<T>, check_episode::<T>, loss::<T>, Query::<T>::score);

/// Refuses an episode that is not whole, or does not fit a network with `outputs`.
#[inline(never)]
pub(super) fn check_episode<T: Real>(
    network: &dyn Network,
    outputs: usize,
    episode: &Episode<T>,
) -> Result<()> {
    episode.check()?;
    check_examples(network, outputs, "support", episode.ways, &episode.support)?;
    check_examples(network, outputs, "query", episode.ways, &episode.query)
}

/// Refuses inputs of another shape than the network's, more ways than it has `outputs`,
/// or values of another width.
pub(super) fn check_examples<T: Real>(
    network: &dyn Network,
    outputs: usize,
    set: &str,
    ways: usize,
    examples: &Examples<T>,
) -> Result<()> {
    network.check_input(examples.x.shape())?;
    if ways > outputs {
        let need = "at most the number of outputs of the model";
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
