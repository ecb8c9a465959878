//! Photographs of classes: JPEG and PNG files in folders or zip archives.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use ndarray::ArrayD;
use rayon::prelude::*;

use super::images::ImageSet;
use super::photo_files::{Entry, MOST_BYTES, PhotoFiles};
use super::picture::{self, Aspect, Look};
use super::pixels::PixelRange;
use crate::error::{Error, Result};
use crate::read;
use crate::real::Real;

/// Loads photographs by class, from folders and zip archives: colour images `[size, size, 3]`, or grey ones.
///
/// - A file's class is the name of the folder it lies in: `Fruit/Apple/Anjou/001.jpg` is of class `Anjou`, wherever
///   this folder stands. Folders of the same name are one class, so that a data set whose files lie in `train/Anjou`
///   and `test/Anjou` comes together; [`whole_paths`](Photos::whole_paths) keeps them apart.
///   [`load_listed`](Photos::load_listed) takes classes from lists of files instead.
/// - Files whose name ends in `.jpg`, `.jpeg` or `.png` count; others, and names that begin with a point, are passed over.
///   Archives (`.zip`) count where they lie directly in the folder that is given. A zip file without folders is a
///   class with the archive's name.
/// - A photograph is turned upright as the camera noted (the EXIF orientation), then cut to its central square and resized to
///   `size x size` with a triangle filter (area-weighted where it shrinks), so its proportions stay;
///   [`aspect`](Photos::aspect) keeps the whole photograph instead. Grey and transparent images become colours;
///   transparency is dropped.
///
/// Classes are in order of their names, images in order of their paths, compared byte by byte. Each thread decodes one
/// file at a time, and only resized images are kept: memory is that of the result and of one photograph per thread. Files
/// above 64 MiB and images with a side above 16,384 or more than 64 million pixels are refused.
///
/// One photograph of a user becomes an input of a network by [`input`](Photos::input).
///
/// ```no_run
/// use innerloop::{Photos, Split};
/// let photos = Photos::new(84);
/// let images = photos.load("data/grocery")?;
/// let split = Split::read_names(&images, "data/grocery/splits")?;
/// assert_eq!((images.classes(), split.train.len(), split.test.len()), (81, 46, 23));
/// let x = photos.input::<f32>("my apple.jpg", &images.range())?; // [1, 84, 84, 3]
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photos {
    look: Look,
    whole_paths: bool,
    classes: Option<Vec<String>>,
}

impl Photos {
    /// Images of `size x size` pixels, from 1 to 4096.
    pub fn new(size: usize) -> Photos {
        let look = Look { size, aspect: Aspect::Crop, grey: false, ink: false };
        Photos { look, whole_paths: false, classes: None }
    }

    /// How photographs become square; the central square unless said otherwise.
    #[must_use]
    pub fn aspect(self, aspect: Aspect) -> Photos {
        Photos { look: Look { aspect, ..self.look }, ..self }
    }

    /// Images of one channel, `[size, size, 1]`: luma by Rec. 709.
    #[must_use]
    pub fn grey(self) -> Photos {
        Photos { look: Look { grey: true, ..self.look }, ..self }
    }

    /// Drawings of dark ink on light paper, photographed or scanned, made to look like those of Omniglot: `[size, size, 1]`, ink
    /// 1 and paper 0, strokes of one width, in the middle. Shadows, the colour of the paper, the size of the drawing and the
    /// width of the pen do not count. The paper must fill the picture; [`aspect`](Photos::aspect) is not used. A picture without
    /// ink is an [`Error::BadImage`].
    #[must_use]
    pub fn ink(self) -> Photos {
        Photos { look: Look { grey: true, ink: true, ..self.look }, ..self }
    }

    /// A class is the whole path of the folder a file lies in.
    #[must_use]
    pub fn whole_paths(self) -> Photos {
        Photos { whole_paths: true, ..self }
    }

    /// Loads only classes with these names, in this order.
    #[must_use]
    pub fn classes<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Photos {
        Photos { classes: Some(names.into_iter().map(Into::into).collect()), ..self }
    }

    /// The shape of an image, `[h, w, c]`.
    pub fn shape(&self) -> [usize; 3] {
        self.look.shape()
    }

