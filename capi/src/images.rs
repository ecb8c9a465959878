//! Images as C has them, and as inputs of a network.

use innerloop::PixelRange;
use innerloop::ndarray::ArrayD;

use crate::boundary::{Failure, slice};

/// `n` images of `h` by `w` pixels with `c` channels, channels last: pixel (row, column, channel) of image `i` is number
/// `((i * h + row) * w + column) * c + channel`.
///
/// Give `floats`, the numbers that the network was trained on, or `bytes` from 0 to 255, which are made into such numbers as
/// in training; the other of the two is NULL.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Images {
    /// Numbers as in training, or NULL.
    pub floats: *const f32,
    /// Bytes, or NULL.
    pub bytes: *const u8,
    /// How many images there are.
    pub n: usize,
    /// Pixels from top to bottom.
    pub h: usize,
    /// Pixels from left to right.
    pub w: usize,
    /// Channels: 1 for grey, 3 for colour.
    pub c: usize,
}

/// What images a learner or a classifier is for, and how many classes.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Pixels from top to bottom.
    pub h: usize,
    /// Pixels from left to right.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// Classes.
    pub ways: usize,
}

impl Images {
    /// Inputs `[n, h, w, c]` of a network for images of a shape.
    ///
    /// # Safety
    /// Each pointer is NULL or has as many numbers as the sizes say.
    pub(crate) unsafe fn inputs(&self, shape: Shape, pixels: &PixelRange) -> Result<ArrayD<f32>, Failure> {
        let Images { floats, bytes, n, h, w, c } = *self;
        if [h, w, c] != [shape.h, shape.w, shape.c] {
            let need = [shape.h, shape.w, shape.c];
            let message =
                format!("images of [h, w, c] = {:?} cannot be used: the network is for {need:?}", [h, w, c]);
            return Err(Failure::argument(message));
        }
        if n == 0 {
            return Err(Failure::argument("images.n is 0: there must be at least one image"));
        }
        let size = h.checked_mul(w).and_then(|hw| hw.checked_mul(c));
        let Some((size, count)) = size.and_then(|size| Some((size, size.checked_mul(n)?))) else {
            return Err(Failure::argument(format!("images.n is {n}: no memory is so large")));
        };
        match (floats.is_null(), bytes.is_null()) {
            (false, true) => {
                // SAFETY: the caller's promise
                let numbers = unsafe { slice("images.floats", floats, count) }?.to_vec();
                Ok(ArrayD::from_shape_vec(vec![n, h, w, c], numbers).expect("as many numbers as sizes say"))
            }
            (true, false) => {
                // SAFETY: the caller's promise
                let bytes = unsafe { slice("images.bytes", bytes, count) }?;
                Ok(pixels.inputs(&bytes.chunks_exact(size).collect::<Vec<_>>(), [h, w, c])?)
            }
            (true, true) => Err(Failure::argument("images.floats and images.bytes are both NULL")),
            (false, false) => {
                Err(Failure::argument("images has floats and bytes: give one, and NULL for the other"))
            }
        }
    }
}
