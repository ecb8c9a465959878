//! Black and white PNG drawings: decoding, and resizing by nearest neighbour.

use std::io::Cursor;

use png::{ColorType, Decoder, Transformations};

/// Why a drawing cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Its height and width.
    Size(usize, usize),
    /// Anything else, in words.
    Other(String),
}

/// A decoded greyscale drawing, packed as in the file: 1, 2, 4 or 8 bits per pixel, black = 0.
///
/// It stays packed, because resizing reads few of its pixels; unpacking all of them took a third of the
/// loading time.
#[derive(Debug, Default)]
pub(super) struct Bitmap {
    rows: Vec<u8>,
    row_bytes: usize,
    side: usize,
    bits: usize,
}

impl Bitmap {
    /// Decodes a greyscale PNG of `side` x `side` pixels, and replaces the current drawing by it.
    pub(super) fn decode(&mut self, bytes: &[u8], side: usize) -> Result<(), Flaw> {
        let broken =
            |error: png::DecodingError| Flaw::Other(format!("this is not a complete PNG file ({error})"));
        let mut decoder = Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(Transformations::STRIP_16);
        let mut reader = decoder.read_info().map_err(broken)?;
        // before any buffer is allocated, because a damaged header may hold any size
        let (h, w) = (reader.info().height as usize, reader.info().width as usize);
        if (h, w) != (side, side) {
            return Err(Flaw::Size(h, w));
        }
        let (color, depth) = reader.output_color_type();
        if color != ColorType::Grayscale {
            return Err(Flaw::Other(format!(
                "its pixels are {color:?}, but they must be greyscale without alpha"
            )));
        }
        self.rows.resize(reader.output_buffer_size().unwrap_or_default(), 0);
        self.row_bytes = reader.next_frame(&mut self.rows).map_err(broken)?.line_size;
        (self.side, self.bits) = (side, depth as usize);
        Ok(())
    }

    /// One pixel, black 0 and white 255.
    fn pixel(&self, row: usize, col: usize) -> u8 {
        let (bit, full) = (col * self.bits, u8::MAX >> (8 - self.bits));
        let step = [255, 85, 17, 1][self.bits.ilog2() as usize];
        // the first pixel of a byte is in its highest bits
        let byte = self.rows[row * self.row_bytes + bit / 8];
        (byte >> (8 - self.bits - bit % 8) & full) * step
    }

    /// Resizes to `out`, `size` x `size` bytes, and makes black 255 and white 0.
    ///
    /// Takes the pixel under the centre of each new one, number ⌊(i + ½) · side / size⌋ along both
    /// axes, which is what `Image.resize((size, size), Image.NEAREST)` of Pillow does.
    pub(super) fn shrink_inverted(&self, size: usize, out: &mut [u8]) {
        let nearest = |i: usize| (2 * i + 1) * self.side / (2 * size);
        for (row, line) in out.chunks_exact_mut(size).enumerate() {
            let from = nearest(row);
            line.iter_mut()
                .enumerate()
                .for_each(|(col, pixel)| *pixel = 255 - self.pixel(from, nearest(col)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use png::BitDepth;

    fn encode(h: u32, w: u32, color: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, w, h);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        bytes
    }

    fn decoded(bytes: &[u8]) -> Result<Vec<u8>, Flaw> {
        // as after a drawing of another kind
        let mut bitmap = Bitmap { rows: vec![9; 99], row_bytes: 9, side: 11, bits: 4 };
        bitmap.decode(bytes, 3)?;
        Ok((0..9).map(|at| bitmap.pixel(at / 3, at % 3)).collect())
    }

    #[test]
    fn pixels_of_every_depth_go_from_0_to_255() {
        let grey = |depth, data: &[u8]| decoded(&encode(3, 3, ColorType::Grayscale, depth, data)).unwrap();
        let one = grey(BitDepth::One, &[0b1010_0000, 0b0100_0000, 0b1110_0000]);
        assert_eq!(one, [255, 0, 255, 0, 255, 0, 255, 255, 255]);
        let two = grey(BitDepth::Two, &[0b0001_1000, 0b1111_0000, 0]);
        assert_eq!(two, [0, 85, 170, 255, 255, 0, 0, 0, 0]);
        let four = grey(BitDepth::Four, &[0x0F, 0x10, 0x00, 0xF0, 0x23, 0x40]);
        assert_eq!(four, [0, 255, 17, 0, 0, 240 + 15, 34, 51, 68]);
        let eight = grey(BitDepth::Eight, &[0, 1, 2, 3, 4, 5, 253, 254, 255]);
        assert_eq!(eight, [0, 1, 2, 3, 4, 5, 253, 254, 255]);
        let sixteen = grey(BitDepth::Sixteen, &[0, 9, 1, 9, 2, 9, 3, 9, 4, 9, 5, 9, 253, 9, 254, 9, 255, 9]);
        assert_eq!(sixteen, eight);
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
        // Pillow 13.0.0: an image with pixel (x, y) = x, resize((28, 28), Image.NEAREST), last row
        let from_105 = [
            1, 5, 9, 13, 16, 20, 24, 28, 31, 35, 39, 43, 46, 50, 54, 58, 61, 65, 69, 73, 76, 80, 84, 88, 91,
            95, 99, 103,
        ];
        let rows = (0..105 * 105).map(|at| (at % 105) as u8).collect();
        let mut out = [0; 28 * 28];
        Bitmap { rows, row_bytes: 105, side: 105, bits: 8 }.shrink_inverted(28, &mut out);
        let columns: Vec<u8> = out[27 * 28..].iter().map(|&pixel| 255 - pixel).collect();
        assert_eq!(columns, from_105);
    }
}
