//! Reading and writing a block of `L` neighbouring channels as an array, which the compiler
//! keeps in vector registers.

use crate::real::Real;

/// The `L` elements at `i`.
#[inline(always)]
pub(super) fn load<T: Copy, const L: usize>(x: &[T], i: usize) -> [T; L] {
    x[i..i + L].try_into().expect("a slice of L elements")
}

/// Writes `L` elements at `i`.
#[inline(always)]
pub(super) fn store<T: Copy, const L: usize>(x: &mut [T], i: usize, v: [T; L]) {
    x[i..i + L].copy_from_slice(&v);
}

/// Adds to the `L` elements at `i`.
#[inline(always)]
pub(super) fn add_to<T: Real, const L: usize>(total: &mut [T], i: usize, v: [T; L]) {
    total[i..i + L].iter_mut().zip(v).for_each(|(t, v)| *t += v);
}
