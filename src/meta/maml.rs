//! Model-agnostic meta-learning.

use ndarray::ArrayD;

use super::inner_loop::{InnerLoop, Order};
use super::learner::{Learner, Query, Score, TaskGrad, check_episode, check_examples, on_one_tape};
use crate::data::{Episode, Examples};
use crate::error::{Error, Result};
use crate::kernels::with_image_threads;
use crate::nn::{Model, Network, NormMode, ParamSpec, check_params};
use crate::real::{Real, all_finite};
use crate::var::Var;

/// How the meta-gradient of second order is computed. Both routes are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// All inner steps on one tape: faster; the memory grows with the number of steps.
    Unrolled,
    /// Keeps only the parameters of each step and sweeps back, `v ← v − lr·Hv`, with the
    /// graph of one step at a time. It needs the memory of one step, and computes one
    /// forward pass and one gradient more per step.
    Sweep,
}

/// MAML (Finn, Abbeel and Levine 2017, algorithm 2): the meta-parameters are a
/// model's initial parameters, adapted by `inner_steps` of gradient descent on the
/// support set.
///
/// ```
/// use innerloop::{Learner, Maml, Mlp, NormMode, Order, Route, Episodes, Sinusoids};
/// let maml = Maml {
///     model: Mlp::new(&[1, 40, 40, 1])?,
///     inner_lr: 0.01,
///     inner_steps: 1,
///     eval_steps: 5,
///     order: Order::Second,
///     route: Route::Unrolled,
///     norm: NormMode::Batch,
/// };
/// let params: Vec<_> = Learner::<f32>::init(&maml, 0);
/// let episode = Sinusoids { shots: 10, queries: 10, seed: 1 }.episode(0);
/// let adapted = maml.adapt(&params, &episode.support, 5)?;
/// let predictions = maml.predict(&adapted, &episode.query.x)?;
/// assert_eq!(predictions.shape(), [10, 1]);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Maml<M> {
    /// The network.
    pub model: M,
    /// Learning rate of the inner gradient descent.
    pub inner_lr: f64,
    /// Inner steps in training.
    pub inner_steps: usize,
    /// Inner steps in evaluation; may be more than in training.
    pub eval_steps: usize,
    /// First or second order.
    pub order: Order,
    /// How second order is computed.
    pub route: Route,
    /// Which statistics batch norm uses.
    pub norm: NormMode,
}

/// Adapted parameters, and the scores of the query set before and after each step.
#[derive(Debug, Clone, PartialEq)]
pub struct Adaptation<T> {
    /// Parameters after the last step: plain arrays to keep, save or predict with.
    pub params: Vec<ArrayD<T>>,
    /// Query loss and accuracy after 0, 1, … steps.
    pub scores: Vec<Score>,
}

impl<M> Maml<M> {
    /// Parameters adapted to a support set by `steps` inner steps. The memory is that of
    /// one step, whatever their number. Large convolutions run in parallel on rayon's current
    /// thread pool, with the same bits on any number of threads; so do those of
    /// [`adapt_scored`](Maml::adapt_scored) and [`predict`](Maml::predict).
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFinite`] or a label error if parameters or
    /// examples do not fit the model, [`Error::Spec`] if its specs are not sound.
    pub fn adapt<T: Real>(
        &self,
        params: &[ArrayD<T>],
        support: &Examples<T>,
        steps: usize,
    ) -> Result<Vec<ArrayD<T>>>
    where
        M: Model<T>,
    {
        self.check_settings(&self.model)?;
        adapt(self.inner_loop(), params, support, steps)
    }

    /// As [`adapt`](Maml::adapt), and the query set's loss and accuracy before the
    /// first step and after each.
    ///
    /// # Errors
    /// As [`adapt`](Maml::adapt).
    pub fn adapt_scored<T: Real>(
        &self,
        params: &[ArrayD<T>],
        episode: &Episode<T>,
        steps: usize,
    ) -> Result<Adaptation<T>>
    where
        M: Model<T>,
    {
        self.check_settings(&self.model)?;
        adapt_scored(self.inner_loop(), params, episode, steps)
    }

    /// The model's outputs for inputs `x: [n, ..]`, usually with adapted parameters.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::NotFinite`] if parameters or inputs do not fit the model.
    pub fn predict<T: Real>(&self, params: &[ArrayD<T>], x: &ArrayD<T>) -> Result<ArrayD<T>>
    where
        M: Model<T>,
    {
        self.norm.check(&self.model)?;
        predict(self.inner_loop(), params, x)
    }

    fn check_settings(&self, model: &dyn Network) -> Result<()> {
        check_settings(self.inner_lr, &self.norm, model)
    }

    fn inner_loop<T: Real>(&self) -> InnerLoop<'_, T>
    where
        M: Model<T>,
    {
        InnerLoop { model: &self.model, norm: self.norm.as_norm(), lr: self.inner_lr }
    }
}

