//! Solving with a triangular matrix.

use super::{Stopped, check_finite};
use crate::kernels::vectorized;
use crate::real::Real;

/// Which part of a square matrix is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Triangle {
    /// On and below the diagonal.
    Lower,
    /// Below the diagonal, which counts as ones.
    UnitLower,
    /// On and above the diagonal.
    Upper,
}

/// Overwrites `b: [n, k]` with `t⁻¹·b`, or `t⁻ᵀ·b` if `transposed`, where `t: [n, n]` is one triangle of `a`.
///
/// # Panics
/// If a slice has not the length that `n` and `k` ask for.
pub(crate) fn substitute<T: Real>(
    triangle: Triangle,
    transposed: bool,
    a: &[T],
    b: &mut [T],
    [n, k]: [usize; 2],
) {
    assert_eq!(a.len(), n * n, "substitute: length of the matrix");
    assert_eq!(b.len(), n * k, "substitute: length of the right-hand side");
    if k == 0 {
        return;
    }
    vectorized(
        #[inline(always)]
        || {
            let from_the_top = (triangle != Triangle::Upper) != transposed;
            for step in 0..n {
                let i = if from_the_top { step } else { n - 1 - step };
                let row = &a[i * n..(i + 1) * n];
                let others = if triangle == Triangle::Upper { i + 1..n } else { 0..i };
                // not transposed: row i takes from the rows that are solved; transposed: it gives to the others
                if transposed {
                    divide(triangle, row[i], &mut b[i * k..(i + 1) * k]);
                }
                for j in others {
                    let (from, to) = if transposed { (i, j) } else { (j, i) };
                    subtract_row(b, k, row[j], from, to);
                }
                if !transposed {
                    divide(triangle, row[i], &mut b[i * k..(i + 1) * k]);
                }
            }
        },
    );
}

#[inline(always)]
fn divide<T: Real>(triangle: Triangle, by: T, row: &mut [T]) {
    if triangle != Triangle::UnitLower {
        row.iter_mut().for_each(|x| *x /= by);
    }
}

/// `b[to] −= factor·b[from]` for two different rows of length `k`.
#[inline(always)]
fn subtract_row<T: Real>(b: &mut [T], k: usize, factor: T, from: usize, to: usize) {
    let (low, high) = b.split_at_mut(from.max(to) * k);
    let (low, high) = (&mut low[from.min(to) * k..][..k], &mut high[..k]);
    let (from, to) = if from < to { (low, high) } else { (high, low) };
    to.iter_mut().zip(from).for_each(|(t, &mut f)| *t -= factor * f);
}

/// Refuses a lower triangular matrix `[n, n]` that is not finite or has a zero on its diagonal.
pub(crate) fn check_diagonal<T: Real>(a: &[T], n: usize) -> Result<(), Stopped> {
    for i in 0..n {
        check_finite(&a[i * n..i * n + i + 1], n).map_err(|at| Stopped { row: i, ..at })?;
        if a[i * n + i] == T::ZERO {
            return Err(Stopped { row: i, pivot: 0.0 });
        }
    }
    Ok(())
}
