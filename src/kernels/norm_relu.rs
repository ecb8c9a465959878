//! Batch norm, affine map, ReLU and max-pooling of non-overlapping windows in one
//! pass, and the passes of its first and second derivative.
//!
//! With `x̂ = (x − μ)·r`, an output is `max(γ·x̂ + β, 0)` at the position that wins its
//! window, or 0: once the winners are known it is linear in `(x̂·γ, β)`. Let `a` be a
//! cotangent of the outputs put back at the winners, zero elsewhere. Every derivative
//! is then, per channel, a combination `c₀ + c₁·x̂ + c₂·a + c₃·e` of whole arrays with
//! coefficients made of a few sums, so each costs one pass for the sums and one for
//! the result, and nothing in between is stored.

use std::ops::Range;

use super::moments::Moments;
use super::pixel::{OFF, add_taken, affine, compare, gate, scatter};
use super::pool::Windows;
use super::vectorized;
use crate::pool::Buf;
use crate::real::Real;

/// What the forward pass leaves for the derivatives.
#[derive(Debug)]
pub(crate) struct Winners<T: Real> {
    pub(crate) windows: Windows,
    pub(crate) eps: T,
    pub(super) mean: Buf<T>,
    /// `r = 1/√(var + eps)`.
    pub(super) inv_std: Buf<T>,
    /// Which pixel of its window each output took, in row-major order, or [`OFF`].
    pub(super) taken: Buf<u8>,
}

/// Rows of pixels of a batch, each with the row of windows it lies in.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// Where the row's first pixel starts.
    start: usize,
    /// Where the first window's output starts, and the number of the row's first
    /// pixel within its window; `None` below the last row of windows.
    windows: Option<(usize, usize)>,
}

impl Windows {
    /// Whether a pixel lies in one window at most, and a window is small enough for [`Winners`].
    pub(crate) fn is_tiling(&self) -> bool {
        self.stride == self.window && self.window[0] * self.window[1] < usize::from(OFF)
    }

    pub(super) fn row(&self, i: usize) -> Row {
        let ([_, h, w, c], [kh, kw]) = (self.shape, self.window);
        let (oh, ow) = (h / kh, w / kw);
        let (image, y) = (i / h, i % h);
        let windows = (y / kh < oh).then_some(((image * oh + y / kh) * ow * c, y % kh * kw));
        Row { start: i * w * c, windows }
    }

    /// Calls `f` for each pixel of a row: where it starts, and, if it lies in a window,
    /// where that window's output starts and the pixel's number within it.
    #[inline(always)] // into code compiled for wider vectors
    pub(super) fn each_pixel(&self, row: Row, mut f: impl FnMut(usize, Option<(usize, u8)>)) {
        let ([_, _, w, c], kw) = (self.shape, self.window[1]);
        let mut x = 0;
        if let Some((start, first)) = row.windows {
            for window in 0..w / kw {
                for k in 0..kw {
                    f(row.start + x * c, Some((start + window * c, (first + k) as u8)));
                    x += 1;
                }
            }
        }
        for x in x..w {
            f(row.start + x * c, None);
        }
    }

    /// Calls `f(pixel, window, sums)` for all pixels and adds the sums it made, `N` for
    /// each channel, to `totals`: added up row by row, then over the rows.
    #[inline(always)] // into code compiled for wider vectors
    pub(super) fn sums<T: Real, const N: usize>(
        &self,
        totals: &mut [Vec<T>; N],
        mut f: impl FnMut(usize, Option<(usize, u8)>, [&mut [T]; N]),
    ) {
        let [n, h, _, c] = self.shape;
        let mut parts = [(); N].map(|()| vec![T::ZERO; c]);
        for i in 0..n * h {
            parts.iter_mut().for_each(|part| part.fill(T::ZERO));
            self.each_pixel(
                self.row(i),
                #[inline(always)]
                |pixel, window| f(pixel, window, parts.each_mut().map(|part| &mut part[..c])),
            );
            for (total, part) in totals.iter_mut().zip(&parts) {
                total.iter_mut().zip(part).for_each(|(t, &p)| *t += p);
            }
        }
    }
}

impl<T: Real> Winners<T> {
    /// Statistics are known, winners are not: for [`choose`](Self::choose).
    pub(crate) fn new(windows: Windows, eps: T, moments: Moments<T>) -> Winners<T> {
        let c = windows.shape[3];
        let (mut mean, mut inv_std) = (Buf::dirty(c), Buf::dirty(c));
        moments.finish(eps, &mut mean, &mut inv_std);
        let taken = Buf::dirty(windows.pooled().iter().product());
        Winners { windows, eps, mean, inv_std, taken }
    }

    /// The forward pass over images `from..` of the batch, as many as `x` holds:
    /// `max(γ·x̂ + β, 0)` of each window's winner to `y`, the whole batch's outputs, and the
    /// winners to `self`. Among equal ones the first wins, and a NaN wins over every number.
    pub(crate) fn choose(&mut self, from: usize, x: &[T], [gamma, beta]: [&[T]; 2], y: &mut [T]) {
        let (block, outputs) = self.block(from, x.len());
        let c = block.shape[3];
        let scale: Vec<T> = gamma.iter().zip(&*self.inv_std).map(|(&g, &r)| g * r).collect();
        let (mean, scale, beta) = (&self.mean[..c], &scale[..c], &beta[..c]);
        let (y, taken) = (&mut y[outputs.clone()], &mut self.taken[outputs]);
        vectorized(
            #[inline(always)]
            || {
                block.each(
                    #[inline(always)]
                    |to, from| {
                        let (y, taken) = (&mut y[to..to + c], &mut taken[to..to + c]);
                        for (k, &f) in from.iter().enumerate() {
                            compare(y, taken, k as u8, &x[f..f + c], mean, scale, beta);
                        }
                        gate(y, taken);
                    },
                );
            },
        );
    }

