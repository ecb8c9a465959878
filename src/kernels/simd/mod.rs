//! Instruction sets: which one is in use, vectors of it, and loops compiled for it.
//!
//! [`pick!`] is the only place that chooses code by instruction set.

pub(crate) mod each;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod lanes_neon;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_feature = "simd128"))]
mod lanes_of;
#[cfg(target_feature = "simd128")]
mod lanes_wasm;
#[cfg(target_arch = "x86_64")]
mod lanes_x86;
mod level;
mod pick;
mod vectorized;

pub(super) use lanes::{Lanes, Plain, read};
#[cfg(target_feature = "simd128")]
pub(super) use lanes_wasm::{F32x4, F64x2};
#[cfg(test)]
pub(super) use level::with_simd;
pub(super) use level::{Simd, WIDEST, simd};
pub(super) use pick::pick;
pub(crate) use vectorized::vectorized;
