//! Numeric kernels: plain slices in, plain slices out.

mod buffer;
mod conv;
mod element;
mod facade;
mod plans;
mod product;
mod simd;
mod threads;
mod winograd;

pub(crate) mod norm;
pub(crate) mod pool;
pub(crate) mod reduce;

pub(crate) use conv::ConvShape;
pub(crate) use facade::Kernels;
pub(crate) use simd::vectorized;
pub(crate) use threads::with_image_threads;

#[cfg(test)]
mod tests;
