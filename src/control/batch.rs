//! A rollout with its advantages: what one inner step learns from.

use ndarray::ArrayD;

use super::baseline::LinearBaseline;
use super::policy_maml::PolicyMaml;
use super::rollout::Rollout;
use crate::error::Result;
use crate::nn::Model;
use crate::real::Real;
use crate::tape::Tape;
use crate::var::Var;

use super::advantages::standardized;

/// A rollout and how much better each of its actions was than expected.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PolicyBatch<T> {
    /// The trajectories.
    pub rollout: Rollout<T>,
    /// Standardised advantages of the steps, `[n]`.
    pub advantages: ArrayD<T>,
}

impl<T: Real> PolicyBatch<T> {
    /// Judges a rollout by a [`LinearBaseline`] that is fitted to its own discounted returns.
    ///
    /// # Errors
    /// As [`LinearBaseline::fit`].
    #[inline(never)]
    pub fn new(rollout: Rollout<T>, discount: f64, lambda: f64) -> Result<PolicyBatch<T>> {
        let baseline = LinearBaseline::fit(&rollout, &rollout.discounted_returns(discount))?;
        let advantages = standardized(&rollout.advantages(&baseline, discount, lambda));
        let advantages: ndarray::Array1<T> = advantages.into_iter().map(T::from_f64).collect();
        Ok(PolicyBatch { rollout, advantages: advantages.into_dyn() })
    }

    /// The arrays on a tape: observations, actions, advantages.
    pub(super) fn on<'t>(&self, tape: &'t Tape<T>) -> [Var<'t, T>; 3] {
        [&self.rollout.observations, &self.rollout.actions, &self.advantages].map(|array| tape.leaf(array))
    }
}

/// The inner loss, `−mean(log π(a|o)·A)` (REINFORCE). A likelihood ratio with a constant denominator in place of the
/// logarithm would have the same gradient at the policy that drew the actions, but another second derivative.
pub(super) fn inner_loss<'t, T: Real>(
    maml: &PolicyMaml<&dyn Model<T>>,
    phi: &[Var<'t, T>],
    batch: &PolicyBatch<T>,
) -> Var<'t, T> {
    let [observations, actions, advantages] = batch.on(phi[0].tape());
    -(maml.policy.at(phi, observations).log_prob(actions) * advantages).mean()
}

compiled_here!(T: PolicyBatch::<T>::new);
