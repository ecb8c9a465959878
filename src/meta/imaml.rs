//! MAML with implicit gradients.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::conjugate_gradient::{Solved, conjugate_gradient, in_units, shifted_product};
use super::inner::{
    Adapts, GradientDescent, HessianFree, InnerLoop, Order, SlowBody, adapt, norm_of, query_outputs, scores,
    settled,
};
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::maml::Maml;
use super::progress::Progress;
use super::score::{Query, Score, Scores, task_loss};
use super::task::{Task, check_adapt, check_learned};
use crate::data::{Episode, Examples};
use crate::error::{Error, Result};
use crate::grad::grad;
use crate::kernels::with_image_threads;
use crate::nn::{Model, Moments, Network, NormMode, ParamSpec};
use crate::real::Real;
use crate::settings::check_rate;
use crate::tape::Tape;
use crate::value::Value;

/// iMAML (Rajeswaran, Finn, Kakade and Levine 2019): the meta-gradient depends on the solution of the inner problem
/// alone, and not on the way to it.
///
/// The inner problem is `φ = argmin L_S(φ) + λ/2·‖φ − θ‖²`, approached by gradient descent. At its solution the
/// meta-gradient is `(I + H/λ)⁻¹·∇L_Q(φ)` with the Hessian `H` of `L_S` (their equation 6), computed by conjugate
/// gradients on Hessian-vector products (algorithm 2). Its memory is that of one step, however many steps are made.
///
/// The Hessian of a network is not positive definite everywhere: where conjugate gradients meet a direction of negative
/// curvature they stop. A larger `λ`, or [`damping`](Imaml::damping), which solves `(I + H/λ + damping·I)` instead, makes that
/// rare. (The authors' code solves with `2I + H/(λ + 10)`, has no proximal term in its inner steps and tests with `λ = 0`. This
/// is the paper.)
///
/// Gradient descent comes near the solution only if its steps are small for the curvature and many. [`hessian_free`](Imaml::hessian_free)
/// steps come near it in a few, and never raise the inner loss, whatever its curvature (their "iMAML, Hessian-free").
///
/// [`slow_body`](Imaml::slow_body) holds all but the head to θ more firmly, and gives it as much smaller steps.
///
/// Predicting is that of [`Maml`].
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Imaml<M> {
    /// The inner loop: gradient descent with the proximal weight λ. [`slow_body`](Imaml::slow_body) is the rule's factor.
    pub maml: Maml<M, SlowBody<GradientDescent>>,
    /// Iterations of conjugate gradients.
    pub cg_steps: usize,
    /// Added to the diagonal of the system.
    pub damping: f64,
    /// Whether Newton steps solve the inner problem in place of gradient descent.
    pub hessian_free: bool,
}

/// The meta-gradient of one task at a solution of its inner problem; [`Imaml::implicit`] makes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Implicit<T> {
    /// Loss and accuracy of the query set.
    pub score: Score,
    /// The gradient of the query loss in φ, the right side of the system.
    pub query_gradient: Vec<ArrayD<T>>,
    /// The meta-gradient, and how well the system was solved. With a [`slow_body`](Imaml::slow_body) the residual is that of the system in
    /// other units.
    pub solved: Solved<T>,
}

impl<M> Imaml<M> {
    /// With the proximal weight λ, above 0, and the settings for 5-way Omniglot: 16 inner steps at rate 0.1 and 5 iterations of
    /// conjugate gradients without damping. (They have `λ = 2` there.)
    pub fn new(model: M, lambda: f64, norm: NormMode) -> Imaml<M> {
        let maml = Maml::new(model, 0.1, Order::First, norm).steps(16).proximal(lambda).slow_body(1.0);
        Imaml { maml, cg_steps: 5, damping: 0.0, hessian_free: false }
    }

    /// With another rate of the inner gradient descent.
    #[must_use]
    pub fn inner_lr(mut self, lr: f64) -> Imaml<M> {
        self.maml.rule.rule.lr = lr;
        self
    }

    /// With so many inner steps, in training and in evaluation.
    #[must_use]
    pub fn steps(self, steps: usize) -> Imaml<M> {
        Imaml { maml: self.maml.steps(steps), ..self }
    }

