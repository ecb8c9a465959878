//! The operations, one family a file.
//!
//! | file | operations | closed by |
//! |---|---|---|
//! | `arith` | `+ - * /` of arrays (broadcasting) and numbers, negation, `minus_scaled` | themselves, `sum_to` |
//! | `broadcast` | `broadcast_to`, `sum_to` | each other |
//! | `elementwise` | `exp ln sqrt tanh sigmoid softplus abs powf powi relu leaky_relu clamp` | arithmetic; gates are linear |
//! | `reduce` | `sum mean sum_axes mean_axes var_axes max_axis` | `sum_to`, `gather` |
//! | `shape` | `reshape permute slice pad concat` | each other |
//! | `index` | `gather scatter_add index_select` | each other |
//! | `matmul` | `matmul matmul_t` | products with transposes |
//! | `linear` | `linear linear_relu` | its weight and bias gradient, products |
//! | `conv2d` | `conv2d`, its input and weight gradients | each other |
//! | `pool` | `max_pool2d avg_pool2d global_mean2d` | `gather`, the mean's adjoint |
//! | `channels` | `scale_channels dot_channels affine_channels` | each other |
//! | `norm` | `standardize batch_norm batch_norm_with layer_norm` | `project`, channel maps |
//! | `affine_relu` | `affine_relu_pool` | channel maps, `gather` |
//! | `conv_block` | `conv_block` | `conv2d`, `norm_relu` |
//! | `norm_relu` | `batch_norm_relu_pool` | its own fused derivatives, then its composition |
//! | `softmax` | `softmax log_softmax cross_entropy accuracy` | arithmetic, `gather` |
//! | `mse` | `mse` | its scaled error, arithmetic |
//!
//! To add one: pick the family file (a long kernel goes to `kernels/`), write the
//! struct, its rule with `Var` methods, the documented method, and a `check_grads`
//! to order 2 (3 if bilinear) on odd sizes away from kinks; add it to this table,
//! and a bench if it is hot. If its adjoint is new, that is an operation too.

mod affine_relu;
mod arith;
mod broadcast;
mod channels;
mod conv2d;
mod conv_block;
mod elementwise;
mod index;
mod linear;
mod matmul;
mod mse;
mod norm;
mod norm_relu;
mod pool;
mod reduce;
mod shape;
mod softmax;

pub use conv_block::ConvBlock;
pub use index::Positions;
pub use mse::mse;
pub(crate) use norm::given_affine;
pub use softmax::{accuracy, cross_entropy};
