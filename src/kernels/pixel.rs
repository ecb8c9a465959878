//! What the fused norms do to the channels of one pixel: all arrays are as long.
//!
//! Functions, and not loops where they are called, since the compiler vectorises a loop
//! over many arrays only where it knows that what is written to overlaps nothing: of
//! arguments it does.

use super::pool::larger;
use crate::real::Real;

/// In place of a winner: the output was 0, nothing goes back.
pub(super) const OFF: u8 = u8::MAX;

/// `y = max(y, v)` with `v = (x − mean)·scale + beta` and `taken = k` where `v` wins.
#[inline(always)]
pub(super) fn compare<T: Real>(
    y: &mut [T],
    taken: &mut [u8],
    k: u8,
    x: &[T],
    mean: &[T],
    scale: &[T],
    beta: &[T],
) {
    let c = y.len();
    let (taken, x, mean, scale, beta) = (&mut taken[..c], &x[..c], &mean[..c], &scale[..c], &beta[..c]);
    if k == 0 {
        for i in 0..c {
            y[i] = (x[i] - mean[i]) * scale[i] + beta[i];
        }
        taken.fill(0);
        return;
    }
    for i in 0..c {
        let v = (x[i] - mean[i]) * scale[i] + beta[i];
        // selects and no branches
        let wins = larger(v, y[i]);
        y[i] = if wins { v } else { y[i] };
        taken[i] = if wins { k } else { taken[i] };
    }
}

/// ReLU of `y`, and [`OFF`] where it is not passed.
#[inline(always)]
pub(super) fn gate<T: Real>(y: &mut [T], taken: &mut [u8]) {
    let taken = &mut taken[..y.len()];
    for i in 0..y.len() {
        taken[i] = if y[i] > T::ZERO { taken[i] } else { OFF };
        y[i] = if y[i] <= T::ZERO { T::ZERO } else { y[i] };
    }
}

/// Adds `a` and `a·(x − mean)`, where `a` is `g` if pixel `k` was taken, else 0.
#[inline(always)]
pub(super) fn add_taken<T: Real>(
    a_sum: &mut [T],
    ax_sum: &mut [T],
    k: u8,
    g: &[T],
    taken: &[u8],
    x: &[T],
    mean: &[T],
) {
    let c = a_sum.len();
    let (ax_sum, g, taken, x, mean) = (&mut ax_sum[..c], &g[..c], &taken[..c], &x[..c], &mean[..c]);
    for i in 0..c {
        let a = if taken[i] == k { g[i] } else { T::ZERO };
        a_sum[i] += a;
        ax_sum[i] += a * (x[i] - mean[i]);
    }
}

/// `x = (x − mean)·scale + constant`.
#[inline(always)]
pub(super) fn affine<T: Real>(x: &mut [T], mean: &[T], scale: &[T], constant: &[T]) {
    let c = x.len();
    let (mean, scale, constant) = (&mean[..c], &scale[..c], &constant[..c]);
    for i in 0..c {
        x[i] = (x[i] - mean[i]) * scale[i] + constant[i];
    }
}

/// Adds `g·scale` where pixel `k` was taken.
#[inline(always)]
pub(super) fn scatter<T: Real>(x: &mut [T], k: u8, g: &[T], taken: &[u8], scale: &[T]) {
    let c = x.len();
    let (g, taken, scale) = (&g[..c], &taken[..c], &scale[..c]);
    for i in 0..c {
        let a = if taken[i] == k { g[i] } else { T::ZERO };
        x[i] += a * scale[i];
    }
}

/// Adds `e` and `e·(x − mean)`.
#[inline(always)]
pub(super) fn add_all<T: Real>(e_sum: &mut [T], ex_sum: &mut [T], e: &[T], x: &[T], mean: &[T]) {
    let c = e_sum.len();
    let (ex_sum, e, x, mean) = (&mut ex_sum[..c], &e[..c], &x[..c], &mean[..c]);
    for i in 0..c {
        e_sum[i] += e[i];
        ex_sum[i] += e[i] * (x[i] - mean[i]);
    }
}

/// Adds `e·a`, where `a` is `g` if pixel `k` was taken, else 0.
#[inline(always)]
pub(super) fn add_dot_taken<T: Real>(ea_sum: &mut [T], k: u8, g: &[T], taken: &[u8], e: &[T]) {
    let c = ea_sum.len();
    let (g, taken, e) = (&g[..c], &taken[..c], &e[..c]);
    for i in 0..c {
        let a = if taken[i] == k { g[i] } else { T::ZERO };
        ea_sum[i] += e[i] * a;
    }
}

/// Per channel, what multiplies `x − μ`, `e` and 1.
#[derive(Debug)]
pub(super) struct Combination<T> {
    pub(super) of_x: Vec<T>,
    pub(super) of_e: Vec<T>,
    pub(super) constant: Vec<T>,
}

impl<T: Real> Combination<T> {
    pub(super) fn zeros(channels: usize) -> Combination<T> {
        let [of_x, of_e, constant] = [(); 3].map(|()| vec![T::ZERO; channels]);
        Combination { of_x, of_e, constant }
    }
}

/// `y` = the combination of `x − mean` and `e`.
#[inline(always)]
pub(super) fn combine<T: Real>(y: &mut [T], by: &Combination<T>, x: &[T], mean: &[T], e: &[T]) {
    let c = y.len();
    let (x, mean, e) = (&x[..c], &mean[..c], &e[..c]);
    let (of_x, of_e, constant) = (&by.of_x[..c], &by.of_e[..c], &by.constant[..c]);
    for i in 0..c {
        y[i] = (x[i] - mean[i]) * of_x[i] + constant[i] + e[i] * of_e[i];
    }
}

/// `y` = `v` where pixel `k` was taken; pixel 0 clears the rest.
#[inline(always)]
pub(super) fn pick<T: Real>(y: &mut [T], k: u8, taken: &[u8], v: &[T]) {
    let c = y.len();
    let (taken, v) = (&taken[..c], &v[..c]);
    if k == 0 {
        for i in 0..c {
            y[i] = if taken[i] == k { v[i] } else { T::ZERO };
        }
        return;
    }
    for i in 0..c {
        y[i] = if taken[i] == k { v[i] } else { y[i] };
    }
}
