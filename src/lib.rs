//! innerloop
#![deny(unsafe_code, missing_docs, missing_debug_implementations, unreachable_pub)]
#![deny(clippy::undocumented_unsafe_blocks)]

mod data;
mod error;
mod grad;
mod gradcheck;
#[allow(unsafe_code)] // the one place for it: SIMD intrinsics behind safe functions
mod kernels;
mod meta;
mod nn;
mod op;
mod ops;
mod optim;
mod pool;
mod real;
mod tape;
mod train;
mod value;
mod var;

pub use data::*;
pub use error::{Error, Result};
pub use grad::{grad, grad_values, hvp, vjp, vjp_values};
pub use gradcheck::{GradMismatch, check_grads, check_grads_at};
pub use meta::*;
pub use nn::*;
pub use op::{Op, Point};
pub use ops::{Positions, accuracy, cross_entropy, mse};
pub use optim::*;
pub use real::Real;
pub use tape::Tape;
pub use train::*;
pub use value::{MAX_RANK, Shape};
pub use var::Var;

pub use ndarray;
