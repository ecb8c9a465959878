//! The geometry of a convolution.

use super::axis::Axis;
use crate::kernels::threads::images_at_once;

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
    /// The convolution of images of shape `x` with weights of shape `w`. A stride beyond the
    /// padded image is stored as the padded image's size, which has the same single window.
    ///
    /// # Panics
    /// If the channels differ, a stride is 0, no window fits, or a size that the kernels
    /// compute would overflow.
    #[track_caller]
    pub fn new(x: [usize; 4], w: [usize; 4], stride: [usize; 2], pad: [usize; 2]) -> ConvShape {
        let ([n, h, width, c_in], [kh, kw, w_in, c_out]) = (x, w);
        assert!(c_in == w_in, "conv2d: images {x:?} and weights {w:?} differ in their input channels");
        assert!(stride[0] > 0 && stride[1] > 0, "conv2d: stride {stride:?} must be at least 1");
        let padded = |len: usize, pad: usize| pad.checked_mul(2)?.checked_add(len);
        let room = padded(h, pad[0]).zip(padded(width, pad[1]));
        let Some((room_h, room_w)) = room else {
            panic!("conv2d: images {x:?} padded by {pad:?} are too large")
        };
        assert!(
            kh > 0 && kw > 0 && kh <= room_h && kw <= room_w,
            "conv2d: the kernel of {w:?} does not fit images {x:?} padded by {pad:?}"
        );
        let stride = [stride[0].min(room_h), stride[1].min(room_w)];
        let s = ConvShape { n, h, w: width, c_in, kh, kw, c_out, stride, pad };
        // padded images, outputs, weights: all that the kernels lay out is at most 16 times
        // these, also when one of the dimensions is 0
        let layouts = [[n, room_h, room_w, c_in], [n, s.oh(), s.ow(), c_out], w];
        let fits = layouts.map(|sizes| {
            let len = sizes.iter().try_fold(16usize, |len, &size| len.checked_mul(size.max(1)));
            len.is_some_and(|len| isize::try_from(len).is_ok())
        });
        assert!(
            fits == [true; 3],
            "conv2d: images {x:?} padded by {pad:?} under weights {w:?} at stride {stride:?} are too large"
        );
        s
    }

    /// Output height: `(h + 2 pad - kh) / stride + 1`, 0 if no window fits.
    pub fn oh(&self) -> usize {
        outputs(self.h, self.kh, self.stride[0], self.pad[0])
    }

    /// Output width, as [`oh`](Self::oh).
    pub fn ow(&self) -> usize {
        outputs(self.w, self.kw, self.stride[1], self.pad[1])
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
    pub(in crate::kernels) fn products(&self) -> usize {
        [self.kh, self.kw, self.c_in].into_iter().fold(self.y_len(), usize::saturating_mul)
    }

    /// The same for `n` images.
    pub(in crate::kernels) fn with_images(&self, n: usize) -> ConvShape {
        ConvShape { n, ..*self }
    }

    /// How many images to work on at a time, so that what is read and written stays in the
    /// second-level cache, and that `threads` have enough to share.
    pub(in crate::kernels) fn block<T>(&self, threads: usize) -> usize {
        /// Most bytes of what is read and written.
        const CACHE: usize = 256 * 1024;
        let image = self.h * self.w * self.c_in + self.oh() * self.ow() * self.c_out;
        images_at_once(self.n, image * size_of::<T>(), CACHE, threads)
    }

    /// Down and right: each output is a target, its window the input's pixels.
    pub(in crate::kernels) fn axes(&self) -> [Axis; 2] {
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

    pub(in crate::kernels) fn assert_lens<T>(&self, op: &str, x: &[T], w: &[T], y: &[T]) {
        assert!(self.stride[0] > 0 && self.stride[1] > 0, "{op}: stride 0 in {self:?}");
        assert_eq!(x.len(), self.x_len(), "{op}: length of the input for {self:?}");
        assert_eq!(w.len(), self.w_len(), "{op}: length of the weights for {self:?}");
        assert_eq!(y.len(), self.y_len(), "{op}: length of the output for {self:?}");
    }
}

/// How many windows fit.
fn outputs(len: usize, k: usize, stride: usize, pad: usize) -> usize {
    (len + 2 * pad).checked_sub(k).map_or(0, |room| room / stride + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "conv2d: images [1, 4, 4, 3] padded by [9223372036854775808, 0] are too large")]
    fn padding_that_would_wrap_is_refused() {
        ConvShape::new([1, 4, 4, 3], [3, 3, 3, 5], [1, 1], [1 << 63, 0]);
    }

    #[test]
    #[should_panic(expected = "conv2d: images [1, 4, 4, 3] padded by [4294967296, 4294967296] under weights")]
    fn padded_images_whose_size_would_wrap_are_refused() {
        ConvShape::new([1, 4, 4, 3], [3, 3, 3, 5], [1, 1], [1 << 32; 2]);
    }

    #[test]
    #[should_panic(expected = "are too large")]
    fn no_images_of_a_size_that_would_wrap_are_refused() {
        ConvShape::new([0, 1 << 40, 1 << 40, 1], [3, 3, 1, 1], [1, 1], [0; 2]);
    }

    #[test]
    fn a_stride_beyond_the_image_leaves_one_window() {
        let s = ConvShape::new([2, 5, 4, 3], [3, 3, 3, 2], [usize::MAX, 9], [1, 1]);
        assert_eq!([s.oh(), s.ow()], [1, 1]);
        assert_eq!(s.stride, [7, 6]);
    }
}
