//! Bytes of images as numbers.

use ndarray::{ArrayD, IxDyn};

use super::images::image_bytes;
use crate::error::{Error, Result};
use crate::real::Real;

/// The numbers that bytes of images stand for: a low one for 0, a high one for 255, and evenly in between. They are the
/// same for all channels, or each channel has its own.
///
/// A network must be asked with the numbers that it was trained with: keep [`ImageSet::range`](crate::ImageSet::range) of
/// the training images beside its parameters, as `Pretrained` does (features `serde` and `safetensors`).
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
pub struct PixelRange {
    /// Low and high: one pair for all channels, or one for each.
    channels: Vec<[f64; 2]>,
}

impl Default for PixelRange {
    /// From 0 to 1.
    fn default() -> PixelRange {
        PixelRange { channels: vec![[0.0, 1.0]] }
    }
}

impl PixelRange {
    /// From `low` for byte 0 to `high` for byte 255, in all channels.
    ///
    /// # Errors
    /// [`Error::Setting`] if both are the same, or if one of the two or their difference is not finite.
    pub fn new(low: f64, high: f64) -> Result<PixelRange> {
        PixelRange::per_channel(&[[low, high]])
    }

    /// `[low, high]` for each channel, or one pair for all.
    ///
    /// # Errors
    /// As [`new`](PixelRange::new); [`Error::Setting`] for no pair.
    pub fn per_channel(channels: &[[f64; 2]]) -> Result<PixelRange> {
        let refuse = |value, need| Err(Error::Setting { name: "range", value, need });
        if channels.is_empty() {
            return refuse("no pair".into(), "a pair of numbers for all channels, or one for each");
        }
        match channels.iter().find(|[low, high]| !((high - low).is_finite() && low != high)) {
            Some([low, high]) => {
                refuse(format!("{low}..{high}"), "two different numbers with a finite difference")
            }
            None => Ok(PixelRange { channels: channels.to_vec() }),
        }
    }

    /// What subtracts a mean and divides by a deviation in each channel, both of bytes read as 0 to 1, such as the published ones
    /// of ImageNet: byte `b` of channel `c` becomes `(b / 255 - mean[c]) / deviation[c]`.
    ///
    /// # Errors
    /// [`Error::Setting`] if the lists differ in length or are empty, a number is not finite, or a deviation is not above 0.
    pub fn standard(mean: &[f64], deviation: &[f64]) -> Result<PixelRange> {
        if mean.len() != deviation.len() || !deviation.iter().all(|d| *d > 0.0) {
            let value = format!("{deviation:?} for {} means", mean.len());
            let need = "a number above 0 for each mean";
            return Err(Error::Setting { name: "deviation", value, need });
        }
        let pair = |(mean, deviation): (&f64, &f64)| [(0.0 - mean) / deviation, (1.0 - mean) / deviation];
        PixelRange::per_channel(&mean.iter().zip(deviation).map(pair).collect::<Vec<_>>())
    }

    /// Low and high of each channel, or one pair for all channels.
    pub fn channels(&self) -> &[[f64; 2]] {
        &self.channels
    }

    /// Whether it is for images of `c` channels.
    pub(super) fn check(&self, c: usize) -> Result<()> {
        if [1, c].contains(&self.channels.len()) {
            return Ok(());
        }
        let what = "pairs of a pixel range, for images of so many channels".into();
        Err(Error::Shape { what, expected: vec![c], found: vec![self.channels.len()] })
    }

    /// The number that each byte stands for, in all channels or in each.
    pub(crate) fn levels<T: Real>(&self) -> Vec<[T; 256]> {
        let level = |[low, high]: [f64; 2], byte: usize| low + (high - low) * (byte as f64 / 255.0);
        self.channels.iter().map(|&pair| std::array::from_fn(|byte| T::from_f64(level(pair, byte)))).collect()
    }

    /// Images of one shape `[h, w, c]`, as inputs `[n, h, w, c]` of a network.
    ///
    /// # Errors
    /// [`Error::Shape`] for an image that has another number of bytes than its shape, and for other channels than this has
    /// pairs; [`Error::Setting`] for a shape of no pixels, or of more than 4,294,967,295 numbers.
    #[inline(never)]
    pub fn inputs<T: Real>(&self, images: &[&[u8]], shape: [usize; 3]) -> Result<ArrayD<T>> {
        let size = image_bytes(shape)?;
        self.check(shape[2])?;
        if let Some(at) = images.iter().position(|image| image.len() != size) {
            let what = format!("bytes of image {at} of [h, w, c] = {shape:?}");
            return Err(Error::Shape { what, expected: vec![size], found: vec![images[at].len()] });
        }
        let (levels, mut numbers) = (self.levels::<T>(), Vec::with_capacity(images.len() * size));
        images.iter().for_each(|image| numbers_of(image, &levels, &mut numbers));
        let shape = IxDyn(&[&[images.len()], &shape[..]].concat());
        Ok(ArrayD::from_shape_vec(shape, numbers).expect("as many numbers as bytes"))
    }
}

/// Appends the numbers that the bytes of an image stand for; `levels` are those of all channels, or of each.
pub(super) fn numbers_of<T: Copy>(bytes: &[u8], levels: &[[T; 256]], out: &mut Vec<T>) {
    match levels {
        [levels] => out.extend(bytes.iter().map(|&byte| levels[usize::from(byte)])),
        levels => {
            let pixels = bytes.chunks_exact(levels.len());
            out.extend(pixels.flat_map(|p| p.iter().zip(levels).map(|(&byte, of)| of[usize::from(byte)])));
        }
    }
}

compiled_here!(T: PixelRange::inputs::<T>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_the_numbers_of_the_range() {
        let range = PixelRange::new(-1.0, 1.0).unwrap();
        let x = range.inputs::<f64>(&[&[0, 255], &[51, 0]], [2, 1, 1]).unwrap();
        assert_eq!(x.shape(), [2, 2, 1, 1]);
        assert_eq!(x.iter().copied().collect::<Vec<_>>(), [-1.0, 1.0, -0.6, -1.0]);
        let error = PixelRange::default().inputs::<f32>(&[&[0], &[1, 2]], [1, 1, 1]).unwrap_err();
        assert!(error.to_string().contains("image 1"), "{error}");
        let huge = range.inputs::<f32>(&[], [1 << 32, 1 << 32, 1]);
        assert!(matches!(huge, Err(Error::Setting { name: "h * w * c", .. })));
    }

    #[test]
    fn each_channel_has_its_own_mean_and_deviation() {
        let range = PixelRange::standard(&[0.5, 0.25, 0.0], &[0.5, 0.25, 2.0]).unwrap();
        let x = range.inputs::<f64>(&[&[0, 0, 0, 255, 255, 255]], [1, 2, 3]).unwrap();
        assert_eq!(x.iter().copied().collect::<Vec<_>>(), [-1.0, -1.0, 0.0, 1.0, 3.0, 0.5]);
        assert!(matches!(range.inputs::<f64>(&[&[0, 0]], [1, 1, 2]), Err(Error::Shape { .. })));
        for (mean, deviation) in [(&[0.5][..], &[0.0][..]), (&[0.5], &[]), (&[], &[]), (&[0.5], &[f64::NAN])]
        {
            assert!(matches!(PixelRange::standard(mean, deviation), Err(Error::Setting { .. })));
        }
        assert!(PixelRange::standard(&[f64::INFINITY], &[1.0]).is_err());
    }
}
