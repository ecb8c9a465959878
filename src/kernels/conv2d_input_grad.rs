//! The adjoint of convolution in its input.
//!
//! `dx[i] = Σ g[q] · w[k]` over the outputs `q` and taps `k` with
//! `stride · q + k = i + pad`. Inputs with the same remainder of `i + pad` by
//! the stride share their taps, and for neighbours among them `q` differs by
//! one: each such phase is a dense convolution of `g` with the flipped,
//! transposed weights of its taps, and no product with a skipped position is
//! formed. With stride 1 there is one phase.

use super::conv2d::{ConvShape, framed};
use super::frame::Frame;
use super::product::Product;
use super::simd::Simd;
use super::workspace::{Element, Workspace, at_least};

/// The inputs of one axis with the same remainder.
#[derive(Clone, Copy, Debug)]
struct Phase {
    /// The taps are `remainder, remainder + stride, ...`, this many.
    taps: usize,
    remainder: usize,
    /// The inputs are `first, first + stride, ...`, this many.
    first: usize,
    count: usize,
    /// The output that the first input's last tap reads; the inputs and the
    /// taps (from last to first) go up from there one by one.
    start: isize,
}

/// One axis of the convolution.
#[derive(Clone, Copy, Debug)]
struct Axis {
    len: usize,
    k: usize,
    stride: usize,
    pad: usize,
}

impl Axis {
    fn phase(&self, remainder: usize) -> Phase {
        let Axis { len, k, stride, pad } = *self;
        let taps = k.saturating_sub(remainder).div_ceil(stride);
        let first = (remainder + stride - pad % stride) % stride;
        let last_tap = taps.saturating_sub(1) as isize;
        Phase {
            taps,
            remainder,
            first,
            count: len.saturating_sub(first).div_ceil(stride),
            start: ((first + pad) / stride) as isize - last_tap,
        }
    }

    fn phases(&self) -> impl Iterator<Item = Phase> {
        let axis = *self;
        (0..axis.stride).map(move |r| axis.phase(r)).filter(|p| p.count > 0)
    }

    /// How far before output 0 the phases read, and how many outputs they span
    /// from there.
    fn span(&self) -> (usize, usize) {
        let (mut low, mut high) = (0, 0);
        for p in self.phases().filter(|p| p.taps > 0) {
            low = low.min(p.start);
            high = high.max(p.start + (p.count + p.taps) as isize - 1);
        }
        (low.unsigned_abs(), (high - low) as usize)
    }
}

/// See [`Kernels::conv2d_input_grad`](super::Kernels::conv2d_input_grad).
pub(super) fn input_grad<T: Element>(simd: Simd, s: &ConvShape, g: &[T], w: &[T], dx: &mut [T]) {
    s.assert_lens("conv2d_input_grad", dx, w, g);
    let down = Axis { len: s.h, k: s.kh, stride: s.stride[0], pad: s.pad[0] };
    let right = Axis { len: s.w, k: s.kw, stride: s.stride[1], pad: s.pad[1] };
    let ((top, rows), (left, cols)) = (down.span(), right.span());
    let frame = Frame::new([s.oh(), s.ow(), s.c_out], [top, left], [rows, cols]);
    let image = s.h * s.w * s.c_in;
    let block = s.block::<T>(&frame, image);
    T::with_workspace(|Workspace { frame: buffer, weights, rows, out, steps }| {
        let weights = at_least(weights, w.len());
        turn_weights(simd, s, [down, right], w, weights);
        for from in (0..s.n).step_by(block) {
            let count = block.min(s.n - from);
            let x = framed(&frame, buffer, g, from, count);
            let y = &mut dx[from * image..(from + count) * image];
            let mut used = 0;
            for py in down.phases() {
                for px in right.phases() {
                    steps.clear();
                    for a in 0..py.taps {
                        // one row of taps is contiguous in the frame
                        let row = frame.at(0, a, 0);
                        steps.extend(row..row + px.taps * s.c_out);
                    }
                    rows.clear();
                    out.clear();
                    for i in 0..count {
                        for b in 0..py.count {
                            let row = (py.start + (top + b) as isize) as usize;
                            let col = (px.start + left as isize) as usize;
                            let start = frame.at(i, row, col);
                            let to = (i * s.h + py.first + b * s.stride[0]) * s.w + px.first;
                            let to = to * s.c_in;
                            rows.extend((0..px.count).map(|c| start + c * s.c_out));
                            out.extend((0..px.count).map(|c| to + c * s.stride[1] * s.c_in));
                        }
                    }
                    let len = steps.len() * s.c_in;
                    let w = &weights[used..used + len];
                    used += len;
                    let product = Product { x, rows, steps, w, bias: None, n: s.c_in, out };
                    product.write(T::tiles(simd), y);
                }
            }
        }
    });
}

/// The weights phase by phase, in each the taps from last to first, each tap
/// transposed to `[c_out, c_in]`.
fn turn_weights<T: Element>(simd: Simd, s: &ConvShape, [down, right]: [Axis; 2], w: &[T], turned: &mut [T]) {
    let tap = s.c_in * s.c_out;
    let mut used = 0;
    for py in down.phases() {
        for px in right.phases() {
            for a in (0..py.taps).rev() {
                for b in (0..px.taps).rev() {
                    let ky = py.remainder + a * s.stride[0];
                    let kx = px.remainder + b * s.stride[1];
                    let from = (ky * s.kw + kx) * tap;
                    let (from, to) = (&w[from..from + tap], &mut turned[used..used + tap]);
                    T::transpose(simd, s.c_in, s.c_out, from, to);
                    used += tap;
                }
            }
        }
    }
}
