//! The passes of [`norm_relu`](super::norm_relu) over rows of pixels.

use super::norm_relu::{NormGrad, OFF};
use super::pool::larger;
use super::tiling::{Row, RowPass, add_to, load, store};
use crate::real::Real;

/// See [`Winners::choose`](super::norm_relu::Winners::choose).
pub(super) struct Choose<'a, T> {
    pub(super) x: &'a [T],
    pub(super) mean: &'a [T],
    pub(super) scale: &'a [T],
    pub(super) beta: &'a [T],
    pub(super) y: &'a mut [T],
    pub(super) taken: &'a mut [u8],
}

impl<T: Real> RowPass for Choose<'_, T> {
    /// The first row of a window's pixels writes its best so far, the others better it,
    /// the last one applies the ReLU.
    #[inline(always)]
    fn row<const L: usize>(&mut self, row: &Row, channel: usize) {
        let mean: [T; L] = load(self.mean, channel);
        let (scale, beta): ([T; L], [T; L]) = (load(self.scale, channel), load(self.beta, channel));
        let (first, last) = row.ends();
        row.each_window(
            channel,
            #[inline(always)]
            |window, mut pixel, numbers| {
                let (mut best, mut taken) = if first {
                    ([T::neg_infinity(); L], [OFF; L])
                } else {
                    (load(self.y, window), load(self.taken, window))
                };
                for k in numbers {
                    let x: [T; L] = load(self.x, pixel);
                    let v = affine(x, mean, scale, beta);
                    for l in 0..L {
                        // selects and no branches
                        let wins = larger(v[l], best[l]);
                        best[l] = if wins { v[l] } else { best[l] };
                        taken[l] = if wins { k as u8 } else { taken[l] };
                    }
                    pixel += self.mean.len();
                }
                if last {
                    for l in 0..L {
                        taken[l] = if best[l] <= T::ZERO { OFF } else { taken[l] }; // a NaN passes
                        best[l] = if best[l] <= T::ZERO { T::ZERO } else { best[l] };
                    }
                }
                store(self.y, window, best);
                store(self.taken, window, taken);
            },
        );
    }
}

/// See [`Winners::add_sums`](super::norm_relu::Winners::add_sums).
pub(super) struct TakenSums<'a, T> {
    pub(super) x: &'a [T],
    pub(super) mean: &'a [T],
    pub(super) g: &'a [T],
    pub(super) taken: &'a [u8],
    pub(super) sums: &'a mut [Vec<T>; 2],
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
        add_to(&mut self.sums[0], channel, a_sum);
        add_to(&mut self.sums[1], channel, ax_sum);
    }
}

/// `(x − mean)·scale + constant`.
#[inline(always)]
fn affine<T: Real, const L: usize>(mut x: [T; L], mean: [T; L], scale: [T; L], constant: [T; L]) -> [T; L] {
    for l in 0..L {
        x[l] = (x[l] - mean[l]) * scale[l] + constant[l];
    }
    x
}

/// See [`NormGrad::write`].
pub(super) struct WriteGrad<'a, T: Real> {
    pub(super) norm: &'a NormGrad<T>,
    pub(super) mean: &'a [T],
    pub(super) x: Option<&'a [T]>,
    pub(super) g: &'a [T],
    pub(super) taken: &'a [u8],
    pub(super) dx: &'a mut [T],
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