    /// With so many inner steps in evaluation and in [`adapt`](Learner::adapt).
    #[must_use]
    pub fn eval_steps(self, eval_steps: usize) -> Imaml<M> {
        Imaml { maml: self.maml.eval_steps(eval_steps), ..self }
    }

    /// With a proximal weight of `λ/factor` for all but the head, the last linear layer ([`Adapts::Head`]), whose inner rate is
    /// `factor` times the head's. That is iMAML in other units, in which a body's parameter counts `√factor` times as much, and its
    /// gradient is exact for them. `factor` is above 0; 1 is the paper. What it is good for: see [`SlowBody`].
    #[must_use]
    pub fn slow_body(mut self, factor: f64) -> Imaml<M> {
        self.maml.rule.factor = factor;
        self
    }

    /// With so many iterations of conjugate gradients; 0 gives the first-order gradient `∇L_Q(φ)`, whose residual is that of
    /// `x = 0`, the norm of the gradient.
    #[must_use]
    pub fn cg_steps(self, cg_steps: usize) -> Imaml<M> {
        Imaml { cg_steps, ..self }
    }

    /// With something added to the diagonal of the system.
    #[must_use]
    pub fn damping(self, damping: f64) -> Imaml<M> {
        Imaml { damping, ..self }
    }

    /// With Hessian-free steps on the inner problem: each solves `(I + H/λ + damping·I)·d = ∇F/λ` for the gradient of
    /// `F(φ) = L_S(φ) + λ/2·‖φ − θ‖²` by as many iterations of conjugate gradients as the meta-gradient has, and goes along
    /// `d` by 1, 1/2, 1/4, … until `F` falls (a line search with Armijo's condition). There is no rate to choose. A step costs
    /// about two gradients for each iteration of conjugate gradients.
    #[must_use]
    pub fn hessian_free(self) -> Imaml<M> {
        Imaml { hessian_free: true, ..self }
    }

    fn inner<T: Real>(&self) -> Result<InnerLoop<'_, T>>
    where
        M: Model<T>,
    {
        let damping = self.damping * self.maml.proximal; // here the system is λ times that of the meta-gradient
        let (units, cg_steps) = (self.units(), self.cg_steps);
        let proximal = units.iter().map(|unit| self.maml.proximal / (unit * unit)).collect();
        let hessian_free = self.hessian_free.then_some(HessianFree { cg_steps, damping, units });
        Ok(InnerLoop { proximal, hessian_free, ..self.maml.inner()? })
    }

    /// What a unit of each parameter is worth: √factor in the body, 1 in the head.
    fn units(&self) -> Vec<f64>
    where
        M: Network,
    {
        let (factor, count) = (self.maml.rule.factor, self.maml.model.count());
        if factor == 1.0 {
            return vec![1.0; count]; // in every lesson: no need to make the specs
        }
        let head = Adapts::before_head(&self.maml.model.specs());
        (0..count).map(|i| if i < head { factor.sqrt() } else { 1.0 }).collect()
    }

    /// The meta-gradient of one task, given a solution `phi` of its inner problem, found by whatever means.
    ///
    /// # Errors
    /// What does not fit the model; [`Error::NotFinite`] for a gradient or a Hessian product that is not.
    pub fn implicit<T: Real>(&self, phi: &[ArrayD<T>], episode: &Episode<T>) -> Result<Implicit<T>>
    where
        M: Model<T>,
    {
        crate::nn::check_params(&self.maml.model.specs(), phi)?;
        Task::check(episode, self)?;
        let system = System { lambda: self.maml.proximal, damping: self.damping, units: self.units() };
        implicit(&self.maml.model, &self.maml.norm, phi, episode, &system, self.cg_steps)
    }
}

/// `(1 + damping)·x + U·H·U·x/λ = U·∇L_Q`, where `U` multiplies each array by its unit; the meta-gradient is `U⁻¹·x`.
struct System {
    lambda: f64,
    damping: f64,
    units: Vec<f64>,
}

