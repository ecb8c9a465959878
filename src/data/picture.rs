//! One photograph: decoding, cutting to a square, resizing.

use std::io::Cursor;

use image::imageops::{FilterType, crop_imm, resize};
use image::{ImageError, ImageFormat, ImageReader, Limits};

/// Longest side of a photograph.
const MOST_SIDE: u32 = 16_384;
/// Most pixels of a photograph.
const MOST_PIXELS: u64 = 64_000_000;

/// Decodes a JPEG or PNG file, cuts the central square out of it and writes it to `out`, `[size, size, 3]`, resized
/// with a triangle filter. The contents decide the format, not the name of the file.
///
/// # Errors
/// What is wrong with the file and what to do.
pub(super) fn square(file: &[u8], size: usize, out: &mut [u8]) -> Result<(), String> {
    let reader = || {
        let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format().expect("reading memory");
        let mut limits = Limits::default();
        (limits.max_image_width, limits.max_image_height) = (Some(MOST_SIDE), Some(MOST_SIDE));
        limits.max_alloc = Some(1 << 30);
        reader.limits(limits);
        reader
    };
    if !matches!(reader().format(), Some(ImageFormat::Jpeg | ImageFormat::Png)) {
        return Err("this is not a JPEG or PNG file: convert the photograph, or leave it out".into());
    }
    let unusable = |error: ImageError| match error {
        ImageError::Limits(_) => {
            format!("a side is longer than {MOST_SIDE} pixels: save the photograph smaller")
        }
        _ => format!("it cannot be decoded ({error}): the file is cut off or damaged, copy it again"),
    };
    let (width, height) = reader().into_dimensions().map_err(unusable)?;
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
    let picture = reader().decode().map_err(unusable)?.into_rgb8();
    let side = width.min(height);
    let square = crop_imm(&picture, (width - side) / 2, (height - side) / 2, side, side).to_image();
    let resized = resize(&square, size as u32, size as u32, FilterType::Triangle);
    out.copy_from_slice(resized.as_raw());
    Ok(())
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

    #[test]
    fn the_central_square_is_kept_and_shrunk_by_a_filter() {
        // columns 2..6 of 8 remain: black, white, black, white, which average to grey
        let stripes = RgbImage::from_fn(8, 4, |x, _| match x {
            0 | 1 | 6 | 7 => image::Rgb([255, 0, 0]),
            x => image::Rgb([if x % 2 == 0 { 0 } else { 255 }; 3]),
        });
        let mut same = [0; 48];
        square(&png(&stripes), 4, &mut same).unwrap();
        assert_eq!(same[..12], [0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255]);
        let mut one = [0; 3];
        square(&png(&stripes), 1, &mut one).unwrap();
        assert!(one.iter().all(|v| v.abs_diff(128) <= 1), "{one:?}");
    }

    #[test]
    fn files_that_are_no_photographs_are_refused() {
        let told = |bytes: &[u8]| square(bytes, 2, &mut [0; 12]).unwrap_err();
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
