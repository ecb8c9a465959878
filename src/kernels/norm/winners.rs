//! Batch norm, affine map, ReLU and max-pooling of windows side by side in one pass,
//! and the passes of its first derivative.
//!
//! With `x̂ = (x − μ)·r`, an output is `max(γ·x̂ + β, 0)` at the pixel that wins its
//! window, or 0 (without the ReLU, `γ·x̂ + β`): once the winners are known it is linear in `γ·x̂` and `β`. Let `a` be a
//! cotangent of the outputs put back at the winners, zero elsewhere. Every derivative
//! is then, per channel, a combination of `1`, `x − μ`, `a` and whole arrays `e` with
//! coefficients made of a few sums: each costs one pass for the sums and one for
//! the result, and nothing in between is stored.

use std::ops::Range;

use super::blocks::{load, store};
use super::moments::Moments;
use super::rows::{OFF, Row, RowPass, affine, run};
use crate::kernels::pool::{PoolWindows, larger};
use crate::pool::Buf;
use crate::real::Real;

/// What the forward pass leaves for the derivatives.
#[derive(Debug)]
pub(crate) struct Winners<T: Real> {
    pub(crate) windows: PoolWindows,
    pub(crate) eps: T,
    /// Outputs are at least this, and what is not above it has no derivative: 0 for a ReLU, minus infinity for none.
    floor: T,
    pub(in crate::kernels) mean: Buf<T>,
    /// `r = 1/√(var + eps)`.
    pub(super) inv_std: Buf<T>,
    /// Which pixel of its window each output took, in row-major order, or [`OFF`].
    pub(super) taken: Buf<u8>,
}

impl PoolWindows {
    /// Whether a pixel lies in one window at most, and a window is small enough for [`Winners`].
    pub(crate) fn is_tiling(&self) -> bool {
        self.stride == self.window && self.window[0] * self.window[1] < usize::from(OFF)
    }
}

impl<T: Real> Winners<T> {
    /// Statistics are known, winners are not: for [`choose`](Self::choose).
    pub(crate) fn new(windows: PoolWindows, eps: T, moments: Moments<T>) -> Winners<T> {
        let c = windows.shape[3];
        let (mut mean, mut inv_std) = (Buf::dirty(c), Buf::dirty(c));
        moments.finish(eps, &mut mean, &mut inv_std);
        let taken = Buf::dirty(windows.pooled().iter().product());
        Winners { windows, eps, floor: T::ZERO, mean, inv_std, taken }
    }

    /// The same without the ReLU.
    pub(crate) fn without_relu(self) -> Winners<T> {
        Winners { floor: T::neg_infinity(), ..self }
    }

    /// For images that need no centring and scaling: mean 0 and `r = 1`.
    pub(crate) fn of_standardised(windows: PoolWindows) -> Winners<T> {
        let c = windows.shape[3];
        let taken = Buf::dirty(windows.pooled().iter().product());
        let (mean, inv_std) = (Buf::zeros(c), Buf::filled(c, T::one()));
        Winners { windows, eps: T::ZERO, floor: T::ZERO, mean, inv_std, taken }
    }

    /// Mean and biased variance of each channel of the batch.
    pub(crate) fn statistics(&self) -> [Vec<f64>; 2] {
        // a channel that does not vary must not get a variance below 0 by rounding; NaN stays
        let var = |r: &T| {
            let var = 1.0 / (r.as_f64() * r.as_f64()) - self.eps.as_f64();
            if var < 0.0 { 0.0 } else { var }
        };
        [self.mean.iter().map(|m| m.as_f64()).collect(), self.inv_std.iter().map(var).collect()]
    }

    /// The forward pass over images `from..` of the batch, as many as `x` holds:
    /// `max(γ·x̂ + β, floor)` of each window's winner to `y`, the whole batch's outputs, and the
    /// winners to `self`. Among equal ones the first wins, and a NaN wins over every number.
    pub(crate) fn choose(&mut self, from: usize, x: &[T], [gamma, beta]: [&[T]; 2], y: &mut [T]) {
        let (block, outputs) = self.block(from, x.len());
        let scale: Vec<T> = gamma.iter().zip(&*self.inv_std).map(|(&g, &r)| g * r).collect();
        let (y, taken) = (&mut y[outputs.clone()], &mut self.taken[outputs]);
        run(&block, &mut Choose { x, mean: &self.mean, scale: &scale, beta, floor: self.floor, y, taken });
    }

    /// The windows of images `from..` of a batch, as many as have `len` elements, and
    /// where their outputs lie in the batch's.
    pub(super) fn block(&self, from: usize, len: usize) -> (PoolWindows, Range<usize>) {
        let [_, h, w, c] = self.windows.shape;
        let count = len / (h * w * c);
        let block = PoolWindows { shape: [count, h, w, c], ..self.windows };
        let outputs: usize = block.pooled()[1..].iter().product();
        (block, from * outputs..(from + count) * outputs)
    }

    /// One over the number of elements per channel.
    pub(super) fn share(&self) -> T {
        T::from_f64(1.0 / self.windows.shape[..3].iter().product::<usize>() as f64)
    }

    /// For each output its winner's position in `x` and whether it passed the ReLU (1 or 0).
    ///
    /// # Panics
    /// If a position does not fit 32 bits, naming `op` and the shape.
    #[track_caller]
    pub(crate) fn positions(&self, op: &str) -> (Buf<u32>, Buf<T>) {
        self.windows.assert_positions_fit(op);
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

/// See [`Winners::choose`].
struct Choose<'a, T> {
    x: &'a [T],
    mean: &'a [T],
    scale: &'a [T],
    beta: &'a [T],
    floor: T,
    y: &'a mut [T],
    taken: &'a mut [u8],
}

impl<T: Real> RowPass for Choose<'_, T> {
    /// The first row of a window's pixels writes its best so far, the others better it,
    /// the last one applies the ReLU.
    #[inline(always)]
    fn row<const L: usize>(&mut self, row: &Row, channel: usize) {
        let mean: [T; L] = load(self.mean, channel);
        let (scale, beta): ([T; L], [T; L]) = (load(self.scale, channel), load(self.beta, channel));
        let ((first, last), floor) = (row.ends(), self.floor);
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
                        taken[l] = if best[l] <= floor { OFF } else { taken[l] }; // a NaN passes
                        best[l] = if best[l] <= floor { floor } else { best[l] };
                    }
                }
                store(self.y, window, best);
                store(self.taken, window, taken);
            },
        );
    }
}
