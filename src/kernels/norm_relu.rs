//! Batch norm, affine map, ReLU and max-pooling of windows side by side in one pass,
//! and the passes of its first derivative.
//!
//! With `x̂ = (x − μ)·r`, an output is `max(γ·x̂ + β, 0)` at the pixel that wins its
//! window, or 0: once the winners are known it is linear in `γ·x̂` and `β`. Let `a` be a
//! cotangent of the outputs put back at the winners, zero elsewhere. Every derivative
//! is then, per channel, a combination of `1`, `x − μ`, `a` and whole arrays `e` with
//! coefficients made of a few sums: each costs one pass for the sums and one for
//! the result, and nothing in between is stored.

use std::ops::Range;

use super::moments::Moments;
use super::norm_relu_passes::{Choose, TakenSums, WriteGrad};
use super::pool::Windows;
use super::tiling::run;
use crate::pool::Buf;
use crate::real::Real;

/// In place of a winner: the output was 0, nothing goes back.
pub(super) const OFF: u8 = u8::MAX;

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

impl Windows {
    /// Whether a pixel lies in one window at most, and a window is small enough for [`Winners`].
    pub(crate) fn is_tiling(&self) -> bool {
        self.stride == self.window && self.window[0] * self.window[1] < usize::from(OFF)
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

    /// For images that need no centring and scaling: mean 0 and `r = 1`.
    pub(crate) fn of_standardised(windows: Windows) -> Winners<T> {
        let c = windows.shape[3];
        let taken = Buf::dirty(windows.pooled().iter().product());
        Winners { windows, eps: T::ZERO, mean: Buf::zeros(c), inv_std: Buf::filled(c, T::one()), taken }
    }

    /// The forward pass over images `from..` of the batch, as many as `x` holds:
    /// `max(γ·x̂ + β, 0)` of each window's winner to `y`, the whole batch's outputs, and the
    /// winners to `self`. Among equal ones the first wins, and a NaN wins over every number.
    pub(crate) fn choose(&mut self, from: usize, x: &[T], [gamma, beta]: [&[T]; 2], y: &mut [T]) {
        let (block, outputs) = self.block(from, x.len());
        let scale: Vec<T> = gamma.iter().zip(&*self.inv_std).map(|(&g, &r)| g * r).collect();
        let (y, taken) = (&mut y[outputs.clone()], &mut self.taken[outputs]);
        run(&block, &mut Choose { x, mean: &self.mean, scale: &scale, beta, y, taken });
    }

    /// The windows of images `from..` of a batch, as many as have `len` elements, and
    /// where their outputs lie in the batch's.
    fn block(&self, from: usize, len: usize) -> (Windows, Range<usize>) {
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

    /// Adds `Σa` and `Σa·(x − μ)` over images `from..` to `sums`; `g` is the cotangent of
    /// the whole batch's outputs.
    pub(crate) fn add_sums(&self, from: usize, x: &[T], g: &[T], sums: &mut [Vec<T>; 2]) {
        let (block, outputs) = self.block(from, x.len());
        let (g, taken) = (&g[outputs.clone()], &self.taken[outputs]);
        run(&block, &mut TakenSums { x, mean: &self.mean, g, taken, sums });
    }

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

/// The first derivative: cotangents of `x`, `γ` and `β` for that of the outputs. With
/// `G = γ·r`, `A = Σa`, `X = Σa·x̂` over `m` elements a channel
///
/// `dx = G·(a − A/m − x̂·X/m)`, `dγ = X`, `dβ = A`.
#[derive(Debug)]
pub(crate) struct NormGrad<T: Real> {
    pub(crate) gamma: Buf<T>,
    pub(crate) beta: Buf<T>,
    // dx = of_a·a + of_x·(x − μ) + constant
    pub(super) of_a: Vec<T>,
    pub(super) of_x: Vec<T>,
    pub(super) constant: Vec<T>,
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
        let (g, taken) = (&g[outputs.clone()], &winners.taken[outputs]);
        run(&block, &mut WriteGrad { norm: self, mean: &winners.mean, x, g, taken, dx });
    }
}
