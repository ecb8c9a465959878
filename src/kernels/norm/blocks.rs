//! Reading and writing a block of `L` neighbouring channels as an array, which the compiler
//! keeps in vector registers.

use crate::real::Real;

/// The `L` elements at `i`.
#[inline(always)]
pub(super) fn load<T: Copy, const L: usize>(x: &[T], i: usize) -> [T; L] {
    let (x, mut v) = (&x[i..i + L], [x[i]; L]);
    for l in 0..L {
        v[l] = x[l];
    }
    v
}

/// Writes `L` elements at `i`.
#[inline(always)]
pub(super) fn store<T: Copy, const L: usize>(x: &mut [T], i: usize, v: [T; L]) {
    let x = &mut x[i..i + L];
    for l in 0..L {
        x[l] = v[l];
    }
}

/// Adds to the `L` elements at `i`.
#[inline(always)]
pub(super) fn add_to<T: Real, const L: usize>(total: &mut [T], i: usize, v: [T; L]) {
    let total = &mut total[i..i + L];
    for l in 0..L {
        total[l] += v[l];
    }
}
