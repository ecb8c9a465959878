//! Momentum, RMSprop and Adam as inner update rules, differentiable at every order.

use super::rule::{Update, UpdateRule, Updated};
use crate::error::Result;
use crate::ops::where_;
use crate::real::Real;
use crate::settings::{check_decay, check_positive, check_rate};
use crate::var::Var;

/// Gradient descent with momentum: `b ← momentum·b + g`, `θ ← θ − lr·b` (PyTorch's form, without dampening).
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MomentumRule {
    /// The inner learning rate.
    pub lr: f64,
    /// How much of the last direction is kept, in `0..1`.
    pub momentum: f64,
}

impl<T: Real> UpdateRule<T> for MomentumRule {
    fn slots(&self) -> usize {
        1
    }

    fn shifts(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_rate("inner_lr", self.lr)?;
        check_decay("momentum", self.momentum)
    }

    #[inline(never)]
    fn update<'t>(&self, at: Update<'_, 't, T>) -> Updated<'t, T> {
        let b: Vec<_> = at.carried[0].iter().zip(at.grads).map(|(&b, &g)| self.momentum * b + g).collect();
        let params = at.params.iter().zip(&b).map(|(p, &b)| p.minus_scaled(self.lr, b)).collect();
        Updated { params, carried: vec![b] }
    }
}

/// RMSprop: `v ← alpha·v + (1 − alpha)·g²`, `θ ← θ − lr·g/(√v + eps)` (PyTorch's form).
///
/// Where a gradient has been zero so far, `√v` has no derivative; it is taken as 0 there.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsPropRule {
    /// The inner learning rate.
    pub lr: f64,
    /// Decay of the running mean of squares, in `0..1`.
    pub alpha: f64,
    /// Keeps the division finite.
    pub eps: f64,
}

impl<T: Real> UpdateRule<T> for RmsPropRule {
    fn slots(&self) -> usize {
        1
    }

    fn shifts(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_rate("inner_lr", self.lr)?;
        check_decay("alpha", self.alpha)?;
        check_positive("eps", self.eps)
    }

    #[inline(never)]
    fn update<'t>(&self, at: Update<'_, 't, T>) -> Updated<'t, T> {
        let mean = |(&v, &g): (&Var<'t, T>, &Var<'t, T>)| self.alpha * v + (1.0 - self.alpha) * (g * g);
        let v: Vec<_> = at.carried[0].iter().zip(at.grads).map(mean).collect();
        let step = |((&p, &g), &v): ((&Var<'t, T>, &Var<'t, T>), &Var<'t, T>)| {
            p - self.lr * (g / (root(v) + self.eps))
        };
        let params = at.params.iter().zip(at.grads).zip(&v).map(step).collect();
        Updated { params, carried: vec![v] }
    }
}

/// Adam, from zero moments in each task: `m ← β₁m + (1 − β₁)g`, `v ← β₂v + (1 − β₂)g²`, and in step k = 1, 2, …
/// `θ ← θ − lr·m̂/(√(v̂ + eps_root) + eps)` with `m̂ = m/(1 − β₁ᵏ)` and `v̂ = v/(1 − β₂ᵏ)`.
///
/// With `eps_root` 0, as in PyTorch, the root has no derivative where a gradient has been zero so far; it is taken as 0
/// there. Near such points meta-gradients are as large as `lr/eps`: a positive `eps_root` keeps them small.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct AdamRule {
    /// The inner learning rate.
    pub lr: f64,
    /// Decay of the running mean of gradients, in `0..1`.
    pub beta1: f64,
    /// Decay of the running mean of squared gradients, in `0..1`.
    pub beta2: f64,
    /// Added to the root.
    pub eps: f64,
    /// Added inside the root.
    pub eps_root: f64,
}

impl AdamRule {
    /// With the usual decays 0.9 and 0.999, eps 1e-8, and `eps_root` 1e-8.
    pub fn new(lr: f64) -> AdamRule {
        AdamRule { lr, beta1: 0.9, beta2: 0.999, eps: 1e-8, eps_root: 1e-8 }
    }

    /// With other decays.
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> AdamRule {
        AdamRule { beta1, beta2, ..self }
    }

    /// With other small numbers, outside and inside the root.
    #[must_use]
    pub fn eps(self, eps: f64, eps_root: f64) -> AdamRule {
        AdamRule { eps, eps_root, ..self }
    }
}

