//! The photographs below a folder, in it and in its zip archives, or in a single archive.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::cached::size_and_time;
use super::zipped::Archive;
use crate::error::{Error, Result};
use crate::read;

/// Largest photograph that is read.
pub(super) const MOST_BYTES: u64 = 64 << 20;

/// The most photographs and folders of a source; tieredImageNet has 780,000. Links can make any number of few.
const MOST_FILES: usize = 1 << 22;

/// A photograph in a source.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its path in the folder or archive.
    pub(super) path: String,
    /// The archive and the number in it; `None` for a file of the folder.
    archive: Option<(usize, usize)>,
}

/// Where photographs are read from. A clone shares the open archives, so that each thread can have its own.
#[derive(Debug, Clone)]
pub(super) struct PhotoFiles {
    root: PathBuf,
    pub(super) entries: Vec<Entry>,
    /// Folders with nothing in them.
    pub(super) empty: Vec<String>,
    archives: Vec<Archive>,
    /// Folders that were looked into.
    folders: usize,
}

impl PhotoFiles {
    /// Lists the photographs of a folder or of an archive.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadFile`] for an archive that cannot be used and for folders in a circle.
    pub(super) fn of(root: &Path) -> Result<PhotoFiles> {
        let mut zips = Vec::new();
        let (entries, empty, archives) = Default::default();
        let mut files = PhotoFiles { root: root.into(), entries, empty, archives, folders: 0 };
        if root.is_dir() {
            files.walk(root, "", &mut zips)?;
        } else {
            zips.push(root.to_path_buf());
        }
        zips.sort();
        for path in zips {
            let archive = Archive::open(&path)?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            for (number, name) in archive.names().enumerate() {
                let hidden = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
                if !hidden && is_photo(name) {
                    let path = if name.contains('/') { name.into() } else { format!("{stem}/{name}") };
                    files.entries.push(Entry { path, archive: Some((files.archives.len(), number)) });
                }
            }
            files.archives.push(archive);
        }
        Ok(files)
    }

    fn walk(&mut self, folder: &Path, below: &str, zips: &mut Vec<PathBuf>) -> Result<()> {
        let unreadable = |source| Error::Io { path: folder.into(), source };
        // far deeper than any data set; a link that leads to its own folder ends here
        if below.matches('/').count() > 16 {
            let reason =
                "folders lie more than 16 deep: look for a link that leads back to its own folder".into();
            return Err(Error::BadFile { path: folder.into(), reason });
        }
        if self.entries.len() + self.empty.len() + self.folders > MOST_FILES {
            let reason =
                format!("there are more than {MOST_FILES} files and folders: look for links to folders");
            return Err(Error::BadFile { path: self.root.clone(), reason });
        }
        self.folders += 1;
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
                self.walk(&found.path(), &format!("{path}/"), zips)?;
            } else if below.is_empty() && name.to_ascii_lowercase().ends_with(".zip") {
                zips.push(found.path());
            } else if is_photo(&name) {
                self.entries.push(Entry { path, archive: None });
            }
        }
        if nothing && !below.is_empty() {
            self.empty.push(below.trim_end_matches('/').to_string());
        }
        Ok(())
    }

    /// Reads a photograph into `bytes` and returns where it lies: the folder or the archive.
    pub(super) fn read(&mut self, entry: &Entry, bytes: &mut Vec<u8>) -> Result<PathBuf> {
        let Some((archive, number)) = entry.archive else {
            return read::whole(&self.root.join(&entry.path), MOST_BYTES, bytes).map(|()| self.root.clone());
        };
        let archive = &mut self.archives[archive];
        match archive.read(number, MOST_BYTES, bytes) {
            Ok(()) => Ok(archive.path.clone()),
            Err(reason) => {
                Err(Error::BadImage { path: archive.path.clone(), member: entry.path.clone(), reason })
            }
        }
    }

    /// What tells these files from others, without reading them: their paths, sizes and times.
    pub(super) fn fingerprint(&self) -> Result<String> {
        let mut paths: Vec<PathBuf> = self.archives.iter().map(|archive| archive.path.clone()).collect();
        let loose = self.entries.iter().filter(|entry| entry.archive.is_none());
        paths.extend(loose.map(|entry| self.root.join(&entry.path)));
        paths.sort();
        let mut text = String::new();
        for path in &paths {
            let name = path.strip_prefix(&self.root).unwrap_or(Path::new(""));
            let (size, time) = size_and_time(path)?;
            writeln!(text, "{} {size} {time}", name.display()).expect("writing to memory");
        }
        Ok(text)
    }
}

fn is_photo(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("jpg" | "jpeg" | "png"))
}
