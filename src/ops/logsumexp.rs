//! The logarithm of a sum of exponentials, without overflow.

use crate::kernels::exponential::exp;
use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::{Shape, Value};
use crate::var::Var;

/// Over one axis, which disappears. The cotangent is spread by the softmax along the axis.
#[derive(Debug)]
struct LogSumExp {
    axis: usize,
}

impl<T: Real> Op<T> for LogSumExp {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let x = at.input(0);
        let largest = x.detach().max_axis_kept(self.axis); // a softmax is the same after any shift
        let e = (x - largest).exp();
        g.reshape(&largest.shape()) * (e / e.sum_to(&largest.shape()))
    }

    fn reads_output(&self) -> bool {
        false
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// `ln Σ eˣ` over `axis`, which disappears; computed as `m + ln Σ e^(x − m)` with the largest element `m`.
    ///
    /// `x: [.., d, ..]`. Returns the shape without that axis. Where all elements are −∞ the result is −∞ and has no
    /// derivative (NaN).
    ///
    /// # Panics
    /// If the axis is not one of this array's, or is empty.
    #[track_caller]
    #[inline(never)]
    pub fn logsumexp(self, axis: usize) -> Var<'t, T> {
        let x = self.val();
        let shape = x.shape();
        assert!(axis < shape.len(), "logsumexp: axis {axis} of an array of shape {shape:?}");
        let (len, inner): (usize, usize) = (shape[axis], shape[axis + 1..].iter().product());
        assert!(len > 0, "logsumexp: axis {axis} of {shape:?} is empty");
        let left: Vec<_> = [&shape[..axis], &shape[axis + 1..]].concat();
        let mut y = Buf::dirty(Shape::new(&left).size());
        for (line, y) in y.iter_mut().enumerate() {
            let first = line / inner * inner * len + line % inner;
            let along = || (0..len).map(|k| x.data()[first + k * inner]);
            let largest = along().fold(T::neg_infinity(), T::max);
            let total: T = along().map(|x| exp(x - largest)).sum();
            // an infinite m minus itself would be NaN
            *y = if largest.is_infinite() && !total.is_finite() && !along().any(|x| x.is_nan()) {
                largest
            } else {
                largest + total.ln()
            };
        }
        self.tape().push(Value::new(&left, y), LogSumExp { axis }, &[self])
    }
}

compiled_here!(T: Var::<T>::logsumexp);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::arr2;

    #[test]
    fn it_has_correct_grads_to_order_3_over_any_axis() {
        for axis in 0..3 {
            check_grads(&[&[3, 2, 5]], 3, |x| x[0].logsumexp(axis));
        }
        check_grads(&[&[4]], 3, |x| x[0].logsumexp(0).tanh());
    }

    #[test]
    fn it_is_the_logarithm_of_the_sum_and_neither_overflows_nor_hides_a_nan() {
        let tape = Tape::<f64>::new();
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let x = tape.leaf(
            &arr2(&[
                [0.0, 3f64.ln()],
                [1e4, 1e4],
                [-1e4, -1e4],
                [-inf, -inf],
                [inf, 0.0],
                [-inf, 2.0],
                [nan, inf],
            ])
            .into_dyn(),
        );
        let y = x.logsumexp(1).to_array();
        let two = 2f64.ln();
        let want = [4f64.ln(), 1e4 + two, -1e4 + two, -inf, inf, 2.0];
        for (y, want) in y.iter().zip(want) {
            assert!(y == &want || (y - want).abs() < 1e-12, "{y} where {want} is wanted");
        }
        assert!(y[[6]].is_nan());
        let g = crate::grad_values(x.logsumexp(1).sum(), &[x]).remove(0);
        assert_eq!((g[[5, 0]], g[[5, 1]], g[[1, 0]]), (0.0, 1.0, 0.5));
    }

    #[test]
    #[should_panic(expected = "logsumexp: axis 2 of an array of shape [2, 3]")]
    fn an_axis_that_does_not_exist_is_named() {
        let _ = Tape::<f64>::new().full(&[2, 3], 0.0).logsumexp(2);
    }
}
