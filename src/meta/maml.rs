//! Model-agnostic meta-learning.

use ndarray::ArrayD;

use super::learner::{Learner, Query, Score, TaskGrad, check_episode, check_examples, loss, on_one_tape};
use crate::data::{Episode, Examples, Targets};
use crate::error::{Error, Result};
use crate::grad::{grad, grad_values, last_grad_values, last_hvp};
use crate::kernels::with_image_threads;
use crate::nn::{Model, NormMode, ParamSpec, check_params};
use crate::real::{Real, all_finite};
use crate::tape::Tape;
use crate::value::Value;
use crate::var::Var;

/// What of the inner loop is differentiated: always said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Inner gradients are constants (FOMAML, Finn et al. 2017, section 5.2).
    First,
    /// Exact: through the inner gradients.
    Second,
}

/// How the exact meta-gradient is computed; both are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// All inner steps on one tape: faster, memory grows with the steps.
    Unrolled,
    /// Keeps only each step's parameters and sweeps back, `v ← v − lr·Hv`, with one
    /// step's graph at a time: memory of one step, one more forward and gradient a step.
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
    /// Rate of the inner gradient descent, each step.
    pub inner_lr: f64,
    /// Inner steps in training.
    pub inner_steps: usize,
    /// Inner steps in evaluation; may be more.
    pub eval_steps: usize,
    /// First or second order.
    pub order: Order,
    /// How second order is computed.
    pub route: Route,
    /// Which statistics batch norm uses.
    pub norm: NormMode,
}

/// Adapted parameters and how the query set fared on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Adaptation<T> {
    /// Parameters after the last step: plain arrays to keep, save or predict with.
    pub params: Vec<ArrayD<T>>,
    /// Query loss and accuracy after 0, 1, … steps.
    pub scores: Vec<Score>,
}

impl<M: Model> Maml<M> {
    /// Parameters adapted to a support set by `steps` inner steps. Memory is that of
    /// one step, however many. Large convolutions run in parallel on rayon's current
    /// thread pool, with the same bits on any number of threads; so in
    /// [`adapt_scored`](Maml::adapt_scored) and [`predict`](Maml::predict).
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFinite`] or a label error if parameters or
    /// examples do not fit the model.
    pub fn adapt<T: Real>(
        &self,
        params: &[ArrayD<T>],
        support: &Examples<T>,
        steps: usize,
    ) -> Result<Vec<ArrayD<T>>> {
        check_params(&self.model.specs(), params)?;
        self.check_settings()?;
        let ways = support.y.labels().map_or(0, |l| l.iter().max().map_or(1, |last| last + 1));
        support.check(ways, "support")?;
        check_examples(&self.model, self.model.outputs(), "support", ways, support)?;
        let (support, mut phi) = (Shared::new(support), params.to_vec());
        with_image_threads(true, || {
            for _ in 0..steps {
                phi = self.inner_step(&phi, &support);
            }
        });
        check_params(&self.model.specs(), &phi)?; // the inner rate may be too large
        Ok(phi)
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
    ) -> Result<Adaptation<T>> {
        check_params(&self.model.specs(), params)?;
        Learner::<T>::check(self, episode)?;
        let adaptation = with_image_threads(true, || self.adaptation(params, episode, steps));
        check_params(&self.model.specs(), &adaptation.params)?;
        Ok(adaptation)
    }

    /// The model's outputs for inputs `x: [n, ..]`, usually with adapted parameters.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::NotFinite`] if parameters or inputs do not fit the model.
    pub fn predict<T: Real>(&self, params: &[ArrayD<T>], x: &ArrayD<T>) -> Result<ArrayD<T>> {
        check_params(&self.model.specs(), params)?;
        self.model.check_input(x.shape())?;
        if !all_finite(x) {
            return Err(Error::NotFinite { what: "inputs to predict for".into() });
        }
        Ok(with_image_threads(true, || self.apply(params, x)))
    }

    fn check_settings(&self) -> Result<()> {
        if !(self.inner_lr.is_finite() && self.inner_lr >= 0.0) {
            let value = self.inner_lr.to_string();
            return Err(Error::Setting { name: "inner_lr", value, need: "a finite number, 0 or more" });
        }
        self.norm.check(&self.model)
    }

    fn forward<'t, T: Real>(&self, params: &[Var<'t, T>], x: &Value<T>) -> Var<'t, T> {
        self.model.forward(params, params[0].tape().push_leaf(x.clone()), self.norm.as_norm())
    }

    fn loss<'t, T: Real>(&self, params: &[Var<'t, T>], examples: &Shared<'_, T>) -> Var<'t, T> {
        loss(self.forward(params, &examples.x), examples.y)
    }

    fn apply<T: Real>(&self, params: &[ArrayD<T>], x: &ArrayD<T>) -> ArrayD<T> {
        let tape = Tape::new();
        self.forward(&tape.leaves(params), &Value::from_array(x.view())).value()
    }

    fn query_of<'t, T: Real>(&self, params: &[Var<'t, T>], query: &Shared<'_, T>) -> Query<'t, T> {
        let outputs = self.forward(params, &query.x);
        Query { loss: loss(outputs, query.y), outputs }
    }

    /// One inner step on plain arrays, on a tape of its own.
    fn inner_step<T: Real>(&self, phi: &[ArrayD<T>], support: &Shared<'_, T>) -> Vec<ArrayD<T>> {
        let tape = Tape::new();
        let vars = tape.leaves(phi);
        let grads = last_grad_values(self.loss(&vars, support), &vars);
        moved(phi, self.inner_lr, &grads)
    }

    fn adaptation<T: Real>(&self, params: &[ArrayD<T>], episode: &Episode<T>, steps: usize) -> Adaptation<T> {
        let (support, query) = (Shared::new(&episode.support), Shared::new(&episode.query));
        let score = |phi: &[ArrayD<T>]| {
            let tape = Tape::new();
            self.query_of(&tape.leaves(phi), &query).score(query.y)
        };
        let mut phi = params.to_vec();
        let mut scores = vec![score(&phi)];
        for _ in 0..steps {
            phi = self.inner_step(&phi, &support);
            scores.push(score(&phi));
        }
        Adaptation { params: phi, scores }
    }

    /// The meta-gradient with one step's graph at a time: forward keeping each step's
    /// parameters, then `v ← v − inner_lr·H(φₖ)·v` from the last step to the first
    /// (or `v` as it is, for first order).
    fn swept<T: Real>(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> TaskGrad<T> {
        let support = Shared::new(&episode.support);
        let (mut path, mut phi) = (Vec::new(), params.to_vec());
        for _ in 0..self.inner_steps {
            let next = self.inner_step(&phi, &support);
            if self.order == Order::Second {
                path.push(phi);
            }
            phi = next;
        }
        let TaskGrad { score, grads: mut v } =
            on_one_tape(&phi, &episode.query.y, |phi| self.query_of(phi, &Shared::new(&episode.query)));
        for phi in path.iter().rev() {
            let tape = Tape::new();
            let (vars, direction) = (tape.leaves(phi), tape.leaves(&v));
            let curvature = last_hvp(self.loss(&vars, &support), &vars, &direction);
            v = moved(&v, self.inner_lr, &curvature);
        }
        TaskGrad { score, grads: v }
    }
}

