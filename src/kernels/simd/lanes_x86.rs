//! The vector registers of AVX2 and AVX-512.

use std::arch::x86_64::*;

use super::lanes::{Lanes, read, write};

macro_rules! lanes {
    ($vector:ty, $elem:ty, $n:literal, $mask:ty, $first:expr, $set1:ident,
     $load_part:ident, $store_part:ident, $add:ident, $sub:ident, $mul:ident, $fmadd:ident) => {
        // SAFETY: each method is one instruction, under the caller's promise that
        // the processor has it; the pointers are the caller's.
        unsafe impl Lanes for $vector {
            type Elem = $elem;
            type Mask = $mask;
            const N: usize = $n;

            #[inline(always)]
            unsafe fn first(count: usize) -> $mask {
                debug_assert!(count <= $n);
                // SAFETY: as for the whole impl.
                unsafe { $first(count) }
            }

            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $set1(0.0) }
            }

            #[inline(always)]
            unsafe fn splat(x: $elem) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $set1(x) }
            }

            #[inline(always)]
            unsafe fn load(from: *const $elem) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { read(from) }
            }

            #[inline(always)]
            unsafe fn load_part(from: *const $elem, mask: $mask) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $load_part(from, mask) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $elem) {
                // SAFETY: as for the whole impl.
                unsafe { write(to, self) }
            }

            #[inline(always)]
            unsafe fn store_part(self, to: *mut $elem, mask: $mask) {
                // SAFETY: as for the whole impl.
                unsafe { $store_part(to, mask, self) }
            }

            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $add(self, other) }
            }

            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $sub(self, other) }
            }

            #[inline(always)]
            unsafe fn half(self) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $mul(self, $set1(0.5)) }
            }

            #[inline(always)]
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                // SAFETY: as for the whole impl.
                unsafe { $fmadd(a, b, self) }
            }
        }
    };
}

lanes!(
    __m512,
    f32,
    16,
    __mmask16,
    first16,
    _mm512_set1_ps,
    load_part16,
    _mm512_mask_storeu_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps
);
lanes!(
    __m512d,
    f64,
    8,
    __mmask8,
    first8,
    _mm512_set1_pd,
    load_part8,
    _mm512_mask_storeu_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_fmadd_pd
);
lanes!(
    __m256,
    f32,
    8,
    __m256i,
    first_of_8,
    _mm256_set1_ps,
    _mm256_maskload_ps,
    _mm256_maskstore_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps
);
lanes!(
    __m256d,
    f64,
    4,
    __m256i,
    first_of_4,
    _mm256_set1_pd,
    _mm256_maskload_pd,
    _mm256_maskstore_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_fmadd_pd
);

#[inline(always)]
unsafe fn first16(count: usize) -> __mmask16 {
    ((1u32 << count) - 1) as __mmask16
}

#[inline(always)]
unsafe fn first8(count: usize) -> __mmask8 {
    ((1u32 << count) - 1) as __mmask8
}

#[inline(always)]
unsafe fn load_part16(from: *const f32, mask: __mmask16) -> __m512 {
    // SAFETY: as for the impl above.
    unsafe { _mm512_maskz_loadu_ps(mask, from) }
}

#[inline(always)]
unsafe fn load_part8(from: *const f64, mask: __mmask8) -> __m512d {
    // SAFETY: as for the impl above.
    unsafe { _mm512_maskz_loadu_pd(mask, from) }
}

#[inline(always)]
unsafe fn first_of_8(count: usize) -> __m256i {
    const ONES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: count is at most 8, so 8 entries are left.
    unsafe { read(ONES.as_ptr().wrapping_add(8 - count)) }
}

#[inline(always)]
unsafe fn first_of_4(count: usize) -> __m256i {
    const ONES: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];
    // SAFETY: count is at most 4, so 4 entries are left.
    unsafe { read(ONES.as_ptr().wrapping_add(4 - count)) }
}
