//! Plain loops compiled for wider vectors.

use super::simd::{Simd, simd};

/// Runs `f` compiled for the instruction set in use: a closure that holds one loop
/// over slices, marked `#[inline(always)]` or it stays compiled for the baseline
/// (so must be what it calls). Nothing is fused or reassociated: the bits are the
/// same on every path.
#[inline(always)]
pub(crate) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    match simd() {
        // SAFETY: `simd` returns only what the processor has.
        Simd::Avx512 => return unsafe { avx512(f) },
        // SAFETY: as above.
        Simd::Avx2 => return unsafe { avx2(f) },
        Simd::Portable => {}
    }
    f()
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