/// Examples in the form that every tape takes without copying them again.
struct Shared<'e, T: Real> {
    x: Value<T>,
    y: &'e Targets<T>,
}

impl<'e, T: Real> Shared<'e, T> {
    fn new(examples: &'e Examples<T>) -> Shared<'e, T> {
        Shared { x: Value::from_array(examples.x.view()), y: &examples.y }
    }
}

/// `a − lr·b`, array by array.
fn moved<T: Real>(a: &[ArrayD<T>], lr: f64, b: &[ArrayD<T>]) -> Vec<ArrayD<T>> {
    let rate = T::of(lr);
    a.iter().zip(b).map(|(a, b)| ndarray::Zip::from(a).and(b).map_collect(|&a, &b| a - rate * b)).collect()
}

impl<T: Real, M: Model> Learner<T> for Maml<M> {
    fn specs(&self) -> Vec<ParamSpec> {
        self.model.specs()
    }

    fn query<'t>(&self, theta: &[Var<'t, T>], episode: &Episode<T>) -> Query<'t, T> {
        let (support, mut phi) = (Shared::new(&episode.support), theta.to_vec());
        for _ in 0..self.inner_steps {
            let support_loss = self.loss(&phi, &support);
            let grads = match self.order {
                Order::Second => grad(support_loss, &phi),
                Order::First => phi[0].tape().leaves(&grad_values(support_loss, &phi)),
            };
            phi = phi.iter().zip(grads).map(|(&p, g)| p.minus_scaled(self.inner_lr, g)).collect();
        }
        self.query_of(&phi, &Shared::new(&episode.query))
    }

    fn check(&self, episode: &Episode<T>) -> Result<()> {
        self.check_settings()?;
        check_episode(&self.model, self.model.outputs(), episode)
    }

    fn task_grad(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> TaskGrad<T> {
        if self.route == Route::Sweep || self.order == Order::First {
            return self.swept(params, episode); // first order needs no graph across steps
        }
        on_one_tape(params, &episode.query.y, |theta| self.query(theta, episode))
    }

    fn scores(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> Vec<Score> {
        self.adaptation(params, episode, self.eval_steps).scores
    }

    fn outputs(&self, params: &[ArrayD<T>], episode: &Episode<T>) -> [ArrayD<T>; 2] {
        let (support, mut phi) = (Shared::new(&episode.support), params.to_vec());
        for _ in 0..self.eval_steps {
            phi = self.inner_step(&phi, &support);
        }
        [self.apply(params, &episode.query.x), self.apply(&phi, &episode.query.x)]
    }
}
