//! What an inner step does with a gradient.

use std::fmt::Debug;

use super::adapts::Adapts;
use crate::error::Result;
use crate::nn::{Network, ParamSpec};
use crate::real::Real;
use crate::settings::check_rate;
use crate::var::Var;

/// An update rule of the inner loop: adapted parameters and their gradients in, the next parameters out. It is written
/// once, on variables; the inner loop runs it recorded, one step at a time, or on constants, whichever
/// derivative is needed.
///
/// A rule may have meta-parameters of its own, which are learned along with the model's, and may carry
/// arrays from step to step, which are zeros before the first.
pub trait UpdateRule<T: Real>: Sync + Debug {
    /// Its own meta-parameters for a loop that adapts the parameters `adapted` in `steps` steps. By default none.
    fn specs(&self, adapted: &[ParamSpec], steps: usize) -> Vec<ParamSpec> {
        let _ = (adapted, steps);
        Vec::new()
    }

    /// How many arrays it carries for each adapted parameter, each of its shape. By default none.
    fn slots(&self) -> usize {
        0
    }

    /// Whether it adds to the parameters something that depends on gradients and carried arrays alone, and has no
    /// meta-parameters. Then, in first order, the derivative of the adapted parameters in the initial ones is the
    /// identity, and no inner step needs to be kept. By default `false`, which is always right.
    fn shifts(&self) -> bool {
        false
    }

    /// Whether its settings are in range.
    ///
    /// # Errors
    /// Which is not.
    fn check(&self) -> Result<()>;

    /// One update.
    fn update<'t>(&self, at: Update<'_, 't, T>) -> Updated<'t, T>;
}

/// What a rule is given for one update.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Update<'a, 't, T: Real> {
    /// The number of the step, from 0. In evaluation it may exceed the steps of training: then use the last.
    pub step: usize,
    /// The rule's own meta-parameters.
    pub own: &'a [Var<'t, T>],
    /// The adapted parameters.
    pub params: &'a [Var<'t, T>],
    /// The gradient of the inner loss in each.
    pub grads: &'a [Var<'t, T>],
    /// What is carried: a list as long as `params` for each of the rule's slots.
    pub carried: &'a [Vec<Var<'t, T>>],
    /// The network, and which of its parameters adapt.
    pub(super) network: (&'a dyn Network, &'a [bool]),
}

impl<T: Real> Update<'_, '_, T> {
    /// How many of the adapted parameters come before the head, the last linear layer ([`Adapts::Head`]).
    pub fn before_head(&self) -> usize {
        let (network, adapts) = self.network;
        let head = Adapts::before_head(&network.specs());
        adapts[..head].iter().filter(|adapts| **adapts).count()
    }
}

/// What a rule returns.
#[derive(Debug, Clone)]
pub struct Updated<'t, T: Real> {
    /// The next parameters.
    pub params: Vec<Var<'t, T>>,
    /// What is carried to the next step.
    pub carried: Vec<Vec<Var<'t, T>>>,
}

impl<'t, T: Real> From<Vec<Var<'t, T>>> for Updated<'t, T> {
    fn from(params: Vec<Var<'t, T>>) -> Updated<'t, T> {
        Updated { params, carried: Vec::new() }
    }
}

/// Gradient descent: `θ ← θ − lr·g`, the rule of MAML.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientDescent {
    /// The inner learning rate, for a loss that is a mean over examples.
    pub lr: f64,
}

impl<T: Real> UpdateRule<T> for GradientDescent {
    fn shifts(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_rate("inner_lr", self.lr)
    }

    #[inline(never)]
    fn update<'t>(&self, at: Update<'_, 't, T>) -> Updated<'t, T> {
        let step = |(p, g): (&Var<'t, T>, &Var<'t, T>)| p.minus_scaled(self.lr, *g);
        at.params.iter().zip(at.grads).map(step).collect::<Vec<_>>().into()
    }
}

compiled_here!(T: <GradientDescent as UpdateRule<T>>::update);

impl<T: Real, R: UpdateRule<T> + ?Sized> UpdateRule<T> for Box<R> {
    fn specs(&self, adapted: &[ParamSpec], steps: usize) -> Vec<ParamSpec> {
        (**self).specs(adapted, steps)
    }

    fn slots(&self) -> usize {
        (**self).slots()
    }

    fn shifts(&self) -> bool {
        (**self).shifts()
    }

    fn check(&self) -> Result<()> {
        (**self).check()
    }

    fn update<'t>(&self, at: Update<'_, 't, T>) -> Updated<'t, T> {
        (**self).update(at)
    }
}
