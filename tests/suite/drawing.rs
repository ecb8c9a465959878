//! Omniglot's files, made small.

/// A black and white PNG file of `side` x `side` pixels, as Omniglot's drawings are, of rows that repeat eight pixels.
pub fn drawing(side: u32, pixels: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let rows = vec![pixels; (side * side.div_ceil(8)) as usize];
    encoder.write_header().unwrap().write_image_data(&rows).unwrap();
    bytes
}
