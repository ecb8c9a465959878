//! The dual problem of a multi-class support vector machine, by steps that can be differentiated.

use ndarray::{Array2, ArrayD};

use crate::real::Real;
use crate::var::Var;

/// An approximate minimum over `a: [n, ways]` of `½·Σₘ aₘᵀ(K + I)aₘ − Σᵢ a(i, yᵢ)`, where each row of `a` sums to 0 and
/// `a(i, m) ≤ c·[m = yᵢ]` (Crammer and Singer 2001), for a kernel `k: [n, n]` and one-hot labels `y: [n, ways]`.
///
/// `u = c·y − a` lies row by row in the simplex of size `c`, so that a step is one of gradient descent and a projection.
/// The steps are accelerated (Beck and Teboulle 2009). Their rate is `1/(1 + ‖K‖)` with the Frobenius norm, which is not
/// less than the largest eigenvalue.
#[inline(never)]
pub(super) fn multiclass_svm<'t, T: Real>(k: Var<'t, T>, y: Var<'t, T>, c: f64, steps: usize) -> Var<'t, T> {
    let ways = y.shape()[1];
    let rate = 1.0 / (1.0 + k.powi(2).sum().sqrt());
    let a = |u: Var<'t, T>| c * y - u;
    let mut u = y.tape().full(&y.shape(), c / ways as f64);
    let (mut ahead, mut weight) = (u, 1.0f64);
    for _ in 0..steps {
        let dual = a(ahead);
        let slope = y - k.matmul(dual) - dual; // in u
        let next = onto_simplex(ahead - rate * slope, c);
        let heavier = 0.5 * (1.0 + (1.0 + 4.0 * weight * weight).sqrt());
        ahead = next + (weight - 1.0) / heavier * (next - u);
        (u, weight) = (next, heavier);
    }
    a(u)
}

/// The nearest point to each row of `v: [n, ways]` whose elements are not negative and sum to `size`. Which elements are
/// above 0 is a constant of the derivative: the projection is linear between the kinks.
fn onto_simplex<'t, T: Real>(v: Var<'t, T>, size: f64) -> Var<'t, T> {
    let (mask, shares) = v.with_value(|v| active(&v.to_owned(), size));
    let (mask, shares) = (v.tape().constant(&mask), v.tape().constant(&shares));
    let excess = (v * mask).sum_axes_kept(&[1]) - size;
    (v - excess * shares) * mask
}

/// For each row 1 where its projection is above 0, and one over the number of these.
fn active<T: Real>(v: &ArrayD<T>, size: f64) -> (ArrayD<T>, ArrayD<T>) {
    let (n, ways) = (v.shape()[0], v.shape()[1]);
    let (mut mask, mut shares) = (Array2::zeros((n, ways)), Array2::zeros((n, 1)));
    for (i, row) in v.outer_iter().enumerate() {
        let row: Vec<f64> = row.iter().map(|v| v.as_f64()).collect();
        let mut order: Vec<usize> = (0..ways).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        let (mut sum, mut count) = (0.0, 0);
        for &m in &order {
            // the largest elements stay, as many as are above the threshold that they give
            if count > 0 && row[m] <= (sum + row[m] - size) / (count + 1) as f64 {
                break;
            }
            sum += row[m];
            count += 1;
        }
        order[..count].iter().for_each(|&m| mask[[i, m]] = T::from_f64(1.0));
        shares[[i, 0]] = T::from_f64(1.0 / count as f64);
    }
    (mask.into_dyn(), shares.into_dyn())
}

compiled_here!(T: multiclass_svm::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;
    use crate::tape::Tape;

    const LABELS: [usize; 5] = [0, 1, 2, 1, 0];

    /// Points `[5, 3]`, their kernel, and the labels.
    fn problem(tape: &Tape<f64>) -> [Var<'_, f64>; 3] {
        let z = ArrayD::from_shape_fn(vec![5, 3], |at| ((at[0] * 7 + at[1] * 3) % 5) as f64 * 0.4 - 0.7);
        let z = tape.leaf(&z);
        [z, z.matmul_t(z), tape.one_hot(&LABELS, 3)]
    }

    /// How far a solution is from one step of gradient descent and projection of itself: 0 at the minimum.
    fn residual(steps: usize) -> f64 {
        let tape = Tape::<f64>::new();
        let [_, k, y] = problem(&tape);
        let a = multiclass_svm(k, y, 0.1, steps);
        let u = 0.1 * y - a;
        let again = onto_simplex(u - 0.1 * (y - k.matmul(a) - a), 0.1);
        (again - u).abs().sum().item()
    }

    #[test]
    fn rows_sum_to_zero_and_keep_their_bounds() {
        let tape = Tape::<f64>::new();
        let [_, k, y] = problem(&tape);
        for steps in [1, 7, 200] {
            let a = multiclass_svm(k, y, 0.1, steps).to_array();
            for (i, row) in a.outer_iter().enumerate() {
                assert!(row.sum().abs() < 1e-12, "{row}");
                let bound = |m: usize| if m == LABELS[i] { 0.1 } else { 0.0 };
                assert!(row.iter().enumerate().all(|(m, &v)| v <= bound(m) + 1e-12), "{row}");
            }
        }
    }

    #[test]
    fn the_residual_falls_with_the_steps_until_it_is_rounding() {
        let residuals = [1, 10, 100, 1000].map(residual);
        assert!(residuals.windows(2).all(|pair| pair[1] < pair[0] || pair[1] < 1e-12), "{residuals:?}");
        assert!(residuals[3] < 1e-12, "{residuals:?}");
    }

    #[test]
    fn a_projection_is_the_nearest_point_of_the_simplex() {
        let tape = Tape::<f64>::new();
        let v = tape.leaf(&ndarray::arr2(&[[0.9, 0.2, -3.0], [0.0, 0.0, 0.0], [5.0, 4.9, 4.0]]).into_dyn());
        let found = onto_simplex(v, 1.0).to_array();
        let want = [0.85, 0.15, 0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.55, 0.45, 0.0];
        assert!(found.iter().zip(want).all(|(f, w)| (f - w).abs() < 1e-12), "{found}");
    }

    #[test]
    fn solutions_have_correct_grads_in_the_kernel() {
        check_grads(&[&[5, 3]], 2, |x| {
            let z = x[0];
            multiclass_svm(z.matmul_t(z), z.tape().one_hot(&LABELS, 3), 0.5, 4)
        });
    }
}
