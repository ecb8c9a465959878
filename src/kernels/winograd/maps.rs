//! The linear maps of Winograd's F(2x2, 3x3).
//!
//! ```text
//!      1  0 -1  0         1    0    0         1  1  1  0
//! Bᵀ = 0  1  1  0     G = 1/2  1/2  1/2  Aᵀ = 0  1 -1 -1
//!      0 -1  1  0         1/2 -1/2  1/2
//!      0  1  0 -1         0    0    1
//! ```

use super::transform::{Job, Map, Transform, transform};
use crate::kernels::simd::{Lanes, Plain, Simd, pick};

macro_rules! map_rows {
    ($($(#[$doc:meta])* $name:ident: $i:literal -> $o:literal, |$points:pat_param| $map:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name;

        impl Map<$i, $o> for $name {
            #[inline(always)]
            unsafe fn apply<L: Lanes>($points: [L; $i]) -> [L; $o] {
                // SAFETY: the caller's promise.
                unsafe { $map }
            }
        }
    )+};
}

map_rows! {
    /// `Bᵀ`.
    Pixels: 4 -> 4, |[a, b, c, d]| [a.sub(c), b.add(c), c.sub(b), b.sub(d)];
    /// `G`.
    Weights: 3 -> 4, |[a, b, c]| {
        let (even, odd) = (a.add(c).half(), b.half());
        [a, even.add(odd), even.sub(odd), c]
    };
    /// `Aᵀ`.
    Outputs: 4 -> 2, |[a, b, c, d]| [a.add(b).add(c), b.sub(c).sub(d)];
    /// `A`.
    Cotangents: 2 -> 4, |[a, b]| [a, a.add(b), a.sub(b), L::zero().sub(b)];
    /// `Gᵀ`.
    WeightGrads: 4 -> 3, |[a, b, c, d]| {
        let even = b.add(c).half();
        [a.add(even), b.sub(c).half(), even.add(d)]
    };
}

/// The maps of one element type on one instruction set.
pub(in crate::kernels) struct Maps<T: 'static> {
    pub pixels: Transform<T>,
    pub weights: Transform<T>,
    pub outputs: Transform<T>,
    pub cotangents: Transform<T>,
    pub weight_grads: Transform<T>,
}

macro_rules! maps {
    ($name:ident, $elem:ty, $lanes:ty $(, $feature:literal)?) => {
        pub(super) static $name: Maps<$elem> = {
            $(#[target_feature(enable = $feature)])?
            unsafe fn kernel<M: Map<I, O>, const I: usize, const O: usize>(job: &Job<'_, $elem>) {
                // SAFETY: the caller's promise, and compiled with the instructions.
                unsafe { transform::<$lanes, M, I, O>(job) }
            }
            Maps {
                pixels: Transform { kernel: kernel::<Pixels, 4, 4>, points: [16, 16] },
                weights: Transform { kernel: kernel::<Weights, 3, 4>, points: [9, 16] },
                outputs: Transform { kernel: kernel::<Outputs, 4, 2>, points: [16, 4] },
                cotangents: Transform { kernel: kernel::<Cotangents, 2, 4>, points: [4, 16] },
                weight_grads: Transform { kernel: kernel::<WeightGrads, 4, 3>, points: [16, 9] },
            }
        };
    };
}

maps!(PORTABLE_F32, f32, Plain<f32, 8>);
maps!(PORTABLE_F64, f64, Plain<f64, 4>);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};

    use super::*;

    maps!(AVX2_F32, f32, __m256, "avx2,fma");
    maps!(AVX2_F64, f64, __m256d, "avx2,fma");
    maps!(AVX512_F32, f32, __m512, "avx512f");
    maps!(AVX512_F64, f64, __m512d, "avx512f");
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use std::arch::aarch64::{float32x4_t, float64x2_t};

    use super::*;

    maps!(F32, f32, float32x4_t);
    maps!(F64, f64, float64x2_t);
}

#[cfg(target_feature = "simd128")]
mod simd128 {
    use super::*;
    use crate::kernels::simd::{F32x4, F64x2};

    maps!(F32, f32, F32x4);
    maps!(F64, f64, F64x2);
}

/// The kernels for `f32`.
pub(in crate::kernels) fn maps_f32(simd: Simd) -> &'static Maps<f32> {
    pick!(
        simd.supported() =>
        portable: &PORTABLE_F32,
        avx2: &x86::AVX2_F32,
        avx512: &x86::AVX512_F32,
        neon: &neon::F32,
        simd128: &simd128::F32,
    )
}

/// The kernels for `f64`.
pub(in crate::kernels) fn maps_f64(simd: Simd) -> &'static Maps<f64> {
    pick!(
        simd.supported() =>
        portable: &PORTABLE_F64,
        avx2: &x86::AVX2_F64,
        avx512: &x86::AVX512_F64,
        neon: &neon::F64,
        simd128: &simd128::F64,
    )
}
