//! The vector registers of NEON.

use std::arch::aarch64::*;
use std::convert::identity;

use super::lanes::{load_first, store_first};
use super::lanes_of::lanes_of;

lanes_of!(
    float32x4_t: f32, 4, usize;
    first: identity, load_part: load_first, store_part: store_first,
    splat: vdupq_n_f32, add: vaddq_f32, sub: vsubq_f32, mul: vmulq_f32,
    add_product: |sum, a, b| vfmaq_f32(sum, a, b),
);
lanes_of!(
    float64x2_t: f64, 2, usize;
    first: identity, load_part: load_first, store_part: store_first,
    splat: vdupq_n_f64, add: vaddq_f64, sub: vsubq_f64, mul: vmulq_f64,
    add_product: |sum, a, b| vfmaq_f64(sum, a, b),
);
