//! Mean and variance of each channel, reading the data once.

use super::blocks::{add_to, load};
use crate::kernels::simd::{WIDEST, vectorized};
use crate::real::Real;

/// Rows whose squares are taken about their own mean while they are in the cache.
const CACHED: usize = 64;

/// Mean and summed squares about it, of the rows seen so far, per channel: blocks of
/// rows are joined exactly (Chan, Golub and LeVeque 1979).
#[derive(Debug)]
pub(crate) struct Moments<T> {
    mean: Vec<T>,
    squares: Vec<T>,
    seen: usize,
}

impl<T: Real> Moments<T> {
    pub(crate) fn new(channels: usize) -> Moments<T> {
        Moments { mean: vec![T::ZERO; channels], squares: vec![T::ZERO; channels], seen: 0 }
    }

    /// Takes further rows of channels.
    pub(crate) fn add(&mut self, x: &[T]) {
        let c = self.mean.len();
        let whole = c - c % WIDEST;
        for block in x.chunks(CACHED * c) {
            vectorized(
                #[inline(always)]
                || {
                    for channel in (0..whole).step_by(WIDEST) {
                        self.join::<WIDEST>(block, channel);
                    }
                    for channel in whole..c {
                        self.join::<1>(block, channel);
                    }
                },
            );
            self.seen += block.len() / c;
        }
    }

    /// Takes a block of rows at `L` channels.
    #[inline(always)] // into code compiled for wider vectors
    fn join<const L: usize>(&mut self, block: &[T], channel: usize) {
        let c = self.mean.len();
        let (a, b) = (self.seen as f64, (block.len() / c) as f64);
        let mut own = [T::ZERO; L];
        let rows = block.len() / c;
        for i in 0..rows {
            add_to(&mut own, 0, load::<T, L>(block, i * c + channel));
        }
        let share = T::from_f64(1.0 / b);
        for l in 0..L {
            own[l] *= share;
        }
        let mut squares = [T::ZERO; L];
        for i in 0..rows {
            let x: [T; L] = load(block, i * c + channel);
            for l in 0..L {
                squares[l] += (x[l] - own[l]) * (x[l] - own[l]);
            }
        }
        // how far the mean moves, and what the distance of the two means adds
        let (weight, apart) = (T::from_f64(b / (a + b)), T::from_f64(a * b / (a + b)));
        for l in 0..L {
            let far = own[l] - self.mean[channel + l];
            self.mean[channel + l] += far * weight;
            self.squares[channel + l] += squares[l] + far * far * apart;
        }
    }

    /// Writes the means and `1/√(var + eps)`, with the biased variance.
    pub(crate) fn finish(self, eps: T, mean: &mut [T], inv_std: &mut [T]) {
        let share = T::from_f64(1.0 / self.seen as f64);
        mean.copy_from_slice(&self.mean);
        let deviation = |&q: &T| T::one() / (q * share + eps).sqrt();
        inv_std.iter_mut().zip(&self.squares).for_each(|(r, q)| *r = deviation(q));
    }
}

/// Mean and `1/√(var + eps)` of each channel of `x`, rows as long as `mean`.
pub(crate) fn moments<T: Real>(x: &[T], eps: T, mean: &mut [T], inv_std: &mut [T]) {
    let mut moments = Moments::new(mean.len());
    moments.add(x);
    moments.finish(eps, mean, inv_std);
}
