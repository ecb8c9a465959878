//! The one dispatch over instruction sets.

/// `pick!(simd => portable: a, avx2: b, avx512: c, neon: d, simd128: e)` evaluates the expression
/// for the instruction set `simd`, and only that one.
///
/// Each is compiled only in a build that has its instruction set. It may rely on the instructions only if
/// `simd` comes from [`simd()`](super::simd) or [`Simd::supported`](super::Simd::supported).
macro_rules! pick {
    (
        $simd:expr => portable: $portable:expr, avx2: $avx2:expr, avx512: $avx512:expr,
        neon: $neon:expr, simd128: $simd128:expr $(,)?
    ) => {
        match $simd {
            $crate::kernels::simd::Simd::Portable => $portable,
            #[cfg(target_arch = "x86_64")]
            $crate::kernels::simd::Simd::Avx2 => $avx2,
            #[cfg(target_arch = "x86_64")]
            $crate::kernels::simd::Simd::Avx512 => $avx512,
            #[cfg(target_arch = "aarch64")]
            $crate::kernels::simd::Simd::Neon => $neon,
            #[cfg(target_feature = "simd128")]
            $crate::kernels::simd::Simd::Simd128 => $simd128,
        }
    };
}

pub(in crate::kernels) use pick;
