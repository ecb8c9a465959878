//! Hessian-free optimisation of an inner problem, one Newton step at a time.

use ndarray::ArrayD;

use super::steps::{Fast, InnerLoop, Shared, finite, on};
use crate::error::{Error, Result};
use crate::grad::grad;
use crate::meta::conjugate_gradient::{conjugate_gradient, dot, in_units, shifted_product};
use crate::real::Real;
use crate::tape::Tape;
use crate::value::Value;

/// How the direction of a step is found.
#[derive(Debug, Clone)]
pub(in crate::meta) struct HessianFree {
    /// Iterations of conjugate gradients.
    pub(in crate::meta) cg_steps: usize,
    /// Added to the diagonal of the Hessian of the inner loss.
    pub(in crate::meta) damping: f64,
    /// What a unit of each parameter is worth: the system is that of the parameters divided by it.
    pub(in crate::meta) units: Vec<f64>,
}

/// The share of the decrease that the slope promises which a step must bring (Armijo 1966).
const SUFFICIENT: f64 = 1e-4;

/// Step lengths tried, from 1 on by halves.
const TRIALS: i32 = 20;

impl<T: Real> InnerLoop<'_, T> {
    /// Step `k`: `φ ← φ − t·d`, where conjugate gradients solve `(F″ + damping·I)·d = ∇F` for the inner loss `F`, proximal term
    /// included, in the given units, and `t` is the first of 1, 1/2, 1/4, … that lowers `F` enough. Where none does, φ stays: `F` never rises.
    #[inline(never)]
    pub(super) fn newton_step(
        &self,
        theta: &[Value<T>],
        fast: &Fast<Value<T>>,
        k: usize,
        support: &Shared<'_, T>,
        HessianFree { cg_steps, damping, units }: &HessianFree,
    ) -> Result<Fast<Value<T>>> {
        let tape = Tape::new();
        let (phi, features) = (on(&tape, &fast.phi), support.features_on(&tape));
        let loss = finite(self.loss(&on(&tape, theta), &phi, k, support, features), k)?;
        let (here, slope) = (loss.item().as_f64(), grad(loss, &phi));
        let gradient: Vec<_> = slope.iter().map(|g| g.to_array()).collect();
        let apply = |v: &[ArrayD<T>]| shifted_product(&slope, &phi, [*damping, 1.0], units, v);
        let mut solved = conjugate_gradient(&apply, &in_units(gradient.clone(), units), *cg_steps);
        solved.x = in_units(solved.x, units);
        if !solved.residual.is_finite() {
            return Err(Error::NotFinite { what: format!("the Hessian products of inner step {k}") });
        }
        let promised = dot(&gradient, &solved.x);
        let smallest = T::epsilon().as_f64() * here.abs(); // a smaller decrease is lost in rounding
        let lengths = (0..TRIALS).map(|i| 0.5f64.powi(i)).take_while(|t| t * promised > smallest);
        for t in lengths {
            let tape = Tape::new();
            let moved = |(phi, d): (&Value<T>, &ArrayD<T>)| {
                tape.push_leaf(phi.clone()).minus_scaled(t, tape.constant(d))
            };
            let phi: Vec<_> = fast.phi.iter().zip(&solved.x).map(moved).collect();
            let there = self.loss(&on(&tape, theta), &phi, k, support, support.features_on(&tape));
            if there.item().as_f64() <= here - SUFFICIENT * t * promised {
                return Ok(Fast { phi: phi.iter().map(|p| p.val()).collect(), carried: Vec::new() });
            }
        }
        Ok(fast.clone())
    }
}
