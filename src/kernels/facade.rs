//! What the engine asks of an element type: convolutions and products.

use super::conv::{self, ConvShape};
use super::element::Element;
use super::product;
use super::simd::simd;

/// The kernels of one element type; implemented for `f32` and `f64`.
///
/// Images are `[n, h, w, c]`, weights `[kh, kw, c_in, c_out]`, row-major.
/// Whether an infinity or NaN reaches results whose window it only touches in
/// padding, or a neighbour of its window, depends on the shape.
pub trait Kernels: Copy + Sized + 'static {
    /// `y = conv(x, w)`; overwrites `y` completely.
    ///
    /// # Panics
    /// If a slice has not the length `s` asks for.
    fn conv2d(s: &ConvShape, x: &[Self], w: &[Self], y: &mut [Self]);

    /// Adjoint of `conv2d` in `x`, applied to `g` of the output's shape.
    ///
    /// Overwrites `dx` completely, with zeros where no window reaches.
    ///
    /// # Panics
    /// If a slice has not the length `s` asks for.
    fn conv2d_input_grad(s: &ConvShape, g: &[Self], w: &[Self], dx: &mut [Self]);

    /// Adjoint of `conv2d` in `w`, applied to `g`; overwrites `dw` completely.
    ///
    /// # Panics
    /// If a slice has not the length `s` asks for.
    fn conv2d_weight_grad(s: &ConvShape, x: &[Self], g: &[Self], dw: &mut [Self]);

    /// `c[m, n] = a·b`; overwrites `c`.
    ///
    /// `a` is `[m, k]`, or `[k, m]` when `ta`; `b` is `[k, n]`, or `[n, k]`
    /// when `tb`.
    ///
    /// # Panics
    /// If a slice has not the length the dimensions ask for.
    #[expect(clippy::too_many_arguments, reason = "the usual signature of a gemm")]
    fn gemm(m: usize, k: usize, n: usize, a: &[Self], ta: bool, b: &[Self], tb: bool, c: &mut [Self]);
}

impl<T: Element> Kernels for T {
    fn conv2d(s: &ConvShape, x: &[T], w: &[T], y: &mut [T]) {
        conv::forward(simd(), s, x, w, y);
    }

    fn conv2d_input_grad(s: &ConvShape, g: &[T], w: &[T], dx: &mut [T]) {
        conv::input_grad(simd(), s, g, w, dx);
    }

    fn conv2d_weight_grad(s: &ConvShape, x: &[T], g: &[T], dw: &mut [T]) {
        conv::weight_grad(simd(), s, x, g, dw);
    }

    fn gemm(m: usize, k: usize, n: usize, a: &[T], ta: bool, b: &[T], tb: bool, c: &mut [T]) {
        product::gemm(simd(), [m, k, n], a, ta, b, tb, c);
    }
}
