//! Cholesky factorisation of a symmetric positive definite matrix: `a = L·Lᵀ`.

use super::{Stopped, check_finite, is_sound};
use crate::real::Real;

/// Overwrites `a: [n, n]` with its lower factor `L`, zeros above the diagonal. Reads the lower triangle only.
///
/// # Errors
/// If an entry is not finite, or `a` is not positive definite beyond rounding errors.
///
/// # Panics
/// If `a` has not `n·n` elements.
pub(crate) fn cholesky<T: Real>(a: &mut [T], n: usize) -> Result<(), Stopped> {
    assert_eq!(a.len(), n * n, "cholesky: length of the matrix");
    check_finite(a, n)?;
    for i in 0..n {
        let (above, row) = a.split_at_mut(i * n);
        let row = &mut row[..n];
        for j in 0..i {
            let other = &above[j * n..j * n + j + 1];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        let terms = dot(&row[..i], &row[..i]);
        let pivot = row[i] - terms;
        if pivot <= T::ZERO || !is_sound(pivot, terms, n) {
            return Err(Stopped { row: i, pivot: pivot.as_f64() });
        }
        row[i] = pivot.sqrt();
        row[i + 1..].fill(T::ZERO);
    }
    Ok(())
}

fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| sum + a * b)
}