impl<T: Real> UpdateRule<T> for AdamRule {
    fn slots(&self) -> usize {
        2
    }

    fn shifts(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_rate("inner_lr", self.lr)?;
        check_decay("beta1", self.beta1)?;
        check_decay("beta2", self.beta2)?;
        check_rate("eps_root", self.eps_root)?;
        check_positive("eps", self.eps + self.eps_root)
    }

    #[inline(never)]
    fn update<'t>(&self, at: Update<'_, 't, T>) -> Updated<'t, T> {
        let k = at.step as f64 + 1.0;
        let unbiased = |beta: f64| 1.0 / (1.0 - beta.powf(k));
        let mean = |beta: f64, (&m, g): (&Var<'t, T>, Var<'t, T>)| beta * m + (1.0 - beta) * g;
        let m: Vec<_> = at.carried[0].iter().zip(at.grads).map(|(m, &g)| mean(self.beta1, (m, g))).collect();
        let v: Vec<_> =
            at.carried[1].iter().zip(at.grads).map(|(v, &g)| mean(self.beta2, (v, g * g))).collect();
        let step = |((&p, &m), &v): ((&Var<'t, T>, &Var<'t, T>), &Var<'t, T>)| {
            let below = unbiased(self.beta2) * v;
            let below = if self.eps_root == 0.0 { root(below) } else { (below + self.eps_root).sqrt() };
            p - self.lr * (unbiased(self.beta1) * m / (below + self.eps))
        };
        let params = at.params.iter().zip(&m).zip(&v).map(step).collect();
        Updated { params, carried: vec![m, v] }
    }
}

/// `√v` with derivative 0 at 0.
fn root<'t, T: Real>(v: Var<'t, T>) -> Var<'t, T> {
    let (positive, tape) = (v.gt(0.0), v.tape());
    let (one, zero) = (tape.full(&v.shape(), 1.0), tape.full(&v.shape(), 0.0));
    where_(&positive, where_(&positive, v, one).sqrt(), zero)
}

compiled_here!(
    T: <MomentumRule as UpdateRule<T>>::update, <RmsPropRule as UpdateRule<T>>::update,
    <AdamRule as UpdateRule<T>>::update,
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mlp, Network, Tape, grad};
    use ndarray::arr1;

    /// The second derivative of three steps on `Σ aθ²` in `a`, where one of the gradients is zero throughout.
    fn derivatives(rule: &dyn UpdateRule<f64>) -> Vec<f64> {
        let (tape, mlp) = (Tape::new(), Mlp::new(&[1, 3]).unwrap());
        let a = tape.leaf(&arr1(&[0.7, 0.3, 0.5]).into_dyn());
        let mut params = vec![tape.leaf(&arr1(&[0.9, 0.0, -0.4]).into_dyn())];
        let mut carried = vec![vec![tape.full(&[3], 0.0)]; rule.slots()];
        for step in 0..3 {
            let grads = grad((a * params[0] * params[0]).sum(), &params);
            let network: (&dyn Network, &[bool]) = (&mlp, &[true]);
            let at = Update { step, own: &[], params: &params, grads: &grads, carried: &carried, network };
            let next = rule.update(at);
            (params, carried) = (next.params, next.carried);
        }
        let first = grad(params[0].sum(), &[a])[0];
        let second = grad((first * first).sum(), &[a])[0];
        [first, second].iter().flat_map(|v| v.to_array().into_iter()).collect()
    }

    #[test]
    fn two_orders_are_finite_where_gradients_are_zero() {
        let rules: [&dyn UpdateRule<f64>; 4] = [
            &MomentumRule { lr: 0.1, momentum: 0.9 },
            &RmsPropRule { lr: 0.1, alpha: 0.9, eps: 1e-8 },
            &AdamRule::new(0.1).eps(1e-8, 0.0),
            &AdamRule::new(0.1),
        ];
        for (i, rule) in rules.into_iter().enumerate() {
            let all = derivatives(rule);
            assert!(all.iter().all(|v| v.is_finite()), "rule {i}: {all:?}");
            assert!(all[0] != 0.0 && all[2] != 0.0, "rule {i}: {all:?}");
        }
    }

    #[test]
    fn momentum_zero_is_gradient_descent_bit_for_bit() {
        let plain = super::super::GradientDescent { lr: 0.1 };
        assert_eq!(derivatives(&MomentumRule { lr: 0.1, momentum: 0.0 }), derivatives(&plain));
    }
}
