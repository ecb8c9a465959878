//! The largest and the smallest: of two arrays, and along an axis.
//!
//! Which element wins is a fact without a derivative; then it is `where_` or `gather`.

use ndarray::ArrayD;

use super::index::{Positions, check_countable};
use super::mask::{Operand, compare};
use super::select::where_;
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

    /// The largest element along `axis`, which disappears. Among equal ones the first gets the gradient; a NaN is
    /// larger than anything.
    ///
    /// # Panics
    /// If the axis is not one of this array's or is empty, or there are 2³² elements or more.
    #[track_caller]
    #[inline(never)]
    pub fn max_axis(self, axis: usize) -> Var<'t, T> {
        let (_, left) = self.without("max_axis", &[axis]);
        self.gather(&self.best_positions("max_axis", axis, larger), &left)
    }

    /// [`max_axis`](Var::max_axis), but the axis stays with length 1, so the result broadcasts against this array.
    ///
    /// # Panics
    /// As [`max_axis`](Var::max_axis).
    #[track_caller]
    #[inline(never)]
    pub fn max_axis_kept(self, axis: usize) -> Var<'t, T> {
        let (kept, _) = self.without("max_axis_kept", &[axis]);
        self.gather(&self.best_positions("max_axis_kept", axis, larger), &kept)
    }

    /// The smallest element along `axis`, which disappears. Among equal ones the first gets the gradient; a NaN
    /// wins over every number.
    ///
    /// # Panics
    /// If the axis is not one of this array's or is empty, or there are 2³² elements or more.
    #[track_caller]
    #[inline(never)]
    pub fn min_axis(self, axis: usize) -> Var<'t, T> {
        let (_, left) = self.without("min_axis", &[axis]);
        self.gather(&self.best_positions("min_axis", axis, smaller), &left)
    }

    /// [`min_axis`](Var::min_axis), but the axis stays with length 1, so the result broadcasts against this array.
    ///
    /// # Panics
    /// As [`min_axis`](Var::min_axis).
    #[track_caller]
    #[inline(never)]
    pub fn min_axis_kept(self, axis: usize) -> Var<'t, T> {
        let (kept, _) = self.without("min_axis_kept", &[axis]);
        self.gather(&self.best_positions("min_axis_kept", axis, smaller), &kept)
    }

    /// Where along `axis`, which disappears, the largest element is: a plain array, since an index has no
    /// derivative. Among equal ones the first; a NaN is larger than anything.
    ///
    /// # Panics
    /// If the axis is not one of this array's or is empty, or there are 2³² elements or more.
    #[track_caller]
    #[inline(never)]
    pub fn argmax(self, axis: usize) -> ArrayD<usize> {
        let (_, left) = self.without("argmax", &[axis]);
        let positions = self.best_positions("argmax", axis, larger);
        let shape = self.shape();
        let (len, inner): (usize, usize) = (shape[axis], shape[axis + 1..].iter().product());
        let along = positions.iter().map(|&p| p as usize / inner % len).collect();
        ArrayD::from_shape_vec(&*left, along).expect("one position per remaining element")
    }

    /// For each line along `axis` the position of its best element; the first unless `better(later, best so far)`.
    #[track_caller]
    fn best_positions(self, name: &str, axis: usize, better: fn(T, T) -> bool) -> Positions {
        let x = self.val();
        let (shape, data) = (x.shape(), x.data());
        let (len, inner): (usize, usize) = (shape[axis], shape[axis + 1..].iter().product());
        assert!(len > 0, "{name}: axis {axis} of {shape:?} is empty");
        check_countable(name, shape);
        let best = |line: usize| {
            let first = line / inner * inner * len + line % inner;
            let along = (0..len).map(|k| first + k * inner);
            along.reduce(|best, p| if better(data[p], data[best]) { p } else { best }).expect("not empty")
                as u32
        };
        (0..data.len() / len).map(best).collect()
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

compiled_here!(
    T: Var::<T>::max_axis, Var::<T>::max_axis_kept, Var::<T>::min_axis, Var::<T>::min_axis_kept,
        Var::<T>::argmax, first_unless::<T>,
);

#[cfg(test)]
mod tests {
    use crate::tape::Tape;
    use crate::{check_grads, grad_values};
    use ndarray::{arr1, arr2};

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
            let value = y.to_array();
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
        let _ = tape.full(&[2], 0.0).maximum(tape.full(&[3], 0.0));
    }

    #[test]
    fn extremes_along_an_axis_have_correct_grads_and_known_values() {
        for axis in 0..3 {
            check_grads(&[&[3, 2, 5]], 2, |x| x[0].max_axis(axis).tanh());
            check_grads(&[&[3, 2, 5]], 2, |x| x[0].min_axis(axis).tanh());
            check_grads(&[&[3, 2, 5]], 2, |x| (x[0] - x[0].max_axis_kept(axis)).tanh());
            check_grads(&[&[3, 2, 5]], 2, |x| (x[0] - x[0].min_axis_kept(axis)).tanh());
        }
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr2(&[[1.0, 4.0, 2.0], [5.0, 5.0, -1.0]]).into_dyn());
        assert_eq!(x.max_axis(1).to_array(), arr1(&[4.0, 5.0]).into_dyn());
        assert_eq!(x.max_axis(0).to_array(), arr1(&[5.0, 5.0, 2.0]).into_dyn());
        assert_eq!(
            crate::grad_values(x.max_axis(1).sum(), &[x])[0],
            arr2(&[[0., 1., 0.], [1., 0., 0.]]).into_dyn()
        );
        let rows = |y: crate::Var<'_, f64>| {
            assert_eq!(*y.shape(), [2, 1]);
            y.reshape(&[2]).to_array()
        };
        assert_eq!(rows(x.max_axis_kept(1)), x.max_axis(1).to_array());
        assert_eq!(rows(x.min_axis_kept(1)), x.min_axis(1).to_array());
    }

    #[test]
    fn extremes_take_the_first_of_equals_and_a_nan_over_all() {
        let tape = Tape::<f64>::new();
        let n = f64::NAN;
        let x = tape.leaf(&arr2(&[[1.0, 4.0, 4.0, 1.0], [5.0, n, 6.0, n]]).into_dyn());
        assert_eq!(x.argmax(1), arr1(&[1, 1]).into_dyn());
        assert_eq!(x.argmax(0), arr1(&[1, 1, 1, 1]).into_dyn());
        assert_eq!(x.min_axis(0).to_array().as_slice().unwrap()[..1], [1.0]);
        assert!(x.min_axis(1).to_array()[[1]].is_nan());
        let g = crate::grad_values(x.min_axis(1).sum(), &[x]);
        assert_eq!(g[0], arr2(&[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]).into_dyn());
        let deep = tape.leaf(&ndarray::arr3(&[[[1.0, 9.0], [3.0, 2.0], [2.0, 4.0]]]).into_dyn());
        assert_eq!(deep.argmax(1), arr2(&[[1, 0]]).into_dyn());
        assert_eq!(deep.argmax(2), arr2(&[[1, 0, 1]]).into_dyn());
    }

    #[test]
    #[should_panic(expected = "argmax: axis 1 of [2, 0] is empty")]
    fn the_largest_of_nothing_is_refused() {
        Tape::<f64>::new().full(&[2, 0], 0.0).argmax(1);
    }

    #[test]
    #[should_panic(expected = "min_axis: axes [2] of an array of shape [2, 3]")]
    fn an_axis_that_does_not_exist_is_named() {
        let _ = Tape::<f64>::new().full(&[2, 3], 0.0).min_axis(2);
    }
}
