//! Drawings of a user's own by class: PNG files of dark ink on light paper.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;

use super::images::ImageSet;
use super::ink::{self, Grey};
use super::pixels::PixelRange;
use crate::error::{Error, Result};
use crate::read;
use crate::real::Real;

/// Largest file that is read.
const MOST_BYTES: u64 = 64 << 20;
/// Longest side of a picture.
const MOST_SIDE: u32 = 16_384;

/// Loads drawings by class, scanned or photographed, and makes them look like those of Omniglot: `[size, size, 1]`, ink 1 and paper
/// 0, strokes of one width, in the middle. Shadows, the colour of the paper, the size of the drawing and the width of the pen do not
/// count. The paper must fill the picture.
///
/// A class is a folder of PNG files (`.png`) of any size and colour, transparent parts being paper; other files, and names that begin
/// with a point, are passed over. Classes and files are in order of their names. For JPEG files see `Photos::ink` (feature `photos`).
///
/// ```no_run
/// use innerloop::Drawings;
/// let drawings = Drawings::new(28);
/// let images = drawings.load("my characters")?; // a folder in it for each
/// let x = drawings.input::<f32>("what is this.png", &images.range())?; // [1, 28, 28, 1]
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawings {
    size: usize,
}

impl Drawings {
    /// Images of `size x size` pixels, from 1 to 105.
    pub fn new(size: usize) -> Drawings {
        Drawings { size }
    }

