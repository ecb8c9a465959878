//! The settings of MAML, one setter each.

use super::inner::{Adapts, Order, Route, SlowBody};
use super::maml::Maml;
use super::multi_step::MultiStep;

impl<M, R> Maml<M, R> {
    /// Inner steps in training, and in evaluation until [`eval_steps`](Maml::eval_steps) says otherwise.
    #[must_use]
    pub fn steps(self, steps: usize) -> Self {
        Maml { steps, eval_steps: steps, ..self }
    }

    /// Inner steps in evaluation and in [`adapt`](crate::Learner::adapt).
    #[must_use]
    pub fn eval_steps(self, eval_steps: usize) -> Self {
        Maml { eval_steps, ..self }
    }

    /// How second order is computed.
    #[must_use]
    pub fn route(self, route: Route) -> Self {
        Maml { route, ..self }
    }

    /// Another order.
    #[must_use]
    pub fn order(self, order: Order) -> Self {
        Maml { order, ..self }
    }

    /// Which parameters adapt.
    #[must_use]
    pub fn adapting(self, adapts: Adapts) -> Self {
        Maml { adapts, ..self }
    }

    /// A query loss after each inner step, with weights that change over training.
    #[must_use]
    pub fn multi_step(self, multi_step: MultiStep) -> Self {
        Maml { multi_step: Some(multi_step), ..self }
    }

    /// First order for so many meta-steps, before the order that was chosen.
    #[must_use]
    pub fn first_order_steps(self, first_order_steps: u64) -> Self {
        Maml { first_order_steps, ..self }
    }

    /// Scales and shifts of norms for each inner step, learned and not adapted.
    #[must_use]
    pub fn norms_by_step(self) -> Self {
        Maml { norms_by_step: true, ..self }
    }

    /// Keeps adapted parameters near the initial ones: `λ/2·‖φ − θ‖²` in the inner loss.
    #[must_use]
    pub fn proximal(self, lambda: f64) -> Self {
        Maml { proximal: lambda, ..self }
    }

    /// Another update rule.
    #[must_use]
    pub fn rule<S>(self, rule: S) -> Maml<M, S> {
        self.map_rule(|_| rule)
    }

    /// The same rule, with the gradients of all but the head times `factor`: see [`SlowBody`].
    #[must_use]
    pub fn slow_body(self, factor: f64) -> Maml<M, SlowBody<R>> {
        self.map_rule(|rule| SlowBody { rule, factor })
    }

    fn map_rule<S>(self, map: impl FnOnce(R) -> S) -> Maml<M, S> {
        let Maml { model, rule, order, norm, steps, eval_steps, route, adapts, multi_step, .. } = self;
        let Maml { first_order_steps, norms_by_step, proximal, .. } = self;
        Maml {
            model,
            rule: map(rule),
            order,
            norm,
            steps,
            eval_steps,
            route,
            adapts,
            multi_step,
            first_order_steps,
            norms_by_step,
            proximal,
        }
    }
}
