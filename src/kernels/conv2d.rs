//! 2-d convolution and its two adjoints, channels last.
//!
//! Each is one indirect matrix product per block of images: forward, rows are
//! output pixels and steps are (tap, input channel); for the weight gradient
//! the two change places; the input gradient is again a convolution, one per
//! phase of the stride, so that no product with a skipped position is formed.

use super::frame::Frame;
use super::product::Product;
use super::simd::Simd;
use super::workspace::{Element, Workspace, at_least};

/// What a convolution maps to what: `[n, h, w, c_in]` images under
/// `[kh, kw, c_in, c_out]` weights to `[n, oh, ow, c_out]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Images.
    pub n: usize,
    /// Input height.
    pub h: usize,
    /// Input width.
    pub w: usize,
    /// Input channels.
    pub c_in: usize,
    /// Kernel height.
    pub kh: usize,
    /// Kernel width.
    pub kw: usize,
    /// Output channels.
    pub c_out: usize,
    /// Step of the window down and right, at least 1.
    pub stride: [usize; 2],
    /// Zeros above and below, left and right of the input.
    pub pad: [usize; 2],
}

impl ConvShape {
    /// Output height: `(h + 2 pad - kh) / stride + 1`, 0 if no window fits.
    pub fn oh(&self) -> usize {
        windows(self.h, self.kh, self.stride[0], self.pad[0])
    }

    /// Output width, as [`oh`](Self::oh).
    pub fn ow(&self) -> usize {
        windows(self.w, self.kw, self.stride[1], self.pad[1])
    }

    /// Elements of the input.
    pub fn x_len(&self) -> usize {
        self.n * self.h * self.w * self.c_in
    }

    /// Elements of the weights.
    pub fn w_len(&self) -> usize {
        self.kh * self.kw * self.c_in * self.c_out
    }

    /// Elements of the output.
    pub fn y_len(&self) -> usize {
        self.n * self.oh() * self.ow() * self.c_out
    }

    /// The padded input, as far as windows reach.
    fn input_frame(&self) -> Frame {
        let reach = |out: usize, stride: usize, k: usize| match out {
            0 => 0,
            _ => (out - 1) * stride + k,
        };
        let rows = reach(self.oh(), self.stride[0], self.kh);
        let cols = reach(self.ow(), self.stride[1], self.kw);
        Frame::new([self.h, self.w, self.c_in], self.pad, [rows, cols])
    }

    /// How many images to work on at a time, so that what is read and written
    /// stays in the second-level cache. Part of the weight gradient's bits: the
    /// blocks are added in order.
    pub(super) fn block<T>(&self, frame: &Frame, other: usize) -> usize {
        const CACHE: usize = 256 * 1024;
        (CACHE / ((frame.len() + other) * size_of::<T>()).max(1)).clamp(1, self.n.max(1))
    }

    pub(super) fn assert_lens<T>(&self, op: &str, x: &[T], w: &[T], y: &[T]) {
        assert!(self.stride[0] > 0 && self.stride[1] > 0, "{op}: stride 0 in {self:?}");
        assert_eq!(x.len(), self.x_len(), "{op}: length of the input for {self:?}");
        assert_eq!(w.len(), self.w_len(), "{op}: length of the weights for {self:?}");
        assert_eq!(y.len(), self.y_len(), "{op}: length of the output for {self:?}");
    }
}

fn windows(len: usize, k: usize, stride: usize, pad: usize) -> usize {
    (len + 2 * pad).checked_sub(k).map_or(0, |room| room / stride + 1)
}

/// Images `from..` of a batch in frames, at most `count` of them.
pub(super) fn framed<'a, T: Element>(
    frame: &Frame,
    buffer: &'a mut Vec<T>,
    images: &'a [T],
    from: usize,
    count: usize,
) -> &'a [T] {
    let len = frame.image.iter().product::<usize>();
    let images = &images[from * len..(from + count) * len];
    if frame.is_image() {
        return images;
    }
    let frames = at_least(buffer, count * frame.len());
    frame.fill(images, frames);
    frames
}

/// Where each output pixel's window starts, for `images` frames.
fn window_starts(s: &ConvShape, frame: &Frame, images: usize, starts: &mut Vec<usize>) {
    starts.clear();
    for i in 0..images {
        for oy in 0..s.oh() {
            starts.extend((0..s.ow()).map(|ox| frame.at(i, oy * s.stride[0], ox * s.stride[1])));
        }
    }
}

/// Where each tap and channel lies in a window.
fn window_steps(s: &ConvShape, frame: &Frame, steps: &mut Vec<usize>) {
    steps.clear();
    for ky in 0..s.kh {
        // one row of taps is contiguous in the frame
        let row = frame.at(0, ky, 0);
        steps.extend(row..row + s.kw * s.c_in);
    }
}

/// See [`Kernels::conv2d`](super::Kernels::conv2d).
pub(super) fn forward<T: Element>(
    simd: Simd,
    s: &ConvShape,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
) {
    s.assert_lens("conv2d", x, w, y);
    if let Some(bias) = bias {
        assert_eq!(bias.len(), s.c_out, "conv2d: length of the bias for {s:?}");
    }
    let frame = s.input_frame();
    let pixels = s.oh() * s.ow();
    let block = s.block::<T>(&frame, pixels * s.c_out);
    T::with_workspace(|Workspace { frame: buffer, rows, out, steps, .. }| {
        window_starts(s, &frame, block, rows);
        window_steps(s, &frame, steps);
        out.clear();
        out.extend((0..block * pixels).map(|p| p * s.c_out));
        for from in (0..s.n).step_by(block) {
            let count = block.min(s.n - from);
            let image = pixels * s.c_out;
            let product = Product {
                x: framed(&frame, buffer, x, from, count),
                rows: &rows[..count * pixels],
                steps,
                w,
                bias,
                n: s.c_out,
                out: &out[..count * pixels],
            };
            product.write(T::tiles(simd), &mut y[from * image..(from + count) * image]);
        }
    });
}

/// See [`Kernels::conv2d_weight_grad`](super::Kernels::conv2d_weight_grad).
pub(super) fn weight_grad<T: Element>(simd: Simd, s: &ConvShape, x: &[T], g: &[T], dw: &mut [T]) {
    s.assert_lens("conv2d_weight_grad", x, dw, g);
    let frame = s.input_frame();
    let pixels = s.oh() * s.ow();
    let block = s.block::<T>(&frame, pixels * s.c_out);
    if s.n == 0 {
        dw.fill(T::default());
    }
    T::with_workspace(|Workspace { frame: buffer, rows, out, steps, .. }| {
        window_starts(s, &frame, block, steps);
        window_steps(s, &frame, rows);
        out.clear();
        out.extend((0..rows.len()).map(|row| row * s.c_out));
        for from in (0..s.n).step_by(block) {
            let count = block.min(s.n - from);
            let image = pixels * s.c_out;
            let product = Product {
                x: framed(&frame, buffer, x, from, count),
                rows,
                steps: &steps[..count * pixels],
                w: &g[from * image..(from + count) * image],
                bias: None,
                n: s.c_out,
                out,
            };
            if from == 0 {
                product.write(T::tiles(simd), dw);
            } else {
                product.add(T::tiles(simd), dw);
            }
        }
    });
}
