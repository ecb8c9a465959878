//! Reading and writing a block of `L` neighbouring channels as an array, which the compiler
//! keeps in vector registers.
//!
//! A slice is turned into an array and read or written as a whole; copying between slices
//! would be checked in builds with debug assertions.

use crate::real::Real;

/// The `L` elements at `i`.
#[inline(always)]
pub(super) fn load<T: Copy, const L: usize>(x: &[T], i: usize) -> [T; L] {
    x[i..i + L].try_into().expect("a slice of L elements")
}

/// Writes `L` elements at `i`.
#[inline(always)]
pub(super) fn store<T: Copy, const L: usize>(x: &mut [T], i: usize, v: [T; L]) {
    *block(x, i) = v;
}

/// Adds to the `L` elements at `i`.
#[inline(always)]
pub(super) fn add_to<T: Real, const L: usize>(total: &mut [T], i: usize, v: [T; L]) {
    let total: &mut [T; L] = block(total, i);
    for l in 0..L {
        total[l] += v[l];
    }
}

#[inline(always)]
fn block<T, const L: usize>(x: &mut [T], i: usize) -> &mut [T; L] {
    (&mut x[i..i + L]).try_into().expect("a slice of L elements")
}