#[inline(never)]
fn implicit<T: Real>(
    model: &dyn Model<T>,
    mode: &NormMode,
    phi: &[ArrayD<T>],
    episode: &Episode<T>,
    System { lambda, damping, units }: &System,
    cg_steps: usize,
) -> Result<Implicit<T>> {
    let [support, query] = [&episode.support, &episode.query].map(|set| Value::from_array(set.x.view()));
    let y = &episode.query.y;
    let Lesson { score, grads: q, .. } = Lesson::of_query(phi, y, &|phi| {
        Ok(Query::new(query_outputs(model, mode, phi, &support, &query), y))
    })?;
    let tape = Tape::new();
    let leaves = tape.leaves(phi);
    let outputs = model.forward(&leaves, tape.push_leaf(support.clone()), norm_of(mode));
    let slope = grad(task_loss(outputs, &episode.support.y), &leaves);
    let apply = |v: &[ArrayD<T>]| shifted_product(&slope, &leaves, [1.0 + damping, 1.0 / lambda], units, v);
    let mut solved = conjugate_gradient(&apply, &in_units(q.clone(), units), cg_steps);
    solved.x = match cg_steps {
        0 => q.clone(),
        _ => in_units(solved.x, &units.iter().map(|unit| 1.0 / unit).collect::<Vec<_>>()),
    };
    if !solved.residual.is_finite() {
        return Err(Error::NotFinite { what: "the meta-gradient of an inner solution".into() });
    }
    Ok(Implicit { score, query_gradient: q, solved })
}

/// What is tracked: nothing, as [`Imaml`] refuses those modes of norms.
fn no_statistics() -> Vec<Moments> {
    Vec::new()
}

impl<T: Real, M: Model<T>> Learner<T> for Imaml<M> {
    fn specs(&self) -> Vec<ParamSpec> {
        Learner::<T>::specs(&self.maml)
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        self.maml.init(seed)
    }

    fn state(&self) -> Vec<ParamSpec> {
        Learner::<T>::state(&self.maml)
    }

    fn check_settings(&self) -> Result<()> {
        Learner::<T>::check_settings(&self.maml)?;
        check_rate("damping", self.damping)?;
        if self.maml.norm.momentum().is_some() {
            let need = "one of the others: statistics are not tracked over the steps of an implicit gradient";
            return Err(Error::Setting { name: "norm", value: format!("{:?}", self.maml.norm), need });
        }
        if self.hessian_free && self.cg_steps == 0 {
            let need = "above 0 with Hessian-free steps";
            return Err(Error::Setting { name: "cg_steps", value: "0".into(), need });
        }
        if self.maml.adapts != Adapts::All {
            let (value, need) = (format!("{:?}", self.maml.adapts), "All");
            return Err(Error::Setting { name: "adapts", value, need });
        }
        if self.maml.norms_by_step {
            let need = "false: all parameters adapt";
            return Err(Error::Setting { name: "norms_by_step", value: "true".into(), need });
        }
        if self.maml.rule.factor == 0.0 {
            return Err(Error::Setting { name: "factor", value: "0".into(), need: "above 0" });
        }
        if self.maml.proximal == 0.0 {
            return Err(Error::Setting { name: "lambda", value: "0".into(), need: "above 0" });
        }
        Ok(())
    }

    fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
        self.maml.check(set, examples)
    }

    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        check_adapt(self, learned, support)?;
        with_image_threads(true, || {
            adapt(&self.inner()?, &learned.params, support, self.maml.eval_steps, &no_statistics)
        })
    }

    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.maml.predict(adapted, x)
    }

    fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.maml.predict_together(adapted, x)
    }

    fn scores(&self, learned: &Learned<T>, episode: &Episode<T>) -> Result<Vec<Scores>> {
        check_learned(self, learned)?;
        Task::check(episode, self)?;
        scores(&self.inner()?, &learned.params, episode, self.maml.eval_steps, &|_| no_statistics())
    }
}

impl<T: Real, M: Model<T>> Trainable<T> for Imaml<M> {
    fn lesson(&self, learned: &Learned<T>, episode: &Episode<T>, _: &Progress) -> Result<Lesson<T>> {
        let phi = settled(&self.inner()?, &learned.params, &episode.support, self.maml.steps)?;
        let Implicit { score, solved, .. } = self.implicit(&phi, episode)?;
        Ok(Lesson::new(score, solved.x))
    }
}

compiled_here!(T: implicit::<T>);
