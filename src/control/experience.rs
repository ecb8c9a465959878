//! What one task contributes to a meta-step.

use ndarray::ArrayD;

use super::batch::{PolicyBatch, inner_loss};
use super::environment::Environment;
use super::gaussian::Gaussian;
use super::policy_maml::PolicyMaml;
use super::sample::sample;
use crate::arrays;
use crate::error::{Error, Result};
use crate::grad::{grad, grad_values, last_grad_values, last_hvp};
use crate::meta::Order;
use crate::nn::Model;
use crate::ops::Key;
use crate::real::{Real, all_finite};
use crate::tape::Tape;
use crate::var::Var;

/// The trajectories of one task: those that its inner steps learned from, and those of the adapted policy.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Experience<T> {
    /// What each inner step learned from.
    pub before: Vec<PolicyBatch<T>>,
    /// The trajectories of the adapted policy.
    pub after: PolicyBatch<T>,
    /// The means of the adapted policy at the observations of `after`, `[n, a]`.
    pub means: ArrayD<T>,
    /// The logarithm of its deviations, `[a]`.
    pub log_std: ArrayD<T>,
}

/// The outer objective of one task, or its mean over tasks.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Outer {
    /// `−mean(π'(a|o)/π(a|o)·A)` with the adapted policies π' now and π when the actions were drawn.
    pub loss: f64,
    /// `mean KL(π ‖ π')` over the observations.
    pub kl: f64,
}

/// Shorthand for a learner that is not generic in its network.
pub(super) type Dyn<'m, T> = PolicyMaml<&'m dyn Model<T>>;

/// Draws trajectories and adapts, as often as there are inner steps, and draws once more.
#[inline(never)]
pub(super) fn experience<T: Real>(
    maml: &Dyn<'_, T>,
    params: &[ArrayD<T>],
    env: &dyn Environment,
    key: Key,
) -> Result<Experience<T>> {
    let draw = |phi: &[ArrayD<T>], step: usize| {
        let rollout = sample(&maml.policy, phi, env, maml.trajectories, key.with(step as u64))?;
        PolicyBatch::new(rollout, maml.discount, maml.gae_lambda)
    };
    let (mut phi, mut before) = (params.to_vec(), Vec::new());
    for step in 0..maml.steps {
        let batch = draw(&phi, step)?;
        phi = stepped(maml, &phi, &batch, maml.inner_lr)?;
        before.push(batch);
    }
    let after = draw(&phi, maml.steps)?;
    let tape = Tape::new();
    let Gaussian { mean, log_std } =
        maml.policy.at(&tape.leaves(&phi), tape.leaf(&after.rollout.observations));
    let (means, log_std) = (mean.to_array(), log_std.to_array());
    Ok(Experience { before, after, means, log_std })
}

/// One inner step on plain arrays: `φ − lr·∇loss(φ)`.
#[inline(never)]
pub(super) fn stepped<T: Real>(
    maml: &Dyn<'_, T>,
    phi: &[ArrayD<T>],
    batch: &PolicyBatch<T>,
    lr: f64,
) -> Result<Vec<ArrayD<T>>> {
    let tape = Tape::new();
    let vars = tape.leaves(phi);
    let (mut phi, lr) = (phi.to_vec(), T::from_f64(lr));
    for (p, g) in phi.iter_mut().zip(last_grad_values(inner_loss(maml, &vars, batch), &vars)) {
        arrays::update(p, &g, |p, g| p - lr * g);
    }
    if phi.iter().all(all_finite) {
        return Ok(phi);
    }
    Err(Error::NotFinite { what: "the policy after an inner step".into() })
}

/// Outer loss and divergence as functions of the meta-parameters θ, through the inner steps.
fn recorded<'t, T: Real>(
    maml: &Dyn<'_, T>,
    theta: &[Var<'t, T>],
    seen: &Experience<T>,
    order: Order,
) -> [Var<'t, T>; 2] {
    let tape = theta[0].tape();
    let mut phi = theta.to_vec();
    for batch in &seen.before {
        let loss = inner_loss(maml, &phi, batch);
        let grads = match order {
            Order::Second => grad(loss, &phi),
            Order::First => tape.leaves(&grad_values(loss, &phi)),
        };
        phi = phi.iter().zip(grads).map(|(p, g)| p.minus_scaled(maml.inner_lr, g)).collect();
    }
    let [observations, actions, advantages] = seen.after.on(tape);
    let old = Gaussian { mean: tape.leaf(&seen.means), log_std: tape.leaf(&seen.log_std) };
    let new = maml.policy.at(&phi, observations);
    let ratio = (new.log_prob(actions) - old.log_prob(actions)).exp();
    [-(ratio * advantages).mean(), old.kl(new).mean()]
}

/// The outer objective at `params`.
#[inline(never)]
pub(super) fn outer<T: Real>(maml: &Dyn<'_, T>, params: &[ArrayD<T>], seen: &Experience<T>) -> Outer {
    let tape = Tape::new();
    // the same numbers by the shorter way: no derivative of the inner gradients is needed
    let found = recorded(maml, &tape.leaves(params), seen, Order::First);
    let [loss, kl] = found.map(|x| x.item().as_f64());
    Outer { loss, kl }
}

/// The outer objective at `params` and the gradient of its loss.
#[inline(never)]
pub(super) fn outer_gradient<T: Real>(
    maml: &Dyn<'_, T>,
    params: &[ArrayD<T>],
    seen: &Experience<T>,
) -> (Outer, Vec<ArrayD<T>>) {
    let tape = Tape::new();
    let theta = tape.leaves(params);
    let [loss, kl] = recorded(maml, &theta, seen, maml.order);
    let outer = Outer { loss: loss.item().as_f64(), kl: kl.item().as_f64() };
    (outer, last_grad_values(loss, &theta))
}

/// The product of the Hessian of the divergence at `params` with `v`.
#[inline(never)]
pub(super) fn kl_product<T: Real>(
    maml: &Dyn<'_, T>,
    params: &[ArrayD<T>],
    seen: &Experience<T>,
    v: &[ArrayD<T>],
) -> Vec<ArrayD<T>> {
    let tape = Tape::new();
    let theta = tape.leaves(params);
    let [_, kl] = recorded(maml, &theta, seen, maml.order);
    last_hvp(kl, &theta, &tape.leaves(v))
}

compiled_here!(T: experience::<T>, stepped::<T>, outer::<T>, outer_gradient::<T>, kl_product::<T>);
