//! Adam.

use ndarray::ArrayD;

use super::{Optimizer, OptimizerState, check_step};
use crate::arrays::{elements, elements_mut};
use crate::error::{Error, Result};
use crate::kernels::vectorized;
use crate::real::Real;
use crate::settings::{check_decay, check_positive};

/// Adam (Kingma and Ba 2015, algorithm 1), with bias correction and `eps` outside the
/// root, as PyTorch has it: `p −= lr·m̂/(√v̂ + eps)`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Adam {
    /// Decay of the running mean of gradients.
    pub beta1: f64,
    /// Decay of the running mean of squared gradients.
    pub beta2: f64,
    /// Keeps the division finite where gradients vanish.
    pub eps: f64,
}

impl Default for Adam {
    fn default() -> Adam {
        Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

impl Adam {
    /// With other decays of the two running means.
    #[must_use]
    pub const fn betas(self, beta1: f64, beta2: f64) -> Adam {
        Adam { beta1, beta2, ..self }
    }

    /// With another `eps`.
    #[must_use]
    pub const fn eps(self, eps: f64) -> Adam {
        Adam { eps, ..self }
    }
}

impl<T: Real> Optimizer<T> for Adam {
    fn check(&self) -> Result<()> {
        check_decay("beta1", self.beta1)?;
        check_decay("beta2", self.beta2)?;
        check_positive("eps", self.eps)
    }

    #[inline(never)]
    fn check_state(&self, state: &OptimizerState<T>, updates: u64) -> Result<()> {
        check_step(state.step, updates)?;
        let negative = |squares: &ArrayD<T>| squares.iter().any(|v| *v < T::zero());
        match state.slots.get(1).and_then(|squares| squares.iter().position(negative)) {
            None => Ok(()),
            Some(i) => {
                let reason = format!(
                    "Adam's running mean of squared gradients of parameter {i} (counted from 0) is negative"
                );
                Err(Error::State { reason })
            }
        }
    }

    fn slots(&self) -> usize {
        2
    }

    #[inline(never)]
    fn update(
        &self,
        rates: &[f64],
        params: &mut [ArrayD<T>],
        grads: &[ArrayD<T>],
        state: &mut OptimizerState<T>,
    ) {
        assert_eq!(params.len(), grads.len(), "Adam: there must be as many gradients as parameters");
        assert_eq!(params.len(), rates.len(), "Adam: there must be as many rates as parameters");
        state.step = state.step.saturating_add(1);
        let correction = |beta: f64| 1.0 - beta.powf(state.step as f64);
        let (first, root) = (correction(self.beta1), T::from_f64(correction(self.beta2).sqrt()));
        let (b1, b2, eps) = (T::from_f64(self.beta1), T::from_f64(self.beta2), T::from_f64(self.eps));
        let [means, squares] = &mut state.slots[..] else { panic!("Adam: the state must have two slots") };
        for (((p, g), (m, v)), lr) in
            params.iter_mut().zip(grads).zip(means.iter_mut().zip(squares)).zip(rates)
        {
            let rate = T::from_f64(lr / first);
            let (p, g, m, v) = (elements_mut(p), elements(g), elements_mut(m), elements_mut(v));
            let n = p.len();
            assert!(g.len() == n && m.len() == n && v.len() == n, "Adam: arrays of different sizes");
            vectorized(
                #[inline(always)]
                || {
                    for i in 0..n {
                        m[i] = b1 * m[i] + (T::one() - b1) * g[i];
                        v[i] = b2 * v[i] + (T::one() - b2) * g[i] * g[i];
                        p[i] -= rate * m[i] / (v[i].sqrt() / root + eps);
                    }
                },
            );
        }
    }
}

compiled_here!(T: <Adam as Optimizer<T>>::update, <Adam as Optimizer<T>>::check_state);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn adam_follows_the_reference() {
        // torch 2.15.0, float64: p = [1, -2]; Adam([p], lr=0.1); three steps with
        // p.grad = [0.5, -3e-9], [-0.25, 2e-9], [1, 0]; print(p.tolist())
        let mut params = vec![arr1(&[1.0, -2.0]).into_dyn()];
        let adam = Adam::default();
        let mut state = adam.init(&params);
        for g in [[0.5, -3e-9], [-0.25, 2e-9], [1.0, 0.0]] {
            adam.update(&[0.1], &mut params, &[arr1(&g).into_dyn()], &mut state);
        }
        let want = [0.8075551396770898, -1.97206298969841];
        approx::assert_relative_eq!(params[0], arr1(&want).into_dyn(), max_relative = 1e-14);
    }

    #[test]
    fn a_zero_gradient_moves_nothing_and_stays_finite() {
        let mut params = vec![arr1(&[1f32, 2.0]).into_dyn()];
        let adam = Adam::default();
        let mut state = adam.init(&params);
        adam.update(&[0.1], &mut params, &[arr1(&[0f32, 0.0]).into_dyn()], &mut state);
        assert_eq!(params[0], arr1(&[1.0, 2.0]).into_dyn());
    }
}
