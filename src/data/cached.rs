//! Loading data sets by way of one packed file.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::images::ImageSet;
use super::omniglot::Omniglot;
use crate::error::{Error, Result};

/// Raised whenever images are prepared in another way, so that older files are not taken.
const PREPARED: u32 = 1;

/// What a set is made of, in a few words: the settings, and a hash of the list of files. The hash may change with the standard
/// library; a file is then made again.
fn fingerprint(settings: impl Debug, files: &str) -> String {
    let mut hash = DefaultHasher::new();
    files.hash(&mut hash);
    format!("{PREPARED} {settings:?} {} files {:016x}", files.lines().count(), hash.finish())
}

/// The size of a file and when it was changed, in nanoseconds.
pub(super) fn size_and_time(path: &Path) -> Result<(u64, u128)> {
    let io = |source| Error::Io { path: path.into(), source };
    let file = fs::metadata(path).map_err(io)?;
    let changed = file.modified().map_err(io)?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((file.len(), changed.as_nanos()))
}

impl Omniglot {
    /// [`load_sized`](Omniglot::load_sized) by way of the file `cache`: read if it was made of the same files, with the same sizes and
    /// times, else made again ([`ImageSet::cached`]).
    ///
    /// # Errors
    /// As [`load_sized`](Omniglot::load_sized); [`Error::Io`](crate::Error::Io) if `cache` cannot be written.
    pub fn load_cached(root: impl AsRef<Path>, size: usize, cache: impl AsRef<Path>) -> Result<ImageSet> {
        let files = super::archive::fingerprint(root.as_ref())?;
        let fingerprint = fingerprint(("Omniglot", size), &files);
        ImageSet::cached(cache, &fingerprint, || Omniglot::load_sized(&root, size))
    }
}

#[cfg(feature = "photos")]
mod photos {
    use super::*;
    use crate::data::Photos;
    use crate::data::photo_files::PhotoFiles;
    use crate::data::split_lists::{PARTS, list_of};

    impl Photos {
        /// [`load`](Photos::load) by way of the file `cache`: read if it was made with the same settings of the same files,
        /// with the same sizes and times, else made again ([`ImageSet::cached`]). Only the folders and the archives'
        /// lists are looked at then, no photograph is decoded.
        ///
        /// # Errors
        /// As [`load`](Photos::load); [`Error::Io`](crate::Error::Io) if `cache` cannot be written.
        pub fn load_cached(&self, path: impl AsRef<Path>, cache: impl AsRef<Path>) -> Result<ImageSet> {
            let files = PhotoFiles::of(path.as_ref())?.fingerprint()?;
            ImageSet::cached(cache, &fingerprint(self, &files), || self.load(&path))
        }

        /// [`load_listed`](Photos::load_listed) by way of the file `cache`, as [`load_cached`](Photos::load_cached).
        ///
        /// # Errors
        /// As [`load_listed`](Photos::load_listed); [`Error::Io`](crate::Error::Io) if `cache` cannot be written.
        pub fn load_listed_cached(
            &self,
            images: impl AsRef<Path>,
            lists: impl AsRef<Path>,
            cache: impl AsRef<Path>,
        ) -> Result<ImageSet> {
            let mut files = PhotoFiles::of(images.as_ref())?.fingerprint()?;
            for part in PARTS {
                let path = list_of(lists.as_ref(), part, "csv");
                if part[0] != "val" || path.exists() {
                    files += &format!("{} {:?}\n", part[0], size_and_time(&path)?);
                }
            }
            ImageSet::cached(cache, &fingerprint((self, "listed"), &files), || {
                self.load_listed(&images, &lists)
            })
        }
    }
}
