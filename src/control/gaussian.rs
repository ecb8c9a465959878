//! Diagonal Gaussians over actions.

use std::f64::consts::TAU;

use crate::real::Real;
use crate::var::Var;

/// Normal distributions, one per row, with independent numbers and common deviations.
#[derive(Debug, Clone, Copy)]
pub struct Gaussian<'t, T: Real> {
    /// The means, `[n, a]`.
    pub mean: Var<'t, T>,
    /// The logarithm of the standard deviation of each number, `[a]`.
    pub log_std: Var<'t, T>,
}

impl<'t, T: Real> Gaussian<'t, T> {
    /// Log densities at `actions: [n, a]`, as `[n]`:
    /// `−½·Σ((x − μ)/σ)² − Σ log σ − ½·a·log 2π`. Differentiable in all three.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[inline(never)]
    pub fn log_prob(self, actions: Var<'t, T>) -> Var<'t, T> {
        let constant = 0.5 * self.log_std.shape()[0] as f64 * TAU.ln();
        let z = (actions - self.mean) * (-self.log_std).exp();
        -0.5 * (z * z).sum_axes(&[1]) - (self.log_std.sum() + constant)
    }

    /// The Kullback-Leibler divergences `KL(self ‖ other)` of the rows, as `[n]`:
    /// `Σ ½·((μ − μ')/σ')² + ½·((σ/σ')² − 1) − log(σ/σ')`. Differentiable in both.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[inline(never)]
    pub fn kl(self, other: Gaussian<'t, T>) -> Var<'t, T> {
        let z = (self.mean - other.mean) * (-other.log_std).exp();
        let log_ratio = self.log_std - other.log_std;
        let spread = 0.5 * ((2.0 * log_ratio).exp() - 1.0) - log_ratio;
        0.5 * (z * z).sum_axes(&[1]) + spread.sum()
    }
}

compiled_here!(T: Gaussian::<T>::log_prob, Gaussian::<T>::kl);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::{arr1, arr2};

    fn one(tape: &Tape<f64>, mean: f64, std: f64) -> Gaussian<'_, f64> {
        Gaussian { mean: tape.full(&[1, 1], mean), log_std: tape.full(&[1], std.ln()) }
    }

    #[test]
    fn a_log_density_and_a_divergence_have_correct_grads_to_order_2() {
        let shapes: [&[usize]; 3] = [&[5, 3], &[3], &[5, 3]];
        check_grads(&shapes, 2, |x| Gaussian { mean: x[0], log_std: x[1] }.log_prob(x[2]).tanh());
        check_grads(&[&[5, 3], &[3], &[5, 3], &[3]], 2, |x| {
            let [p, q] = [0, 2].map(|i| Gaussian { mean: x[i], log_std: x[i + 1] });
            p.kl(q).tanh()
        });
    }

    #[test]
    fn a_log_density_is_that_of_the_normal_distribution() {
        let tape = Tape::new();
        let policy = Gaussian {
            mean: tape.leaf(&arr2(&[[1.0, -1.0], [0.0, 0.0]]).into_dyn()),
            log_std: tape.leaf(&arr1(&[0.5f64.ln(), 2.0f64.ln()]).into_dyn()),
        };
        let found = policy.log_prob(tape.leaf(&arr2(&[[1.5, -1.0], [0.0, 4.0]]).into_dyn())).to_array();
        // −½·(1 + 0) − ln(0.5·2) − ln 2π, and −½·(0 + 4) − ln 2π
        let want = [-0.5 - TAU.ln(), -2.0 - TAU.ln()];
        assert!(found.iter().zip(want).all(|(f, w)| (f - w).abs() < 1e-12), "{found}");
    }

    #[test]
    fn a_divergence_is_the_integral_that_defines_it() {
        let tape = Tape::new();
        let (p, q) = (one(&tape, 0.3, 0.7), one(&tape, -0.5, 1.4));
        let step = 1e-3;
        let at = |i: i32| {
            let x = tape.full(&[1, 1], f64::from(i) * step);
            let [lp, lq] = [p, q].map(|d| d.log_prob(x).to_array()[[0]]);
            lp.exp() * (lp - lq) * step
        };
        let integral: f64 = (-8000..8000).map(at).sum();
        let found = p.kl(q).to_array()[[0]];
        assert!((found - integral).abs() < 1e-9, "{found} {integral}");
        assert_eq!(p.kl(p).to_array()[[0]], 0.0);
    }
}
