//! Omniglot: 1623 characters of 50 alphabets, drawn by 20 people each.

use std::path::Path;

use rayon::prelude::*;

use super::archive::{MOST_BYTES, SETS, Source};
use super::bitmap::{Bitmap, Flaw};
use super::class::ClassRef;
use super::images::ImageSet;
use super::split::Split;
use crate::error::{Error, Result};
use crate::read;

/// Height and width of the published drawings.
const SIDE: usize = 105;

/// The Omniglot data set of Lake, Salakhutdinov and Tenenbaum (Science 350, 2015).
///
/// Read from the two archives as published (<https://github.com/brendenlake/omniglot>) or from the
/// folders unpacked from them. Nothing is downloaded and nothing is bundled.
#[derive(Debug, Clone, Copy)]
pub struct Omniglot;

impl Omniglot {
    /// Loads all drawings as few-shot papers use them: 28x28, nearest neighbour, ink 1 and paper 0.
    ///
    /// In `root` or in `root/omniglot` there must be `images_background.zip` and
    /// `images_evaluation.zip`, or folders `images_background` and `images_evaluation`; an archive is
    /// taken before a folder. Classes are called `Alphabet/characterNN`; those of the background set
    /// come first, each set in order of alphabet and character, drawings in order of their file names,
    /// names compared byte by byte. Archives and folders give the same set.
    ///
    /// A character may have any number of drawings from 1 on, so that subsets can be loaded.
    ///
    /// ```no_run
    /// use innerloop::{Omniglot, Split};
    ///
    /// let images = Omniglot::load("data")?;
    /// assert_eq!((images.classes(), images.len(), images.shape()), (1623, 32_460, [28, 28, 1]));
    /// let split = Split::vinyals(&images, "data/omniglot/splits/vinyals")?;
    /// # Ok::<(), innerloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoData`] if one of the two sets is missing; [`Error::BadFile`] for an archive that is
    /// not whole or a set without drawings; [`Error::BadImage`] and [`Error::ImageSize`] for the first
    /// drawing that cannot be used; [`Error::EmptyClass`], [`Error::RepeatedClass`], [`Error::Io`].
    pub fn load(root: impl AsRef<Path>) -> Result<ImageSet> {
        Self::load_sized(root, 28)
    }

    /// The same with images of `size` x `size` pixels, 1 to 105 (105: as published, not resized).
    ///
    /// # Errors
    /// Those of [`Omniglot::load`], and [`Error::Setting`].
    pub fn load_sized(root: impl AsRef<Path>, size: usize) -> Result<ImageSet> {
        check_size(size)?;
        let (mut counted, mut pixels) = (Vec::new(), Vec::new());
        for set in SETS {
            let source = Source::find(root.as_ref(), set)?;
            let classes = source.classes(set)?;
            counted.extend(classes.iter().map(|(class, drawings)| (class.clone(), drawings.len())));
            let members: Vec<_> = classes.iter().flat_map(|(_, drawings)| drawings).collect();

            let start = pixels.len();
            pixels.resize(start + members.len() * size * size, 0);
            let images = pixels[start..].par_chunks_exact_mut(size * size);
            let flawed = images
                .zip(members)
                .map_init(
                    || (source.clone(), Vec::new(), Bitmap::default()),
                    |(source, file, bitmap), (image, member)| {
                        source.read(member, file)?;
                        let (path, member) = (&source.path, &member.name);
                        bitmap.decode(file, SIDE).map_err(|flaw| describe(flaw, path, member))?;
                        bitmap.shrink_inverted(size, image);
                        Ok(())
                    },
                )
                // the first in order, so that the same fault always gives the same message
                .find_map_first(Result::err);
            if let Some(error) = flawed {
                return Err(error);
            }
        }
        ImageSet::from_pixels(counted, pixels, [size, size, 1])
    }
}

