//! Transposing a small matrix, for operands stored the wrong way round.

use std::ops::Range;

use crate::kernels::simd::{Simd, pick};

/// `to[j, i] = from[i, j]`, where `from` is `[rows, cols]`.
///
/// # Panics
/// If a slice is not `rows * cols` long.
pub(in crate::kernels) fn transpose<T: Copy>(rows: usize, cols: usize, from: &[T], to: &mut [T]) {
    assert_eq!(from.len(), rows * cols, "transpose: length of the source");
    assert_eq!(to.len(), rows * cols, "transpose: length of the target");
    region(0..rows, 0..cols, [rows, cols], from, to);
}

/// As [`transpose`], in 8x8 blocks where the processor has AVX2.
///
/// # Panics
/// If a slice is not `rows * cols` long.
pub(in crate::kernels) fn transpose_f32(simd: Simd, rows: usize, cols: usize, from: &[f32], to: &mut [f32]) {
    assert_eq!(from.len(), rows * cols, "transpose: length of the source");
    assert_eq!(to.len(), rows * cols, "transpose: length of the target");
    let [r, c] = pick!(
        simd.supported() =>
        portable: [0, 0],
        // SAFETY: the processor has AVX2, and the lengths were just checked.
        avx2: unsafe { x86::blocks([rows, cols], from, to) },
        // SAFETY: as above.
        avx512: unsafe { x86::blocks([rows, cols], from, to) },
        neon: [0, 0],
        simd128: [0, 0],
    );
    region(0..r, c..cols, [rows, cols], from, to);
    region(r..rows, 0..cols, [rows, cols], from, to);
}

/// The part of the transpose that reads `is` x `js` of `from`.
fn region<T: Copy>(is: Range<usize>, js: Range<usize>, shape: [usize; 2], from: &[T], to: &mut [T]) {
    let [rows, cols] = shape;
    for j in js {
        for i in is.clone() {
            to[j * rows + i] = from[i * cols + j];
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// Transposes the whole blocks; returns how many rows and columns those cover.
    ///
    /// # Safety
    /// Both slices must be `rows * cols` long.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn blocks([rows, cols]: [usize; 2], from: &[f32], to: &mut [f32]) -> [usize; 2] {
        let (r, c) = (rows & !7, cols & !7);
        // along the rows of `to`, so that its cache lines are filled in one go
        for j in (0..c).step_by(8) {
            for i in (0..r).step_by(8) {
                // SAFETY: the block lies inside both matrices.
                unsafe {
                    let (from, to) = (from.as_ptr().add(i * cols + j), to.as_mut_ptr().add(j * rows + i));
                    block(from, cols, to, rows);
                }
            }
        }
        [r, c]
    }

    /// Transposes 8x8 elements between rows `from_row` and `to_row` apart.
    ///
    /// # Safety
    /// All 8 rows of 8 must be readable at `from`, writable at `to`.
    #[target_feature(enable = "avx2")]
    unsafe fn block(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
        let mut a = [_mm256_setzero_ps(); 8];
        // pairs of rows side by side, so that one shuffle level is a load
        for i in 0..4 {
            // SAFETY: the caller vouches for rows i and i + 4.
            unsafe {
                let (low, high) = (from.add(i * from_row), from.add((i + 4) * from_row));
                a[i] = beside(_mm_loadu_ps(low), high);
                a[i + 4] = beside(_mm_loadu_ps(low.add(4)), high.add(4));
            }
        }
        for half in 0..2 {
            let [r0, r1, r2, r3] = [a[4 * half], a[4 * half + 1], a[4 * half + 2], a[4 * half + 3]];
            let (p, q) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
            let (s, t) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
            let columns = [
                _mm256_shuffle_ps::<0x44>(p, s),
                _mm256_shuffle_ps::<0xee>(p, s),
                _mm256_shuffle_ps::<0x44>(q, t),
                _mm256_shuffle_ps::<0xee>(q, t),
            ];
            for (j, column) in columns.into_iter().enumerate() {
                // SAFETY: the caller vouches for row 4 * half + j.
                unsafe { _mm256_storeu_ps(to.add((4 * half + j) * to_row), column) };
            }
        }
    }

    /// `low` and the 4 elements at `high` in one register.
    ///
    /// # Safety
    /// 4 elements must be readable at `high`.
    #[target_feature(enable = "avx2")]
    unsafe fn beside(low: __m128, high: *const f32) -> __m256 {
        // SAFETY: the caller vouches for 4 elements.
        _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(low), unsafe { _mm_loadu_ps(high) })
    }
}
