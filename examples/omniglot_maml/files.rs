//! The files of runs.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use innerloop::{Error, Result};

use crate::runs::NAMES;

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

/// Moves what earlier runs left in a folder to `earlier` in it, so that nothing there is taken for a part of the next. What was
/// in `earlier` is lost.
pub fn put_aside(out: &Path) -> Result<()> {
    let of_each = [("checkpoint-", ".safetensors"), ("params-", ".safetensors"), ("episodes-", ".svg")];
    let of_each = of_each.map(|(start, end)| NAMES.map(|name| format!("{start}{name}{end}")));
    let of_all = ["settings.txt", "metrics.csv", "evaluations.csv", "curve.svg"];
    let earlier = out.join("earlier");
    let names = of_each.into_iter().flatten().chain(of_all.map(String::from));
    let there: Vec<_> = names.filter(|name| out.join(name).exists()).collect();
    if there.is_empty() {
        return Ok(());
    }
    let moved = match fs::remove_dir_all(&earlier) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => fs::create_dir(&earlier)
            .and_then(|()| there.iter().try_for_each(|name| fs::rename(out.join(name), earlier.join(name)))),
    };
    moved.map_err(|source| Error::Io { path: earlier, source })
}
