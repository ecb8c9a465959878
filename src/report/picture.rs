//! An input as a picture within the page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndarray::ArrayViewD;

use crate::data::PixelRange;
use crate::real::Real;

/// An image `[h, w, c]` of 1 or 3 channels as a PNG file in a data URI; `None` for any other input, and for a range of other
/// channels.
pub(super) fn data_uri<T: Real>(x: &ArrayViewD<'_, T>, range: &PixelRange) -> Option<String> {
    let &[h, w, c @ (1 | 3)] = x.shape() else { return None };
    if ![1, c].contains(&range.channels().len()) {
        return None;
    }
    let byte =
        |(v, [low, high]): (&T, &[f64; 2])| ((v.as_f64() - low) * (255.0 / (high - low))).round() as u8;
    let bytes: Vec<u8> = x.iter().zip(range.channels().iter().cycle()).map(byte).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, u32::try_from(w).ok()?, u32::try_from(h).ok()?);
    encoder.set_color(if c == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&bytes).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(&file)))
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;

    #[test]
    fn a_picture_decodes_to_its_pixels() {
        let x = ArrayD::from_shape_vec(vec![1, 2, 3], vec![-1f32, 0.0, 1.0, 2.0, -7.0, 0.5]).unwrap();
        let uri = data_uri(&x.view(), &PixelRange::new(-1.0, 1.0).unwrap()).unwrap();
        let file = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [0, 128, 255, 255, 0, 191]);
        let vector = ArrayD::<f32>::zeros(vec![5]);
        assert_eq!(data_uri(&vector.view(), &PixelRange::default()), None);
    }
}
