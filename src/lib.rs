//! innerloop
#![deny(unsafe_code, missing_docs, missing_debug_implementations, unreachable_pub)]
#![deny(clippy::undocumented_unsafe_blocks)]

mod grad;
mod gradcheck;
#[allow(unsafe_code)] // the one place for it: SIMD intrinsics behind safe functions
mod kernels;
mod op;
mod ops;
mod pool;
mod real;
mod tape;
mod value;
mod var;

pub use grad::{grad, grad_values, hvp, vjp, vjp_values};
pub use gradcheck::{GradMismatch, check_grads, check_grads_at};
pub use op::{Op, Point};
pub use ops::{Positions, accuracy, cross_entropy, mse};
pub use real::Real;
pub use tape::Tape;
pub use value::{MAX_RANK, Shape};
pub use var::Var;

pub use ndarray;
