//! One photograph: decoding, turning it upright, fitting it into a square.

use std::io::Cursor;

use super::ink::{self, Grey};
use image::imageops::{FilterType, crop_imm, overlay, resize};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Pixel};

/// Longest side of a photograph.
const MOST_SIDE: u32 = 16_384;
/// Most pixels of a photograph.
const MOST_PIXELS: u64 = 64_000_000;

/// How a photograph becomes square. Each way resizes with a triangle filter, area-weighted where it shrinks.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Aspect {
    /// The central square: proportions stay, the ends of the longer side are lost.
    #[default]
    Crop,
    /// The whole photograph, with black bars beside its shorter side: proportions stay, nothing is lost.
    Letterbox,
    /// The whole photograph, stretched to a square: proportions are lost.
    Stretch,
}

/// How photographs are prepared.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) size: usize,
    pub(super) aspect: Aspect,
    pub(super) grey: bool,
    /// Dark ink on light paper, made to look like Omniglot's drawings; grey, and not by `aspect`.
    #[cfg_attr(feature = "serde", serde(default))]
    pub(super) ink: bool,
}

impl Look {
    /// The shape of an image, `[h, w, c]`.
    pub(super) fn shape(self) -> [usize; 3] {
        [self.size, self.size, if self.grey { 1 } else { 3 }]
    }
}

/// Decodes a JPEG or PNG file, turns it as its EXIF orientation says, and writes it to `out`, of the shape of `look`. The
/// contents decide the format, not the name of the file.
///
/// # Errors
/// What is wrong with the file and what to do.
pub(super) fn prepare(file: &[u8], look: Look, out: &mut [u8]) -> Result<(), String> {
    let picture = upright(file)?;
    if look.ink {
        let grey = picture.into_luma8();
        let (h, w) = (grey.height() as usize, grey.width() as usize);
        return ink::drawing(&Grey { h, w, bytes: grey.into_raw() }, look.size, out);
    }
    if look.grey {
        fit(&picture.into_luma8(), look, out);
    } else {
        fit(&picture.into_rgb8(), look, out);
    }
    Ok(())
}

