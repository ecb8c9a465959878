//! Images grouped by class.

use std::fmt;
use std::sync::Arc;

use super::augment::Changes;
use super::class::{Class, ClassRef, turn};
use super::groups::Groups;
use super::pixels::{PixelRange, numbers_of};
use crate::error::{Error, Result};
use crate::real::Real;

/// Images of one size, grouped by class.
///
/// All pixels lie in one block of bytes, image after image, each `[h, w, c]` in row-major order.
/// Cloning shares the block. Bytes become numbers when an episode is built: 0..=255 is mapped to 0..1,
/// or to what [`with_range`](Self::with_range) says.
///
/// ```
/// use innerloop::ImageSet;
///
/// let classes = vec![
///     ("dark".to_string(), vec![vec![0, 10, 20, 30], vec![5, 5, 5, 5]]),
///     ("light".to_string(), vec![vec![250, 251, 252, 253]]),
/// ];
/// let images = ImageSet::from_classes(classes, 2, 2, 1)?;
/// assert_eq!((images.classes(), images.len(), images.shape()), (2, 3, [2, 2, 1]));
/// assert_eq!(images.image(0, 1), [5, 5, 5, 5]);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct ImageSet {
    pixels: Arc<Vec<u8>>,
    shape: [usize; 3],
    groups: Groups,
    range: PixelRange,
}

impl ImageSet {
    /// Builds a set from `(class name, images)` pairs; every image is `h * w * c` bytes, `[h, w, c]`
    /// in row-major order. Classes keep their order and may differ in their number of images.
    ///
    /// # Errors
    /// [`Error::ImageBytes`], [`Error::EmptyClass`], [`Error::RepeatedClass`];
    /// [`Error::TooFewClasses`] without any class; [`Error::Setting`] if `h`, `w` or `c` is 0 or
    /// their product is above 4,294,967,295.
    pub fn from_classes(classes: Vec<(String, Vec<Vec<u8>>)>, h: usize, w: usize, c: usize) -> Result<Self> {
        let expected = image_bytes([h, w, c])?;
        let given = |(_, images): &(String, Vec<Vec<u8>>)| images.iter().map(Vec::len).sum::<usize>();
        let mut pixels = Vec::with_capacity(classes.iter().map(given).sum());
        let mut counted = Vec::with_capacity(classes.len());
        for (class, images) in classes {
            for (image, bytes) in images.iter().enumerate() {
                if bytes.len() != expected {
                    return Err(Error::ImageBytes { class, image, expected, found: bytes.len() });
                }
                pixels.extend_from_slice(bytes);
            }
            counted.push((class, images.len()));
        }
        Self::from_pixels(counted, pixels, [h, w, c])
    }

    /// Builds a set from `(class name, number of images)` pairs and all their pixels in that order.
    pub(crate) fn from_pixels(
        counted: Vec<(String, usize)>,
        pixels: Vec<u8>,
        shape: [usize; 3],
    ) -> Result<Self> {
        let size = image_bytes(shape)?;
        let groups = Groups::new(counted, "an image set")?;
        assert_eq!(groups.all().checked_mul(size), Some(pixels.len()), "pixels of all images");
        Ok(Self { pixels: Arc::new(pixels), shape, groups, range: PixelRange::default() })
    }

    /// The same images with byte 0 read as `low` and byte 255 as `high`, and evenly in between.
    ///
    /// The default is 0 and 1, so that ink is 1 and paper 0 in [`Glyphs`](crate::Glyphs) and Omniglot.
    ///
    /// # Errors
    /// [`Error::Setting`] if both are the same, or if one of the two or their difference is not finite.
    pub fn with_range(self, low: f64, high: f64) -> Result<Self> {
        self.with_pixels(PixelRange::new(low, high)?)
    }

    /// The same images with bytes read as another range says, which may differ from channel to channel.
    /// [`normalised`](ImageSet::normalised) computes such a range.
    ///
    /// # Errors
    /// [`Error::Shape`] for a range of another number of channels.
    pub fn with_pixels(self, range: PixelRange) -> Result<Self> {
        range.check(self.shape[2])?;
        Ok(Self { range, ..self })
    }

