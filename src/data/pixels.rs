//! Bytes of images as numbers.

use ndarray::{ArrayD, IxDyn};

use crate::error::{Error, Result};
use crate::real::Real;

/// The numbers that bytes of images stand for: `low` for 0, `high` for 255, and evenly in between.
///
/// A network must be asked with the numbers that it was trained with: keep [`ImageSet::range`](crate::ImageSet::range) of
/// the training images beside its parameters, as `Pretrained` does (features `serde` and `safetensors`).
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelRange {
    /// What byte 0 stands for.
    pub low: f64,
    /// What byte 255 stands for.
    pub high: f64,
}

impl Default for PixelRange {
    /// From 0 to 1.
    fn default() -> PixelRange {
        PixelRange { low: 0.0, high: 1.0 }
    }
}

impl PixelRange {
    /// The number that each byte stands for.
    pub(crate) fn levels<T: Real>(self) -> [T; 256] {
        let PixelRange { low, high } = self;
        std::array::from_fn(|byte| T::from_f64(low + (high - low) * (byte as f64 / 255.0)))
    }

    /// Images of one shape `[h, w, c]`, as inputs `[n, h, w, c]` of a network.
    ///
    /// # Errors
    /// [`Error::Shape`] for an image that has another number of bytes than its shape.
    #[inline(never)]
    pub fn inputs<T: Real>(self, images: &[&[u8]], shape: [usize; 3]) -> Result<ArrayD<T>> {
        let (levels, size) = (self.levels::<T>(), shape.iter().product::<usize>());
        if let Some(at) = images.iter().position(|image| image.len() != size) {
            let what = format!("bytes of image {at} of [h, w, c] = {shape:?}");
            return Err(Error::Shape { what, expected: vec![size], found: vec![images[at].len()] });
        }
        let numbers = images.iter().copied().flatten().map(|&byte| levels[usize::from(byte)]).collect();
        let shape = IxDyn(&[&[images.len()], &shape[..]].concat());
        Ok(ArrayD::from_shape_vec(shape, numbers).expect("as many numbers as bytes"))
    }
}

compiled_here!(T: PixelRange::inputs::<T>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_the_numbers_of_the_range() {
        let x = PixelRange { low: -1.0, high: 1.0 }.inputs::<f64>(&[&[0, 255], &[51, 0]], [2, 1, 1]).unwrap();
        assert_eq!(x.shape(), [2, 2, 1, 1]);
        assert_eq!(x.iter().copied().collect::<Vec<_>>(), [-1.0, 1.0, -0.6, -1.0]);
        let error = PixelRange::default().inputs::<f32>(&[&[0], &[1, 2]], [1, 1, 1]).unwrap_err();
        assert!(error.to_string().contains("image 1"), "{error}");
    }
}
