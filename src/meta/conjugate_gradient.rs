//! Conjugate gradients for systems that are known by their products only.

use ndarray::ArrayD;

use crate::grad::vjp_values;
use crate::real::Real;
use crate::var::Var;

/// What [`conjugate_gradient`] found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Solved<T> {
    /// The solution, or how far it came.
    pub x: Vec<ArrayD<T>>,
    /// `‖A·x − b‖`, as the iteration carries it along; NaN where a product was not finite.
    pub residual: f64,
    /// Iterations made.
    pub iterations: usize,
    /// Whether it met a direction `p` with `pᵀ·A·p ≤ 0`, where `A` is not positive definite, and stopped.
    pub negative_curvature: bool,
}

/// The product of a matrix with a list of arrays.
type Product<'f, T> = dyn Fn(&[ArrayD<T>]) -> Vec<ArrayD<T>> + 'f;

/// Solves `A·x = b` for a symmetric positive definite `A`, given by its product with a list of arrays, by at most so many
/// iterations of conjugate gradients from `x = 0` (Hestenes and Stiefel 1952). It stops early only where the residual is exactly
/// 0, and where it meets negative curvature: then `x` is the iterate before, or `b` if there is none.
///
/// ```
/// use innerloop::{conjugate_gradient, ndarray::arr1};
/// let a = |v: &[_]| vec![&arr1(&[2.0, 4.0]).into_dyn() * &v[0]];
/// let solved = conjugate_gradient(&a, &[arr1(&[1.0, 1.0]).into_dyn()], 10);
/// assert!((&solved.x[0] - &arr1(&[0.5, 0.25])).iter().all(|d: &f64| d.abs() < 1e-12));
/// assert!(solved.iterations <= 3);
/// ```
///
/// # Panics
/// If the product has another number of arrays, or other shapes, than `b`.
#[inline(never)]
#[track_caller]
pub fn conjugate_gradient<T: Real>(apply: &Product<'_, T>, b: &[ArrayD<T>], iterations: usize) -> Solved<T> {
    let zeros = || b.iter().map(|b| ArrayD::zeros(b.raw_dim())).collect::<Vec<_>>();
    let (mut x, mut r, mut p) = (zeros(), b.to_vec(), b.to_vec());
    let mut rr = dot(&r, &r);
    let (mut done, mut negative_curvature) = (0, false);
    while done < iterations && rr > 0.0 {
        let ap = apply(&p);
        let same = ap.len() == b.len() && ap.iter().zip(b).all(|(ap, b)| ap.shape() == b.shape());
        assert!(same, "conjugate_gradient: the product must have the shapes of its argument");
        let pap = dot(&p, &ap);
        if !pap.is_finite() {
            rr = f64::NAN; // not negative curvature: the caller must see that the product failed
            break;
        }
        if pap <= 0.0 {
            negative_curvature = true;
            if done == 0 {
                x = b.to_vec();
                add(&mut r, -1.0, &ap); // p is b, so this is b − A·b
                rr = dot(&r, &r);
            }
            break;
        }
        let alpha = rr / pap;
        add(&mut x, alpha, &p);
        add(&mut r, -alpha, &ap);
        let next = dot(&r, &r);
        let beta = T::from_f64(next / rr);
        for (p, r) in p.iter_mut().zip(&r) {
            p.zip_mut_with(r, |p, &r| *p = r + beta * *p);
        }
        (rr, done) = (next, done + 1);
    }
    Solved { x, residual: rr.sqrt(), iterations: done, negative_curvature }
}

