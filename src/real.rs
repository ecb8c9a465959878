//! The two element types.

use ndarray::ArrayD;

use crate::kernels::vectorized;

/// An element type of the engine: `f32` for work, `f64` for proofs.
///
/// Sealed: the kernels exist for these two. Scalars of the public interface
/// are `f64` whatever the element type is, so generic code writes `0.5 * x`.
pub trait Real:
    sealed::Sealed + ndarray::NdFloat + ndarray::ScalarOperand + std::iter::Sum + Default
{
    /// The nearest value of this type.
    fn from_f64(x: f64) -> Self;
    /// The value as `f64`, exact for both types.
    fn as_f64(self) -> f64;
}

mod sealed {
    use crate::kernels::{Kernels, exponential::Exponential};
    use crate::pool::Pooled;

    /// What the engine needs of an element type, which is nobody else's business.
    pub trait Sealed: Kernels + Exponential + Pooled {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Real for f32 {
    #[inline]
    fn from_f64(x: f64) -> f32 {
        x as f32
    }
    #[inline]
    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    #[inline]
    fn from_f64(x: f64) -> f64 {
        x
    }
    #[inline]
    fn as_f64(self) -> f64 {
        self
    }
}

/// Whether every element is a finite number.
#[inline(never)]
pub(crate) fn all_finite<T: Real>(array: &ArrayD<T>) -> bool {
    match array.as_slice() {
        // no early exit, so that the loop vectorises
        Some(x) => vectorized(
            #[inline(always)]
            || {
                let mut finite = true;
                for i in 0..x.len() {
                    finite &= x[i].is_finite();
                }
                finite
            },
        ),
        None => array.iter().all(|v| v.is_finite()),
    }
}
