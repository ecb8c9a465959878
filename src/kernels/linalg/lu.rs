//! LU factorisation with partial pivoting: `P·a = L·U`.

use super::{Stopped, Triangle, check_finite, is_sound, substitute};
use crate::real::Real;

/// Overwrites `a: [n, n]` with its factors, `L` (unit diagonal, not stored) below the diagonal and `U` on and
/// above it; returns the row that each row was exchanged with, in order.
///
/// # Errors
/// If an entry is not finite, or no row has a sound pivot.
///
/// # Panics
/// If `a` has not `n·n` elements.
pub(crate) fn lu<T: Real>(a: &mut [T], n: usize) -> Result<Vec<usize>, Stopped> {
    assert_eq!(a.len(), n * n, "lu: length of the matrix");
    check_finite(a, n)?;
    let mut exchanged = Vec::with_capacity(n);
    for k in 0..n {
        let size = |i: usize| a[i * n + k].abs();
        let p = (k..n).reduce(|best, i| if size(i) > size(best) { i } else { best }).expect("k is below n");
        exchanged.push(p);
        for j in 0..n {
            a.swap(k * n + j, p * n + j);
        }
        // the pivot is an entry of the matrix minus these products
        let terms = (0..k).map(|j| (a[k * n + j] * a[j * n + k]).abs()).sum();
        let pivot = a[k * n + k];
        if !is_sound(pivot, terms, n) {
            return Err(Stopped { row: k, pivot: pivot.as_f64() });
        }
        for i in k + 1..n {
            let factor = a[i * n + k] / pivot;
            subtract_tail(a, n, k, i, factor);
            a[i * n + k] = factor;
        }
    }
    Ok(exchanged)
}

/// `a[i, k + 1..] −= factor·a[k, k + 1..]`
fn subtract_tail<T: Real>(a: &mut [T], n: usize, k: usize, i: usize, factor: T) {
    let (above, below) = a.split_at_mut(i * n);
    let (from, to) = (&above[k * n + k + 1..(k + 1) * n], &mut below[k + 1..n]);
    to.iter_mut().zip(from).for_each(|(t, &f)| *t -= factor * f);
}

/// Overwrites `b: [n, k]` with `a⁻¹·b`, or `a⁻ᵀ·b` if `transposed`, from what [`lu`] made of `a`.
///
/// # Panics
/// If a slice has not the length that `n` and `k` ask for.
pub(crate) fn lu_solve<T: Real>(
    factors: &[T],
    exchanged: &[usize],
    transposed: bool,
    b: &mut [T],
    [n, k]: [usize; 2],
) {
    let swap = |b: &mut [T], i: usize| {
        let p = exchanged[i];
        (0..k).for_each(|j| b.swap(i * k + j, p * k + j));
    };
    if transposed {
        substitute(Triangle::Upper, true, factors, b, [n, k]);
        substitute(Triangle::UnitLower, true, factors, b, [n, k]);
        (0..n).rev().for_each(|i| swap(b, i));
    } else {
        (0..n).for_each(|i| swap(b, i));
        substitute(Triangle::UnitLower, false, factors, b, [n, k]);
        substitute(Triangle::Upper, false, factors, b, [n, k]);
    }
}
