//! Sums, means and variances over axes.

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
        Var::<T>::sum_axes_kept, Var::<T>::mean_axes_kept, Var::<T>::var_axes_kept,
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
        check_grads(&[&[3, 5]], 2, |x| x[0].sum() * x[0].mean());
    }

    #[test]
    fn reductions_give_known_values() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr2(&[[1.0, 4.0, 2.0], [5.0, 5.0, -1.0]]).into_dyn());
        assert_eq!(x.mean_axes(&[0]).to_array(), arr1(&[3.0, 4.5, 0.5]).into_dyn());
        approx::assert_relative_eq!(
            x.var_axes(&[1]).to_array(),
            arr1(&[14.0 / 9.0, 8.0]).into_dyn(),
            max_relative = 1e-15
        );
    }

    #[test]
    fn reductions_that_keep_their_axis_equal_those_that_do_not() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr2(&[[1.0, 4.0, 2.0], [5.0, 5.0, -1.0]]).into_dyn());
        let rows = |y: crate::Var<'_, f64>| {
            assert_eq!(*y.shape(), [2, 1]);
            y.reshape(&[2]).to_array()
        };
        assert_eq!(rows(x.sum_axes_kept(&[1])), x.sum_axes(&[1]).to_array());
        assert_eq!(rows(x.mean_axes_kept(&[1])), x.mean_axes(&[1]).to_array());
        assert_eq!(rows(x.var_axes_kept(&[1])), x.var_axes(&[1]).to_array());
    }

    #[test]
    fn a_sum_of_many_f32_numbers_keeps_its_accuracy() {
        let tape = Tape::<f32>::new();
        let x = tape.full(&[100_003, 3], 0.1);
        for total in [x.sum().item() / 3.0, x.sum_axes(&[0]).to_array()[[1]]] {
            assert!((total / 10_000.3 - 1.0).abs() < 2e-5, "{total}");
        }
    }
}
