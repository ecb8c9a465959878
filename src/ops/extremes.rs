//! The larger or smaller of two arrays.

use super::mask::{Operand, compare, where_};
use crate::kernels::pool::larger;
use crate::real::Real;
use crate::var::Var;

impl<'t, T: Real> Var<'t, T> {
    /// The larger of two elements, elementwise and broadcasting: `max(self, other)`.
    ///
    /// `other`: a variable or a number. Between equal elements the first, `self`, gets the whole gradient. A NaN
    /// is larger than anything, so it wins.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn maximum(self, other: impl Into<Operand<'t, T>>) -> Var<'t, T> {
        first_unless("maximum", self, other.into(), |a, b| !larger(b, a))
    }

    /// The smaller of two elements, elementwise and broadcasting: `min(self, other)`.
    ///
    /// `other`: a variable or a number. Between equal elements the first, `self`, gets the whole gradient. A NaN
    /// wins over every number.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn minimum(self, other: impl Into<Operand<'t, T>>) -> Var<'t, T> {
        first_unless("minimum", self, other.into(), |a, b| !smaller(b, a))
    }
}

/// Whether `a` takes the place of an earlier `b` as the minimum: a NaN beats every number, and among equals the
/// first stays.
pub(super) fn smaller<T: Real>(a: T, b: T) -> bool {
    larger(-a, -b)
}

/// `a` where `first(a, b)`, else `b`.
#[track_caller]
#[inline(never)]
fn first_unless<'t, T: Real>(
    name: &str,
    a: Var<'t, T>,
    b: Operand<'t, T>,
    first: fn(T, T) -> bool,
) -> Var<'t, T> {
    let mask = compare(name, a, b, first);
    where_(&mask, a, b.on(a.tape()))
}

compiled_here!(T: first_unless::<T>);

#[cfg(test)]
mod tests {
    use crate::tape::Tape;
    use crate::{check_grads, grad_values};
    use ndarray::arr1;

    #[test]
    fn extremes_have_correct_grads_to_order_3_in_every_broadcasting_pattern() {
        for (a, b) in [(&[3, 5][..], &[3, 5][..]), (&[5], &[3, 1]), (&[], &[3, 5])] {
            check_grads(&[a, b], 3, |x| x[0].maximum(x[1]).tanh());
            check_grads(&[a, b], 3, |x| x[0].minimum(x[1]).tanh());
        }
        check_grads(&[&[7]], 2, |x| x[0].maximum(0.1).minimum(0.9).tanh());
    }

    #[test]
    fn the_first_of_equal_elements_gets_the_gradient_and_a_nan_wins() {
        let tape = Tape::<f64>::new();
        let a = tape.leaf(&arr1(&[1.0, 2.0, 5.0, f64::NAN, 1.0]).into_dyn());
        let b = tape.leaf(&arr1(&[1.0, 3.0, 4.0, 1.0, f64::NAN]).into_dyn());
        for (y, numbers, first) in [
            (a.maximum(b), [1.0, 3.0, 5.0], [1.0, 0.0, 1.0, 1.0, 0.0]),
            (a.minimum(b), [1.0, 2.0, 4.0], [1.0, 1.0, 0.0, 1.0, 0.0]),
        ] {
            let value = y.value();
            assert_eq!(value.as_slice().unwrap()[..3], numbers);
            assert!(value[3].is_nan() && value[4].is_nan());
            let g = grad_values(y.sum(), &[a, b]);
            assert_eq!(g[0], arr1(&first).into_dyn());
            assert_eq!(g[1], arr1(&first.map(|f| 1.0 - f)).into_dyn());
        }
    }

    #[test]
    #[should_panic(expected = "maximum: shapes [2] and [3] do not broadcast")]
    fn shapes_that_do_not_broadcast_are_named() {
        let tape = Tape::<f64>::new();
        tape.full(&[2], 0.0).maximum(tape.full(&[3], 0.0));
    }
}
