//! Files of known content, and bringing them into a folder.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::attempt::{End, attempt, client};
use crate::error::{Error, Result};

/// Less than this in one request is no progress worth another one.
const LEAST: u64 = 64 << 10;

/// A file whose content is known before it is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteFile {
    /// Where it is published: `https://..`.
    pub address: String,
    /// Where it goes, in the folder that it is fetched into: `splits/vinyals/train.txt`.
    pub to: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, as 64 hexadecimal digits.
    pub sha256: String,
}

impl RemoteFile {
    /// Of all that there is to know.
    pub fn new(
        address: impl Into<String>,
        to: impl Into<PathBuf>,
        bytes: u64,
        sha256: impl Into<String>,
    ) -> RemoteFile {
        RemoteFile { address: address.into(), to: to.into(), bytes, sha256: sha256.into().to_lowercase() }
    }
}

/// Fetches files of known content into a folder (feature `fetch`).
///
/// A file is fetched beside its place under a name that ends in `.partial`, compared with its size and SHA-256, and renamed:
/// it is there as published or not at all. What an interruption left in the `.partial` file is not fetched again, if the
/// server can send the rest of a file. Files that are there already cost no request. Redirections are followed, proxies taken from
/// the environment (`HTTPS_PROXY`), and certificates checked against Mozilla's list.
///
/// ```no_run
/// use innerloop::{Fetch, Omniglot, Split};
/// Fetch::omniglot().into_folder("data/omniglot", |file, have, all| {
///     eprint!("\r{}: {have} of {all} bytes", file.display());
/// })?;
/// let images = Omniglot::load("data/omniglot")?;
/// let split = Split::vinyals(&images, "data/omniglot/splits/vinyals")?;
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    files: Vec<RemoteFile>,
    patience: Duration,
}

impl Fetch {
    /// Of files of your own choice.
    pub fn new(files: Vec<RemoteFile>) -> Fetch {
        Fetch { files, patience: Duration::from_secs(30) }
    }

    /// What is fetched, and where it comes from.
    pub fn files(&self) -> &[RemoteFile] {
        &self.files
    }

    /// The same files from another place: a folder of a server, `base`, that holds them under the names that they have here.
    #[must_use]
    pub fn mirror(self, base: &str) -> Fetch {
        let base = base.trim_end_matches('/');
        let moved = |file: RemoteFile| {
            let names: Vec<_> = file.to.iter().map(|name| name.to_string_lossy()).collect();
            RemoteFile { address: format!("{base}/{}", names.join("/")), ..file }
        };
        Fetch { files: self.files.into_iter().map(moved).collect(), ..self }
    }

