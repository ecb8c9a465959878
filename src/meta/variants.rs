//! MAML's relatives that are its loop with other choices.

use super::inner::{Adapts, ElementRates, GradientDescent, Order, StepRates};
use super::maml::Maml;
use super::multi_step::MultiStep;
use crate::nn::{CONTEXT, NormMode};

impl<M> Maml<M> {
    /// ANIL (Raghu et al. 2020): only the head adapts. The body learns through the head's steps.
    pub fn anil(model: M, inner_lr: f64, order: Order, norm: NormMode) -> Maml<M> {
        Maml::new(model, inner_lr, order, norm).adapting(Adapts::Head)
    }

    /// BOIL (Oh et al. 2021): all but the head adapts.
    pub fn boil(model: M, inner_lr: f64, order: Order, norm: NormMode) -> Maml<M> {
        Maml::new(model, inner_lr, order, norm).adapting(Adapts::Body)
    }

    /// CAVIA (Zintgraf et al. 2019, algorithm 1): only a context adapts, from zeros in each task; everything else is learned
    /// through its steps and shared by all tasks. The model has a parameter `context`, as [`Contextual`](crate::Contextual)
    /// and [`FilmConv4`](crate::FilmConv4) have. What [`adapt`](crate::Learner::adapt) returns holds the adapted `context`.
    ///
    /// The inner rate may stay at 1: a network that takes `s` times the context is one with `s²` times the rate.
    /// (The authors clip each task's gradient to ±10; [`TrainConfig::clip_norm`](crate::TrainConfig::clip_norm) clips the mean.)
    pub fn cavia(model: M, inner_lr: f64, order: Order, norm: NormMode) -> Maml<M> {
        Maml::new(model, inner_lr, order, norm).adapting(Adapts::Only(vec![CONTEXT.into()]))
    }

    /// Meta-SGD (Li et al. 2017): a learned rate for each element, from 0.005 to 0.1 at first, one step, second order.
    pub fn meta_sgd(model: M, norm: NormMode) -> Maml<M, ElementRates> {
        Maml::new(model, 0.0, Order::Second, norm).rule(ElementRates { low: 0.005, high: 0.1 })
    }

    /// MAML++ (Antoniou et al. 2019) with all its parts, each of which can be set otherwise: learned rates for each
    /// parameter and step, from `inner_lr`; a loss after each step, annealed over 10 epochs of 500 meta-steps; norms
    /// for each step, which are learned and not adapted, as their statistics, which are tracked for each step with
    /// momentum 0.1 and used in [`predict`](crate::Learner::predict). Second order throughout, as in
    /// the authors' settings; [`first_order_steps`](Maml::first_order_steps) anneals it. A training of fewer than 50,000
    /// meta-steps wants shorter epochs ([`multi_step`](Maml::multi_step)): those are a tenth of the authors' training.
    pub fn plus_plus(model: M, inner_lr: f64, steps: usize) -> Maml<M, StepRates> {
        Maml::<M, GradientDescent>::new(model, inner_lr, Order::Second, NormMode::Tracked { momentum: 0.1 })
            .steps(steps)
            .norms_by_step()
            .adapting(Adapts::NoNorms)
            .multi_step(MultiStep::annealed(10, 500))
            .rule(StepRates { lr: inner_lr })
    }
}
