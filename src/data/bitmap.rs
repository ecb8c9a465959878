//! Black and white PNG drawings: decoding, and resizing by nearest neighbour.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, Transformations};

/// Why a drawing cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Its height and width.
    Size(usize, usize),
    /// Anything else, in words.
    Other(String),
}

/// Decodes a greyscale PNG of `side` x `side` pixels into `grey`, a byte a pixel, black = 0.
pub(super) fn decode(bytes: &[u8], side: usize, grey: &mut Vec<u8>) -> Result<(), Flaw> {
    let broken = |error: png::DecodingError| Flaw::Other(format!("not a whole PNG file ({error})"));
    let mut decoder = Decoder::new(Cursor::new(bytes));
    // expands 1 bit to a byte: 0 to 0 and 1 to 255
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(broken)?;
    // before any buffer is made, for a damaged header may say anything
    let (h, w) = (reader.info().height as usize, reader.info().width as usize);
    if (h, w) != (side, side) {
        return Err(Flaw::Size(h, w));
    }
    match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Eight) => {}
        (color, _) => {
            return Err(Flaw::Other(format!("has {color:?} pixels, expected greyscale without alpha")));
        }
    }
    grey.resize(side * side, 0);
    reader.next_frame(grey).map_err(broken)?;
    Ok(())
}

/// Resizes `side` x `side` bytes to `out`, `size` x `size`, and makes black 255 and white 0.
///
/// Takes the pixel under the centre of each new one, number ⌊(i + ½) · side / size⌋ along both axes,
/// which is what `Image.resize((size, size), Image.NEAREST)` of Pillow does.
pub(super) fn shrink_inverted(grey: &[u8], side: usize, size: usize, out: &mut [u8]) {
    let nearest = |i: usize| (2 * i + 1) * side / (2 * size);
    for (row, line) in out.chunks_exact_mut(size).enumerate() {
        let from = &grey[nearest(row) * side..][..side];
        line.iter_mut().enumerate().for_each(|(col, pixel)| *pixel = 255 - from[nearest(col)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(h: u32, w: u32, color: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, w, h);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        bytes
    }

    fn decoded(bytes: &[u8]) -> Result<Vec<u8>, Flaw> {
        let mut grey = vec![9; 99];
        decode(bytes, 3, &mut grey).map(|()| grey)
    }

    #[test]
    fn one_bit_pixels_become_bytes() {
        let bytes =
            encode(3, 3, ColorType::Grayscale, BitDepth::One, &[0b1010_0000, 0b0100_0000, 0b1110_0000]);
        assert_eq!(decoded(&bytes).unwrap(), [255, 0, 255, 0, 255, 0, 255, 255, 255]);
    }

    #[test]
    fn other_images_are_refused_with_the_reason() {
        let wide = encode(3, 4, ColorType::Grayscale, BitDepth::Eight, &[0; 12]);
        assert_eq!(decoded(&wide), Err(Flaw::Size(3, 4)));
        let colour = encode(3, 3, ColorType::Rgb, BitDepth::Eight, &[0; 27]);
        assert!(matches!(decoded(&colour), Err(Flaw::Other(why)) if why.contains("Rgb")));
        let good = encode(3, 3, ColorType::Grayscale, BitDepth::Eight, &[0; 9]);
        for cut in [0, 8, 20, good.len() - 20] {
            assert!(matches!(decoded(&good[..cut]), Err(Flaw::Other(_))), "cut to {cut} bytes");
        }
    }

    #[test]
    fn resizing_takes_the_pixels_that_pillow_takes() {
        // Pillow 13.0.0: an image with pixel (x, y) = x, resize((28, 28), Image.NEAREST), first row
        let from_105 = [
            1, 5, 9, 13, 16, 20, 24, 28, 31, 35, 39, 43, 46, 50, 54, 58, 61, 65, 69, 73, 76, 80, 84, 88, 91,
            95, 99, 103,
        ];
        let grey: Vec<u8> = (0..105 * 105).map(|at| (at % 105) as u8).collect();
        let mut out = [0; 28 * 28];
        shrink_inverted(&grey, 105, 28, &mut out);
        let columns: Vec<u8> = out[27 * 28..].iter().map(|&pixel| 255 - pixel).collect();
        assert_eq!(columns, from_105);
    }
}
