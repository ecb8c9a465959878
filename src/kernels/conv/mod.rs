//! Convolution and its two adjoints: their geometry, and the direct methods, which cut it
//! into sums of products. Each hands over to [`winograd`](super::winograd) where that is
//! faster.

mod axis;
mod forward;
mod frame;
mod input_grad;
mod shape;
mod weight_grad;
mod windows;

pub(super) use axis::Axis;
pub(super) use forward::forward;
pub(super) use input_grad::input_grad;
pub(crate) use shape::ConvShape;
pub(super) use weight_grad::weight_grad;
