//! A class of an image set, upright or turned by quarter turns.

use ndarray::{ArrayD, IxDyn};

use super::images::ImageSet;
use crate::real::Real;

/// A class by its number in an [`ImageSet`], and how far it is turned. Splits and samplers are lists of these.
///
/// Few-shot papers count a character turned by 0, 90, 180 and 270 degrees as four classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassRef {
    /// The number of the class.
    pub class: usize,
    /// Quarter turns, 0 to 3, counter-clockwise as in `numpy.rot90`.
    pub turns: u8,
}

/// A view of one class of an [`ImageSet`], upright or turned. The pixels are shared, never copied.
///
/// ```
/// use innerloop::{ClassRef, ImageSet};
///
/// let corner = ImageSet::from_classes(vec![("corner".into(), vec![vec![0, 255, 0, 0]])], 2, 2, 1)?;
/// let turned = corner.class(ClassRef { class: 0, turns: 1 })?;
/// assert_eq!(turned.image::<f32>(0).into_raw_vec_and_offset().0, [1.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Class<'a> {
    images: &'a ImageSet,
    class: ClassRef,
}

impl<'a> Class<'a> {
    /// The caller has checked that there is such a class and that it can be turned.
    pub(crate) fn new(images: &'a ImageSet, class: ClassRef) -> Self {
        Self { images, class }
    }

    /// The name of the class, without the rotation.
    pub fn name(&self) -> &'a str {
        self.images.class_name(self.class.class)
    }

    /// The number of images.
    #[allow(clippy::len_without_is_empty)] // a class of an ImageSet is never empty
    pub fn len(&self) -> usize {
        self.images.images_of(self.class.class)
    }

    /// One image as episodes see it: turned, bytes turned into numbers, shape `[h, w, c]`.
    ///
    /// # Panics
    /// If there is no such image.
    #[track_caller]
    pub fn image<T: Real>(&self, image: usize) -> ArrayD<T> {
        let mut out = Vec::with_capacity(self.images.shape().iter().product());
        let scratch = &mut Default::default();
        self.images.append(self.class, image, &self.images.levels(), None, scratch, &mut out);
        ArrayD::from_shape_vec(IxDyn(&self.images.shape()), out).expect("one whole image")
    }
}

/// Writes an image of bytes `[h, w, c]` to `out`, turned; what was in `out` is lost. Odd turns need `h == w`.
pub(crate) fn turn(bytes: &[u8], [h, w, c]: [usize; 3], turns: u8, out: &mut Vec<u8>) {
    out.resize(bytes.len(), 0);
    // the position of the first pixel, and the distances to the next pixel and to the next row
    let (first, col, row) = match turns {
        0 => (0, 1, w as isize),
        1 => (w - 1, w as isize, -1),
        2 => (h * w - 1, -1, -(w as isize)),
        _ => ((h - 1) * w, -(w as isize), 1),
    };
    for (r, line) in out.chunks_exact_mut(w * c).enumerate() {
        let mut from = first.wrapping_add_signed(r as isize * row);
        if c == 1 {
            // the same as below without the inner loop, which is five times faster
            for pixel in line {
                *pixel = bytes[from];
                from = from.wrapping_add_signed(col);
            }
            continue;
        }
        for pixel in line.chunks_exact_mut(c) {
            pixel.copy_from_slice(&bytes[from * c..][..c]);
            from = from.wrapping_add_signed(col);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(c: usize, turns: u8) -> Vec<u8> {
        let image: Vec<u8> = (0..9 * c).map(|byte| byte as u8).collect();
        let mut out = Vec::new();
        turn(&image, [3, 3, c], turns, &mut out);
        out
    }

    #[test]
    fn turns_are_those_of_numpy_rot90() {
        // numpy.rot90(numpy.arange(9).reshape(3, 3), k).ravel() for k = 0..=3, numpy 2.4.6
        assert_eq!(turned(1, 0), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(turned(1, 1), [2, 5, 8, 1, 4, 7, 0, 3, 6]);
        assert_eq!(turned(1, 2), [8, 7, 6, 5, 4, 3, 2, 1, 0]);
        assert_eq!(turned(1, 3), [6, 3, 0, 7, 4, 1, 8, 5, 2]);
    }

    #[test]
    fn channels_turn_together() {
        for turns in 0..4 {
            let pixels: Vec<u8> = turned(3, turns).chunks(3).map(|p| p[0] / 3).collect();
            assert_eq!(pixels, turned(1, turns));
            assert!(turned(3, turns).chunks(3).all(|p| p[1] == p[0] + 1 && p[2] == p[0] + 2));
        }
    }
}