impl Omniglot {
    /// One drawing of one's own, prepared as those of a set: a black and white or grey PNG file of 105 x 105 pixels, dark ink on
    /// light paper, as `size * size` bytes for [`PixelRange::inputs`](crate::PixelRange::inputs) with shape `[size, size, 1]`.
    ///
    /// # Errors
    /// [`Error::Setting`]; [`Error::Io`]; [`Error::BadFile`]; [`Error::BadImage`] and [`Error::ImageSize`] with the name of the file.
    pub fn drawing(path: impl AsRef<Path>, size: usize) -> Result<Vec<u8>> {
        check_size(size)?;
        let (path, mut file, mut bitmap) = (path.as_ref(), Vec::new(), Bitmap::default());
        read::whole(path, MOST_BYTES, &mut file)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        decoded(&file, &mut bitmap, size, path.parent().unwrap_or(path), &name)
    }
}

/// The drawing in a file of this name in an archive or folder.
pub(super) fn decoded(
    file: &[u8],
    bitmap: &mut Bitmap,
    size: usize,
    path: &Path,
    name: &str,
) -> Result<Vec<u8>> {
    bitmap.decode(file, SIDE).map_err(|flaw| describe(flaw, path, name))?;
    let mut image = vec![0; size * size];
    bitmap.shrink_inverted(size, &mut image);
    Ok(image)
}

pub(super) fn check_size(size: usize) -> Result<()> {
    match size {
        1..=SIDE => Ok(()),
        size => Err(Error::Setting { name: "size", value: size.to_string(), need: "from 1 to 105" }),
    }
}

impl Split {
    /// Omniglot as its authors split it: all classes of the 30 background alphabets to train on, each followed by its three turned
    /// versions, and those of all other alphabets to test on, as they are.
    ///
    /// # Errors
    /// [`Error::TooFewClasses`] if `images` have none to train on or none to test on.
    pub fn background(images: &ImageSet) -> Result<Split> {
        let is_train = |class: &usize| {
            let name = images.class_name(*class);
            BACKGROUND.contains(&name.split('/').next().unwrap_or_default())
        };
        let (train, test): (Vec<_>, Vec<_>) = (0..images.classes()).partition(is_train);
        for (what, classes) in [("the background alphabets", &train), ("other alphabets", &test)] {
            if classes.is_empty() {
                return Err(Error::TooFewClasses { what, need: 1, have: 0 });
            }
        }
        let turned = |class| (0..4).map(move |turns| ClassRef { class, turns });
        let test = test.into_iter().map(|class| ClassRef { class, turns: 0 }).collect();
        Ok(Split { train: train.into_iter().flat_map(turned).collect(), val: Vec::new(), test })
    }
}

const BACKGROUND: [&str; 30] = [
    "Alphabet_of_the_Magi",
    "Anglo-Saxon_Futhorc",
    "Arcadian",
    "Armenian",
    "Asomtavruli_(Georgian)",
    "Balinese",
    "Bengali",
    "Blackfoot_(Canadian_Aboriginal_Syllabics)",
    "Braille",
    "Burmese_(Myanmar)",
    "Cyrillic",
    "Early_Aramaic",
    "Futurama",
    "Grantha",
    "Greek",
    "Gujarati",
    "Hebrew",
    "Inuktitut_(Canadian_Aboriginal_Syllabics)",
    "Japanese_(hiragana)",
    "Japanese_(katakana)",
    "Korean",
    "Latin",
    "Malay_(Jawi_-_Arabic)",
    "Mkhedruli_(Georgian)",
    "N_Ko",
    "Ojibwe_(Canadian_Aboriginal_Syllabics)",
    "Sanskrit",
    "Syriac_(Estrangelo)",
    "Tagalog",
    "Tifinagh",
];

fn describe(flaw: Flaw, path: &Path, member: &str) -> Error {
    let (path, member) = (path.into(), member.into());
    match flaw {
        Flaw::Size(found_h, found_w) => Error::ImageSize { path, member, expected: SIDE, found_h, found_w },
        Flaw::Other(reason) => Error::BadImage { path, member, reason },
    }
}
