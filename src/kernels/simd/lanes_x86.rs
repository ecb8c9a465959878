//! The vector registers of AVX2 and AVX-512.

use std::arch::x86_64::*;

use super::lanes::read;
use super::lanes_of::lanes_of;

lanes_of!(
    __m512: f32, 16, __mmask16;
    first: first16, load_part: load_part16, store_part: _mm512_mask_storeu_ps,
    splat: _mm512_set1_ps, add: _mm512_add_ps, sub: _mm512_sub_ps, mul: _mm512_mul_ps,
    add_product: |sum, a, b| _mm512_fmadd_ps(a, b, sum),
);
lanes_of!(
    __m512d: f64, 8, __mmask8;
    first: first8, load_part: load_part8, store_part: _mm512_mask_storeu_pd,
    splat: _mm512_set1_pd, add: _mm512_add_pd, sub: _mm512_sub_pd, mul: _mm512_mul_pd,
    add_product: |sum, a, b| _mm512_fmadd_pd(a, b, sum),
);
lanes_of!(
    __m256: f32, 8, __m256i;
    first: first_of_8, load_part: _mm256_maskload_ps, store_part: _mm256_maskstore_ps,
    splat: _mm256_set1_ps, add: _mm256_add_ps, sub: _mm256_sub_ps, mul: _mm256_mul_ps,
    add_product: |sum, a, b| _mm256_fmadd_ps(a, b, sum),
);
lanes_of!(
    __m256d: f64, 4, __m256i;
    first: first_of_4, load_part: _mm256_maskload_pd, store_part: _mm256_maskstore_pd,
    splat: _mm256_set1_pd, add: _mm256_add_pd, sub: _mm256_sub_pd, mul: _mm256_mul_pd,
    add_product: |sum, a, b| _mm256_fmadd_pd(a, b, sum),
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
    // SAFETY: as for the impls above.
    unsafe { _mm512_maskz_loadu_ps(mask, from) }
}

#[inline(always)]
unsafe fn load_part8(from: *const f64, mask: __mmask8) -> __m512d {
    // SAFETY: as for the impls above.
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
