//! Sums, means, variances and extremes over axes.

use ndarray::ArrayD;

use super::extremes::smaller;
use super::index::{Positions, check_countable};
use crate::kernels::pool::larger;
use crate::real::Real;
use crate::value::Shape;
use crate::var::Var;

impl<'t, T: Real> Var<'t, T> {
    /// The sum of all elements, a scalar.
    #[inline(never)]
    pub fn sum(self) -> Var<'t, T> {
        self.sum_to(&[])
    }

    /// The mean of all elements, a scalar.
    ///
    /// # Panics
    /// If there are no elements.
    #[track_caller]
    #[inline(never)]
    pub fn mean(self) -> Var<'t, T> {
        let size = self.shape().size();
        assert!(size > 0, "mean: an array of shape {:?} has no elements", self.shape());
        self.sum() / size as f64
    }

    /// The sum over `axes`, which disappear.
    ///
    /// # Panics
    /// If an axis is not one of this array's.
    #[track_caller]
    #[inline(never)]
    pub fn sum_axes(self, axes: &[usize]) -> Var<'t, T> {
        let (kept, left) = self.without("sum_axes", axes);
        self.sum_to(&kept).reshape(&left)
    }

    /// The mean over `axes`, which disappear.
    ///
    /// # Panics
    /// If an axis is not one of this array's, or a mean would be of no elements.
    #[track_caller]
    #[inline(never)]
    pub fn mean_axes(self, axes: &[usize]) -> Var<'t, T> {
        let (_, left) = self.without("mean_axes", axes);
        self.mean_kept("mean_axes", axes).reshape(&left)
    }

    /// The biased variance over `axes`, which disappear: `mean((x − mean(x))²)`.
    ///
    /// # Panics
    /// If an axis is not one of this array's, or a variance would be of no elements.
    #[track_caller]
    #[inline(never)]
    pub fn var_axes(self, axes: &[usize]) -> Var<'t, T> {
        let centred = self - self.mean_kept("var_axes", axes);
        (centred * centred).mean_axes(axes)
    }

    /// [`sum_axes`](Var::sum_axes), but `axes` stay with length 1, so the result broadcasts against this array.
    ///
    /// # Panics
    /// If an axis is not one of this array's.
    #[track_caller]
    #[inline(never)]
    pub fn sum_axes_kept(self, axes: &[usize]) -> Var<'t, T> {
        let (kept, _) = self.without("sum_axes_kept", axes);
        self.sum_to(&kept)
    }

    /// [`mean_axes`](Var::mean_axes), but `axes` stay with length 1, so the result broadcasts against this array.
    ///
    /// # Panics
    /// If an axis is not one of this array's, or a mean would be of no elements.
    #[track_caller]
    #[inline(never)]
    pub fn mean_axes_kept(self, axes: &[usize]) -> Var<'t, T> {
        self.mean_kept("mean_axes_kept", axes)
    }

    /// [`var_axes`](Var::var_axes), but `axes` stay with length 1, so the result broadcasts against this array.
    ///
    /// # Panics
    /// If an axis is not one of this array's, or a variance would be of no elements.
    #[track_caller]
    #[inline(never)]
    pub fn var_axes_kept(self, axes: &[usize]) -> Var<'t, T> {
        let centred = self - self.mean_kept("var_axes_kept", axes);
        (centred * centred).mean_kept("var_axes_kept", axes)
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

    /// The mean over `axes`, which stay with length 1.
    #[track_caller]
    pub(crate) fn mean_kept(self, name: &str, axes: &[usize]) -> Var<'t, T> {
        let (kept, _) = self.without(name, axes);
        let count = self.shape().size() / kept.size().max(1);
        assert!(count > 0, "{name}: a mean over no elements, axes {axes:?} of {:?}", self.shape());
        self.sum_to(&kept) / count as f64
    }

    /// This shape with `axes` of length 1, and without them.
    #[track_caller]
    pub(super) fn without(self, name: &str, axes: &[usize]) -> (Shape, Shape) {
        let shape = self.shape();
        let valid = axes.iter().all(|&a| a < shape.len());
        assert!(valid, "{name}: axes {axes:?} of an array of shape {shape:?}");
        let mut kept = shape.to_vec();
        axes.iter().for_each(|&a| kept[a] = 1);
        let left: Vec<_> = (0..shape.len()).filter(|a| !axes.contains(a)).map(|a| shape[a]).collect();
        (Shape::new(&kept), Shape::new(&left))
    }
}

