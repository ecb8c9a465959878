//! Files of named arrays, whichever their format.

use std::io::Read;
use std::path::Path;

use ndarray::ArrayD;

use crate::error::{Error, Result};
use crate::real::{Real, all_finite};

/// PyTorch's count of the batches that a norm has seen. Only a norm without a momentum reads it; it is left out of files, and
/// PyTorch then counts from 0.
const COUNTER: &str = "num_batches_tracked";

/// Whether an array is such a count.
pub(super) fn is_counter(name: &str) -> bool {
    super::names::split(name).1 == COUNTER
}

/// Reads a file of either format; all numbers must be finite.
#[inline(never)]
pub(super) fn read<T: Real>(path: &Path) -> Result<Vec<(String, ArrayD<T>)>> {
    let mut begin = [0; 2];
    let io = |source| Error::Io { path: path.into(), source };
    let read = crate::read::open(path)?.read(&mut begin).map_err(io)?;
    let arrays = if begin[..read] == *b"PK" { npz(path)? } else { safetensors(path)? };
    if let Some((name, _)) = arrays.iter().find(|(_, array)| !all_finite(array)) {
        return Err(Error::NotFinite { what: format!("{}: array {name:?}", path.display()) });
    }
    Ok(arrays)
}

/// Writes a file of the format that its name says.
#[inline(never)]
pub(super) fn write<T: Real>(path: &Path, arrays: &[(String, ArrayD<T>)]) -> Result<()> {
    match path.extension().and_then(|e| e.to_str()) {
        #[cfg(feature = "npz")]
        Some("npz") => super::npz::write(path, arrays),
        #[cfg(feature = "safetensors")]
        Some("safetensors") => super::safetensors::write(path, arrays),
        _ => {
            let need = "a file name that ends in .safetensors or .npz, with the feature of that name";
            Err(Error::Setting { name: "path", value: path.display().to_string(), need })
        }
    }
}

#[cfg(feature = "npz")]
fn npz<T: Real>(path: &Path) -> Result<Vec<(String, ArrayD<T>)>> {
    super::npz::read(path)
}

#[cfg(feature = "safetensors")]
fn safetensors<T: Real>(path: &Path) -> Result<Vec<(String, ArrayD<T>)>> {
    super::safetensors::read(path)
}

#[cfg(not(feature = "npz"))]
fn npz<T: Real>(path: &Path) -> Result<Vec<(String, ArrayD<T>)>> {
    let reason = "it is an archive of NumPy's: to read it, build innerloop with the feature `npz`".into();
    Err(Error::BadFile { path: path.into(), reason })
}

#[cfg(not(feature = "safetensors"))]
fn safetensors<T: Real>(path: &Path) -> Result<Vec<(String, ArrayD<T>)>> {
    let reason =
        "it is no archive of NumPy's: to read a safetensors file, build innerloop with that feature".into();
    Err(Error::BadFile { path: path.into(), reason })
}

compiled_here!(T: read::<T>, write::<T>);
