//! Convolution of channels-last images: a trio that closes on itself.
//!
//! `conv2d(x, w)`, `conv2d_input_grad(g, w)` and `conv2d_weight_grad(x, g)` are the
//! three bilinear maps behind `⟨conv(x, w), g⟩`. Each of their six derivatives is
//! another of the three, so the trio is right at every order. The adjoints are
//! told the whole geometry, the input's height and width included: several
//! inputs have the same output size.

use crate::kernels::ConvShape;
use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

/// Inputs `x`, `w`.
#[derive(Debug)]
struct Conv2d(ConvShape);

impl<T: Real> Op<T> for Conv2d {
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        match wrt {
            0 => conv2d_input_grad(self.0, g, at.input(1)),
            _ => conv2d_weight_grad(self.0, at.input(0), g),
        }
    }

    fn reads_output(&self) -> bool {
        false
    }
}

/// Inputs `g`, `w`; output like `x`.
#[derive(Debug)]
struct InputGrad(ConvShape);

impl<T: Real> Op<T> for InputGrad {
    fn vjp<'t>(&self, wrt: usize, u: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        match wrt {
            0 => conv2d(self.0, u, at.input(1)),
            _ => conv2d_weight_grad(self.0, u, at.input(0)),
        }
    }

    fn reads_output(&self) -> bool {
        false
    }
}

/// Inputs `x`, `g`; output like `w`.
#[derive(Debug)]
struct WeightGrad(ConvShape);

impl<T: Real> Op<T> for WeightGrad {
    fn vjp<'t>(&self, wrt: usize, u: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        match wrt {
            0 => conv2d_input_grad(self.0, at.input(1), u),
            _ => conv2d(self.0, at.input(0), u),
        }
    }

    fn reads_output(&self) -> bool {
        false
    }
}

pub(super) fn conv2d<'t, T: Real>(s: ConvShape, x: Var<'t, T>, w: Var<'t, T>) -> Var<'t, T> {
    let mut y = Buf::dirty(s.y_len());
    T::conv2d(&s, x.val().data(), w.val().data(), &mut y);
    x.tape().push(Value::new(&[s.n, s.oh(), s.ow(), s.c_out], y), Conv2d(s), &[x, w])
}

pub(super) fn conv2d_input_grad<'t, T: Real>(s: ConvShape, g: Var<'t, T>, w: Var<'t, T>) -> Var<'t, T> {
    let mut dx = Buf::dirty(s.x_len());
    T::conv2d_input_grad(&s, g.val().data(), w.val().data(), &mut dx);
    g.tape().push(Value::new(&[s.n, s.h, s.w, s.c_in], dx), InputGrad(s), &[g, w])
}

pub(super) fn conv2d_weight_grad<'t, T: Real>(s: ConvShape, x: Var<'t, T>, g: Var<'t, T>) -> Var<'t, T> {
    let mut dw = Buf::dirty(s.w_len());
    T::conv2d_weight_grad(&s, x.val().data(), g.val().data(), &mut dw);
    x.tape().push(Value::new(&[s.kh, s.kw, s.c_in, s.c_out], dw), WeightGrad(s), &[x, g])
}

impl<'t, T: Real> Var<'t, T> {
    /// Convolution (cross-correlation, as in every framework) of `x: [n, h, w, c_in]`
    /// with `w: [kh, kw, c_in, c_out]`; `stride` and zero padding `pad` for height
    /// and width. Returns `[n, oh, ow, c_out]` with `oh = (h + 2·pad − kh)/stride + 1`,
    /// rounded down.
    ///
    /// # Panics
    /// If the shapes do not match, the kernel does not fit the padded image, or a
    /// stride is 0.
    #[track_caller]
    #[inline(never)]
    pub fn conv2d(self, w: Var<'t, T>, stride: [usize; 2], pad: [usize; 2]) -> Var<'t, T> {
        conv2d(geometry(self, w, stride, pad), self, w)
    }
}

/// What [`Var::conv2d`] maps to what, checked.
#[track_caller]
pub(super) fn geometry<T: Real>(
    x: Var<'_, T>,
    w: Var<'_, T>,
    stride: [usize; 2],
    pad: [usize; 2],
) -> ConvShape {
    let (sx, sw) = (x.shape(), w.shape());
    let (&[n, height, width, c_in], &[kh, kw, wc_in, c_out]) = (&*sx, &*sw) else {
        panic!("conv2d: images {sx:?} and weights {sw:?} must have four axes each")
    };
    ConvShape::new([n, height, width, c_in], [kh, kw, wc_in, c_out], stride, pad)
}

compiled_here!(T: Var::<T>::conv2d);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::Array;

    #[test]
    fn conv2d_has_correct_grads_to_order_3_on_odd_shapes() {
        for (x, w, stride, pad) in [
            ([2, 5, 4, 3], [3, 3, 3, 2], [1, 1], [1, 1]),
            ([1, 7, 7, 2], [3, 3, 2, 3], [2, 2], [1, 1]),
            ([2, 6, 5, 1], [2, 3, 1, 3], [2, 1], [0, 2]),
            ([1, 4, 6, 2], [1, 1, 2, 2], [3, 2], [0, 0]),
            ([1, 2, 2, 2], [3, 5, 2, 1], [1, 3], [1, 3]),
        ] {
            check_grads(&[&x, &w], 3, |v| v[0].conv2d(v[1], stride, pad));
        }
    }

    #[test]
    fn conv2d_gives_known_values() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&Array::range(0.0, 9.0, 1.0).into_shape_with_order(vec![1, 3, 3, 1]).unwrap());
        let w = tape.leaf(&Array::range(0.0, 4.0, 1.0).into_shape_with_order(vec![2, 2, 1, 1]).unwrap());
        let y = x.conv2d(w, [1, 1], [0, 0]).to_array();
        // 0·x₀₀ + 1·x₀₁ + 2·x₁₀ + 3·x₁₁ and so on
        assert_eq!(y.into_raw_vec_and_offset().0, [19.0, 25.0, 37.0, 43.0]);
    }

    #[test]
    #[should_panic(
        expected = "conv2d: images [1, 4, 4, 3] and weights [3, 3, 2, 5] differ in their input channels"
    )]
    fn channels_that_do_not_match_are_named() {
        let tape = Tape::<f32>::new();
        let _ = tape.full(&[1, 4, 4, 3], 0.0).conv2d(tape.full(&[3, 3, 2, 5], 0.0), [1, 1], [0, 0]);
    }

    #[test]
    #[should_panic(expected = "conv2d: images [1, 2, 2, 1] padded by [9223372036854775808, 0] are too large")]
    fn a_padding_that_overflows_is_named() {
        let tape = Tape::<f32>::new();
        let _ = tape.full(&[1, 2, 2, 1], 0.0).conv2d(
            tape.full(&[1, 1, 1, 1], 0.0),
            [1, 1],
            [usize::MAX / 2 + 1, 0],
        );
    }

    #[test]
    #[should_panic(expected = "under weights [1, 1, 1, 1] at stride [1, 1] are too large")]
    fn a_result_that_cannot_be_addressed_is_refused() {
        let tape = Tape::<f32>::new();
        let _ =
            tape.full(&[1, 2, 2, 1], 0.0).conv2d(tape.full(&[1, 1, 1, 1], 0.0), [1, 1], [1 << 40, 1 << 40]);
    }
}
