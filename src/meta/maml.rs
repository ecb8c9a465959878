//! Model-agnostic meta-learning.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::inner::{
    Adapts, GradientDescent, InnerLoop, Order, Route, UpdateRule, adapt, inner, lesson, norm_of, outputs,
    scores,
};
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::multi_step::MultiStep;
use super::progress::Progress;
use super::score::Scores;
use super::task::{Task, check_adapt, check_examples, check_learned};
use super::tracking::{absorb, state_specs, tracked};
use crate::data::{Episode, Examples};
use crate::error::{Error, Result};
use crate::kernels::with_image_threads;
use crate::nn::{Model, Norm, NormMode, ParamSpec, Role, init_params};
use crate::real::Real;
use crate::settings::check_rate;

/// MAML (Finn, Abbeel and Levine 2017, algorithm 2): the meta-parameters are a model's initial parameters, adapted by
/// some steps of gradient descent on the support set.
///
/// For each task, `φ₀ = θ`, `φₖ₊₁ = φₖ − lr·∇L_S(φₖ)`, and the meta-gradient is that of `L_Q(φ_K)` in θ, through all
/// steps ([`Order::Second`]) or with inner gradients as constants ([`Order::First`]).
///
/// Its relatives are the same loop with another update rule ([`rule`](Maml::rule)), other parameters that adapt
/// ([`adapting`](Maml::adapting)), a loss after each step ([`multi_step`](Maml::multi_step)) or norms of their own for
/// each step ([`norms_by_step`](Maml::norms_by_step)): [`anil`](Maml::anil), [`boil`](Maml::boil),
/// [`meta_sgd`](Maml::meta_sgd), [`plus_plus`](Maml::plus_plus).
///
/// The inner rate is for the *mean* over support examples. The original code differentiates the sum over classes:
/// its 0.4 at 5 ways is 2.0 here.
///
/// ```
/// use innerloop::{Learned, Learner, Maml, Mlp, NormMode, Order, Sinusoids, Tasks};
/// let maml = Maml::new(Mlp::new(&[1, 40, 40, 1])?, 0.01, Order::Second, NormMode::Batch).eval_steps(5);
/// let learned: Learned<f32> = maml.init(0).into();
/// let episode = Sinusoids::new(10, 10, 1).task(0);
/// let adapted = maml.adapt(&learned, &episode.support)?;
/// assert_eq!(maml.predict(&adapted, &episode.query.x)?.shape(), [10, 1]);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Maml<M, R = GradientDescent> {
    /// The network.
    pub model: M,
    /// What an inner step does with a gradient.
    pub rule: R,
    /// First or second order.
    pub order: Order,
    /// Which statistics batch norm uses.
    pub norm: NormMode,
    /// Inner steps in training.
    pub steps: usize,
    /// Inner steps in evaluation and in [`adapt`](Learner::adapt); may be more than in training.
    pub eval_steps: usize,
    /// How second order is computed.
    pub route: Route,
    /// Which parameters adapt.
    pub adapts: Adapts,
    /// The weights of a query loss after each step; `None` for the loss after the last step alone.
    pub multi_step: Option<MultiStep>,
    /// So many meta-steps of first order come before those of second order (MAML++'s derivative-order annealing).
    pub first_order_steps: u64,
    /// Whether scales and shifts of norms are learned for each inner step. They are not adapted then.
    pub norms_by_step: bool,
    /// λ: the inner loss gets `λ/2·‖φ − θ‖²`.
    pub proximal: f64,
}

impl<M> Maml<M> {
    /// With gradient descent at rate `inner_lr`, one step, all parameters adapted, unrolled.
    pub fn new(model: M, inner_lr: f64, order: Order, norm: NormMode) -> Maml<M> {
        Maml {
            model,
            rule: GradientDescent { lr: inner_lr },
            order,
            norm,
            steps: 1,
            eval_steps: 1,
            route: Route::Unrolled,
            adapts: Adapts::All,
            multi_step: None,
            first_order_steps: 0,
            norms_by_step: false,
            proximal: 0.0,
        }
    }
}

impl<M, R> Maml<M, R> {
    pub(super) fn inner<T: Real>(&self) -> Result<InnerLoop<'_, T>>
    where
        M: Model<T>,
        R: UpdateRule<T>,
    {
        inner(&self.model, &self.rule, &self.norm, &self.adapts, self.norms_by_step, self.proximal)
    }

