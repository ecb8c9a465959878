//! Convolution of sequences: of images that are one pixel high.

use crate::real::Real;
use crate::var::Var;

impl<'t, T: Real> Var<'t, T> {
    /// Convolution (cross-correlation, as in every framework) of sequences `x: [n, length, c_in]` with
    /// `w: [k, c_in, c_out]`, with `stride` and `pad` zeros before and after. Returns `[n, out, c_out]` with
    /// `out = (length + 2·pad − k)/stride + 1`, rounded down.
    ///
    /// # Panics
    /// If the shapes do not match, the kernel does not fit the padded sequence, or the stride is 0.
    #[track_caller]
    #[inline(never)]
    pub fn conv1d(self, w: Var<'t, T>, stride: usize, pad: usize) -> Var<'t, T> {
        let (sx, sw) = (self.shape(), w.shape());
        let (&[n, length, c], &[k, c_in, c_out]) = (&*sx, &*sw) else {
            panic!("conv1d: sequences {sx:?} and weights {sw:?} must have three axes each")
        };
        let fits = pad.checked_mul(2).and_then(|p| p.checked_add(length)).is_some_and(|padded| k <= padded);
        assert!(
            c == c_in && k > 0 && stride > 0 && fits,
            "conv1d: weights {sw:?} at stride {stride} do not fit sequences {sx:?} padded by {pad}"
        );
        let y =
            self.reshape(&[n, 1, length, c]).conv2d(w.reshape(&[1, k, c_in, c_out]), [1, stride], [0, pad]);
        let out = y.shape()[2];
        y.reshape(&[n, out, c_out])
    }
}

compiled_here!(T: Var::<T>::conv1d);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::Array;

    #[test]
    fn it_has_correct_grads_to_order_3_on_odd_shapes() {
        for (x, w, stride, pad) in
            [([2, 7, 3], [3, 3, 2], 1, 1), ([1, 8, 2], [5, 2, 3], 2, 0), ([2, 3, 1], [5, 1, 1], 3, 2)]
        {
            check_grads(&[&x, &w], 3, |v| v[0].conv1d(v[1], stride, pad));
        }
    }

    #[test]
    fn it_gives_known_values() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&Array::from_shape_vec(vec![1, 4, 1], vec![1.0, 2.0, 4.0, 8.0]).unwrap());
        let w = tape.leaf(&Array::from_shape_vec(vec![2, 1, 1], vec![1.0, 10.0]).unwrap());
        let flat = |v: crate::Var<'_, f64>| v.to_array().into_raw_vec_and_offset().0;
        assert_eq!(flat(x.conv1d(w, 1, 0)), [21.0, 42.0, 84.0]);
        assert_eq!(flat(x.conv1d(w, 2, 1)), [10.0, 42.0, 8.0]);
    }

    #[test]
    #[should_panic(
        expected = "conv1d: weights [3, 2, 1] at stride 1 do not fit sequences [1, 2, 2] padded by 0"
    )]
    fn a_kernel_that_does_not_fit_is_named() {
        let tape = Tape::<f32>::new();
        let _ = tape.full(&[1, 2, 2], 0.0).conv1d(tape.full(&[3, 2, 1], 0.0), 1, 0);
    }
}
