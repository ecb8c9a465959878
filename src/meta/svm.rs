//! The dual problem of a multi-class support vector machine, by steps that can be differentiated.

use ndarray::{Array2, ArrayD};

use crate::error::Result;
use crate::real::Real;
use crate::var::Var;

/// How far each step goes beyond its solution; 1.5 to 1.8 is usual (Boyd et al. 2011, section 3.4.3).
const RELAXATION: f64 = 1.6;

/// An approximate minimum over `a: [n, ways]` of `½·Σₘ aₘᵀ(K + I)aₘ − Σᵢ a(i, yᵢ)`, where each row of `a` sums to 0 and
/// `a(i, m) ≤ c·[m = yᵢ]` (Crammer and Singer 2001), for a kernel `k: [n, n]` and one-hot labels `y: [n, ways]`.
///
/// The steps are those of the alternating direction method of multipliers: minimise the quadratic part with a penalty
/// `ρ/2·‖a − z + d‖²`, which is a product with `(K + I + ρI)⁻¹`; project onto the bounds, which gives `z`; add what is left
/// to `d`. `c·y − z` lies row by row in the simplex of size `c`, so the result keeps the bounds after any number of
/// steps. ρ is the mean eigenvalue of `K + I`. Embeddings of images have a large common part, so `K` has one large
/// eigenvalue; accelerated projected gradient descent takes three to ten times the steps there.
///
/// # Errors
/// If `K + I + ρI` cannot be factored: `k` is not finite.
#[inline(never)]
pub(super) fn multiclass_svm<'t, T: Real>(
    k: Var<'t, T>,
    y: Var<'t, T>,
    c: f64,
    steps: usize,
) -> Result<Var<'t, T>> {
    let n = y.shape()[0];
    let identity = y.tape().constant(&Array2::eye(n).into_dyn());
    let penalty = 1.0 + (k * identity).sum() / n as f64;
    let inverse = (k + (1.0 + penalty) * identity).solve_spd(identity)?;
    let mut z = y.tape().full(&y.shape(), 0.0);
    let mut d = z;
    for _ in 0..steps {
        let a = inverse.matmul(y + penalty * (z - d));
        let target = d + RELAXATION * a + (1.0 - RELAXATION) * z;
        z = c * y - onto_simplex(c * y - target, c);
        d = target - z;
    }
    Ok(z)
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
        let a = multiclass_svm(k, y, 0.1, steps).unwrap();
        let u = 0.1 * y - a;
        let again = onto_simplex(u - 0.1 * (y - k.matmul(a) - a), 0.1);
        (again - u).abs().sum().item()
    }

    #[test]
    fn rows_sum_to_zero_and_keep_their_bounds() {
        let tape = Tape::<f64>::new();
        let [_, k, y] = problem(&tape);
        for steps in [1, 7, 200] {
            let a = multiclass_svm(k, y, 0.1, steps).unwrap().to_array();
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
    fn thirty_steps_are_enough_for_embeddings_with_a_large_common_part() {
        let (ways, shots, features) = (5, 5, 64);
        let wave = |i: usize, j: usize| (1.3 * (i * features + j) as f64 + (i * j) as f64).sin();
        let z = ArrayD::from_shape_fn(vec![ways * shots, features], |at| {
            (0.5 + 0.8 * wave(at[0] % ways, at[1]) + 0.6 * wave(ways + at[0], at[1])).max(0.0)
        });
        let labels: Vec<_> = (0..ways * shots).map(|i| i % ways).collect();
        let tape = Tape::<f64>::new();
        let (z, y) = (tape.leaf(&z), tape.one_hot(&labels, ways));
        let k = z.matmul_t(z);
        let logits = |steps| k.matmul(multiclass_svm(k, y, 0.1, steps).unwrap());
        let (found, want) = (logits(30), logits(3000));
        let error = (found - want).powi(2).sum().sqrt().item() / want.powi(2).sum().sqrt().item();
        assert!(error < 2e-3, "{error:e}");
    }

    #[test]
    fn embeddings_that_are_all_zero_have_a_finite_gradient() {
        let tape = Tape::<f64>::new();
        let z = tape.leaf(&ArrayD::zeros(vec![5, 3]));
        let a = multiclass_svm(z.matmul_t(z), tape.one_hot(&LABELS, 3), 0.1, 4).unwrap();
        let grad = crate::grad(a.powi(2).sum(), &[z])[0].to_array();
        assert!(grad.iter().all(|g| *g == 0.0), "{grad}");
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
            multiclass_svm(z.matmul_t(z), z.tape().one_hot(&LABELS, 3), 0.5, 4).unwrap()
        });
    }
}
