//! Pooling of channels-last images.
//!
//! Max-pooling finds the positions of the maxima, then it is `gather`, whose
//! adjoint is `scatter_add`. Mean-pooling is linear and comes with its adjoint.

use super::index::{Positions, check_countable, gathered};
use crate::kernels::pool::{PoolWindows, max_pool};
use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::{Shape, Value};
use crate::var::Var;

#[track_caller]
pub(super) fn windows_of(name: &str, shape: Shape, window: [usize; 2], stride: [usize; 2]) -> PoolWindows {
    let &[n, h, w, c] = &*shape else { panic!("{name}: images {shape:?} must have four axes") };
    let fits = |k: usize, s: usize, d: usize| k > 0 && s > 0 && k <= d;
    assert!(
        fits(window[0], stride[0], h) && fits(window[1], stride[1], w),
        "{name}: windows {window:?} at stride {stride:?} do not fit images {shape:?}"
    );
    PoolWindows { shape: [n, h, w, c], window, stride }
}

#[derive(Debug)]
struct AvgPool(PoolWindows);

impl<T: Real> Op<T> for AvgPool {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, _at: Point<'t, '_, T>) -> Var<'t, T> {
        avg_unpool(self.0, g)
    }
}

/// The adjoint of [`AvgPool`]: spreads each pixel evenly over its window.
#[derive(Debug)]
struct AvgUnpool(PoolWindows);

impl<T: Real> Op<T> for AvgUnpool {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, _at: Point<'t, '_, T>) -> Var<'t, T> {
        avg_pool(self.0, g)
    }
}

fn avg_pool<'t, T: Real>(windows: PoolWindows, x: Var<'t, T>) -> Var<'t, T> {
    let (shape, value, c) = (windows.pooled(), x.val(), windows.shape[3]);
    let share = T::from_f64(1.0 / windows.window.iter().product::<usize>() as f64);
    let mut y = Buf::zeros(shape.iter().product());
    windows.each(|to, from| {
        let pixel = &mut y[to..to + c];
        for &f in from {
            pixel.iter_mut().zip(&value.data()[f..f + c]).for_each(|(y, &x)| *y += x);
        }
        pixel.iter_mut().for_each(|y| *y *= share);
    });
    x.tape().push(Value::new(&shape, y), AvgPool(windows), &[x])
}

fn avg_unpool<'t, T: Real>(windows: PoolWindows, g: Var<'t, T>) -> Var<'t, T> {
    let (value, c) = (g.val(), windows.shape[3]);
    let share = T::from_f64(1.0 / windows.window.iter().product::<usize>() as f64);
    let mut x = Buf::zeros(windows.shape.iter().product());
    windows.each(|from, to| {
        let pixel = &value.data()[from..from + c];
        for &t in to {
            x[t..t + c].iter_mut().zip(pixel).for_each(|(x, &g)| *x += share * g);
        }
    });
    g.tape().push(Value::new(&windows.shape, x), AvgUnpool(windows), &[g])
}

impl<'t, T: Real> Var<'t, T> {
    /// The largest value of each window and channel of `x: [n, h, w, c]`. Returns
    /// `[n, oh, ow, c]` with `oh = (h − window)/stride + 1`, rounded down: what no
    /// window reaches is dropped. Among equal values the first in row-major order
    /// gets the gradient; a NaN is larger than anything.
    ///
    /// # Panics
    /// If a window does not fit the image, a stride is 0, or `x` has 2³² elements or more.
    #[track_caller]
    #[inline(never)]
    pub fn max_pool2d(self, window: [usize; 2], stride: [usize; 2]) -> Var<'t, T> {
        let windows = windows_of("max_pool2d", self.shape(), window, stride);
        check_countable("max_pool2d", self.shape());
        let (shape, x) = (windows.pooled(), self.val());
        let mut best = Buf::dirty(shape.iter().product());
        let mut at = Buf::dirty(best.len());
        max_pool(&windows, x.data(), &mut best, &mut at);
        gathered(self, Value::new(&shape, best), Positions::new(at))
    }

    /// The mean of each window and channel of `x: [n, h, w, c]`; shapes as in
    /// [`max_pool2d`](Var::max_pool2d).
    ///
    /// # Panics
    /// If a window does not fit the image, or a stride is 0.
    #[track_caller]
    #[inline(never)]
    pub fn avg_pool2d(self, window: [usize; 2], stride: [usize; 2]) -> Var<'t, T> {
        avg_pool(windows_of("avg_pool2d", self.shape(), window, stride), self)
    }

    /// The mean over height and width of `x: [n, h, w, c]`. Returns `[n, c]`.
    ///
    /// # Panics
    /// If `x` does not have four axes, or is empty.
    #[track_caller]
    #[inline(never)]
    pub fn global_mean2d(self) -> Var<'t, T> {
        assert!(self.shape().len() == 4, "global_mean2d: images {:?} must have four axes", self.shape());
        self.mean_axes(&[1, 2])
    }
}

compiled_here!(T: Var::<T>::max_pool2d, Var::<T>::avg_pool2d, Var::<T>::global_mean2d);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::Array;

    #[test]
    fn pooling_has_correct_grads_with_any_window_and_stride() {
        for (shape, window, stride) in [
            ([2, 7, 7, 3], [2, 2], [2, 2]), // 7 → 3, the last row and column dropped
            ([1, 3, 3, 2], [2, 2], [2, 2]),
            ([1, 5, 7, 2], [3, 2], [1, 2]), // overlapping
            ([2, 5, 4, 1], [1, 3], [3, 1]), // with gaps
            ([1, 4, 4, 2], [4, 4], [1, 1]),
        ] {
            check_grads(&[&shape], 2, |x| x[0].max_pool2d(window, stride).tanh());
            check_grads(&[&shape], 2, |x| x[0].avg_pool2d(window, stride).tanh());
            check_grads(&[&shape], 2, |x| x[0].global_mean2d().tanh());
        }
    }

    #[test]
    fn pooling_gives_known_values() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&Array::range(0.0, 9.0, 1.0).into_shape_with_order(vec![1, 3, 3, 1]).unwrap());
        let flat = |v: crate::Var<'_, f64>| v.to_array().into_raw_vec_and_offset().0;
        assert_eq!(flat(x.max_pool2d([2, 2], [1, 1])), [4.0, 5.0, 7.0, 8.0]);
        assert_eq!(flat(x.avg_pool2d([2, 2], [1, 1])), [2.0, 3.0, 5.0, 6.0]);
        assert_eq!(flat(x.global_mean2d()), [4.0]);
    }

    #[test]
    fn among_equal_values_the_first_gets_the_gradient() {
        let tape = Tape::<f64>::new();
        let x = tape.full(&[1, 2, 2, 1], 0.5);
        let g = crate::grad_values(x.max_pool2d([2, 2], [2, 2]).sum(), &[x]);
        assert_eq!(g[0].as_slice().unwrap(), [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "max_pool2d: windows [2, 2] at stride [2, 2] do not fit images [1, 1, 1, 8]")]
    fn a_window_that_does_not_fit_is_named() {
        let _ = Tape::<f32>::new().full(&[1, 1, 1, 8], 0.0).max_pool2d([2, 2], [2, 2]);
    }
}