    /// Loads all photographs below a folder, or in a single zip archive.
    ///
    /// # Errors
    /// [`Error::Setting`] for a size out of range, or of which all images do not fit in memory; [`Error::Io`],
    /// [`Error::BadFile`] for an archive that is not whole, an archive that unpacks to far more than its size, what is not
    /// a regular file, or a folder without photographs; [`Error::BadImage`] for the first file that is not an image, is
    /// cut off, or is too large; [`Error::EmptyClass`] for a folder without any file in it; [`Error::UnknownClass`] and
    /// [`Error::RepeatedClass`] for names that were asked for and are not there, or twice.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<ImageSet> {
        self.check()?;
        let files = PhotoFiles::of(path.as_ref())?;
        let classes = self.grouped(path.as_ref(), &files)?;
        self.decoded(&files, classes)
    }

    /// One photograph, prepared as those of a set: bytes `[h, w, c]`, to go into
    /// [`ImageSet::from_classes`] or [`PixelRange::inputs`].
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Io`], [`Error::BadFile`]; [`Error::BadImage`] with the name of the file.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        let (path, mut bytes) = (path.as_ref(), Vec::new());
        read::whole(path, MOST_BYTES, &mut bytes)?;
        self.decode(&bytes, path)
    }

    /// One photograph from the bytes of its JPEG or PNG file, prepared as those of a set: bytes `[h, w, c]`. `name` is
    /// what errors call it.
    ///
    /// # Errors
    /// [`Error::Setting`]; [`Error::BadImage`].
    pub fn decode(&self, bytes: &[u8], name: impl AsRef<Path>) -> Result<Vec<u8>> {
        self.check()?;
        let mut image = vec![0; self.shape().iter().product()];
        match picture::prepare(bytes, self.look, &mut image) {
            Ok(()) => Ok(image),
            Err(reason) => {
                let name = name.as_ref();
                let member = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Err(Error::BadImage { path: name.parent().unwrap_or(name).into(), member, reason })
            }
        }
    }

    /// One photograph as an input of a network: `[1, h, w, c]`, with the numbers that the network was trained to take for
    /// bytes ([`ImageSet::range`] of the training images; `pixels` of a `Pretrained` or `Classifier`).
    ///
    /// # Errors
    /// As [`read`](Photos::read).
    pub fn input<T: Real>(&self, path: impl AsRef<Path>, pixels: &PixelRange) -> Result<ArrayD<T>> {
        pixels.inputs(&[&self.read(path)?], self.shape())
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.look.size {
            1..=4096 => Ok(()),
            size => Err(Error::Setting { name: "size", value: size.to_string(), need: "from 1 to 4096" }),
        }
    }

    /// The images of files by class, on all threads.
    pub(super) fn decoded(
        &self,
        files: &PhotoFiles,
        classes: Vec<(String, Vec<&Entry>)>,
    ) -> Result<ImageSet> {
        let members: Vec<&Entry> = classes.iter().flat_map(|(_, entries)| entries).copied().collect();
        let bytes = self.shape().iter().product::<usize>();
        let mut pixels = Vec::new();
        let all = members.len().checked_mul(bytes).filter(|&all| pixels.try_reserve_exact(all).is_ok());
        let Some(all) = all else {
            let (value, need) = (self.look.size.to_string(), "such that all photographs fit in memory");
            return Err(Error::Setting { name: "size", value, need });
        };
        pixels.resize(all, 0);
        let flawed = pixels
            .par_chunks_exact_mut(bytes)
            .zip(members)
            .map_init(
                || (files.clone(), Vec::new()),
                |(files, file), (image, entry)| {
                    let path = files.read(entry, file)?;
                    picture::prepare(file, self.look, image).map_err(|reason| {
                        let member = entry.path.clone();
                        Error::BadImage { path, member, reason }
                    })
                },
            )
            // the first in order, so that the same fault always gives the same message
            .find_map_first(Result::err);
        match flawed {
            Some(error) => Err(error),
            None => {
                let counted = classes.into_iter().map(|(class, entries)| (class, entries.len())).collect();
                ImageSet::from_pixels(counted, pixels, self.shape())
            }
        }
    }

    /// Files by class, sorted, and only the classes that were asked for.
    fn grouped<'f>(&self, root: &Path, files: &'f PhotoFiles) -> Result<Vec<(String, Vec<&'f Entry>)>> {
        let class_of = |folder: &str| match folder.rsplit_once('/') {
            Some((_, last)) if !self.whole_paths => last.to_string(),
            _ => folder.to_string(),
        };
        let mut classes: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
        for entry in &files.entries {
            let Some((folder, _)) = entry.path.rsplit_once('/') else {
                let reason =
                    "the file is in no class: put each photograph into a folder with the name of its class";
                let member = entry.path.clone();
                return Err(Error::BadImage { path: root.into(), member, reason: reason.into() });
            };
            classes.entry(class_of(folder)).or_default().push(entry);
        }
        if classes.is_empty() {
            let reason =
                "there are no .jpg, .jpeg or .png files in it: give the folder that holds a folder or a \
                          zip archive per class"
                    .into();
            return Err(Error::BadFile { path: root.into(), reason });
        }
        for folder in &files.empty {
            classes.entry(class_of(folder)).or_default();
        }
        classes.values_mut().for_each(|entries| entries.sort_by(|a, b| a.path.cmp(&b.path)));
        let chosen: Vec<(String, Vec<&Entry>)> = match &self.classes {
            None => classes.into_iter().collect(),
            Some(names) => {
                let take = |name: &String| match classes.get(name) {
                    Some(entries) => Ok((name.clone(), entries.clone())),
                    None => Err(Error::UnknownClass { class: name.clone(), place: "classes to load".into() }),
                };
                names.iter().map(take).collect::<Result<_>>()?
            }
        };
        let mut seen = HashSet::new();
        for (class, entries) in &chosen {
            if entries.is_empty() {
                return Err(Error::EmptyClass { class: class.clone() });
            }
            if !seen.insert(class) {
                return Err(Error::RepeatedClass { class: class.clone(), place: "classes to load".into() });
            }
        }
        Ok(chosen)
    }
}
