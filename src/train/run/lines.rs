//! Logs of lines: appended one by one, and cut back to a checkpoint when a run continues.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file that grows by lines.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// A new file, in place of an earlier one, that begins with `head`.
    pub(super) fn create(path: &Path, head: &str) -> Result<Lines> {
        Lines::with(path, head.as_bytes())
    }

    /// The same file with the lines of `head` (which it must begin with) and those whose iteration, which `iteration` reads,
    /// is not above `last`. A line that was cut off at the end of the file is dropped.
    pub(super) fn resume(
        path: &Path,
        head: &str,
        last: u64,
        iteration: &dyn Fn(&str) -> Option<u64>,
        each: &mut dyn FnMut(&str),
    ) -> Result<Lines> {
        let io = |source| Error::Io { path: path.into(), source };
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Lines::create(path, head),
            text => text.map_err(io)?,
        };
        let bad = |line: usize, text: &str| Error::BadLine {
            path: path.into(),
            line,
            text: text.into(),
            need: "a line of this log: give the log of the run that continues, or another name",
        };
        let Some(rows) = text.strip_prefix(head) else {
            return Err(bad(1, text.lines().next().unwrap_or_default()));
        };
        let mut kept = head.to_string();
        let whole = rows.rfind('\n').map_or("", |end| &rows[..=end]);
        for (number, line) in whole.lines().enumerate() {
            let Some(at) = iteration(line) else {
                return Err(bad(number + 1 + head.lines().count(), line));
            };
            if at <= last {
                kept.push_str(line);
                kept.push('\n');
                each(line);
            }
        }
        Lines::with(path, kept.as_bytes())
    }

    /// Written whole: an interruption leaves the old file or the new one.
    fn with(path: &Path, bytes: &[u8]) -> Result<Lines> {
        let io = |source| Error::Io { path: path.into(), source };
        crate::write::whole(path, bytes)?;
        let file = OpenOptions::new().append(true).open(path).map_err(io)?;
        Ok(Lines { path: path.into(), file })
    }

    /// Appends whole lines. At once, so that the end of the process loses nothing.
    pub(super) fn append(&mut self, lines: &str) -> Result<()> {
        self.file.write_all(lines.as_bytes()).map_err(|source| Error::Io { path: self.path.clone(), source })
    }

    /// Brings them to the disk.
    pub(super) fn sync(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}
