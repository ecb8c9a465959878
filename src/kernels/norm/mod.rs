//! Batch norm: the plain passes, and those fused with an affine map, ReLU and max-pooling.

mod blocks;
mod first;
mod moments;
mod row_sums;
mod rows;
mod second;
mod standardize;
mod winners;

pub(crate) use first::NormGrad;
pub(crate) use moments::Moments;
pub(crate) use second::{Second, second};
pub(crate) use standardize::{project, standardize};
pub(crate) use winners::Winners;
