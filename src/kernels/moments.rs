//! Mean and variance of each channel, reading the data once.

use super::vectorized;
use crate::real::Real;

/// Rows whose squares are taken about their own mean while they are in the cache.
const ROWS: usize = 64;

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
        let (mut own_mean, mut own_squares) = (vec![T::ZERO; c], vec![T::ZERO; c]);
        for block in x.chunks(ROWS * c) {
            let rows = block.len() / c;
            let share = T::of(1.0 / rows as f64);
            // what the distance of the two means adds, and how far the mean moves
            let (a, b) = (self.seen as f64, rows as f64);
            let (apart, weight) = (T::of(a * b / (a + b)), T::of(b / (a + b)));
            let (sum, about) = (&mut own_mean[..c], &mut own_squares[..c]);
            let (mean, squares) = (&mut self.mean[..c], &mut self.squares[..c]);
            vectorized(
                #[inline(always)]
                || {
                    sum.fill(T::ZERO);
                    for row in block.chunks_exact(c) {
                        sum.iter_mut().zip(row).for_each(|(s, &x)| *s += x);
                    }
                    sum.iter_mut().for_each(|s| *s *= share);
                    about.fill(T::ZERO);
                    for row in block.chunks_exact(c) {
                        let terms = about.iter_mut().zip(row.iter().zip(&*sum));
                        terms.for_each(|(q, (&x, &m))| *q += (x - m) * (x - m));
                    }
                    for i in 0..c {
                        let far = sum[i] - mean[i];
                        mean[i] += far * weight;
                        squares[i] += about[i] + far * far * apart;
                    }
                },
            );
            self.seen += rows;
        }
    }

    /// Writes the means and `1/√(var + eps)`, with the biased variance.
    pub(crate) fn finish(self, eps: T, mean: &mut [T], inv_std: &mut [T]) {
        let share = T::of(1.0 / self.seen as f64);
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