    /// The windows of images `from..` of a batch, as many as have `len` elements, and
    /// where their outputs lie in the batch's.
    pub(super) fn block(&self, from: usize, len: usize) -> (Windows, Range<usize>) {
        let [_, h, w, c] = self.windows.shape;
        let count = len / (h * w * c);
        let block = Windows { shape: [count, h, w, c], ..self.windows };
        let outputs: usize = block.pooled()[1..].iter().product();
        (block, from * outputs..(from + count) * outputs)
    }

    /// One over the number of elements a channel.
    pub(super) fn share(&self) -> T {
        T::of(1.0 / self.windows.shape[..3].iter().product::<usize>() as f64)
    }

    /// Adds `A = Σa` and `Σa·(x − μ)` over images `from..` to `sums`; `g` is the
    /// cotangent of the whole batch's outputs.
    pub(crate) fn add_sums(&self, from: usize, x: &[T], g: &[T], sums: &mut [Vec<T>; 2]) {
        let (block, outputs) = self.block(from, x.len());
        let c = block.shape[3];
        let (mean, g, taken) = (&self.mean[..c], &g[outputs.clone()], &self.taken[outputs]);
        vectorized(
            #[inline(always)]
            || {
                block.sums(
                    sums,
                    #[inline(always)]
                    |pixel, window, [a_sum, ax_sum]| {
                        let Some((to, k)) = window else { return };
                        let (x, taken) = (&x[pixel..pixel + c], &taken[to..to + c]);
                        add_taken(a_sum, ax_sum, k, &g[to..to + c], taken, x, mean);
                    },
                );
            },
        );
    }
}

/// The first derivative: cotangents of `x`, `γ` and `β` for that of the outputs. With
/// `G = γ·r`, `A = Σa`, `X = Σa·x̂` over `m` elements a channel
///
/// `dx = G·(a − A/m − x̂·X/m)`, `dγ = X`, `dβ = A`.
#[derive(Debug)]
pub(crate) struct NormGrad<T: Real> {
    pub(crate) gamma: Buf<T>,
    pub(crate) beta: Buf<T>,
    // dx = of_a·a + of_x·(x − μ) + constant
    of_a: Vec<T>,
    of_x: Vec<T>,
    constant: Vec<T>,
}

impl<T: Real> NormGrad<T> {
    /// From the sums that [`Winners::add_sums`] made of all images.
    pub(crate) fn new(winners: &Winners<T>, gamma: &[T], [a_sum, ax_sum]: &[Vec<T>; 2]) -> NormGrad<T> {
        let (c, share, inv_std) = (gamma.len(), winners.share(), &winners.inv_std);
        let [mut of_a, mut of_x, mut constant] = [(); 3].map(|()| vec![T::ZERO; c]);
        let (mut dgamma, mut dbeta) = (Buf::dirty(c), Buf::dirty(c));
        for i in 0..c {
            dbeta[i] = a_sum[i];
            dgamma[i] = ax_sum[i] * inv_std[i];
            of_a[i] = gamma[i] * inv_std[i];
            of_x[i] = -of_a[i] * share * dgamma[i] * inv_std[i];
            constant[i] = -of_a[i] * share * dbeta[i];
        }
        NormGrad { gamma: dgamma, beta: dbeta, of_a, of_x, constant }
    }

    /// Writes `dx` of images `from..`, as many as `dx` holds. Without `x`, `dx` holds it
    /// on entry. `g` is the cotangent of the whole batch's outputs.
    pub(crate) fn write(&self, winners: &Winners<T>, from: usize, x: Option<&[T]>, g: &[T], dx: &mut [T]) {
        let (block, outputs) = winners.block(from, dx.len());
        let c = block.shape[3];
        let (mean, g, taken) = (&winners.mean[..c], &g[outputs.clone()], &winners.taken[outputs]);
        let (of_a, of_x, constant) = (&self.of_a[..c], &self.of_x[..c], &self.constant[..c]);
        vectorized(
            #[inline(always)]
            || {
                for i in 0..block.shape[0] * block.shape[1] {
                    let row = block.row(i);
                    if let Some(x) = x {
                        let whole = row.start..row.start + block.shape[2] * c;
                        dx[whole.clone()].copy_from_slice(&x[whole]);
                    }
                    block.each_pixel(
                        row,
                        #[inline(always)]
                        |pixel, window| {
                            let dx = &mut dx[pixel..pixel + c];
                            affine(dx, mean, of_x, constant);
                            if let Some((to, k)) = window {
                                scatter(dx, k, &g[to..to + c], &taken[to..to + c], of_a);
                            }
                        },
                    );
                }
            },
        );
    }
}

impl<T: Real> Winners<T> {
    /// For each output its winner's position in `x` and whether it passed the ReLU (1 or 0).
    pub(crate) fn positions(&self) -> (Buf<u32>, Buf<T>) {
        let mut at = Buf::dirty(self.taken.len());
        let mut on = Buf::dirty(self.taken.len());
        self.windows.each(|to, from| {
            for i in 0..self.windows.shape[3] {
                let taken = self.taken[to + i];
                on[to + i] = if taken == OFF { T::ZERO } else { T::one() };
                at[to + i] = (from[if taken == OFF { 0 } else { usize::from(taken) }] + i) as u32;
            }
        });
        (at, on)
    }
}
