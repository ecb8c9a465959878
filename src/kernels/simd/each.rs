//! Elementwise loops, to be called inside [`vectorized`](super::vectorized).
//!
//! They go over indices and not over iterators. In a build with debug assertions, which a
//! crate that depends on this one usually has, the standard library checks each step of a
//! slice's iterator, and the compiler makes no vectors of a loop with such checks. An index
//! below the slice's own length needs no check in any build.

/// `to[i] = f(a[i])`.
///
/// # Panics
/// If the lengths differ.
#[inline(always)]
pub(crate) fn map_to<T: Copy, U>(to: &mut [U], a: &[T], f: impl Fn(T) -> U) {
    let n = to.len();
    assert!(a.len() == n, "arrays of {n} and {} elements", a.len());
    for i in 0..n {
        to[i] = f(a[i]);
    }
}

/// `to[i] = f(a[i], b[i])`.
///
/// # Panics
/// If the lengths differ.
#[inline(always)]
pub(crate) fn zip_to<T: Copy, U: Copy, V>(to: &mut [V], a: &[T], b: &[U], f: impl Fn(T, U) -> V) {
    let n = to.len();
    assert!(a.len() == n && b.len() == n, "arrays of {n}, {} and {} elements", a.len(), b.len());
    for i in 0..n {
        to[i] = f(a[i], b[i]);
    }
}

/// `to[i] = f(to[i], a[i])`.
///
/// # Panics
/// If the lengths differ.
#[inline(always)]
pub(crate) fn update<T: Copy, U: Copy>(to: &mut [T], a: &[U], f: impl Fn(T, U) -> T) {
    let n = to.len();
    assert!(a.len() == n, "arrays of {n} and {} elements", a.len());
    for i in 0..n {
        to[i] = f(to[i], a[i]);
    }
}
