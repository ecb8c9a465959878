//! Sums. The compiler never reassociates floats, so independent lanes are written
//! out; they also fix the order of summation, hence the bits.

use super::simd::{WIDEST, each, vectorized};
use crate::real::Real;

/// How many terms are summed before their total joins the result: keeps `f32` sums of
/// a hundred thousand terms accurate.
pub(super) const BLOCK: usize = 128;

/// The sum of all elements.
pub(crate) fn sum<T: Real>(x: &[T]) -> T {
    vectorized(
        #[inline(always)]
        || x.chunks(WIDEST * BLOCK).map(sum_block).sum(),
    )
}

#[inline(always)]
fn sum_block<T: Real>(x: &[T]) -> T {
    let (lanes, rest) = x.as_chunks::<WIDEST>();
    let mut total = [T::ZERO; WIDEST];
    for i in 0..lanes.len() {
        for l in 0..WIDEST {
            total[l] += lanes[i][l];
        }
    }
    for i in 0..rest.len() {
        total[i] += rest[i];
    }
    total.into_iter().sum()
}

/// `y[j] = Σᵢ x[i, j]` for rows as long as `y`.
pub(crate) fn sum_rows<T: Real>(x: &[T], y: &mut [T]) {
    vectorized(
        #[inline(always)]
        || {
            fold_rows(
                x.len(),
                y,
                #[inline(always)]
                |i, row| {
                    each::update(row, &x[i..i + row.len()], |t, x| t + x);
                },
            )
        },
    );
}

/// `y[j] = Σᵢ a[i, j]·b[i, j]` for rows as long as `y`.
pub(crate) fn dot_rows<T: Real>(a: &[T], b: &[T], y: &mut [T]) {
    vectorized(
        #[inline(always)]
        || {
            fold_rows(
                a.len(),
                y,
                #[inline(always)]
                |i, row| {
                    let (a, b) = (&a[i..i + row.len()], &b[i..i + row.len()]);
                    for i in 0..row.len() {
                        row[i] += a[i] * b[i];
                    }
                },
            )
        },
    );
}

/// Calls `add(offset, total)` for each row of an array of `len` elements, block
/// by block, and leaves the sum of the block totals in `y`.
#[inline(always)] // into code compiled for wider vectors
pub(crate) fn fold_rows<T: Real>(len: usize, y: &mut [T], mut add: impl FnMut(usize, &mut [T])) {
    let width = y.len();
    y.fill(T::ZERO);
    if width == 0 {
        return;
    }
    let mut block = vec![T::ZERO; width];
    for start in (0..len).step_by(width * BLOCK) {
        block.fill(T::ZERO);
        for i in (start..len.min(start + width * BLOCK)).step_by(width) {
            add(i, &mut block);
        }
        each::update(y, &block, |y, b| y + b);
    }
}
