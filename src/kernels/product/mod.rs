//! Matrix products: the register tile, plans of many tiles, and plain products.

mod gemm;
mod panel;
mod plan;
mod tile;
mod transpose;

pub(super) use gemm::gemm;
pub(super) use plan::{DEPTH, Plan, even_parts};
pub(super) use tile::{Run, TileKernels, tiles_f32, tiles_f64};
pub(super) use transpose::{transpose, transpose_f32};
