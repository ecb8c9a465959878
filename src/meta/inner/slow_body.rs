//! A rate of its own for the body.

use super::rule::{Update, UpdateRule, Updated};
use crate::error::Result;
use crate::nn::ParamSpec;
use crate::real::Real;
use crate::settings::check_rate;
use crate::var::Var;

/// Another rule, which is given the gradients of the body times a factor: all parameters but those of the head, the last linear layer
/// ([`Adapts::Head`](crate::Adapts::Head)).
///
/// With a rule that is proportional to gradients, such as [`GradientDescent`](crate::GradientDescent), [`ElementRates`](crate::ElementRates)
/// or [`StepRates`](crate::StepRates), `factor` is the body's inner rate as a multiple of the head's: 1 is MAML, 0 adapts the head
/// alone, as ANIL does, though at MAML's price. In between the head can take the many steps that it needs to tell many classes
/// apart without carrying off the features that it is learned on (measured in `docs/results.md`, "A slow body").
/// [`AdamRule`](crate::AdamRule) and [`RmsPropRule`](crate::RmsPropRule) divide by the size of gradients, so that it changes little there.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowBody<R> {
    /// What takes the step.
    pub rule: R,
    /// What gradients of the body are multiplied by; 0 or more.
    pub factor: f64,
}

impl<T: Real, R: UpdateRule<T>> UpdateRule<T> for SlowBody<R> {
    fn specs(&self, adapted: &[ParamSpec], steps: usize) -> Vec<ParamSpec> {
        self.rule.specs(adapted, steps)
    }

    fn slots(&self) -> usize {
        self.rule.slots()
    }

    fn shifts(&self) -> bool {
        self.rule.shifts()
    }

    fn check(&self) -> Result<()> {
        check_rate("factor", self.factor)?;
        self.rule.check()
    }

    fn update<'t>(&self, at: Update<'_, 't, T>) -> Updated<'t, T> {
        let grads = slowed(&at, self.factor);
        self.rule.update(Update { grads: &grads, ..at })
    }
}

#[inline(never)]
fn slowed<'t, T: Real>(at: &Update<'_, 't, T>, factor: f64) -> Vec<Var<'t, T>> {
    let (body, head) = at.grads.split_at(at.before_head());
    body.iter().map(|&g| factor * g).chain(head.iter().copied()).collect()
}

compiled_here!(T: slowed::<T>);
