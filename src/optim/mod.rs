//! Outer optimizers over plain arrays, with explicit state.

mod adam;
mod clip;
mod schedule;
mod sgd;

use ndarray::ArrayD;

pub use adam::Adam;
pub use clip::{clip_grad_norm, grad_norm};
pub use schedule::Schedule;
pub use sgd::Sgd;

use crate::real::Real;

/// What an optimizer remembers: a value that is passed in and out, saved and loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerState<T> {
    /// Updates made so far.
    pub step: u64,
    /// Running quantities, each a list of arrays shaped as the parameters.
    pub slots: Vec<Vec<ArrayD<T>>>,
}

/// An update rule for parameters.
pub trait Optimizer<T: Real>: Sync {
    /// How many running quantities it keeps.
    fn slots(&self) -> usize;

    /// Moves `params` against `grads` at rate `lr`, and `state` along with them.
    ///
    /// # Panics
    /// If the lists differ in length or shapes.
    fn update(&self, lr: f64, params: &mut [ArrayD<T>], grads: &[ArrayD<T>], state: &mut OptimizerState<T>);

    /// The state before the first update.
    fn init(&self, params: &[ArrayD<T>]) -> OptimizerState<T> {
        let zeros = || params.iter().map(|p| ArrayD::zeros(p.raw_dim())).collect();
        OptimizerState { step: 0, slots: (0..self.slots()).map(|_| zeros()).collect() }
    }
}
