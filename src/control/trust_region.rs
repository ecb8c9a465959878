//! The outer step: trust region policy optimisation (Schulman et al. 2015) of the adapted policies.

use ndarray::ArrayD;
use rayon::prelude::*;

use super::experience::{Dyn, Experience, Outer, kl_product, outer, outer_gradient};
use crate::arrays;
use crate::error::{Error, Result};
use crate::meta::conjugate_gradient;
use crate::real::{Real, all_finite};
use crate::settings::{check_positive, check_rate};

/// How far the outer step goes: as far as the adapted policies change by a mean divergence of `kl`, at most.
///
/// The direction is `x = (H + damping)⁻¹·g` with the gradient `g` of the outer loss and the exact Hessian `H` of the mean
/// divergence in the meta-parameters, by conjugate gradients; the length `√(2·kl/xᵀ(H + damping)x)`. Then a
/// line search shortens the step until the outer loss falls and the divergence of the adapted policies, computed anew from the
/// changed meta-parameters, is at most `kl`. The defaults are those of cbfinn/maml_rl.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrustRegion {
    /// The largest mean divergence, in nats; 0.01.
    pub kl: f64,
    /// Iterations of conjugate gradients; 10.
    pub cg_steps: usize,
    /// Added to the diagonal of the system; 1e-5.
    pub damping: f64,
    /// How often the line search may shorten the step; 15.
    pub backtracks: usize,
    /// What it multiplies the step by; 0.8.
    pub shrink: f64,
}

impl Default for TrustRegion {
    fn default() -> TrustRegion {
        TrustRegion { kl: 0.01, cg_steps: 10, damping: 1e-5, backtracks: 15, shrink: 0.8 }
    }
}

/// What an outer step came to.
pub(super) struct Taken<T> {
    pub(super) params: Vec<ArrayD<T>>,
    pub(super) before: Outer,
    pub(super) after: Outer,
    /// How often the step was shortened; `None` if no length was acceptable, or the gradient is zero.
    pub(super) backtracks: Option<usize>,
}

impl TrustRegion {
    pub(super) fn check(&self) -> Result<()> {
        check_positive("kl", self.kl)?;
        check_rate("damping", self.damping)?;
        if self.cg_steps == 0 {
            return Err(Error::Setting { name: "cg_steps", value: "0".into(), need: "at least 1" });
        }
        if self.shrink > 0.0 && self.shrink < 1.0 {
            return Ok(());
        }
        Err(Error::Setting { name: "shrink", value: self.shrink.to_string(), need: "above 0 and below 1" })
    }

    #[inline(never)]
    pub(super) fn step<T: Real>(
        &self,
        maml: &Dyn<'_, T>,
        params: &[ArrayD<T>],
        seen: &[Experience<T>],
    ) -> Result<Taken<T>> {
        let all: Vec<_> = seen.par_iter().map(|seen| outer_gradient(maml, params, seen)).collect();
        let (outers, grads): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let (before, gradient) = (mean_outer(&outers), mean_arrays(grads));
        if !before.loss.is_finite() || !gradient.iter().all(all_finite) {
            return Err(Error::NotFinite { what: "the outer loss of the policies or its gradient".into() });
        }
        let apply = |v: &[ArrayD<T>]| {
            let products = seen.par_iter().map(|seen| kl_product(maml, params, seen, v)).collect();
            let mut product = mean_arrays(products);
            let damping = T::from_f64(self.damping);
            product.iter_mut().zip(v).for_each(|(p, v)| arrays::update(p, v, |p, v| p + damping * v));
            product
        };
        let solved = conjugate_gradient(&apply, &gradient, self.cg_steps);
        if !solved.residual.is_finite() {
            return Err(Error::NotFinite { what: "a product with the Hessian of the divergence".into() });
        }
        // an iterate of conjugate gradients is orthogonal to its residual, so xᵀAx is xᵀg
        let curvature = dot(&solved.x, &gradient);
        let rest = Taken { params: params.to_vec(), before, after: before, backtracks: None };
        if curvature <= 0.0 {
            return Ok(rest); // the gradient is zero
        }
        let full = (2.0 * self.kl / curvature).sqrt();
        for tries in 0..=self.backtracks {
            let length = T::from_f64(full * self.shrink.powi(tries as i32));
            let mut moved = params.to_vec();
            moved.iter_mut().zip(&solved.x).for_each(|(p, x)| arrays::update(p, x, |p, x| p - length * x));
            let after =
                mean_outer(&seen.par_iter().map(|seen| outer(maml, &moved, seen)).collect::<Vec<_>>());
            // false where one of them is not a number
            if after.loss < before.loss && after.kl <= self.kl && moved.iter().all(all_finite) {
                return Ok(Taken { params: moved, before, after, backtracks: Some(tries) });
            }
        }
        Ok(rest)
    }
}

/// The mean over tasks, in their order.
pub(super) fn mean_outer(all: &[Outer]) -> Outer {
    let mean = |of: fn(&Outer) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    Outer { loss: mean(|o| o.loss), kl: mean(|o| o.kl) }
}

/// The mean of lists of arrays, in their order.
pub(super) fn mean_arrays<T: Real>(lists: Vec<Vec<ArrayD<T>>>) -> Vec<ArrayD<T>> {
    let share = T::from_f64(1.0 / lists.len() as f64);
    let mut lists = lists.into_iter();
    let mut sum = lists.next().expect("there is a task");
    for list in lists {
        sum.iter_mut().zip(&list).for_each(|(sum, x)| arrays::update(sum, x, |sum, x| sum + x));
    }
    sum.iter_mut().for_each(|sum| sum.mapv_inplace(|x| share * x));
    sum
}

fn dot<T: Real>(a: &[ArrayD<T>], b: &[ArrayD<T>]) -> f64 {
    let pairs = a.iter().zip(b).flat_map(|(a, b)| a.iter().zip(b));
    pairs.map(|(a, b)| a.as_f64() * b.as_f64()).sum()
}

compiled_here!(T: TrustRegion::step::<T>);
