//! Dense factorisations and triangular solves of one row-major matrix.
//!
//! Written for the systems of few-shot learning, up to some hundred rows: plain loops over rows, no
//! blocking. A factorisation either succeeds with finite pivots or says at which row it stopped.
//!
//! A pivot is refused when it is not larger than the rounding errors of the sum that it came from. The test
//! compares it with the terms of that sum, so scaling a row or a column does not change the answer.

mod cholesky;
mod lu;
mod triangular;

pub(crate) use cholesky::cholesky;
pub(crate) use lu::{lu, lu_solve};
pub(crate) use triangular::{Triangle, check_diagonal, substitute};

use crate::real::Real;

/// Where a factorisation stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stopped {
    /// The row, counted from 0.
    pub(crate) row: usize,
    /// The pivot that was refused, or the entry that is not finite.
    pub(crate) pivot: f64,
}

/// Refuses a matrix `[n, n]` with an entry that is infinite or NaN.
fn check_finite<T: Real>(a: &[T], n: usize) -> Result<(), Stopped> {
    match a.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(Stopped { row: at / n, pivot: a[at].as_f64() }),
        None => Ok(()),
    }
}

/// Whether a pivot is finite and larger than the rounding errors of a sum of `n` terms whose sizes add up to
/// `terms`.
fn is_sound<T: Real>(pivot: T, terms: T, n: usize) -> bool {
    pivot.is_finite() && pivot.abs() > T::from_f64(n as f64) * T::epsilon() * terms
}

#[cfg(test)]
mod tests;
