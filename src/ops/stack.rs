//! Adding an axis, cutting along one, swapping the last two: `reshape`, `concat`, `slice` and `permute` by the names
//! that people look for.

use crate::real::Real;
use crate::var::Var;

impl<'t, T: Real> Var<'t, T> {
    /// Puts arrays of one shape beside each other along a new axis: `n` times `[.., d, ..]` become `[.., n, d, ..]`,
    /// where the new axis is number `axis`.
    ///
    /// # Panics
    /// If there are none, their shapes differ, or `axis` is larger than their number of axes.
    #[track_caller]
    #[inline(never)]
    pub fn stack(parts: &[Var<'t, T>], axis: usize) -> Var<'t, T> {
        let shapes: Vec<_> = parts.iter().map(|p| p.shape()).collect();
        assert!(!parts.is_empty(), "stack: there are no arrays to stack along axis {axis}");
        let fits = axis <= shapes[0].len() && shapes.iter().all(|s| *s == shapes[0]);
        assert!(fits, "stack: shapes {shapes:?} cannot be stacked along a new axis {axis}");
        let one = [&shapes[0][..axis], &[1], &shapes[0][axis..]].concat();
        let parts: Vec<_> = parts.iter().map(|p| p.reshape(&one)).collect();
        Var::concat(&parts, axis)
    }

    /// Cuts along `axis` into parts of the given `sizes`, in order: the inverse of [`concat`](Var::concat).
    ///
    /// # Panics
    /// If the axis is not one of this array's, or the sizes do not add up to its length.
    #[track_caller]
    #[inline(never)]
    pub fn split(self, axis: usize, sizes: &[usize]) -> Vec<Var<'t, T>> {
        let shape = self.shape();
        let total = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        let fits = axis < shape.len() && total == Some(shape[axis]);
        assert!(fits, "split: sizes {sizes:?} do not add up to axis {axis} of {shape:?}");
        let mut ranges: Vec<_> = shape.iter().map(|&d| 0..d).collect();
        let mut start = 0;
        let part = |&size: &usize| {
            ranges[axis] = start..start + size;
            start += size;
            self.slice(&ranges)
        };
        sizes.iter().map(part).collect()
    }

    /// Swaps the last two axes: `[.., m, n]` becomes `[.., n, m]`.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[inline(never)]
    pub fn transpose(self) -> Var<'t, T> {
        let shape = self.shape();
        assert!(shape.len() >= 2, "transpose: an array of shape {shape:?} does not have two axes to swap");
        let mut axes: Vec<_> = (0..shape.len()).collect();
        axes.swap(shape.len() - 2, shape.len() - 1);
        self.permute(&axes)
    }
}

compiled_here!(T: Var::<T>::stack, Var::<T>::split, Var::<T>::transpose);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use crate::var::Var;
    use ndarray::{arr1, arr2};

    #[test]
    fn they_have_correct_grads() {
        for axis in 0..3 {
            check_grads(&[&[2, 3], &[2, 3], &[2, 3]], 2, |x| Var::stack(x, axis).tanh());
        }
        check_grads(&[&[2, 7]], 2, |x| {
            let parts = x[0].split(1, &[1, 4, 2]);
            Var::concat(&[parts[2] * parts[0], parts[1].tanh()], 1)
        });
        check_grads(&[&[2, 3, 5]], 2, |x| x[0].transpose().tanh());
    }

    #[test]
    fn they_move_elements_as_they_say() {
        let tape = Tape::<f64>::new();
        let (a, b) = (tape.leaf(&arr1(&[1.0, 2.0]).into_dyn()), tape.leaf(&arr1(&[3.0, 4.0]).into_dyn()));
        let rows = Var::stack(&[a, b], 0);
        assert_eq!(rows.to_array(), arr2(&[[1.0, 2.0], [3.0, 4.0]]).into_dyn());
        let columns = Var::stack(&[a, b], 1);
        assert_eq!(columns.to_array(), arr2(&[[1.0, 3.0], [2.0, 4.0]]).into_dyn());
        assert_eq!(columns.transpose().to_array(), rows.to_array());
        let parts = rows.split(1, &[0, 1, 1]);
        assert_eq!(*parts[0].shape(), [2, 0]);
        assert_eq!(parts[2].to_array(), arr2(&[[2.0], [4.0]]).into_dyn());
        assert_eq!(Var::concat(&parts, 1).to_array(), rows.to_array());
    }

    #[test]
    #[should_panic(expected = "split: sizes [1, 18446744073709551615, 3] do not add up to axis 0 of [3]")]
    fn sizes_that_wrap_are_refused() {
        Tape::<f64>::new().full(&[3], 0.0).split(0, &[1, usize::MAX, 3]);
    }

    #[test]
    #[should_panic(expected = "stack: shapes [[2], [3]] cannot be stacked along a new axis 0")]
    fn shapes_that_differ_are_named() {
        let tape = Tape::<f64>::new();
        let _ = Var::stack(&[tape.full(&[2], 0.0), tape.full(&[3], 0.0)], 0);
    }

    #[test]
    #[should_panic(expected = "transpose: an array of shape [3] does not have two axes to swap")]
    fn a_vector_has_no_transpose() {
        let _ = Tape::<f64>::new().full(&[3], 0.0).transpose();
    }
}
