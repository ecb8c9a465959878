//! Photographs of classes: JPEG and PNG files in folders or zip archives.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use zip::ZipArchive;

use super::images::ImageSet;
use super::picture;
use crate::error::{Error, Result};

/// Loads photographs by class, from folders and zip archives: colour images `[size, size, 3]`.
///
/// - A file's class is the name of the folder it lies in: `Fruit/Apple/Anjou/001.jpg` is of class `Anjou`, wherever
///   this folder stands. Folders of the same name are one class, so that a data set whose files lie in `train/Anjou`
///   and `test/Anjou` comes together; [`whole_paths`](Photos::whole_paths) keeps them apart.
/// - Files whose name ends in `.jpg`, `.jpeg` or `.png` count; others, and names that begin with a point, are passed over.
///   Archives (`.zip`) count where they lie directly in the folder that is given. A zip file without folders is a
///   class with the archive's name.
/// - A photograph is cut to its central square and resized to `size x size` with a triangle filter (area-weighted where
///   it shrinks), so its proportions stay. Grey and transparent images become colours; transparency is dropped. What the
///   camera noted about its orientation is not applied.
///
/// Classes are in order of their names, images in order of their paths, compared byte by byte. Each thread decodes one
/// file at a time, and only resized images are kept: memory is that of the result, of the archives and of one
/// photograph per thread. Files above 64 MiB and images with a side above 16,384 or more than 64 million pixels are
/// refused.
///
/// ```no_run
/// use innerloop::{Photos, Split};
/// let images = Photos::new(84).load("data/grocery")?;
/// let split = Photos::split(&images, "data/grocery/splits")?;
/// assert_eq!((images.classes(), split.train.len(), split.test.len()), (81, 46, 23));
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photos {
    size: usize,
    whole_paths: bool,
    classes: Option<Vec<String>>,
}

/// Largest file that is read.
const MOST_BYTES: u64 = 64 << 20;

/// A file in a source.
#[derive(Debug, Clone)]
struct Entry {
    /// Its path in the folder or archive.
    path: String,
    /// The archive and the number in it; `None` for a file of the folder.
    archive: Option<(usize, usize)>,
}

/// An archive in memory; a clone shares the bytes.
#[derive(Debug, Clone)]
struct Archive {
    path: PathBuf,
    zip: ZipArchive<Cursor<Arc<[u8]>>>,
}

impl Photos {
    /// Images of `size x size` pixels, from 1 to 4096.
    pub fn new(size: usize) -> Photos {
        Photos { size, whole_paths: false, classes: None }
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

    /// Loads all photographs below a folder, or in a single zip archive.
    ///
    /// # Errors
    /// [`Error::Setting`] for a size out of range; [`Error::Io`], [`Error::BadFile`] for an archive that is not whole or
    /// a folder without photographs; [`Error::BadImage`] for the first file that is not an image, is cut off, or is too
    /// large; [`Error::EmptyClass`] for a folder without any file in it; [`Error::UnknownClass`] and [`Error::RepeatedClass`] for
    /// names that were asked for and are not there, or twice.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<ImageSet> {
        let (size, root) = (self.size, path.as_ref());
        if !(1..=4096).contains(&size) {
            return Err(Error::Setting { name: "size", value: size.to_string(), need: "from 1 to 4096" });
        }
        let (entries, empty, archives) = listed(root)?;
        let classes = self.grouped(root, entries, empty)?;
        let members: Vec<&Entry> = classes.iter().flat_map(|(_, entries)| entries).collect();
        let bytes = size * size * 3;
        let mut pixels = vec![0; members.len() * bytes];
        let flawed = pixels
            .par_chunks_exact_mut(bytes)
            .zip(members)
            .map_init(
                || (archives.clone(), Vec::new()),
                |(archives, file), (image, entry)| {
                    let (path, member) = (read(root, archives, entry, file)?, entry.path.clone());
                    picture::square(file, size, image).map_err(|reason| Error::BadImage {
                        path,
                        member,
                        reason,
                    })
                },
            )
            // the first in order, so that the same fault always gives the same message
            .find_map_first(Result::err);
        match flawed {
            Some(error) => Err(error),
            None => {
                let counted = classes.into_iter().map(|(class, entries)| (class, entries.len())).collect();
                ImageSet::from_pixels(counted, pixels, [size, size, 3])
            }
        }
    }

