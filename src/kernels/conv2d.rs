//! 2-d convolution, channels last.
//!
//! An indirect matrix product whose rows are output pixels and whose summands
//! are (tap, input channel), read from the images as they lie. Pixels that have
//! the same taps inside the image form one sum; padding is never multiplied.

use super::axis::Axis;
use super::product::Plan;
use super::simd::Simd;
use super::threads::{for_chunks, threads_for};
use super::tile::Run;
use super::winograd::Windows;
use super::workspace::{Element, Task, Workspace};

/// Most summands in one pass: 144 rows of 64 weights are 36 KiB.
pub(super) const DEPTH: usize = 144;

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

    /// Multiply-adds, those with padding included.
    pub(super) fn products(&self) -> usize {
        self.y_len() * self.kh * self.kw * self.c_in
    }

    /// The same for `n` images.
    pub(super) fn with_images(&self, n: usize) -> ConvShape {
        ConvShape { n, ..*self }
    }

    /// How many images to work on at a time, so that what is read and written
    /// stays in the second-level cache, and that `threads` have enough to share.
    pub(super) fn block<T>(&self, threads: usize) -> usize {
        const CACHE: usize = 256 * 1024;
        let image = self.h * self.w * self.c_in + self.oh() * self.ow() * self.c_out;
        let fitting = CACHE / (image * size_of::<T>()).max(1);
        let shared = if threads > 1 { self.n.div_ceil(4 * threads) } else { self.n };
        fitting.min(shared).max(1)
    }

    /// Down and right: each output is a target, its window the input's pixels.
    pub(super) fn windows(&self) -> [Axis; 2] {
        let axis = |len, taps, count, i: usize| Axis {
            len,
            taps,
            start: -(self.pad[i] as isize),
            step: self.stride[i],
            count,
            first: 0,
            stride: 1,
        };
        [axis(self.h, self.kh, self.oh(), 0), axis(self.w, self.kw, self.ow(), 1)]
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

/// See [`Kernels::conv2d`](super::Kernels::conv2d).
pub(super) fn forward<T: Element>(simd: Simd, s: &ConvShape, x: &[T], w: &[T], y: &mut [T]) {
    s.assert_lens("conv2d", x, w, y);
    if y.is_empty() {
        return;
    }
    let axes = s.windows();
    let windows = Windows { axes, channels: [s.c_in, s.c_out] };
    if windows.pays() {
        return windows.sum(simd, s.n, |n| Task::Forward(s.with_images(n)), x, w, y);
    }
    let (from_image, to_image) = (s.h * s.w * s.c_in, s.oh() * s.ow() * s.c_out);
    let threads = threads_for(s.products());
    let block = s.block::<T>(threads);
    for_chunks(threads, y, block * to_image, |at, y| {
        let count = y.len() / to_image;
        let x = &x[at / to_image * from_image..][..count * from_image];
        T::with_workspace(|Workspace { plans, .. }| {
            let plan = plans.of(Task::Forward(s.with_images(count)), || {
                let mut plan = Plan::new(1);
                let depth = add_windows(&mut plan, count, &axes, [s.oh(), s.ow()], [s.c_in, s.c_out], 0);
                plan.share_weights(depth, DEPTH);
                plan
            });
            plan.run(T::tiles(simd), x, w, s.c_out, y, false);
        });
    });
}

/// Adds a sum for each class of targets: from pixels of `count` images with
/// `channels[0]` to those of images `[h, w]` with `channels[1]`, by the weights
/// from row `first` on. Returns the row where these end.
pub(super) fn add_windows(
    plan: &mut Plan,
    count: usize,
    [down, right]: &[Axis; 2],
    [h, w]: [usize; 2],
    channels: [usize; 2],
    first: usize,
) -> usize {
    let c = channels[0];
    let right_classes = right.classes();
    for y in down.classes() {
        for x in &right_classes {
            let rows = (0..count).flat_map(|i| y.targets.clone().map(move |b| (i, b)));
            let rows = rows.flat_map(|(i, b)| {
                let from = (i * down.len + down.source(b, &y.taps)) * right.len;
                let to = (i * h + down.target(b)) * w;
                x.targets.clone().map(move |a| {
                    let from = from + right.source(a, &x.taps);
                    (from * c, (to + right.target(a)) * channels[1])
                })
            });
            // one row of taps is contiguous in the image, and in the weights
            let runs = y.taps.clone().filter(|_| !x.taps.is_empty()).map(|k| Run {
                x: (k - y.taps.start) * right.len * c,
                w: first + (k * right.taps + x.taps.start) * c,
                len: x.taps.len() * c,
            });
            plan.sum(rows, runs);
        }
    }
    first + down.taps * right.taps * c
}
