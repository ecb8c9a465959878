//! Plain loops compiled for wider vectors.

use super::level::simd;
use super::pick::pick;

/// Runs `f` compiled for the instruction set in use: a closure that holds one loop
/// over slices. The closure and what it calls must be marked `#[inline(always)]`, or
/// they stay compiled for the baseline. Nothing is fused or reassociated, so the bits
/// are the same on every path.
#[inline(always)]
pub(crate) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    pick!(
        simd() =>
        portable: f(),
        // SAFETY: `simd` returns only what the processor has.
        avx2: unsafe { avx2(f) },
        // SAFETY: as above.
        avx512: unsafe { avx512(f) },
        // the rest of the build is compiled with these two anyway
        neon: f(),
        simd128: f(),
    )
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn avx512<R>(f: impl FnOnce() -> R) -> R {
    f()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<R>(f: impl FnOnce() -> R) -> R {
    f()
}
