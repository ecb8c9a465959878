//! Zip archives from anywhere: which files they hold, and one file at a time.
//!
//! An archive is not held in memory. Refused are archives whose list of files is longer than any real one, whose files share
//! bytes (one compressed stream under many names), or which unpack to far more than their size.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use zip::ZipArchive;
use zip::result::ZipError;

use super::archive_file::ArchiveFile;
use crate::error::{Error, Result};
use crate::read;

/// The most bytes of the list of files at the end of an archive; half a million names.
const MOST_LIST: u64 = 64 << 20;
/// An archive may unpack to so many bytes, whatever its size,
const ALWAYS_UNPACKED: u128 = 1 << 30;
/// or to so many times its size. Images hardly shrink when they are packed.
const MOST_RATIO: u128 = 100;

/// An archive; a clone shares the open file and the list.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    #[cfg_attr(not(feature = "photos"), allow(dead_code))]
    pub(super) path: PathBuf,
    zip: ZipArchive<ArchiveFile>,
}

impl Archive {
    /// Opens an archive and checks its list of files.
    pub(super) fn open(path: &Path) -> Result<Archive> {
        let bad = |reason: String| Error::BadFile { path: path.into(), reason };
        let file = ArchiveFile::new(read::open(path)?, MOST_LIST);
        let file = file.map_err(|source| Error::Io { path: path.into(), source })?;
        let (left, bytes) = (file.left(), file.len());
        let zip = ZipArchive::new(file).map_err(|error| {
            // its own words are "i/o error"
            let why = if let ZipError::Io(why) = &error { why.to_string() } else { error.to_string() };
            bad(format!("this is not a complete zip archive ({why}): copy or download it again"))
        })?;
        left.store(u64::MAX, Ordering::Relaxed);
        let mut archive = Archive { path: path.into(), zip };
        archive.check(bytes).map_err(bad)?;
        Ok(archive)
    }

    fn check(&mut self, bytes: u64) -> Result<(), String> {
        let (mut unpacked, mut streams) = (0u128, Vec::with_capacity(self.zip.len()));
        for number in 0..self.zip.len() {
            let file = self.zip.by_index_raw(number).map_err(|error| {
                format!("its file number {number} cannot be found ({error}): copy or download it again")
            })?;
            streams.push((file.data_start(), file.compressed_size()));
            unpacked += u128::from(file.size());
        }
        if unpacked > ALWAYS_UNPACKED.max(u128::from(bytes) * MOST_RATIO) {
            return Err(format!(
                "it claims to unpack to {unpacked} bytes, more than {MOST_RATIO} times its size: no archive of images does"
            ));
        }
        streams.retain(|&(_, length)| length > 0);
        streams.sort_unstable();
        let shared = |pair: &&[(u64, u64)]| pair[0].0.saturating_add(pair[0].1) > pair[1].0;
        match streams.windows(2).find(shared) {
            Some(pair) => {
                Err(format!("two of its files share the bytes from {} on: download it again", pair[1].0))
            }
            None => Ok(()),
        }
    }

    /// The names of its files, in the order of their numbers.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        (0..self.zip.len()).map(|number| self.zip.name_for_index(number).unwrap_or_default())
    }

    /// Reads file `number`, of at most `most` bytes; what was in `bytes` is lost.
    ///
    /// # Errors
    /// What is wrong and what to do.
    pub(super) fn read(&mut self, number: usize, most: u64, bytes: &mut Vec<u8>) -> Result<(), String> {
        bytes.clear();
        let unpack = |error| format!("it cannot be unpacked ({error}): copy or download the archive again");
        let file = self.zip.by_index(number).map_err(|error| unpack(error.into()))?;
        // what the archive says first, since it costs nothing, then what comes out
        if file.size() <= most {
            // reading to the end also checks the checksum in the archive
            file.take(most + 1).read_to_end(bytes).map_err(unpack)?;
            if bytes.len() as u64 <= most {
                return Ok(());
            }
        }
        Err(format!("it is larger than {}: save the image smaller", read::size(most)))
    }
}