    /// How long to wait for a connection, and for an answer; 30 seconds unless said otherwise. A body is asked for again, from
    /// where it stopped, after this time, and given up if less than 64 KiB came in it.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Fetch {
        Fetch { patience, ..self }
    }

    /// Fetches what is not in `folder` yet. `seen` is told the file, the bytes that are there, and all its bytes, after each
    /// piece.
    ///
    /// # Errors
    /// [`Error::Fetch`] with the address, if the server cannot be reached, has no such file, stalls, or sends another one:
    /// then nothing is left of it. [`Error::Io`] if the disk is full, [`Error::BadFile`] for another file in a file's place (it is
    /// left alone), or one that another process is fetching; [`Error::Setting`] for a place outside the folder.
    pub fn into_folder(&self, folder: impl AsRef<Path>, mut seen: impl FnMut(&Path, u64, u64)) -> Result<()> {
        for file in &self.files {
            self.one(file, folder.as_ref(), &mut seen)?;
        }
        Ok(())
    }

    fn one(&self, file: &RemoteFile, folder: &Path, seen: &mut dyn FnMut(&Path, u64, u64)) -> Result<()> {
        if !file.to.components().all(|part| matches!(part, Component::Normal(_))) {
            let need = "a path inside the folder, without `..`";
            return Err(Error::Setting { name: "to", value: file.to.display().to_string(), need });
        }
        let path = folder.join(&file.to);
        if fs::exists(&path).map_err(io(&path))? {
            let mut there = crate::read::open(&path)?;
            if there.metadata().map_err(io(&path))?.len() == file.bytes
                && same(&mut there, file).map_err(io(&path))?
            {
                return Ok(());
            }
            let reason = "it is not the published file, so it is left alone: use it as it is, or move it away to \
                          fetch the published one";
            return Err(Error::BadFile { path, reason: reason.into() });
        }
        let within = path.parent().unwrap_or(folder);
        fs::create_dir_all(within).map_err(io(within))?;
        let partial = crate::write::partial(&path);
        let mut to = open_alone(&partial)?;
        let fetched = self.content(file, &mut to, &partial, seen);
        match fetched {
            Ok(()) => {
                to.sync_all().map_err(io(&partial))?;
                fs::rename(&partial, &path).map_err(io(&path))?;
                crate::write::sync_folder(&path).map_err(io(&path))
            }
            Err(error) => {
                // what can be continued stays, unless it keeps the disk full
                let empty = to.metadata().map_or(true, |file| file.len() == 0);
                if empty || matches!(error, Error::Io { .. }) {
                    let _ = fs::remove_file(&partial); // what went wrong first is what the caller should see
                }
                Err(error)
            }
        }
    }

    /// Brings the whole content of a file to `to`, in which the first bytes may be already.
    fn content(
        &self,
        file: &RemoteFile,
        to: &mut File,
        partial: &Path,
        seen: &mut dyn FnMut(&Path, u64, u64),
    ) -> Result<()> {
        let client = client(self.patience);
        let mut have = to.metadata().map_err(io(partial))?.len();
        let (mut continued, mut restarted, mut most) = (have > 0, false, 0);
        loop {
            if have > file.bytes {
                have = 0;
            }
            to.set_len(have).map_err(io(partial))?;
            if have < file.bytes || !continued {
                match attempt(&client, file, to, have, &mut |n| seen(&file.to, n, file.bytes)) {
                    Ok(End::Whole) => {}
                    Ok(End::Cut { have: now, .. }) if now >= most.max(have) + LEAST => {
                        (have, most) = (now, now);
                        continue;
                    }
                    Ok(End::Cut { have: now, reason }) => {
                        let all = file.bytes;
                        let reason =
                            format!("{reason} after {now} of {all} bytes: run again to go on from there");
                        return Err(fetch(file, reason));
                    }
                    Ok(End::FromStart) if !restarted => {
                        (have, restarted) = (0, true);
                        continue;
                    }
                    Ok(End::FromStart) => {
                        return Err(fetch(
                            file,
                            "the server sends a part of the file that was not asked for",
                        ));
                    }
                    Err(Error::Io { source, .. }) => return Err(io(partial)(source)),
                    Err(error) => return Err(error),
                }
            }
            to.rewind().map_err(io(partial))?;
            if same(to, file).map_err(io(partial))? {
                return Ok(());
            }
            to.set_len(0).map_err(io(partial))?;
            if !continued {
                let reason = "its SHA-256 is not that of the published file, so nothing of it was kept: the file \
                              was changed there, or on the way";
                return Err(fetch(file, reason));
            }
            // what an earlier run left may be what is wrong
            (have, continued) = (0, false);
        }
    }
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::Io { path: path.into(), source }
}

pub(super) fn fetch(file: &RemoteFile, reason: impl Into<String>) -> Error {
    Error::Fetch { address: file.address.clone(), reason: reason.into() }
}

/// Opens a file to read and to write, which no other process may fetch into.
fn open_alone(path: &Path) -> Result<File> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let file = file.map_err(io(path))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let reason = "another process is fetching this file: wait until it is done".into();
            Err(Error::BadFile { path: path.into(), reason })
        }
        // some file systems have no locks
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Whether the content is the published one.
fn same(from: &mut File, file: &RemoteFile) -> std::io::Result<bool> {
    let (mut sum, mut piece, mut left) = (Sha256::new(), vec![0; 1 << 16], file.bytes);
    while left > 0 {
        let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match from.read(&mut piece[..most])? {
            0 => return Ok(false),
            n => {
                sum.update(&piece[..n]);
                left -= n as u64;
            }
        }
    }
    let hex: String = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(hex == file.sha256)
}