    /// Loads the drawings of a folder that has a folder of them for each class.
    ///
    /// # Errors
    /// [`Error::Setting`] for a size out of range; [`Error::Io`]; [`Error::EmptyClass`] for a folder without PNG files;
    /// [`Error::BadFile`] for a folder without folders; [`Error::BadImage`] for the first file that is no PNG file or has no ink.
    pub fn load(&self, folder: impl AsRef<Path>) -> Result<ImageSet> {
        let folder = folder.as_ref();
        let (mut counts, mut pixels) = (Vec::new(), Vec::new());
        for class in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
            let name = name_of(&class);
            let png = |path: &PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
            let files: Vec<_> = entries(&class)?.into_iter().filter(png).collect();
            if files.is_empty() {
                return Err(Error::EmptyClass { class: name });
            }
            for file in &files {
                pixels.extend(self.read(file)?);
            }
            counts.push((name, files.len()));
        }
        if counts.is_empty() {
            let reason =
                "it has no folder in it: put the drawings of each class into a folder of their own".into();
            return Err(Error::BadFile { path: folder.into(), reason });
        }
        ImageSet::from_pixels(counts, pixels, [self.size, self.size, 1])
    }

    /// One drawing, prepared as those of a set: bytes `[size, size, 1]`, ink 255.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Io`], [`Error::BadFile`]; [`Error::BadImage`] with the name of the file.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        if !(1..=105).contains(&self.size) {
            return Err(Error::Setting { name: "size", value: self.size.to_string(), need: "from 1 to 105" });
        }
        let (path, mut bytes) = (path.as_ref(), Vec::new());
        read::whole(path, MOST_BYTES, &mut bytes)?;
        let mut image = vec![0; self.size * self.size];
        match grey_of(&bytes).and_then(|picture| ink::drawing(&picture, self.size, &mut image)) {
            Ok(()) => Ok(image),
            Err(reason) => {
                let folder = path.parent().unwrap_or(path).into();
                Err(Error::BadImage { path: folder, member: name_of(path), reason })
            }
        }
    }

    /// One drawing as an input of a network: `[1, size, size, 1]`, with the numbers that the network was trained to take for bytes.
    ///
    /// # Errors
    /// As [`read`](Drawings::read).
    pub fn input<T: Real>(&self, path: impl AsRef<Path>, pixels: &PixelRange) -> Result<ArrayD<T>> {
        pixels.inputs(&[&self.read(path)?], [self.size, self.size, 1])
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What lies in a folder, in order, without hidden files.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io { path: folder.into(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        paths.push(entry.map_err(io)?.path());
    }
    paths.retain(|path| !name_of(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

/// Decodes a PNG file: luma by Rec. 709, transparent parts white.
fn grey_of(bytes: &[u8]) -> Result<Grey, String> {
    let broken = |error: png::DecodingError| format!("this is not a complete PNG file ({error})");
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(broken)?;
    // before any buffer is allocated, because a damaged header may hold any size
    let (h, w) = (reader.info().height, reader.info().width);
    if h > MOST_SIDE || w > MOST_SIDE || u64::from(h) * u64::from(w) > 64_000_000 {
        return Err(format!("{h}x{w} pixels (height x width) are too many: save the picture smaller"));
    }
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("it is too large: save the picture smaller")?];
    let frame = reader.next_frame(&mut pixels).map_err(broken)?;
    let channels = frame.color_type.samples();
    let grey = |pixel: &[u8]| {
        let [luma, alpha] = match *pixel {
            [v] => [v.into(), 255],
            [v, a] => [v.into(), a.into()],
            [r, g, b] => [luma(r, g, b), 255],
            [r, g, b, a] => [luma(r, g, b), a.into()],
            _ => [255, 255],
        };
        ((luma * alpha + 255 * (255 - alpha)) / 255) as u8
    };
    Ok(Grey {
        h: h as usize,
        w: w as usize,
        bytes: pixels[..frame.buffer_size()].chunks_exact(channels).map(grey).collect(),
    })
}

fn luma(r: u8, g: u8, b: u8) -> u32 {
    (2126 * u32::from(r) + 7152 * u32::from(g) + 722 * u32::from(b)) / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PNG file with a dark bar on paper, of a colour type.
    fn file(color: png::ColorType, side: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side, side);
        encoder.set_color(color);
        let pixels: Vec<u8> = (0..side * side)
            .flat_map(|i| {
                let ink =
                    (side / 2 - 2..side / 2 + 2).contains(&(i % side)) && (5..side - 5).contains(&(i / side));
                match color {
                    png::ColorType::Rgba => if ink { [10, 20, 60, 255] } else { [0, 0, 0, 0] }.to_vec(),
                    png::ColorType::Rgb => if ink { [10, 20, 60] } else { [250, 240, 200] }.to_vec(),
                    _ => vec![if ink { 30 } else { 220 }],
                }
            })
            .collect();
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        bytes
    }

    #[test]
    fn grey_coloured_and_transparent_drawings_are_alike() {
        let folder = tempfile::tempdir().unwrap();
        for (class, color) in
            [("b", png::ColorType::Rgb), ("a", png::ColorType::Grayscale), ("c", png::ColorType::Rgba)]
        {
            fs::create_dir(folder.path().join(class)).unwrap();
            fs::write(folder.path().join(class).join("1.png"), file(color, 60)).unwrap();
        }
        fs::write(folder.path().join("notes.txt"), "no class").unwrap();
        let images = Drawings::new(28).load(folder.path()).unwrap();
        assert_eq!((images.classes(), images.class_name(0), images.shape()), (3, "a", [28, 28, 1]));
        assert!(images.image(0, 0).contains(&255));
        assert_eq!(images.image(0, 0), images.image(1, 0));
        assert_eq!(images.image(0, 0), images.image(2, 0));
        let x = Drawings::new(28).input::<f32>(folder.path().join("a/1.png"), &images.range()).unwrap();
        assert_eq!(
            (x.shape(), x.sum()),
            (&[1, 28, 28, 1][..], images.image(0, 0).iter().map(|&v| f32::from(v) / 255.0).sum())
        );
    }

    #[test]
    fn what_is_no_drawing_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let told = |size| Drawings::new(size).load(folder.path()).unwrap_err().to_string();
        assert!(told(28).contains("no folder in it"), "{}", told(28));
        fs::create_dir(folder.path().join("class")).unwrap();
        assert!(
            matches!(Drawings::new(28).load(folder.path()), Err(Error::EmptyClass { class }) if class == "class")
        );
        let whole = file(png::ColorType::Rgb, 60);
        for (bytes, what) in
            [(&whole[..whole.len() / 2], "not a complete PNG"), (&b"GIF"[..], "not a complete PNG")]
        {
            fs::write(folder.path().join("class/x.png"), bytes).unwrap();
            assert!(told(28).contains("x.png") && told(28).contains(what), "{}", told(28));
        }
        fs::write(folder.path().join("class/x.png"), whole).unwrap();
        assert!(told(0).contains("`size`") && told(106).contains("from 1 to 105"), "{}", told(0));
    }
}