// What follows is generic in the element type alone, so that it is compiled with this crate.

compiled_here!(T: adapt::<T>, adapt_scored::<T>, predict::<T>);

#[inline(never)]
fn check_settings(inner_lr: f64, norm: &NormMode, model: &dyn Network) -> Result<()> {
    if !(inner_lr.is_finite() && inner_lr >= 0.0) {
        let value = inner_lr.to_string();
        return Err(Error::Setting { name: "inner_lr", value, need: "a finite number, 0 or more" });
    }
    norm.check(model)
}

#[inline(never)]
fn adapt<T: Real>(
    inner: InnerLoop<'_, T>,
    params: &[ArrayD<T>],
    support: &Examples<T>,
    steps: usize,
) -> Result<Vec<ArrayD<T>>> {
    let specs = inner.model.specs();
    check_params(&specs, params)?;
    let ways = support.y.labels().map_or(0, |l| l.iter().max().map_or(1, |last| last.saturating_add(1)));
    support.check(ways, "support")?;
    check_examples(inner.model, inner.model.outputs(), "support", ways, support)?;
    let adapted = with_image_threads(true, || inner.adapted(params, support, steps));
    check_params(&specs, &adapted)?; // the inner rate may be too large
    Ok(adapted)
}

#[inline(never)]
fn adapt_scored<T: Real>(
    inner: InnerLoop<'_, T>,
    params: &[ArrayD<T>],
    episode: &Episode<T>,
    steps: usize,
) -> Result<Adaptation<T>> {
    let specs = inner.model.specs();
    check_params(&specs, params)?;
    check_episode(inner.model, inner.model.outputs(), episode)?;
    let (adapted, scores) = with_image_threads(true, || inner.scored(params, episode, steps));
    check_params(&specs, &adapted)?;
    Ok(Adaptation { params: adapted, scores })
}

#[inline(never)]
fn predict<T: Real>(inner: InnerLoop<'_, T>, params: &[ArrayD<T>], x: &ArrayD<T>) -> Result<ArrayD<T>> {
    check_params(&inner.model.specs(), params)?;
    inner.model.check_input(x.shape())?;
    if !all_finite(x) {
        return Err(Error::NotFinite { what: "the array of inputs to predict for".into() });
    }
    Ok(with_image_threads(true, || inner.outputs(params, x)))
}

impl<T: Real, M: Model<T>> Learner<T> for Maml<M> {
    fn specs(&self) -> Vec<ParamSpec> {
        self.model.specs()
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        self.model.init(seed)
    }

    fn query<'t>(&self, theta: &[Var<'t, T>], episode: &Episode<T>) -> Query<'t, T> {
        self.inner_loop().unrolled(theta, episode, self.inner_steps, self.order)
    }

    fn check(&self, episode: &Episode<T>) -> Result<()> {
        self.check_settings(&self.model)?;
        check_episode(&self.model, self.model.outputs(), episode)
    }

    fn task_grad(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> TaskGrad<T> {
        let (inner, steps, order) = (self.inner_loop(), self.inner_steps, self.order);
        if self.route == Route::Sweep || order == Order::First {
            return inner.swept(params, episode, steps, order); // first order needs no graph across steps
        }
        on_one_tape(params, &episode.query.y, &|theta| inner.unrolled(theta, episode, steps, order))
    }

    fn scores(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> Vec<Score> {
        self.inner_loop().scored(params, episode, self.eval_steps).1
    }

    fn outputs(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> [ArrayD<T>; 2] {
        let inner = self.inner_loop();
        let adapted = inner.adapted(params, &episode.support, self.eval_steps);
        [params, &adapted].map(|params| inner.outputs(params, &episode.query.x))
    }
}
