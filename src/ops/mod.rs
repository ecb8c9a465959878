//! The operations, one family per file.
//!
//! | file | operations | derivatives are made of |
//! |---|---|---|
//! | `arith` | `+ - * /` of arrays (broadcasting) and numbers, negation, `minus_scaled` | themselves, `sum_to` |
//! | `broadcast` | `broadcast_to`, `sum_to` | each other |
//! | `elementwise` | `exp ln sqrt tanh sigmoid softplus abs powf powi` | arithmetic |
//! | `kinks` | `relu leaky_relu clamp` | gates and `keep`, which are linear |
//! | `mask` | `gt ge lt le eq`, `Mask` with `! & \|` | nothing, masks are constant |
//! | `select` | `where_` | `keep`, its own adjoint |
//! | `extremes` | `maximum minimum`, `max_axis min_axis` and the same `_kept`, `argmax` | `where_`, `gather` |
//! | `reduce` | `sum mean`, `sum_axes mean_axes var_axes` and the same `_kept` | `sum_to` |
//! | `logsumexp` | `logsumexp` | `exp`, arithmetic |
//! | `lengths` | `norm norm_kept cosine_similarity` | `sqrt`, `where_`, products |
//! | `shape` | `reshape permute slice pad concat` | each other |
//! | `stack` | `stack split transpose` | `shape` |
//! | `part` | none: the copies of `shape` | |
//! | `index` | `gather scatter_add index_select` | each other |
//! | `one_hot` | `Tape::one_hot` | nothing, labels are constant |
//! | `matmul` | `matmul matmul_t matmul_with` | products with transposes |
//! | `linalg` | `solve solve_spd cholesky solve_triangular tril` | solves with the same factors, products |
//! | `linear` | `linear linear_relu` | its weight and bias gradient, products |
//! | `lstm` | `lstm_cell` | `linear`, `elementwise` |
//! | `dropout` | `dropout`, `Key` | `keep` |
//! | `drop_block` | `drop_block` | `keep` |
//! | `conv2d` | `conv2d`, its input and weight gradients | each other |
//! | `conv1d` | `conv1d` | `conv2d` |
//! | `pool` | `max_pool2d avg_pool2d global_mean2d` | `gather`, the mean's adjoint |
//! | `channels` | `scale_channels dot_channels affine_channels` | each other |
//! | `norm` | `standardize batch_norm batch_norm_with layer_norm` | `project`, channel maps |
//! | `affine_relu` | `affine_relu_pool` | channel maps, `gather` |
//! | `conv_block` | `conv_block conv_norm_pool` | `conv2d`, `norm_relu` |
//! | `norm_relu` | `batch_norm_relu_pool batch_norm_pool` | its own fused derivatives, then small operations |
//! | `softmax` | `softmax log_softmax cross_entropy accuracy` | arithmetic, `gather` |
//! | `mse` | `mse` | its scaled error, arithmetic |
//!
//! To add one: choose the family file (a long kernel goes to `kernels/`). Write the struct, its rule with `Var`
//! methods, the documented method, and a `check_grads` test to order 2 (3 if bilinear) on odd sizes away from
//! kinks. Add it to this table, and write a bench if it is hot. If its adjoint is new, that is an operation too.

mod affine_relu;
mod arith;
mod broadcast;
mod channels;
mod conv1d;
mod conv2d;
mod conv_block;
mod drop_block;
mod dropout;
mod elementwise;
mod extremes;
mod index;
mod kinks;
mod lengths;
mod linalg;
mod linear;
mod logsumexp;
mod lstm;
mod mask;
mod matmul;
mod mse;
mod norm;
mod norm_relu;
mod one_hot;
mod part;
mod pool;
mod reduce;
mod select;
mod shape;
mod softmax;
mod stack;

pub(crate) use arith::Scaled;
pub use conv_block::ConvBlock;
pub(crate) use conv_block::observed_conv_block;
pub use dropout::Key;
pub use index::Positions;
pub use lengths::cosine_similarity;
pub use lstm::lstm_cell;
pub use mask::{Mask, Operand};
pub use mse::mse;
pub(crate) use norm::given_affine;
pub use select::where_;
pub use softmax::{accuracy, cross_entropy};
