//! Mean squared error in one operation.
//!
//! The rule of `mean((p − t)²)` is another operation, `2/n·s·(p − t)` with the cotangent
//! `s`, a single number. It is linear in each of the three.

use crate::op::{Op, Point};
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

#[derive(Debug)]
struct Mse;

impl<T: Real> Op<T> for Mse {
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        scaled_error(at.input(wrt), at.input(1 - wrt), g)
    }

    fn reads_output(&self) -> bool {
        false
    }
}

/// `y = 2/n·s·(p − t)`.
#[derive(Debug)]
struct ScaledError;

impl<T: Real> Op<T> for ScaledError {
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let (p, t, s) = (at.input(0), at.input(1), at.input(2));
        let share = 2.0 / g.shape().size() as f64;
        match wrt {
            0 => share * (g * s),
            1 => -share * (g * s),
            _ => share * (g * (p - t)).sum(),
        }
    }

    fn reads_output(&self) -> bool {
        false
    }
}

fn scaled_error<'t, T: Real>(p: Var<'t, T>, t: Var<'t, T>, s: Var<'t, T>) -> Var<'t, T> {
    let share = T::from_f64(2.0 / p.shape().size() as f64) * s.item();
    let value = p.read(|p| t.read(|t| p.zip(t, |p, t| share * (p - t))));
    p.tape().push(value, ScaledError, &[p, t, s])
}

/// Mean squared error over all elements: `mean((prediction − target)²)`.
///
/// # Panics
/// If the shapes differ or are empty.
#[track_caller]
#[inline(never)]
pub fn mse<'t, T: Real>(prediction: Var<'t, T>, target: Var<'t, T>) -> Var<'t, T> {
    let (p, t) = (prediction.shape(), target.shape());
    assert!(p == t, "mse: a prediction of shape {p:?} for targets of shape {t:?}");
    assert!(p.size() > 0, "mse: a mean over no elements");
    let squares = prediction.read(|p| target.read(|t| p.zip(t, |p, t| (p - t) * (p - t))));
    let mean = crate::kernels::reduce::sum(squares.data()) * T::from_f64(1.0 / p.size() as f64);
    prediction.tape().push(Value::filled(&[], mean), Mse, &[prediction, target])
}

compiled_here!(T: mse::<T>);

#[cfg(test)]
mod tests {
    use super::mse;
    use crate::check_grads;
    use crate::grad::{grad, grad_values};
    use crate::tape::Tape;
    use crate::var::Var;
    use ndarray::{ArrayD, arr2};

    #[test]
    fn the_error_has_correct_grads_to_order_3() {
        check_grads(&[&[4, 3], &[4, 3]], 3, |x| mse(x[0], x[1]));
        check_grads(&[&[4, 3], &[4, 3]], 3, |x| mse(x[0].tanh(), x[1]).tanh());
    }

    fn to_order_2(loss: impl for<'t> Fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>) -> Vec<ArrayD<f64>> {
        let tape = Tape::new();
        let xs = [arr2(&[[0.3, -1.2, 2.0]]), arr2(&[[1.1, 0.4, -0.7]])].map(|x| tape.leaf(&x.into_dyn()));
        let y = loss(xs[0].tanh(), xs[1]);
        let slopes = grad(y * y, &xs);
        let curved = (slopes[0] * slopes[1]).sum();
        let mut all = vec![y.to_array(), slopes[0].to_array(), slopes[1].to_array()];
        all.extend(grad_values(curved, &xs));
        all
    }

    #[test]
    fn it_equals_its_composition_to_order_2() {
        let composed = to_order_2(|p, t| ((p - t) * (p - t)).mean());
        for (a, b) in to_order_2(|p, t| mse(p, t)).iter().zip(&composed) {
            approx::assert_relative_eq!(a, b, max_relative = 1e-13);
        }
    }

    #[test]
    #[should_panic(expected = "mse: a prediction of shape [2] for targets of shape [2, 1]")]
    fn shapes_that_differ_are_named() {
        let tape = Tape::<f32>::new();
        let _ = mse(tape.full(&[2], 1.0), tape.full(&[2, 1], 1.0));
    }
}
