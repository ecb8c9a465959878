//! The first derivative of the fused batch norm, ReLU and max-pooling. Notation as in
//! [`winners`](super::winners).

use super::blocks::{load, store};
use super::row_sums::RowSums;
use super::rows::{Row, RowPass, affine, run};
use super::winners::Winners;
use crate::pool::Buf;
use crate::real::Real;

impl<T: Real> Winners<T> {
    /// Adds `Σa` and `Σa·(x − μ)` over images `from..` to `sums`; `g` is the cotangent of
    /// the whole batch's outputs.
    pub(crate) fn add_sums(&self, from: usize, x: &[T], g: &[T], sums: &mut [Vec<T>; 2]) {
        let (block, outputs) = self.block(from, x.len());
        let (g, taken) = (&g[outputs.clone()], &self.taken[outputs]);
        run(&block, &mut TakenSums { x, mean: &self.mean, g, taken, sums: RowSums::new(sums) });
    }
}

/// The first derivative: cotangents of `x`, `γ` and `β` for that of the outputs. With
/// `G = γ·r`, `A = Σa`, `X = Σa·x̂` over `m` elements per channel
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

/// See [`Winners::add_sums`].
struct TakenSums<'a, T> {
    x: &'a [T],
    mean: &'a [T],
    g: &'a [T],
    taken: &'a [u8],
    sums: RowSums<'a, T, 2>,
}

impl<T: Real> RowPass for TakenSums<'_, T> {
    #[inline(always)]
    fn row<const L: usize>(&mut self, row: &Row, channel: usize) {
        let mean: [T; L] = load(self.mean, channel);
        let [mut a_sum, mut ax_sum] = [[T::ZERO; L]; 2];
        row.each_taken(
            channel,
            self.g,
            self.taken,
            #[inline(always)]
            |pixel, a: [T; L]| {
                let x: [T; L] = load(self.x, pixel);
                for l in 0..L {
                    a_sum[l] += a[l];
                    ax_sum[l] += a[l] * (x[l] - mean[l]);
                }
            },
        );
        self.sums.add(row, channel, [a_sum, ax_sum]);
    }
}

/// See [`NormGrad::write`].
struct WriteGrad<'a, T: Real> {
    norm: &'a NormGrad<T>,
    mean: &'a [T],
    x: Option<&'a [T]>,
    g: &'a [T],
    taken: &'a [u8],
    dx: &'a mut [T],
}

impl<T: Real> RowPass for WriteGrad<'_, T> {
    #[inline(always)]
    fn row<const L: usize>(&mut self, row: &Row, channel: usize) {
        let of = self.norm;
        let (mean, of_a): ([T; L], [T; L]) = (load(self.mean, channel), load(&of.of_a, channel));
        let (of_x, constant): ([T; L], [T; L]) = (load(&of.of_x, channel), load(&of.constant, channel));
        row.each_taken(
            channel,
            self.g,
            self.taken,
            #[inline(always)]
            |pixel, a: [T; L]| {
                let x = load(self.x.unwrap_or(self.dx), pixel);
                let mut dx = affine(x, mean, of_x, constant);
                for l in 0..L {
                    dx[l] += a[l] * of_a[l];
                }
                store(self.dx, pixel, dx);
            },
        );
        row.each_other(
            channel,
            #[inline(always)]
            |pixel| {
                let x = load(self.x.unwrap_or(self.dx), pixel);
                store(self.dx, pixel, affine(x, mean, of_x, constant));
            },
        );
    }
}