    /// The order and the weights of the query losses at a point of training.
    fn plan(&self, progress: &Progress) -> (Order, Vec<f64>) {
        let order = if progress.iteration < self.first_order_steps { Order::First } else { self.order };
        let last = |steps: usize| (0..steps).map(|k| if k + 1 == steps { 1.0 } else { 0.0 }).collect();
        (
            order,
            match &self.multi_step {
                Some(multi_step) => multi_step.weights(self.steps, progress.iteration),
                None => last(self.steps),
            },
        )
    }
}

impl<T: Real, M: Model<T>, R: UpdateRule<T>> Learner<T> for Maml<M, R> {
    fn specs(&self) -> Vec<ParamSpec> {
        let mut specs = self.model.specs();
        let adapts = self.adapts.of(&specs).unwrap_or_default();
        let adapted: Vec<_> = specs
            .iter()
            .zip(&adapts)
            .filter(|(s, a)| **a && !self.by_step(s))
            .map(|(s, _)| s.clone())
            .collect();
        for spec in specs.iter_mut().filter(|s| self.by_step(s)) {
            spec.shape.insert(0, self.steps.max(1));
        }
        specs.extend(self.rule.specs(&adapted, self.steps));
        specs
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        let own = self.specs().split_off(self.model.count());
        let mut params = self.model.init(seed);
        for (spec, param) in self.model.specs().iter().zip(&mut params).filter(|(s, _)| self.by_step(s)) {
            let shape = [&[self.steps.max(1)], &spec.shape[..]].concat();
            *param = param.broadcast(shape).expect("one more axis in front").to_owned();
        }
        // streams of their own: the model's parameters have the first ones
        params.extend(init_params::<T>(&own, seed ^ OWN_SEED));
        params
    }

    fn state(&self) -> Vec<ParamSpec> {
        state_specs(&self.model, &self.norm, self.rows())
    }

    fn check_settings(&self) -> Result<()> {
        self.norm.check(&self.model)?;
        if let NormMode::TrackedTogether { .. } = self.norm {
            let need = "one of the others: steps on the support set cannot have the query set in their batch";
            return Err(Error::Setting { name: "norm", value: format!("{:?}", self.norm), need });
        }
        self.rule.check()?;
        self.multi_step.iter().try_for_each(|m| m.check(self.steps))?;
        check_rate("proximal", self.proximal)?;
        self.inner().map(drop)
    }

    fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
        check_examples(&self.model, self.model.outputs(), set, examples)
    }

    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        check_adapt(self, learned, support)?;
        let tracked = || tracked(&learned.state, self.row(self.eval_steps));
        with_image_threads(true, || {
            adapt(&self.inner()?, &learned.params, support, self.eval_steps, &tracked)
        })
    }

    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        let moments = adapted.moments(&self.model.norms())?;
        outputs(&self.model, adapted, x, Norm::Running(&moments))
    }

    fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.norm.check(&self.model)?;
        outputs(&self.model, adapted, x, norm_of(&self.norm))
    }

    fn scores(&self, learned: &Learned<T>, episode: &Episode<T>) -> Result<Vec<Scores>> {
        check_learned(self, learned)?;
        Task::check(episode, self)?;
        let tracked = |k| tracked(&learned.state, self.row(k));
        scores(&self.inner()?, &learned.params, episode, self.eval_steps, &tracked)
    }
}

/// Sets the seed of a rule's own meta-parameters apart from that of the model's.
const OWN_SEED: u64 = 0x7275_6c65;

impl<M, R> Maml<M, R> {
    fn by_step(&self, spec: &ParamSpec) -> bool {
        self.norms_by_step && matches!(spec.role, Role::Scale | Role::Shift)
    }

    /// For how many steps statistics are tracked apart.
    fn rows(&self) -> usize {
        if self.norms_by_step { self.steps.max(1) } else { 1 }
    }

    /// The row of the statistics tracked for the query set after `k` steps.
    fn row(&self, k: usize) -> usize {
        k.saturating_sub(1).min(self.rows() - 1)
    }
}

impl<T: Real, M: Model<T>, R: UpdateRule<T>> Trainable<T> for Maml<M, R> {
    fn lesson(&self, learned: &Learned<T>, episode: &Episode<T>, progress: &Progress) -> Result<Lesson<T>> {
        let (inner, (order, weights)) = (self.inner()?, self.plan(progress));
        lesson(&inner, &learned.params, episode, &weights, (order, self.route), self.rows())
    }

    fn absorb(&self, state: &mut [ArrayD<T>], seen: &[Vec<ArrayD<T>>]) {
        absorb(&self.norm, state, seen);
    }
}
