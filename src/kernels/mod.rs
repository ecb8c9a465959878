//! Numeric kernels: plain slices in, plain slices out.
//!
//! The same input gives the same bits on the same instruction set, wherever the data lies
//! in memory and on any number of threads. A kernel runs on one thread unless
//! [`with_image_threads`] allows more. All of the crate's `unsafe` code is in here.
//!
//! Instruction sets that fuse products with additions (AVX2, AVX-512, NEON) give the same bits as each
//! other, and so do those that do not (portable, SIMD128), on any architecture. `matrixmultiply`, which
//! takes large products, promises no such thing. Norms, pooling, sums and exponentials fuse nothing, and are the same everywhere.
//!
//! # From `conv2d(x, w)` down to the register tile
//!
//! 1. `Var::conv2d` checks the shapes with [`ConvShape::new`] (`conv/shape.rs`), allocates
//!    the output and calls [`Kernels::conv2d`] (`facade.rs`). The facade is what the engine
//!    sees: three convolutions and a matrix product, for `f32` and `f64`. It adds the
//!    instruction set in use, which `simd/level.rs` detects once.
//! 2. `conv/forward.rs` chooses the method. [`WindowSum::pays`](winograd::WindowSum::pays)
//!    estimates from the shape alone whether Winograd's method is faster. It is for 3x3 kernels
//!    of stride 1 with enough channels. All else takes the direct method, described next.
//! 3. The images are cut into blocks that fit the cache. `threads.rs` hands the blocks to the
//!    threads of the pool, if the caller allowed it and there is enough work. Each
//!    output belongs to one block, so no sum is cut differently when there are more threads.
//! 4. For each block there is a plan (`product/plan.rs`): a list of offsets that says which
//!    elements of `x` meet which rows of `w`. `conv/axis.rs` finds, for one axis, the output pixels
//!    that have the same kernel taps inside the image. `conv/windows.rs` makes one sum of
//!    each such class, so padding is neither stored nor multiplied. A plan depends on the
//!    shape alone, and each thread keeps its last ones (`plans.rs`).
//! 5. [`Plan::run`](product::Plan::run) goes over the plan's passes. A pass is one part of the
//!    summands for many rows of output, short enough that its weights stay in the first-level
//!    cache. It cuts the pass into tiles, up to 6 output pixels by 1 to 4 vectors of output channels.
//! 6. `product/tile.rs` is the innermost loop. The tile's sums stay in registers. Each step loads a
//!    row of weights, and for each of the pixels broadcasts one element of `x` and does one
//!    fused multiply-add per vector. The loop is written once over the trait
//!    [`Lanes`](simd::Lanes), a vector register, and compiled for each instruction set.
//!
//! The input gradient (`conv/input_grad.rs`) is the same with the weights turned around, once for
//! each remainder of the stride. The weight gradient (`conv/weight_grad.rs`) is the same tile with
//! taps as rows and pixels as summands. [`gemm`](product::gemm) uses it with evenly spaced rows.
//!
//! Winograd's method (`winograd/`) turns images into 16 matrices, which takes fewer products,
//! multiplies them by the same plans and tiles, and turns the results back.
//!
//! # What is where
//!
//! | | |
//! |---|---|
//! | `facade.rs` | the trait [`Kernels`] |
//! | `conv/` | geometry of convolutions, the three direct methods |
//! | `winograd/` | the same three in fewer products |
//! | `product/` | register tile, plans, matrix product, transposes |
//! | `norm/` | batch norm; fused with affine map, ReLU and max-pooling, to the second derivative |
//! | `linalg/` | Cholesky and LU factors, triangular solves |
//! | `pool.rs`, `reduce.rs`, `exponential.rs` | pooling windows and maxima; sums; `eˣ`, sigmoid and `tanh` |
//! | `simd/` | instruction sets: detection, dispatch, vector registers, vectorised loops |
//! | `threads.rs` | sharing one kernel among threads |
//! | `element.rs`, `plans.rs`, `buffer.rs` | the element types, and what a thread keeps between calls |
//!
//! Norms, pooling, sums and exponentials need no register tile: they are plain loops over slices inside
//! [`vectorized`], which compiles them for wider vectors without changing a bit.

mod buffer;
mod conv;
mod element;
mod facade;
mod plans;
mod product;
mod simd;
mod threads;
mod winograd;

pub(crate) mod exponential;
pub(crate) mod linalg;
pub(crate) mod norm;
pub(crate) mod pool;
pub(crate) mod reduce;

pub(crate) use conv::ConvShape;
pub(crate) use facade::Kernels;
pub(crate) use simd::{each, vectorized};
pub(crate) use threads::with_image_threads;

#[cfg(test)]
mod tests;
