//! Derivatives along a direction, and whole matrices of derivatives, from reverse sweeps.

use crate::grad::{grad, vjp};
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

/// Product of the Jacobian of `ys` in `xs` with the vectors `vs`: `Σⱼ ∂yᵢ/∂xⱼ vⱼ` for
/// each `yᵢ`, with its shape, on the tape.
///
/// The vjp is linear in its cotangents, and the Jacobian's product is the transpose of
/// that linear map: two reverse sweeps, whatever the number of `xs` and `ys`.
///
/// ```
/// use innerloop::{Tape, jvp};
/// let tape = Tape::<f64>::new();
/// let (x, v) = (tape.scalar(3.0), tape.scalar(0.5));
/// assert_eq!(jvp(&[x * x], &[x], &[v])[0].item(), 3.0); // 2x·v
/// ```
///
/// # Panics
/// If the `vs` do not match the `xs` in number and shape, or tapes differ.
#[track_caller]
#[inline(never)]
pub fn jvp<'t, T: Real>(ys: &[Var<'t, T>], xs: &[Var<'t, T>], vs: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    assert!(vs.len() == xs.len(), "jvp: {} vectors for {} variables", vs.len(), xs.len());
    // the vjp's value does not matter, only that it is linear in these
    let cotangents: Vec<_> = ys.iter().map(|y| y.tape().full(&y.shape(), 0.0)).collect();
    vjp(&vjp(ys, &cotangents, xs), vs, &cotangents)
}

/// The Jacobian of `y` in `x`: entry `[i, j]` is `∂yᵢ/∂xⱼ`, both in row-major order.
/// Returns `[y's size, x's size]`, on the tape.
///
/// One reverse sweep per element of `y`, so this is for small functions.
///
/// # Panics
/// If `y` has no elements, or the variables lie on different tapes.
#[track_caller]
#[inline(never)]
pub fn jacobian<'t, T: Real>(y: Var<'t, T>, x: Var<'t, T>) -> Var<'t, T> {
    let (tape, size) = (y.tape(), y.shape().size());
    assert!(size > 0, "jacobian: the function's value of shape {:?} has no elements", y.shape());
    let columns = x.shape().size();
    let row = |i: usize| {
        let mut unit = Value::filled(&y.shape(), T::ZERO);
        unit.data_mut()[i] = T::one();
        vjp(&[y], &[tape.push_leaf(unit)], &[x])[0].reshape(&[1, columns])
    };
    Var::concat(&(0..size).map(row).collect::<Vec<_>>(), 0)
}

/// The Hessian of a single number `y` in `x`: entry `[i, j]` is `∂²y/∂xᵢ∂xⱼ`, both in
/// row-major order. Returns `[x's size, x's size]`, on the tape.
///
/// One reverse sweep per element of `x`, so this is for small functions; the product with
/// a vector is [`hvp`](crate::hvp).
///
/// ```
/// use innerloop::{Tape, hessian};
/// use ndarray::{arr1, arr2};
/// let tape = Tape::<f64>::new();
/// let x = tape.leaf(&arr1(&[1.0, 2.0]).into_dyn());
/// let y = (x * x * x).sum();
/// assert_eq!(hessian(y, x).to_array(), arr2(&[[6.0, 0.0], [0.0, 12.0]]).into_dyn());
/// ```
///
/// # Panics
/// If `y` has more than one element or `x` has none, or they lie on different tapes.
#[track_caller]
#[inline(never)]
pub fn hessian<'t, T: Real>(y: Var<'t, T>, x: Var<'t, T>) -> Var<'t, T> {
    jacobian(grad(y, &[x])[0], x)
}

compiled_here!(T: jvp::<T>, jacobian::<T>, hessian::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Tape;
    use crate::{check_grads, check_grads_all};
    use approx::assert_relative_eq;
    use ndarray::{Axis, arr1, arr2};

    #[test]
    fn a_jvp_is_the_slope_along_its_direction_and_has_correct_grads() {
        // check_grads compares the vjp of this map with differences; the map itself is compared here
        let at = |h: f64| {
            let tape = Tape::<f64>::new();
            let x = tape.leaf(&(arr1(&[0.3, -1.1]) + h * arr1(&[2.0, 0.7])).into_dyn());
            (x.tanh() * x).to_array()
        };
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr1(&[0.3, -1.1]).into_dyn());
        let v = tape.leaf(&arr1(&[2.0, 0.7]).into_dyn());
        let slope = jvp(&[x.tanh() * x], &[x], &[v])[0].to_array();
        assert_relative_eq!(slope, (at(1e-6) - at(-1e-6)) / 2e-6, max_relative = 1e-8);
        check_grads_all(&[&[2, 3], &[3], &[2, 3], &[3]], 2, |x| {
            jvp(&[(x[0] * x[1]).tanh(), x[1].exp()], &x[..2], &x[2..])
        });
    }

    #[test]
    fn a_function_that_does_not_depend_on_x_has_a_jvp_of_zero() {
        let tape = Tape::<f64>::new();
        let (x, y) = (tape.scalar(1.0), tape.full(&[2], 1.0));
        assert_eq!(jvp(&[y], &[x], &[x])[0].to_array(), arr1(&[0.0, 0.0]).into_dyn());
    }

    #[test]
    fn a_jacobian_has_a_row_per_result_and_correct_grads() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr1(&[1.0, 2.0, 3.0]).into_dyn());
        let y = x.index_select(&[0, 1]) * x.index_select(&[1, 2]);
        let want = arr2(&[[2.0, 1.0, 0.0], [0.0, 3.0, 2.0]]).into_dyn();
        assert_eq!(jacobian(y, x).to_array(), want);
        check_grads(&[&[3]], 2, |x| jacobian(x[0].tanh() * x[0].sum(), x[0]));
    }

    #[test]
    fn a_hessian_is_symmetric_and_agrees_with_its_products() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr1(&[0.3, -0.8, 1.2]).into_dyn());
        let y = (x.tanh() * x.sum()).sum();
        let h = hessian(y, x).to_array();
        assert_relative_eq!(h, h.t().to_owned(), max_relative = 1e-12, epsilon = 1e-15);
        for i in 0..3 {
            let mut unit = ndarray::Array1::zeros(3);
            unit[i] = 1.0;
            let column = crate::hvp(y, &[x], &[tape.leaf(&unit.into_dyn())]).remove(0);
            assert_relative_eq!(h.index_axis(Axis(1), i).to_owned(), column, max_relative = 1e-12);
        }
    }
}
