//! Numeric kernels: plain slices in, plain slices out.
//!
//! Everything here is deterministic: the same input gives the same bits on the
//! same SIMD path, wherever the data lies in memory and on however many threads.
//! A kernel runs on one thread unless [`threads::with_image_threads`] allows more.

mod axis;
mod conv2d;
mod conv2d_input_grad;
mod conv2d_weight_grad;
mod frame;
mod gemm;
mod lanes;
mod norm_relu_passes;
mod product;
mod simd;
mod threads;
mod tile;
mod tiling;
mod transform;
mod transpose;
mod vectorized;
mod winograd;
mod winograd_maps;
mod winograd_tiles;
mod workspace;

pub(crate) mod linalg;
pub(crate) mod moments;
pub(crate) mod norm;
pub(crate) mod norm_relu;
pub(crate) mod norm_relu_second;
pub(crate) mod pool;
pub(crate) mod reduce;

pub(crate) use conv2d::ConvShape;
use simd::simd;
pub(crate) use threads::with_image_threads;
pub(crate) use vectorized::vectorized;

use workspace::Element;

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
        conv2d::forward(simd(), s, x, w, y);
    }

    fn conv2d_input_grad(s: &ConvShape, g: &[T], w: &[T], dx: &mut [T]) {
        conv2d_input_grad::input_grad(simd(), s, g, w, dx);
    }

    fn conv2d_weight_grad(s: &ConvShape, x: &[T], g: &[T], dw: &mut [T]) {
        conv2d_weight_grad::weight_grad(simd(), s, x, g, dw);
    }

    fn gemm(m: usize, k: usize, n: usize, a: &[T], ta: bool, b: &[T], tb: bool, c: &mut [T]) {
        gemm::gemm(simd(), [m, k, n], a, ta, b, tb, c);
    }
}

#[cfg(test)]
mod tests;
