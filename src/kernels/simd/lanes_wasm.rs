//! WebAssembly's vectors.
//!
//! Its one type `v128` holds elements of any kind, so there is a type of ours for each kind. Relaxed SIMD would have a
//! multiply-add, but leaves it to the machine whether that is fused. So nothing is fused, and the bits are those of
//! portable code.

use std::arch::wasm32::*;
use std::convert::identity;

use super::lanes::{load_first, store_first};
use super::lanes_of::lanes_of;

macro_rules! vector {
    ($name:ident: $elem:ty, $n:literal, $splat:ident, $add:ident, $sub:ident, $mul:ident) => {
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub(in crate::kernels) struct $name(v128);

        impl $name {
            #[inline(always)]
            fn splat(x: $elem) -> $name {
                $name($splat(x))
            }

            #[inline(always)]
            fn add(self, other: $name) -> $name {
                $name($add(self.0, other.0))
            }

            #[inline(always)]
            fn sub(self, other: $name) -> $name {
                $name($sub(self.0, other.0))
            }

            #[inline(always)]
            fn mul(self, other: $name) -> $name {
                $name($mul(self.0, other.0))
            }
        }

        lanes_of!(
            $name: $elem, $n, usize;
            first: identity, load_part: load_first, store_part: store_first,
            splat: $name::splat, add: $name::add, sub: $name::sub, mul: $name::mul,
            add_product: |sum, a, b| sum.add(a.mul(b)),
        );
    };
}

vector!(F32x4: f32, 4, f32x4_splat, f32x4_add, f32x4_sub, f32x4_mul);
vector!(F64x2: f64, 2, f64x2_splat, f64x2_add, f64x2_sub, f64x2_mul);
