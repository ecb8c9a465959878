//! The second derivative of the fused batch norm, ReLU and max-pooling: the first one's
//! derivative in its inputs. Notation as in [`norm_relu`](super::norm_relu).

use super::norm_relu::Winners;
use super::pixel::{Combination, add_all, add_dot_taken, add_taken, combine, pick, scatter};
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
                    add_all(e_sum, ex_sum, e, x, mean);
                    if let Some((to, k)) = window {
                        let (g, taken) = (&g[to..to + c], &taken[to..to + c]);
                        add_taken(a_sum, ax_sum, k, g, taken, x, mean);
                        add_dot_taken(ea_sum, k, g, taken, e);
                    }
                },
            );
        },
    );
    let [a_sum, ax_sum, e_sum, ex_sum, ea_sum] = &sums;
    // cx and cg as combinations of x − μ and e; at the winners cx has of_a·a too
    let (mut to_x, mut to_g) = (Combination::zeros(c), Combination::zeros(c));
    let mut of_a = vec![T::ZERO; c];
    for i in 0..c {
        let (r, scale) = (inv_std[i], gamma[i] * inv_std[i]);
        let (a, ax, e, ex, ea) = (a_sum[i], ax_sum[i] * r, e_sum[i], ex_sum[i] * r, ea_sum[i]);
        let q = ea - (a * e + ax * ex) * share;
        let (u_of_a, u_of_e) = (e_gamma[i] - scale * ex * share, -(scale * ax * share));
        let (mean_u, mean_ux) = ((u_of_a * a + u_of_e * e) * share, (u_of_a * ax + u_of_e * ex) * share);
        cgamma[i] = r * q;
        of_a[i] = r * u_of_a;
        to_x.of_e[i] = r * u_of_e;
        to_x.of_x[i] = -(r * mean_ux + scale * r * q * share) * r;
        to_x.constant[i] = -(r * mean_u);
        to_g.of_e[i] = scale;
        to_g.of_x[i] = u_of_a * r;
        to_g.constant[i] = e_beta[i] - scale * e * share;
    }
    let mut picked = vec![T::ZERO; c];
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
                        combine(cx, &to_x, x, mean, e);
                        if let Some((to, k)) = window {
                            let taken = &taken[to..to + c];
                            scatter(cx, k, &g[to..to + c], taken, &of_a);
                            combine(&mut picked, &to_g, x, mean, e);
                            pick(&mut cg[to..to + c], k, taken, &picked);
                        }
                    },
                );
            }
        },
    );
}
