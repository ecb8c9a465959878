//! Reading files that others wrote: regular files only, and never more than a stated number of bytes.
//!
//! Links are followed, but what they lead to must be a regular file: a pipe would be waited for without end, and a device
//! such as `/dev/zero` never ends. The size is bounded by what is read, not only by what the system says, since a file may
//! grow, or say 0 as those of `/proc` do.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};

/// Longest list or table that is read.
pub(crate) const MOST_TEXT: u64 = 64 << 20;

/// Largest file of data that is read in one piece.
#[cfg(any(feature = "safetensors", feature = "text"))]
pub(crate) const MOST_DATA: u64 = 4 << 30;

/// Opens a regular file.
///
/// # Errors
/// [`Error::Io`]; [`Error::BadFile`] for what is not a regular file.
pub(crate) fn open(path: &Path) -> Result<File> {
    let io = |source| Error::Io { path: path.into(), source };
    // before it is opened: opening a pipe waits for someone to write to it
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(Error::BadFile { path: path.into(), reason: "it is not a regular file".into() });
    }
    File::open(path).map_err(io)
}

/// Reads a whole file of at most `most` bytes; what was in `bytes` is lost.
///
/// # Errors
/// As [`open`]; [`Error::BadFile`] for a larger file.
pub(crate) fn whole(path: &Path, most: u64, bytes: &mut Vec<u8>) -> Result<()> {
    bytes.clear();
    let (io, file) = (|source| Error::Io { path: path.into(), source }, open(path)?);
    // what the system says first, since it costs nothing, then what comes
    let says_more = file.metadata().map_err(io)?.len() > most;
    if !says_more {
        file.take(most.saturating_add(1)).read_to_end(bytes).map_err(io)?;
    }
    if says_more || bytes.len() as u64 > most {
        let reason = format!("it is larger than {}, the most that is read of such a file", size(most));
        return Err(Error::BadFile { path: path.into(), reason });
    }
    Ok(())
}

/// Reads a text of at most [`MOST_TEXT`] bytes, without the mark that some editors put at its start.
///
/// # Errors
/// As [`whole`]; [`Error::BadFile`] for bytes that are not UTF-8.
pub(crate) fn text(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    whole(path, MOST_TEXT, &mut bytes)?;
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let (path, at) = (path.into(), error.utf8_error().valid_up_to());
        Error::BadFile { path, reason: format!("it is not text in UTF-8: see its byte {at}") }
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|&(bits, _)| bytes >> bits > 0) {
        Some((bits, unit)) => format!("{} {unit}", bytes >> bits),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_bound_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, [7; 2000]).unwrap();
        let mut bytes = vec![1];
        whole(&path, 2000, &mut bytes).unwrap();
        assert_eq!(bytes, [7; 2000]);
        let error = whole(&path, 1999, &mut bytes).unwrap_err();
        assert!(error.to_string().contains("larger than 1 KiB"), "{error}");
        // 8 TiB without a block on the disk
        File::options().write(true).open(&path).unwrap().set_len(8 << 40).unwrap();
        assert!(matches!(whole(&path, 4000, &mut bytes), Err(Error::BadFile { .. })));
        assert!(bytes.len() <= 4001);
    }

    #[test]
    fn texts_are_utf8_without_a_mark() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "\u{feff}a\n").unwrap();
        assert_eq!(text(&path).unwrap(), "a\n");
        fs::write(&path, b"ab\xff").unwrap();
        assert!(text(&path).unwrap_err().to_string().ends_with("see its byte 2"));
    }

    #[cfg(unix)]
    #[test]
    fn pipes_and_devices_are_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [&pipe, &link, folder.path()] {
            let error = whole(path, 10, &mut Vec::new()).unwrap_err();
            assert!(error.to_string().ends_with("it is not a regular file"), "{error}");
        }
    }
}
