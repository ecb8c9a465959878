//! Outer optimizers over plain arrays, with explicit state.

mod adam;
mod clip;
mod schedule;
mod sgd;

use std::fmt::Debug;

use ndarray::ArrayD;

pub use adam::Adam;
pub use clip::{clip_grad_norm, grad_norm};
pub use schedule::Schedule;
pub use sgd::Sgd;

use crate::error::{Error, Result};
use crate::real::Real;

/// The state of an optimizer, a value that is passed in and out, saved and loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerState<T> {
    /// Updates made so far.
    pub step: u64,
    /// Running quantities, each a list of arrays shaped as the parameters.
    pub slots: Vec<Vec<ArrayD<T>>>,
}

/// An update rule for parameters.
pub trait Optimizer<T: Real>: Sync + Debug {
    /// Whether its settings are in range. By default yes.
    ///
    /// # Errors
    /// Which is not.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether a state that was loaded can be one of this optimizer after so many updates; the number of slots, their shapes and
    /// that all numbers are finite is asked elsewhere. By default yes.
    ///
    /// # Errors
    /// [`Error::State`](crate::Error::State): what cannot be.
    fn check_state(&self, state: &OptimizerState<T>, updates: u64) -> Result<()> {
        let _ = (state, updates);
        Ok(())
    }

    /// The number of running quantities that it keeps.
    fn slots(&self) -> usize;

    /// Moves each of `params` against its gradient at its rate, and updates `state`.
    ///
    /// # Panics
    /// If the lists differ in length or shapes.
    fn update(
        &self,
        rates: &[f64],
        params: &mut [ArrayD<T>],
        grads: &[ArrayD<T>],
        state: &mut OptimizerState<T>,
    );

    /// The state before the first update.
    fn init(&self, params: &[ArrayD<T>]) -> OptimizerState<T> {
        zero_state(self.slots(), params)
    }
}

#[inline(never)]
fn zero_state<T: Real>(slots: usize, params: &[ArrayD<T>]) -> OptimizerState<T> {
    let zeros = || params.iter().map(|p| ArrayD::zeros(p.raw_dim())).collect();
    OptimizerState { step: 0, slots: (0..slots).map(|_| zeros()).collect() }
}

compiled_here!(T: zero_state::<T>);

/// Refuses a count of updates that is not the number of meta-steps.
fn check_step(step: u64, updates: u64) -> Result<()> {
    if step == updates {
        return Ok(());
    }
    let reason = format!("its optimizer counts {step} updates, but it has made {updates} meta-steps");
    Err(Error::State { reason })
}

impl<T: Real, O: Optimizer<T> + ?Sized> Optimizer<T> for Box<O> {
    fn check(&self) -> Result<()> {
        (**self).check()
    }

    fn check_state(&self, state: &OptimizerState<T>, updates: u64) -> Result<()> {
        (**self).check_state(state, updates)
    }

    fn slots(&self) -> usize {
        (**self).slots()
    }

    fn update(
        &self,
        rates: &[f64],
        params: &mut [ArrayD<T>],
        grads: &[ArrayD<T>],
        state: &mut OptimizerState<T>,
    ) {
        (**self).update(rates, params, grads, state);
    }

    fn init(&self, params: &[ArrayD<T>]) -> OptimizerState<T> {
        (**self).init(params)
    }
}