/// `own·v + share·U·H·U·v` for `[own, share]`, where `H` is the derivative in `at` of `slope`, a gradient that was recorded, and `U`
/// multiplies each array by its unit.
pub(super) fn shifted_product<'t, T: Real>(
    slope: &[Var<'t, T>],
    at: &[Var<'t, T>],
    [own, share]: [f64; 2],
    units: &[f64],
    v: &[ArrayD<T>],
) -> Vec<ArrayD<T>> {
    let own = T::from_f64(own);
    let mut products = vjp_values(slope, &at[0].tape().leaves(&in_units(v.to_vec(), units)), at);
    for ((product, v), unit) in products.iter_mut().zip(v).zip(units) {
        let share = T::from_f64(share * unit);
        product.zip_mut_with(v, |hv, &v| *hv = own * v + share * *hv);
    }
    products
}

/// Each array times its unit.
pub(super) fn in_units<T: Real>(mut arrays: Vec<ArrayD<T>>, units: &[f64]) -> Vec<ArrayD<T>> {
    for (array, &unit) in arrays.iter_mut().zip(units).filter(|(_, unit)| **unit != 1.0) {
        array.mapv_inplace(|v| v * T::from_f64(unit));
    }
    arrays
}

/// The inner product of two lists of arrays, in f64.
pub(super) fn dot<T: Real>(a: &[ArrayD<T>], b: &[ArrayD<T>]) -> f64 {
    let of =
        |(a, b): (&ArrayD<T>, &ArrayD<T>)| a.iter().zip(b).map(|(a, b)| a.as_f64() * b.as_f64()).sum::<f64>();
    a.iter().zip(b).map(of).sum()
}

fn add<T: Real>(to: &mut [ArrayD<T>], factor: f64, what: &[ArrayD<T>]) {
    let factor = T::from_f64(factor);
    to.iter_mut().zip(what).for_each(|(to, what)| to.zip_mut_with(what, |to, &what| *to += factor * what));
}

compiled_here!(T: conjugate_gradient::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, arr1, arr2};

    fn list(values: &[f64]) -> Vec<ArrayD<f64>> {
        values.chunks(2).map(|part| Array1::from_vec(part.to_vec()).into_dyn()).collect()
    }

    #[test]
    fn as_many_iterations_as_unknowns_solve_a_system_in_several_arrays() {
        let a = arr2(&[[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]]);
        let apply = |v: &[ArrayD<f64>]| {
            let flat = Array1::from_iter(v.iter().flatten().copied());
            list(a.dot(&flat).as_slice().unwrap())
        };
        let want = [1.0, -2.0, 0.5];
        let b = list(a.dot(&arr1(&want)).as_slice().unwrap());
        let solved = conjugate_gradient(&apply, &b, 3);
        assert_eq!((solved.iterations, solved.negative_curvature), (3, false));
        assert!(solved.residual < 1e-12, "{solved:?}");
        assert!(solved.x.iter().flatten().zip(want).all(|(x, want)| (x - want).abs() < 1e-12), "{solved:?}");
        let begun = conjugate_gradient(&apply, &b, 1);
        let off: f64 =
            apply(&begun.x).iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).powi(2)).sum();
        assert!((begun.residual / off.sqrt() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn negative_curvature_stops_it_with_what_it_has() {
        let apply = |v: &[ArrayD<f64>]| vec![&arr1(&[1.0, -1.0]).into_dyn() * &v[0]];
        let at_once = conjugate_gradient(&apply, &list(&[1.0, 2.0]), 5);
        assert_eq!((at_once.negative_curvature, at_once.iterations), (true, 0));
        assert_eq!(at_once.x, list(&[1.0, 2.0]));
        assert_eq!(at_once.residual, 4.0, "A·b − b is (0, -4)");
        let later = conjugate_gradient(&apply, &list(&[2.0, 1.0]), 5);
        assert_eq!((later.negative_curvature, later.iterations), (true, 1));
        assert!(later.x != list(&[2.0, 1.0]));
    }

    #[test]
    fn a_product_that_is_not_finite_shows_in_the_residual_and_is_no_curvature() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let apply = |v: &[ArrayD<f64>]| v.iter().map(|v| v * bad).collect();
            let solved = conjugate_gradient(&apply, &list(&[1.0, 2.0]), 5);
            assert!(solved.residual.is_nan() && !solved.negative_curvature, "{solved:?}");
        }
    }

    #[test]
    fn a_system_without_a_right_side_is_solved_by_zeros() {
        let solved = conjugate_gradient(&|v: &[ArrayD<f64>]| v.to_vec(), &list(&[0.0, 0.0]), 5);
        assert_eq!((solved.iterations, solved.x), (0, list(&[0.0, 0.0])));
    }
}