/// A decoded photograph, as it should be looked at.
fn upright(file: &[u8]) -> Result<DynamicImage, String> {
    let unusable = |error: ImageError| match error {
        ImageError::Limits(_) => {
            format!("a side is longer than {MOST_SIDE} pixels: save the photograph smaller")
        }
        _ => format!("it cannot be decoded ({error}): the file is cut off or damaged, copy it again"),
    };
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format().expect("reading memory");
    if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png)) {
        return Err("this is not a JPEG or PNG file: convert the photograph, or leave it out".into());
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MOST_SIDE), Some(MOST_SIDE));
    limits.max_alloc = Some(1 << 30);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(unusable)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err("the photograph has no pixels: leave it out".into());
    }
    // before anything is decoded: a few bytes can claim any size
    if width > MOST_SIDE || height > MOST_SIDE || u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(format!(
            "{height}x{width} pixels (height x width) are too many, a side may have {MOST_SIDE} and an image \
             {MOST_PIXELS}: save the photograph smaller"
        ));
    }
    // a note that cannot be read says nothing
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(unusable)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Fits a picture into a square.
fn fit<P: Pixel<Subpixel = u8> + 'static>(picture: &ImageBuffer<P, Vec<u8>>, look: Look, out: &mut [u8]) {
    let ((w, h), size) = (picture.dimensions(), look.size as u32);
    let filter = FilterType::Triangle;
    let square = match look.aspect {
        Aspect::Crop => {
            let side = w.min(h);
            let middle = crop_imm(picture, (w - side) / 2, (h - side) / 2, side, side).to_image();
            resize(&middle, size, size, filter)
        }
        Aspect::Stretch => resize(picture, size, size, filter),
        Aspect::Letterbox => {
            let (side, long) = (u64::from(size), u64::from(w.max(h)));
            let of = |length: u32| ((u64::from(length) * side + long / 2) / long).max(1) as u32;
            let (inner, mut square) = (resize(picture, of(w), of(h), filter), ImageBuffer::new(size, size));
            let (left, top) = ((size - inner.width()) / 2, (size - inner.height()) / 2);
            overlay(&mut square, &inner, left.into(), top.into());
            square
        }
    };
    out.copy_from_slice(square.as_raw());
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ColorType, ImageEncoder, RgbImage, codecs::png::PngEncoder};

    fn png(picture: &RgbImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (w, h) = picture.dimensions();
        PngEncoder::new(&mut bytes).write_image(picture, w, h, ColorType::Rgb8.into()).unwrap();
        bytes
    }

    fn square(file: &[u8], size: usize, aspect: Aspect) -> Result<Vec<u8>, String> {
        let mut out = vec![9; size * size * 3];
        prepare(file, Look { size, aspect, grey: false, ink: false }, &mut out).map(|()| out)
    }

    /// Columns: red, red, black, white, black, white, red, red.
    fn stripes() -> RgbImage {
        RgbImage::from_fn(8, 4, |x, _| match x {
            0 | 1 | 6 | 7 => image::Rgb([255, 0, 0]),
            x => image::Rgb([if x % 2 == 0 { 0 } else { 255 }; 3]),
        })
    }

    #[test]
    fn the_central_square_is_kept_and_shrunk_by_a_filter() {
        let same = square(&png(&stripes()), 4, Aspect::Crop).unwrap();
        assert_eq!(same[..12], [0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255]);
        let one = square(&png(&stripes()), 1, Aspect::Crop).unwrap();
        assert!(one.iter().all(|v| v.abs_diff(128) <= 1), "{one:?}");
    }

    #[test]
    fn the_whole_picture_is_kept_with_bars_or_stretched() {
        let boxed = square(&png(&stripes()), 8, Aspect::Letterbox).unwrap();
        let row = |y: usize| &boxed[y * 24..][..24];
        assert!([0, 1, 6, 7].iter().all(|&y| row(y) == [0; 24]));
        assert_eq!(row(2), &stripes().as_raw()[..24]);
        assert_eq!(row(5), row(2));
        let stretched = square(&png(&stripes()), 8, Aspect::Stretch).unwrap();
        assert!(stretched.chunks(24).all(|row| row == &stripes().as_raw()[..24]));
        // one pixel of height remains of a very long picture
        let line = RgbImage::from_pixel(500, 1, image::Rgb([7, 8, 9]));
        let boxed = square(&png(&line), 3, Aspect::Letterbox).unwrap();
        assert_eq!(boxed[9..18], [7, 8, 9, 7, 8, 9, 7, 8, 9]);
    }

    #[test]
    fn grey_images_have_one_channel() {
        let look = Look { size: 2, aspect: Aspect::Stretch, grey: true, ink: false };
        let (mut out, red) = ([0; 4], RgbImage::from_pixel(2, 2, image::Rgb([255, 0, 0])));
        prepare(&png(&red), look, &mut out).unwrap();
        assert_eq!((look.shape(), out), ([2, 2, 1], [54; 4])); // 0.2126 of 255
    }

    #[test]
    fn files_that_are_no_photographs_are_refused() {
        let told = |bytes: &[u8]| square(bytes, 2, Aspect::Crop).unwrap_err();
        assert!(told(b"").contains("not a JPEG or PNG"));
        assert!(told(b"BM no photograph").contains("not a JPEG or PNG"));
        let whole = png(&RgbImage::from_fn(40, 40, |x, y| image::Rgb([(x * y) as u8, x as u8, y as u8])));
        assert!(told(&whole[..whole.len() / 2]).contains("cut off or damaged"));
        assert!(told(&[0xff, 0xd8, 0xff, 0xe0, 0, 16]).contains("cut off or damaged"));
        // a header that claims 2^31 - 1 by 1 pixels, and one with 10,000 by 10,000
        for (w, h) in [(u32::MAX >> 1, 1u32), (10_000, 10_000)] {
            let mut header = b"IHDR".to_vec();
            header.extend([w.to_be_bytes(), h.to_be_bytes()].concat());
            header.extend([8, 2, 0, 0, 0]);
            let crc = crc32fast::hash(&header);
            let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
            file.extend(13u32.to_be_bytes());
            file.extend(&header);
            file.extend(crc.to_be_bytes());
            file.extend([0, 0, 0, 0]);
            file.extend(b"IDAT");
            file.extend(crc32fast::hash(b"IDAT").to_be_bytes());
            let told = told(&file);
            assert!(told.contains("too many") || told.contains("longer than"), "{told}");
        }
    }
}