    /// The numbers that bytes are read as.
    pub fn range(&self) -> PixelRange {
        self.range.clone()
    }

    /// All bytes, image after image.
    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The number of images, all classes together.
    #[allow(clippy::len_without_is_empty)] // never empty: a set without images cannot be built
    pub fn len(&self) -> usize {
        self.groups.all()
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.groups.classes()
    }

    /// The shape of one image, `[h, w, c]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The name of class number `class`.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn class_name(&self, class: usize) -> &str {
        self.groups.name(class)
    }

    /// The number of the class called `name`.
    pub fn class_named(&self, name: &str) -> Option<usize> {
        self.groups.named(name)
    }

    /// The number of images of class number `class`.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn images_of(&self, class: usize) -> usize {
        self.groups.count(class)
    }

    /// The bytes of one image, `[h, w, c]` in row-major order; `image` counts within the class.
    ///
    /// # Panics
    /// If there is no such class or image.
    #[track_caller]
    pub fn image(&self, class: usize, image: usize) -> &[u8] {
        let size = self.shape.iter().product::<usize>();
        &self.pixels[self.groups.at(class, image) * size..][..size]
    }

    /// Every class once, not turned, to draw episodes from when there is no split.
    pub fn all(&self) -> Vec<ClassRef> {
        self.groups.refs()
    }

    /// A view of one class, turned as `class` says.
    ///
    /// # Errors
    /// [`Error::UnknownClass`]; [`Error::Setting`] if `turns` is above 3; [`Error::NotSquare`] for a
    /// quarter turn of images that are not square.
    pub fn class(&self, class: ClassRef) -> Result<Class<'_>> {
        self.groups.check(class)?;
        if class.turns > 3 {
            return Err(Error::Setting {
                name: "turns",
                value: class.turns.to_string(),
                need: "from 0 to 3",
            });
        }
        let [h, w, _] = self.shape;
        if class.turns % 2 == 1 && h != w {
            return Err(Error::NotSquare { h, w });
        }
        Ok(Class::new(self, class))
    }

    /// Appends one image to `out`, turned, changed, and with bytes replaced by `levels`; `scratch` is lost.
    ///
    /// The class must have passed [`ImageSet::class`].
    pub(super) fn append<T: Copy>(
        &self,
        class: ClassRef,
        image: usize,
        levels: &[[T; 256]],
        changes: Option<&mut Changes>,
        scratch: &mut [Vec<u8>; 2],
        out: &mut Vec<T>,
    ) {
        let mut bytes = self.image(class.class, image);
        let [turned, changed] = scratch;
        if class.turns > 0 {
            turn(bytes, self.shape, class.turns, turned);
            bytes = turned;
        }
        if let Some(changes) = changes {
            changes.next(class, bytes, self.shape, changed);
            bytes = changed;
        }
        numbers_of(bytes, levels, out);
    }

    /// A sum over names and pixels, by which a checkpoint tells data sets apart.
    pub(super) fn sum(&self) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        self.groups.sum(&mut sum);
        sum.update(&self.pixels);
        sum.finalize()
    }

    /// The number that each byte stands for.
    pub(crate) fn levels<T: Real>(&self) -> Vec<[T; 256]> {
        self.range.levels()
    }
}

/// The bytes of one image `[h, w, c]`.
pub(super) fn image_bytes(shape: [usize; 3]) -> Result<usize> {
    for (name, size) in ["h", "w", "c"].into_iter().zip(shape) {
        if size == 0 {
            return Err(Error::Setting { name, value: "0".into(), need: "at least 1" });
        }
    }
    let bytes = shape.iter().try_fold(1usize, |bytes, &size| bytes.checked_mul(size));
    bytes.filter(|&bytes| bytes <= u32::MAX as usize).ok_or_else(|| {
        let [h, w, c] = shape;
        let (value, need) = (format!("{h} * {w} * {c}"), "at most 4294967295");
        Error::Setting { name: "h * w * c", value, need }
    })
}

