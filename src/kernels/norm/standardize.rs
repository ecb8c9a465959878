//! The passes of batch norm over rows of channels.

use super::moments::moments;
use crate::kernels::reduce::{dot_rows, sum_rows};
use crate::kernels::simd::vectorized;
use crate::real::Real;

/// `x_hat = (x − mean)·inv_std` and `inv_std = 1/√(var + eps)` per channel, over
/// rows as long as `inv_std`.
pub(crate) fn standardize<T: Real>(x: &[T], eps: T, x_hat: &mut [T], inv_std: &mut [T]) {
    let c = inv_std.len();
    let mut mean = vec![T::ZERO; c];
    moments(x, eps, &mut mean, inv_std);
    let (mean, inv_std) = (&mean[..c], &inv_std[..c]);
    vectorized(
        #[inline(always)]
        || {
            for (out, x) in x_hat.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
                for i in 0..c {
                    out[i] = (x[i] - mean[i]) * inv_std[i];
                }
            }
        },
    );
}

/// `out = r·(g − mean(g) − x_hat·mean(g·x_hat))` per channel, over rows as long as `r`.
pub(crate) fn project<T: Real>(g: &[T], x_hat: &[T], r: &[T], out: &mut [T]) {
    let c = r.len();
    let share = T::from_f64(1.0 / (g.len() / c) as f64);
    let (mut mean, mut along) = (vec![T::ZERO; c], vec![T::ZERO; c]);
    sum_rows(g, &mut mean);
    dot_rows(g, x_hat, &mut along);
    // r·(g − mean) − x_hat·(r·along), with the products by channel taken once
    for i in 0..c {
        mean[i] *= share;
        along[i] *= share * r[i];
    }
    let (mean, along) = (&mean[..c], &along[..c]);
    vectorized(
        #[inline(always)]
        || {
            for ((out, g), x) in out.chunks_exact_mut(c).zip(g.chunks_exact(c)).zip(x_hat.chunks_exact(c)) {
                for i in 0..c {
                    out[i] = (g[i] - mean[i]) * r[i] - x[i] * along[i];
                }
            }
        },
    );
}