compiled_here!(
    T: Var::<T>::sum, Var::<T>::mean, Var::<T>::sum_axes, Var::<T>::mean_axes, Var::<T>::var_axes,
        Var::<T>::sum_axes_kept, Var::<T>::mean_axes_kept, Var::<T>::var_axes_kept, Var::<T>::max_axis,
        Var::<T>::max_axis_kept, Var::<T>::min_axis, Var::<T>::min_axis_kept, Var::<T>::argmax,
);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::{arr1, arr2};

    #[test]
    fn reductions_have_correct_grads_over_any_axes() {
        for axes in [&[0][..], &[1], &[2], &[0, 2], &[1, 2], &[0, 1, 2], &[]] {
            check_grads(&[&[3, 2, 5]], 2, |x| x[0].sum_axes(axes).tanh());
            check_grads(&[&[3, 2, 5]], 2, |x| x[0].mean_axes(axes).tanh());
            check_grads(&[&[3, 2, 5]], 2, |x| x[0].var_axes(axes).tanh());
            check_grads(&[&[3, 2, 5]], 2, |x| (x[0] * x[0].sum_axes_kept(axes)).tanh());
            check_grads(&[&[3, 2, 5]], 2, |x| (x[0] * x[0].mean_axes_kept(axes)).tanh());
            check_grads(&[&[3, 2, 5]], 2, |x| (x[0] * x[0].var_axes_kept(axes)).tanh());
        }
        for axis in 0..3 {
            check_grads(&[&[3, 2, 5]], 2, |x| x[0].max_axis(axis).tanh());
            check_grads(&[&[3, 2, 5]], 2, |x| x[0].min_axis(axis).tanh());
            check_grads(&[&[3, 2, 5]], 2, |x| (x[0] - x[0].max_axis_kept(axis)).tanh());
            check_grads(&[&[3, 2, 5]], 2, |x| (x[0] - x[0].min_axis_kept(axis)).tanh());
        }
        check_grads(&[&[3, 5]], 2, |x| x[0].sum() * x[0].mean());
    }

    #[test]
    fn reductions_give_known_values() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr2(&[[1.0, 4.0, 2.0], [5.0, 5.0, -1.0]]).into_dyn());
        assert_eq!(x.max_axis(1).value(), arr1(&[4.0, 5.0]).into_dyn());
        assert_eq!(x.max_axis(0).value(), arr1(&[5.0, 5.0, 2.0]).into_dyn());
        assert_eq!(x.mean_axes(&[0]).value(), arr1(&[3.0, 4.5, 0.5]).into_dyn());
        approx::assert_relative_eq!(
            x.var_axes(&[1]).value(),
            arr1(&[14.0 / 9.0, 8.0]).into_dyn(),
            max_relative = 1e-15
        );
        assert_eq!(
            crate::grad_values(x.max_axis(1).sum(), &[x])[0],
            arr2(&[[0., 1., 0.], [1., 0., 0.]]).into_dyn()
        );
    }

    #[test]
    fn reductions_that_keep_their_axis_equal_those_that_do_not() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr2(&[[1.0, 4.0, 2.0], [5.0, 5.0, -1.0]]).into_dyn());
        let rows = |y: crate::Var<'_, f64>| {
            assert_eq!(*y.shape(), [2, 1]);
            y.reshape(&[2]).value()
        };
        assert_eq!(rows(x.sum_axes_kept(&[1])), x.sum_axes(&[1]).value());
        assert_eq!(rows(x.mean_axes_kept(&[1])), x.mean_axes(&[1]).value());
        assert_eq!(rows(x.var_axes_kept(&[1])), x.var_axes(&[1]).value());
        assert_eq!(rows(x.max_axis_kept(1)), x.max_axis(1).value());
        assert_eq!(rows(x.min_axis_kept(1)), x.min_axis(1).value());
    }

    #[test]
    fn extremes_take_the_first_of_equals_and_a_nan_over_all() {
        let tape = Tape::<f64>::new();
        let n = f64::NAN;
        let x = tape.leaf(&arr2(&[[1.0, 4.0, 4.0, 1.0], [5.0, n, 6.0, n]]).into_dyn());
        assert_eq!(x.argmax(1), arr1(&[1, 1]).into_dyn());
        assert_eq!(x.argmax(0), arr1(&[1, 1, 1, 1]).into_dyn());
        assert_eq!(x.min_axis(0).value().as_slice().unwrap()[..1], [1.0]);
        assert!(x.min_axis(1).value()[[1]].is_nan());
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
        Tape::<f64>::new().full(&[2, 3], 0.0).min_axis(2);
    }

    #[test]
    fn a_sum_of_many_f32_numbers_keeps_its_accuracy() {
        let tape = Tape::<f32>::new();
        let x = tape.full(&[100_003, 3], 0.1);
        for total in [x.sum().item() / 3.0, x.sum_axes(&[0]).value()[[1]]] {
            assert!((total / 10_000.3 - 1.0).abs() < 2e-5, "{total}");
        }
    }
}
