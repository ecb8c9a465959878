//! Writing files completely or not at all.

use std::fs;
use std::path::Path;

use innerloop::{Error, Result};

/// Writes under a temporary name, then renames: an interruption leaves the old file or the new one.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".partial");
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|source| Error::Io { path: path.into(), source })
}

pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })
}
