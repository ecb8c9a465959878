//! The second derivative of the fused batch norm, ReLU and max-pooling: the first one's
//! derivative in its inputs. Notation as in [`winners`](super::winners).

use super::blocks::{load, store};
use super::row_sums::RowSums;
use super::rows::{Row, RowPass, run, taken_part};
use super::winners::Winners;
use crate::real::Real;

/// Where [`NormGrad`](super::NormGrad)'s results are differentiated, and the cotangents of those.
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

/// Cotangents of `x`, `γ` and `g` in [`NormGrad`](super::NormGrad): with `E = Σe`, `F = Σe·x̂`, `H = Σe·a`,
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
    let (c, share) = (windows.shape[3], winners.share());
    let mut sums = [(); 5].map(|()| vec![T::ZERO; c]);
    run(windows, &mut Sums { x, mean, e, g, taken, sums: RowSums::new(&mut sums) });
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
    run(windows, &mut Write { x, mean, e, g, taken, to_x: &to_x, to_g: &to_g, of_a: &of_a, cx, cg });
}

/// Per channel, what multiplies `x − μ`, `e` and 1.
struct Combination<T> {
    of_x: Vec<T>,
    of_e: Vec<T>,
    constant: Vec<T>,
}

impl<T: Real> Combination<T> {
    fn zeros(channels: usize) -> Combination<T> {
        let [of_x, of_e, constant] = [(); 3].map(|()| vec![T::ZERO; channels]);
        Combination { of_x, of_e, constant }
    }

    #[inline(always)]
    fn block<const L: usize>(&self, channel: usize) -> Block<T, L> {
        let (of_x, of_e) = (load(&self.of_x, channel), load(&self.of_e, channel));
        Block { of_x, of_e, constant: load(&self.constant, channel) }
    }
}

/// A combination at `L` channels.
struct Block<T, const L: usize> {
    of_x: [T; L],
    of_e: [T; L],
    constant: [T; L],
}

impl<T: Real, const L: usize> Block<T, L> {
    #[inline(always)]
    fn of(&self, x: [T; L], e: [T; L]) -> [T; L] {
        let mut y = [T::ZERO; L];
        for l in 0..L {
            y[l] = x[l] * self.of_x[l] + self.constant[l] + e[l] * self.of_e[l];
        }
        y
    }
}

/// `x − μ`.
#[inline(always)]
fn centred<T: Real, const L: usize>(mut x: [T; L], mean: [T; L]) -> [T; L] {
    for l in 0..L {
        x[l] -= mean[l];
    }
    x
}

struct Sums<'a, T> {
    x: &'a [T],
    mean: &'a [T],
    e: &'a [T],
    g: &'a [T],
    taken: &'a [u8],
    /// Of `a`, `a·(x − μ)`, `e`, `e·(x − μ)` and `e·a`.
    sums: RowSums<'a, T, 5>,
}

impl<T: Real> RowPass for Sums<'_, T> {
    #[inline(always)]
    fn row<const L: usize>(&mut self, row: &Row, channel: usize) {
        let mean: [T; L] = load(self.mean, channel);
        let [mut a_sum, mut ax_sum, mut e_sum, mut ex_sum, mut ea_sum] = [[T::ZERO; L]; 5];
        row.each_taken(
            channel,
            self.g,
            self.taken,
            #[inline(always)]
            |pixel, a: [T; L]| {
                let (x, e): (_, [T; L]) = (centred(load(self.x, pixel), mean), load(self.e, pixel));
                for l in 0..L {
                    a_sum[l] += a[l];
                    ax_sum[l] += a[l] * x[l];
                    e_sum[l] += e[l];
                    ex_sum[l] += e[l] * x[l];
                    ea_sum[l] += e[l] * a[l];
                }
            },
        );
        row.each_other(
            channel,
            #[inline(always)]
            |pixel| {
                let (x, e): (_, [T; L]) = (centred(load(self.x, pixel), mean), load(self.e, pixel));
                for l in 0..L {
                    e_sum[l] += e[l];
                    ex_sum[l] += e[l] * x[l];
                }
            },
        );
        self.sums.add(row, channel, [a_sum, ax_sum, e_sum, ex_sum, ea_sum]);
    }
}

struct Write<'a, T> {
    x: &'a [T],
    mean: &'a [T],
    e: &'a [T],
    g: &'a [T],
    taken: &'a [u8],
    to_x: &'a Combination<T>,
    to_g: &'a Combination<T>,
    of_a: &'a [T],
    cx: &'a mut [T],
    cg: &'a mut [T],
}

impl<T: Real> RowPass for Write<'_, T> {
    #[inline(always)]
    fn row<const L: usize>(&mut self, row: &Row, channel: usize) {
        let (mean, of_a): ([T; L], [T; L]) = (load(self.mean, channel), load(self.of_a, channel));
        let (to_x, to_g) = (self.to_x.block::<L>(channel), self.to_g.block::<L>(channel));
        let (first, _) = row.ends();
        row.each_window(
            channel,
            #[inline(always)]
            |window, mut pixel, numbers| {
                let (g, taken): (_, [u8; L]) = (load(self.g, window), load(self.taken, window));
                // the first row of a window's pixels clears what no pixel was taken for
                let mut cg = if first { [T::ZERO; L] } else { load(self.cg, window) };
                for k in numbers {
                    let (x, e) = (centred(load(self.x, pixel), mean), load(self.e, pixel));
                    let (mut cx, of_g, a) = (to_x.of(x, e), to_g.of(x, e), taken_part(g, taken, k));
                    for l in 0..L {
                        cx[l] += a[l] * of_a[l];
                        cg[l] = if taken[l] == k as u8 { of_g[l] } else { cg[l] };
                    }
                    store(self.cx, pixel, cx);
                    pixel += self.mean.len();
                }
                store(self.cg, window, cg);
            },
        );
        row.each_other(
            channel,
            #[inline(always)]
            |pixel| {
                store(self.cx, pixel, to_x.of(centred(load(self.x, pixel), mean), load(self.e, pixel)));
            },
        );
    }
}