impl fmt::Debug for ImageSet {
    /// Counts and shape, without the pixels.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ImageSet");
        out.field("classes", &self.classes()).field("images", &self.len());
        out.field("shape", &self.shape).field("range", &self.range).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> ImageSet {
        ImageSet::from_classes(
            vec![("a".into(), vec![vec![7; 6]]), ("b".into(), vec![vec![8; 6]; 2])],
            3,
            2,
            1,
        )
        .unwrap()
    }

    #[test]
    fn classes_keep_their_order_names_and_images() {
        let set = set();
        assert_eq!((set.len(), set.classes(), set.images_of(0), set.images_of(1)), (3, 2, 1, 2));
        assert_eq!((set.class_name(1), set.class_named("b"), set.class_named("c")), ("b", Some(1), None));
        assert_eq!((set.image(0, 0), set.image(1, 1)), (&[7; 6][..], &[8; 6][..]));
    }

    #[test]
    fn bytes_span_the_range_of_the_set() {
        assert_eq!((set().levels::<f32>()[0][0], set().levels::<f32>()[0][255]), (0.0, 1.0));
        let wide = set().with_range(-1.0, 1.0).unwrap();
        assert_eq!((wide.levels::<f64>()[0][0], wide.levels::<f64>()[0][255]), (-1.0, 1.0));
        for (low, high) in [(0.0, f64::NAN), (f64::INFINITY, f64::INFINITY), (1.0, 1.0), (f64::MIN, f64::MAX)]
        {
            assert!(matches!(set().with_range(low, high), Err(Error::Setting { name: "range", .. })));
        }
    }

    #[test]
    fn a_set_with_a_hole_in_it_is_refused() {
        let build = |classes: &[(&str, &[usize])], h| {
            let image = |&bytes: &usize| vec![0; bytes];
            let class =
                |&(name, sizes): &(&str, &[usize])| (name.to_string(), sizes.iter().map(image).collect());
            ImageSet::from_classes(classes.iter().map(class).collect(), h, 2, 1).unwrap_err()
        };
        assert!(matches!(build(&[], 2), Error::TooFewClasses { have: 0, .. }));
        assert!(matches!(build(&[("a", &[])], 2), Error::EmptyClass { class } if class == "a"));
        assert!(
            matches!(build(&[("a", &[4]), ("a", &[4])], 2), Error::RepeatedClass { class, .. } if class == "a")
        );
        assert!(matches!(
            build(&[("a", &[4, 5])], 2),
            Error::ImageBytes { image: 1, expected: 4, found: 5, .. }
        ));
        assert!(matches!(build(&[("a", &[0])], 0), Error::Setting { name: "h", .. }));
    }

    #[test]
    fn a_size_that_wraps_around_is_refused() {
        // 2^32 * 2^32 is 0 modulo 2^64: an image without bytes would fit
        for (h, w, c) in [(1 << 32, 1 << 32, 1), (usize::MAX, usize::MAX, 1), (1 << 40, 1, 1)] {
            let classes = vec![("a".to_string(), vec![vec![]])];
            let refused = |result| matches!(result, Err(Error::Setting { name: "h * w * c", .. }));
            assert!(refused(ImageSet::from_classes(classes, h, w, c)), "{h} {w} {c}");
            assert!(refused(ImageSet::from_pixels(vec![("a".into(), 1)], vec![], [h, w, c])), "{h} {w} {c}");
        }
    }

    #[test]
    fn a_class_that_cannot_be_viewed_is_refused() {
        assert!(matches!(set().class(ClassRef { class: 0, turns: 1 }), Err(Error::NotSquare { h: 3, w: 2 })));
        assert!(set().class(ClassRef { class: 0, turns: 2 }).is_ok());
        assert!(matches!(set().class(ClassRef { class: 0, turns: 4 }), Err(Error::Setting { .. })));
        assert!(matches!(set().class(ClassRef { class: 2, turns: 0 }), Err(Error::UnknownClass { .. })));
    }
}
