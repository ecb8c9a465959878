//! The second derivative of the fused batch norm, ReLU and max-pooling: the first one's
//! derivative in its inputs. Notation as in [`norm_relu`](super::norm_relu).

use super::norm_relu::Winners;
use super::vectorized;
use crate::real::Real;

/// Where [`NormGrad`]'s results are differentiated, and the cotangents of those.
pub(crate) struct Second<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) gamma: &'a [T],
    pub(crate) g: &'a [T],
    /// Cotangent of `dx`.
    pub(crate) e: &'a [T],
    /// Cotangent of `dγ`.
    pub(crate) e_gamma: &'a [T],
    /// Cotangent of `dβ`.
    pub(crate) e_beta: &'a [T],
}

/// Cotangents of `x`, `γ` and `g` in [`NormGrad`]: with `E = Σe`, `F = Σe·x̂`, `H = Σe·a`,
/// `Q = H − A·E/m − X·F/m` and `u = (e_γ − G·F/m)·a − G·X/m·e`
///
/// `cx = r·(u − mean(u) − x̂·mean(u·x̂)) − γ·r²·Q/m·x̂`, `cγ = r·Q`,
/// `cg = G·(e − E/m − x̂·F/m) + x̂·e_γ + e_β` at the winners.
pub(crate) fn second<T: Real>(
    winners: &Winners<T>,
    Second { x, gamma, g, e, e_gamma, e_beta }: Second<'_, T>,
    [cx, cgamma, cg]: [&mut [T]; 3],
) {
    let Winners { windows, mean, inv_std, taken, .. } = winners;
    let c = windows.shape[3];
    let share = winners.share();
    let mean = &mean[..c];
    let mut sums = [(); 5].map(|()| vec![T::ZERO; c]);
    vectorized(
        #[inline(always)]
        || {
            windows.sums(
                &mut sums,
                #[inline(always)]
                |pixel, window, [a_sum, ax_sum, e_sum, ex_sum, ea_sum]| {
                    let (x, e) = (&x[pixel..pixel + c], &e[pixel..pixel + c]);
                    let Some((to, k)) = window else {
                        for i in 0..c {
                            e_sum[i] += e[i];
                            ex_sum[i] += e[i] * (x[i] - mean[i]);
                        }
                        return;
                    };
                    let (g, taken) = (&g[to..to + c], &taken[to..to + c]);
                    for i in 0..c {
                        let a = if taken[i] == k { g[i] } else { T::ZERO };
                        let x = x[i] - mean[i];
                        a_sum[i] += a;
                        ax_sum[i] += a * x;
                        e_sum[i] += e[i];
                        ex_sum[i] += e[i] * x;
                        ea_sum[i] += e[i] * a;
                    }
                },
            );
        },
    );
    let [a_sum, ax_sum, e_sum, ex_sum, ea_sum] = &sums;
    // cx = x_of_a·a + x_of_e·e + x_of_x·(x − μ) + x_const, cg = g_of_e·e + g_of_x·(x − μ) + g_const
    let [mut x_of_a, mut x_of_e, mut x_of_x, mut x_const] = [(); 4].map(|()| vec![T::ZERO; c]);
    let [mut g_of_e, mut g_of_x, mut g_const] = [(); 3].map(|()| vec![T::ZERO; c]);
    for i in 0..c {
        let (r, scale) = (inv_std[i], gamma[i] * inv_std[i]);
        let (a, ax, e, ex, ea) = (a_sum[i], ax_sum[i] * r, e_sum[i], ex_sum[i] * r, ea_sum[i]);
        let q = ea - (a * e + ax * ex) * share;
        let (of_a, of_e) = (e_gamma[i] - scale * ex * share, -(scale * ax * share));
        let (mean_u, mean_ux) = ((of_a * a + of_e * e) * share, (of_a * ax + of_e * ex) * share);
        cgamma[i] = r * q;
        x_of_a[i] = r * of_a;
        x_of_e[i] = r * of_e;
        x_of_x[i] = -(r * mean_ux + scale * r * q * share) * r;
        x_const[i] = -(r * mean_u);
        g_of_e[i] = scale;
        g_of_x[i] = (e_gamma[i] - scale * ex * share) * r;
        g_const[i] = e_beta[i] - scale * e * share;
    }
    let (x_of_a, x_of_e, x_of_x, x_const) = (&x_of_a[..c], &x_of_e[..c], &x_of_x[..c], &x_const[..c]);
    let (g_of_e, g_of_x, g_const) = (&g_of_e[..c], &g_of_x[..c], &g_const[..c]);
    vectorized(
        #[inline(always)]
        || {
            for i in 0..windows.shape[0] * windows.shape[1] {
                windows.each_pixel(
                    windows.row(i),
                    #[inline(always)]
                    |pixel, window| {
                        let (x, e) = (&x[pixel..pixel + c], &e[pixel..pixel + c]);
                        let cx = &mut cx[pixel..pixel + c];
                        let Some((to, k)) = window else {
                            for i in 0..c {
                                cx[i] = (x[i] - mean[i]) * x_of_x[i] + x_const[i] + e[i] * x_of_e[i];
                            }
                            return;
                        };
                        let (g, taken, cg) = (&g[to..to + c], &taken[to..to + c], &mut cg[to..to + c]);
                        for i in 0..c {
                            let here = taken[i] == k;
                            let a = if here { g[i] } else { T::ZERO };
                            let x = x[i] - mean[i];
                            cx[i] = x * x_of_x[i] + x_const[i] + e[i] * x_of_e[i] + a * x_of_a[i];
                            // the first pixel clears what no pixel was taken for
                            let before = if k == 0 { T::ZERO } else { cg[i] };
                            let v = x * g_of_x[i] + g_const[i] + e[i] * g_of_e[i];
                            cg[i] = if here { v } else { before };
                        }
                    },
                );
            }
        },
    );
}
