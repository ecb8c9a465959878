//! Named arrays in NumPy's archives, `.npz`.

use std::io::{BufReader, Cursor, Read, Write};
use std::path::Path;

use ndarray::ArrayD;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::files::is_counter;
use crate::arrays::little_endian;
use crate::data::read_npy;
use crate::error::{Error, Result};
use crate::real::Real;

/// Deflate makes its input at most so many times larger: what unpacks to more than this for each byte of the file lists the
/// same bytes several times.
const MOST_UNPACKED: u64 = 1032;

/// All arrays in the order of the file, without the counts of batches.
pub(super) fn read<T: Real>(path: &Path) -> Result<Vec<(String, ArrayD<T>)>> {
    let bad = |reason: String| Error::BadFile { path: path.into(), reason };
    let file = crate::read::open(path)?;
    let length = file.metadata().map_err(|source| Error::Io { path: path.into(), source })?.len();
    let mut zip = ZipArchive::new(BufReader::new(file))
        .map_err(|e| bad(format!("this is not a complete archive of NumPy's ({e})")))?;
    let mut left = length.saturating_mul(MOST_UNPACKED);
    let mut arrays = Vec::new();
    for i in 0..zip.len() {
        let entry = zip.by_index(i).map_err(|e| bad(format!("its entry {i} cannot be read ({e})")))?;
        let Some(name) = entry.name().strip_suffix(".npy").map(str::to_owned) else { continue };
        if is_counter(&name) {
            continue;
        }
        let mut bounded = entry.take(left);
        let array = read_npy(&mut bounded).map_err(|e| {
            let hint = "call `.float()` on the module before saving it, if that is the matter";
            bad(format!("array {name:?}: {e} ({hint})"))
        })?;
        left = bounded.limit();
        arrays.push((name, array.mapv(T::from_f64)));
    }
    Ok(arrays)
}

pub(super) fn write<T: Real>(path: &Path, arrays: &[(String, ArrayD<T>)]) -> Result<()> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // not deflated, as by `numpy.savez`: weights do not shrink; zip64 when an array needs it
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let written = arrays.iter().try_for_each(|(name, array)| {
        let bytes = little_endian(array);
        let large = bytes.len() as u64 >= u32::MAX.into();
        zip.start_file(format!("{name}.npy"), stored.large_file(large))?;
        zip.write_all(&header(array))?;
        zip.write_all(&bytes)
    });
    let io = |source| Error::Io { path: path.into(), source };
    written.map_err(io)?;
    let file = zip.finish().map_err(|e| io(e.into()))?.into_inner();
    crate::write::whole(path, &file)
}

/// What stands before the numbers of an array: a magic number, version 1.0, the length of the rest, and a Python dictionary that
/// is filled up with spaces, so that the numbers begin at a multiple of 64 bytes.
fn header<T: Real>(array: &ArrayD<T>) -> Vec<u8> {
    let axes: String = array.shape().iter().map(|d| format!("{d}, ")).collect();
    let dictionary = format!(
        "{{'descr': '<f{}', 'fortran_order': False, 'shape': ({}), }}",
        size_of::<T>(),
        axes.trim_end()
    );
    const BEFORE: usize = 10;
    let length = (BEFORE + dictionary.len() + 1).next_multiple_of(64) - BEFORE;
    let length_bytes = u16::try_from(length).expect("an array has few axes").to_le_bytes();
    let mut bytes = [b"\x93NUMPY\x01\x00", &length_bytes[..]].concat();
    bytes.extend(format!("{dictionary:<width$}\n", width = length - 1).into_bytes());
    bytes
}