    /// Files by class, sorted, and only the classes that were asked for.
    fn grouped(
        &self,
        root: &Path,
        entries: Vec<Entry>,
        empty: Vec<String>,
    ) -> Result<Vec<(String, Vec<Entry>)>> {
        let class_of = |folder: &str| match folder.rsplit_once('/') {
            Some((_, last)) if !self.whole_paths => last.to_string(),
            _ => folder.to_string(),
        };
        let mut classes: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            let folder = entry.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            classes.entry(class_of(folder)).or_default().push(entry);
        }
        if classes.is_empty() {
            let reason =
                "there are no .jpg, .jpeg or .png files in it: give the folder that holds a folder or a \
                          zip archive per class"
                    .into();
            return Err(Error::BadFile { path: root.into(), reason });
        }
        for folder in empty {
            classes.entry(class_of(&folder)).or_default();
        }
        classes.values_mut().for_each(|entries| entries.sort_by(|a, b| a.path.cmp(&b.path)));
        let chosen: Vec<(String, Vec<Entry>)> = match &self.classes {
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

fn is_photo(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("jpg" | "jpeg" | "png"))
}

/// All photographs, the folders with nothing in them, and the archives that were opened.
fn listed(root: &Path) -> Result<(Vec<Entry>, Vec<String>, Vec<Archive>)> {
    let (mut entries, mut empty, mut archives) = (Vec::new(), Vec::new(), Vec::new());
    let mut zips = Vec::new();
    if root.is_file() {
        zips.push(root.to_path_buf());
    } else {
        walk(root, "", &mut entries, &mut empty, &mut zips)?;
    }
    zips.sort();
    for path in zips {
        let bytes = fs::read(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let zip = ZipArchive::new(Cursor::new(bytes.into())).map_err(|error| Error::BadFile {
            path: path.clone(),
            reason: format!("this is not a complete zip archive ({error}): copy or download it again"),
        })?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for number in 0..zip.len() {
            let name = zip.name_for_index(number).unwrap_or_default();
            let hidden = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
            if !hidden && is_photo(name) {
                let path = if name.contains('/') { name.to_string() } else { format!("{stem}/{name}") };
                entries.push(Entry { path, archive: Some((archives.len(), number)) });
            }
        }
        archives.push(Archive { path, zip });
    }
    Ok((entries, empty, archives))
}

fn walk(
    folder: &Path,
    below: &str,
    entries: &mut Vec<Entry>,
    empty: &mut Vec<String>,
    zips: &mut Vec<PathBuf>,
) -> Result<()> {
    let unreadable = |source| Error::Io { path: folder.into(), source };
    // far deeper than any data set; a link that leads to its own folder ends here
    if below.matches('/').count() > 16 {
        let reason =
            "folders lie more than 16 deep: look for a link that leads back to its own folder".into();
        return Err(Error::BadFile { path: folder.into(), reason });
    }
    let mut nothing = true;
    for found in fs::read_dir(folder).map_err(unreadable)? {
        let found = found.map_err(unreadable)?;
        let name = found.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        nothing = false;
        let path = format!("{below}{name}");
        if found.path().is_dir() {
            walk(&found.path(), &format!("{path}/"), entries, empty, zips)?;
        } else if below.is_empty() && name.to_ascii_lowercase().ends_with(".zip") {
            zips.push(found.path());
        } else if is_photo(&name) {
            if below.is_empty() {
                let reason =
                    "the file is in no class: put each photograph into a folder with the name of its class";
                return Err(Error::BadImage { path: folder.into(), member: name, reason: reason.into() });
            }
            entries.push(Entry { path, archive: None });
        }
    }
    if nothing && !below.is_empty() {
        empty.push(below.trim_end_matches('/').to_string());
    }
    Ok(())
}

/// Reads a file into `bytes` and returns where it lies: the folder or the archive.
fn read(root: &Path, archives: &mut [Archive], entry: &Entry, bytes: &mut Vec<u8>) -> Result<PathBuf> {
    bytes.clear();
    let Some((archive, number)) = entry.archive else {
        let path = root.join(&entry.path);
        let read = fs::File::open(&path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(bytes));
        read.map_err(|source| Error::Io { path, source })?;
        return checked(root, entry, bytes);
    };
    let Archive { path, zip } = &mut archives[archive];
    // reading to the end also checks the checksum in the archive
    let read = match zip.by_index(number) {
        Ok(file) => file.take(MOST_BYTES + 1).read_to_end(bytes).map(drop),
        Err(error) => Err(error.into()),
    };
    read.map_err(|error| Error::BadImage {
        path: path.clone(),
        member: entry.path.clone(),
        reason: format!("the file cannot be unpacked ({error}): copy or download the archive again"),
    })?;
    checked(path, entry, bytes)
}

fn checked(path: &Path, entry: &Entry, bytes: &[u8]) -> Result<PathBuf> {
    if bytes.len() as u64 > MOST_BYTES {
        let reason = "the file is larger than 64 MiB: save the photograph smaller".into();
        return Err(Error::BadImage { path: path.into(), member: entry.path.clone(), reason });
    }
    Ok(path.into())
}
