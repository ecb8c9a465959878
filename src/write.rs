//! Writing files that are whole or not there: beside their place first, brought to the disk, then renamed.

use std::fs::{self, File};
use std::io::{Result, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Writes a file by way of its [`partial`] one, as [`place`].
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn whole(path: &Path, bytes: &[u8]) -> crate::error::Result<()> {
    place(path, &partial(path), &[bytes]).map_err(|source| Error::Io { path: path.into(), source })
}

/// The name beside a file for what is not all of it yet.
pub(crate) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Writes the parts of a file to `beside`, a name in the same folder, and renames it to `path`. An interruption leaves
/// the old file or the new one, never half of one; what fails leaves nothing at `beside`.
pub(crate) fn place(path: &Path, beside: &Path, parts: &[&[u8]]) -> Result<()> {
    let written = (|| {
        let mut file = File::create(beside)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        fs::rename(beside, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(beside); // what went wrong first is what the caller should see
        return written;
    }
    sync_folder(path)
}

/// Brings a renaming to the disk, where the system has folders that can be opened.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
