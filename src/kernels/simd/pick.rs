//! The one dispatch over instruction sets.

/// `pick!(simd => portable, avx2, avx512)` evaluates the expression for the instruction
/// set `simd`, and only that one.
///
/// The two for AVX are compiled on x86-64 only. They may rely on the instructions only if
/// `simd` comes from [`simd()`](super::simd) or [`Simd::supported`](super::Simd::supported).
macro_rules! pick {
    ($simd:expr => $portable:expr, $avx2:expr, $avx512:expr $(,)?) => {
        match $simd {
            #[cfg(target_arch = "x86_64")]
            $crate::kernels::simd::Simd::Avx512 => $avx512,
            #[cfg(target_arch = "x86_64")]
            $crate::kernels::simd::Simd::Avx2 => $avx2,
            _ => $portable,
        }
    };
}

pub(in crate::kernels) use pick;
