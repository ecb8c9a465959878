//! A file that several readers share, each at its own place, with a bound on what is read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Bytes that are read at once.
const BLOCK: usize = 8 << 10;

/// The most files that an archive may list.
const MOST_FILES: u64 = 1 << 20;

/// A reader of a shared file. A clone is another reader of it, so that each thread can have its own.
#[derive(Debug, Clone)]
pub(super) struct ArchiveFile {
    file: Arc<Mutex<File>>,
    length: u64,
    at: u64,
    /// A piece of the file, and where it begins.
    block: Vec<u8>,
    start: u64,
    /// Bytes that may still be read; `u64::MAX` is without end.
    left: Arc<AtomicU64>,
}

impl ArchiveFile {
    /// A reader that fails once it has read so many bytes.
    pub(super) fn new(file: File, most: u64) -> io::Result<ArchiveFile> {
        let length = file.metadata()?.len();
        let (file, left) = (Arc::new(Mutex::new(file)), Arc::new(AtomicU64::new(most)));
        Ok(ArchiveFile { file, length, at: 0, block: Vec::new(), start: 0, left })
    }

    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// What is left to read; store `u64::MAX` to lift the bound.
    pub(super) fn left(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.left)
    }

    /// Reads the piece of the file in which the next byte lies.
    fn next_block(&mut self) -> io::Result<()> {
        let mut file = self.file.lock().map_err(|_| io::Error::other("another reader panicked"))?;
        self.start = self.at - self.at % BLOCK as u64;
        self.block.clear();
        file.seek(SeekFrom::Start(self.start))?;
        (&mut *file).take(BLOCK as u64).read_to_end(&mut self.block)?;
        Ok(())
    }
}

impl Read for ArchiveFile {
    /// Reads as much as there is, since the check below needs whole records.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < out.len() && self.at < self.length {
            let inside = |reader: &Self| {
                let from = usize::try_from(reader.at.checked_sub(reader.start)?).ok()?;
                (from < reader.block.len()).then_some(from)
            };
            let Some(from) = inside(self) else {
                self.next_block()?;
                if inside(self).is_none() {
                    break; // the file became shorter
                }
                continue;
            };
            let n = (self.block.len() - from).min(out.len() - read);
            out[read..read + n].copy_from_slice(&self.block[from..from + n]);
            (self.at, read) = (self.at + n as u64, read + n);
        }
        let left = self.left.load(Ordering::Relaxed);
        if left != u64::MAX {
            let rest = left.checked_sub(read as u64);
            self.left.store(rest.unwrap_or(0), Ordering::Relaxed);
            if rest.is_none() {
                return Err(io::Error::other("its list of files is too long, or nowhere to be found"));
            }
            // the record that ends the list of a large archive: `zip` reserves memory for as many files as it claims
            let claimed = out[..read].get(32..40).filter(|_| out.starts_with(b"PK\x06\x06"));
            let claimed = claimed.map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")));
            if claimed.is_some_and(|files| files > MOST_FILES) {
                return Err(io::Error::other("it claims to hold more than a million files"));
            }
        }
        Ok(read)
    }
}

impl Seek for ArchiveFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at =
            at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "before the start of the file"))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8], most: u64) -> (tempfile::TempDir, ArchiveFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        (folder, ArchiveFile::new(File::open(path).unwrap(), most).unwrap())
    }

    #[test]
    fn clones_read_the_same_bytes_at_their_own_places() {
        let bytes: Vec<u8> = (0..3 * BLOCK + 17).map(|i| (i * i % 251) as u8).collect();
        let (_folder, mut one) = written(&bytes, u64::MAX);
        let mut other = one.clone();
        other.seek(SeekFrom::Start(BLOCK as u64 - 3)).unwrap();
        let mut some = [0; 10];
        other.read_exact(&mut some).unwrap();
        assert_eq!(some, bytes[BLOCK - 3..BLOCK + 7]);
        let mut all = Vec::new();
        one.read_to_end(&mut all).unwrap();
        assert!(all == bytes);
        other.seek(SeekFrom::End(-2)).unwrap();
        assert_eq!(other.read(&mut some).unwrap(), 2);
        assert!(other.seek(SeekFrom::Current(-1 << 40)).is_err());
        other.seek(SeekFrom::Start(u64::MAX)).unwrap();
        assert_eq!(other.read(&mut some).unwrap(), 0);
    }

    #[test]
    fn a_bound_is_kept_until_it_is_lifted() {
        let (_folder, mut file) = written(&[5; 100], 60);
        let mut some = [0; 50];
        file.read_exact(&mut some).unwrap();
        assert!(file.read_exact(&mut some).is_err());
        file.left().store(u64::MAX, Ordering::Relaxed);
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_exact(&mut some).unwrap();
    }
}
