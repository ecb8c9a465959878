//! Stochastic gradient descent with momentum.

use ndarray::ArrayD;

use super::{Optimizer, OptimizerState, check_step};
use crate::arrays::{elements, elements_mut};
use crate::error::Result;
use crate::kernels::vectorized;
use crate::real::Real;
use crate::settings::check_decay;

/// `m = momentum·m + g`, `p −= lr·m` (the form PyTorch uses: the rate is applied
/// to the momentum, not inside it). Momentum 0 is plain descent.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Sgd {
    /// How much of the last update's direction is kept, in `0..1`.
    pub momentum: f64,
}

impl Sgd {
    /// With a momentum in `0..1`; 0 is plain descent.
    pub const fn new(momentum: f64) -> Sgd {
        Sgd { momentum }
    }
}

impl<T: Real> Optimizer<T> for Sgd {
    fn check(&self) -> Result<()> {
        check_decay("momentum", self.momentum)
    }

    fn check_state(&self, state: &OptimizerState<T>, updates: u64) -> Result<()> {
        check_step(state.step, updates)
    }

    fn slots(&self) -> usize {
        1
    }

    #[inline(never)]
    fn update(
        &self,
        rates: &[f64],
        params: &mut [ArrayD<T>],
        grads: &[ArrayD<T>],
        state: &mut OptimizerState<T>,
    ) {
        assert_eq!(params.len(), grads.len(), "Sgd: there must be as many gradients as parameters");
        assert_eq!(params.len(), rates.len(), "Sgd: there must be as many rates as parameters");
        state.step = state.step.saturating_add(1);
        let keep = T::from_f64(self.momentum);
        let [momenta] = &mut state.slots[..] else { panic!("Sgd: the state must have one slot") };
        for (((p, g), m), &lr) in params.iter_mut().zip(grads).zip(momenta).zip(rates) {
            let rate = T::from_f64(lr);
            let (p, g, m) = (elements_mut(p), elements(g), elements_mut(m));
            let n = p.len();
            assert!(g.len() == n && m.len() == n, "Sgd: arrays of different sizes");
            vectorized(
                #[inline(always)]
                || {
                    for i in 0..n {
                        m[i] = keep * m[i] + g[i];
                        p[i] -= rate * m[i];
                    }
                },
            );
        }
    }
}

compiled_here!(T: <Sgd as Optimizer<T>>::update);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn momentum_follows_the_reference() {
        // torch 2.15.0, float64: p = [1, -2]; SGD([p], lr=0.1, momentum=0.9); three steps with
        // p.grad = [0.5, -3], [-0.25, 2], [1, 0]; print(p.tolist())
        let mut params = vec![arr1(&[1.0, -2.0]).into_dyn()];
        let sgd = Sgd { momentum: 0.9 };
        let mut state = sgd.init(&params);
        for g in [[0.5, -3.0], [-0.25, 2.0], [1.0, 0.0]] {
            sgd.update(&[0.1], &mut params, &[arr1(&g).into_dyn()], &mut state);
        }
        approx::assert_relative_eq!(params[0], arr1(&[0.812, -1.567]).into_dyn(), max_relative = 1e-12);
    }
}
