//! The files of this crate: safetensors with a note and a checksum.
//!
//! A file is written beside its place under a name that ends in `.partial`, brought to the disk, and renamed: an
//! interruption leaves the old file or the new one, never half of one. Its metadata has one entry, `innerloop`: the
//! word `crc32`, the CRC-32 of the whole file (with zeros in its own place), and a note in JSON, which says what
//! kind of file it is.

use std::path::Path;

use ndarray::ArrayD;
use safetensors::tensor::{SafeTensors, TensorView};
use serde_json::{Map, Value};

use super::bytes::bytes_of_file;
#[cfg(feature = "serde")]
use super::bytes::whole;
use super::tensors::{array_of, file_of};
use crate::error::{Error, Result};
use crate::nn::{ParamSpec, check_params};
use crate::real::{Real, all_finite};

/// What a file says beside its arrays.
pub(super) type Note = Map<String, Value>;

/// A note with the kind of the file and the version of the crate.
pub(super) fn note(kind: &str) -> Note {
    [("kind", kind), ("version", env!("CARGO_PKG_VERSION"))]
        .map(|(k, v)| (k.into(), v.into()))
        .into_iter()
        .collect()
}

/// The entry of the metadata. One, since the order of several is not fixed, and equal states should give equal files.
const ENTRY: &str = "innerloop";

/// What stands before the eight digits of the checksum in a file's bytes.
const BEFORE_SUM: &[u8] = b"\"innerloop\":\"crc32 ";

pub(super) fn write<'a, T: Real>(
    path: &Path,
    arrays: impl Iterator<Item = (String, &'a ArrayD<T>)>,
    note: &Note,
) -> Result<()> {
    let entry = (ENTRY.to_string(), format!("crc32 00000000 {}", Value::from(note.clone())));
    let mut file =
        file_of(arrays, entry).map_err(|e| Error::BadFile { path: path.into(), reason: e.to_string() })?;
    let at = sum_place(&file).expect("the entry was just written");
    let sum = format!("{:08x}", crc32fast::hash(&file));
    file[at..at + 8].copy_from_slice(sum.as_bytes());
    crate::write::whole(path, &file)
}

/// Where the digits of the checksum stand, if the file has one.
fn sum_place(file: &[u8]) -> Option<usize> {
    let length = u64::from_le_bytes(*file.first_chunk()?);
    let head = file.get(8..8usize.checked_add(usize::try_from(length).ok()?)?)?;
    let at = head.windows(BEFORE_SUM.len()).position(|window| window == BEFORE_SUM)?;
    let at = 8 + at + BEFORE_SUM.len();
    (file.len() >= at + 8).then_some(at)
}

/// A file's bytes with what is needed to report on them.
pub(super) struct File<'p> {
    path: &'p Path,
    bytes: Vec<u8>,
    note: Option<Note>,
}

impl<'p> File<'p> {
    /// Reads a file, with or without a note. If it has one, its checksum must be right.
    pub(super) fn read(path: &'p Path) -> Result<File<'p>> {
        File::of(path, bytes_of_file(path)?)
    }

    /// The same of a file's bytes that are in memory, of one of some kinds.
    #[cfg(feature = "serde")]
    pub(super) fn in_memory(bytes: &[u8], kinds: &[&str]) -> Result<File<'static>> {
        let name = Path::new("(bytes in memory)");
        File::of(name, whole(name, bytes.len() as u64, bytes)?)?.must_be(kinds)
    }

    fn of(path: &'p Path, bytes: Vec<u8>) -> Result<File<'p>> {
        let mut file = File { path, bytes, note: None };
        if let Some(at) = sum_place(&file.bytes) {
            let sum: [u8; 8] = file.bytes[at..at + 8].try_into().expect("eight bytes");
            file.bytes[at..at + 8].copy_from_slice(b"00000000");
            if format!("{:08x}", crc32fast::hash(&file.bytes)).as_bytes() != sum {
                return Err(file.bad(
                    "its checksum is wrong, so it was damaged after it was written: use an earlier copy",
                ));
            }
            file.note = Some(file.parsed_note()?);
        }
        Ok(file)
    }

    /// As [`read`](File::read), for files that only this crate writes, of one of some kinds.
    pub(super) fn of_kind(path: &'p Path, kinds: &[&str]) -> Result<File<'p>> {
        File::read(path)?.must_be(kinds)
    }

    fn must_be(self, kinds: &[&str]) -> Result<File<'p>> {
        let what = kinds[0];
        match self.text("kind") {
            Some(kind) if kinds.contains(&kind) => Ok(self),
            Some(kind) => Err(self.bad(format!("it is not {what}, it is {kind}"))),
            None => Err(self.bad(format!("it is not {what} of this crate, or it was damaged"))),
        }
    }

    fn parsed_note(&self) -> Result<Note> {
        let (_, head) = SafeTensors::read_metadata(&self.bytes).map_err(|e| self.bad(e))?;
        let entry = head.metadata().as_ref().and_then(|m| m.get(ENTRY)).map_or("", |t| t);
        let json = entry.strip_prefix("crc32 00000000 ").unwrap_or_default();
        serde_json::from_str(json).map_err(|e| self.bad(e))
    }

    pub(super) fn bad(&self, reason: impl ToString) -> Error {
        Error::BadFile { path: self.path.into(), reason: reason.to_string() }
    }

    /// An entry of the note.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.note.as_ref()?.get(key)
    }

    /// A text of the note.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.as_str()
    }

    /// A count of the note.
    pub(super) fn count(&self, key: &str) -> Result<u64> {
        let found = self.value(key).and_then(Value::as_u64);
        found.ok_or_else(|| self.bad(format!("its note has no number {key:?}")))
    }

    /// The arrays of specs, by their names after a prefix.
    pub(super) fn arrays<T: Real>(&self, specs: &[ParamSpec], prefix: &str) -> Result<Vec<ArrayD<T>>> {
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|e| self.bad(e))?;
        let array = |spec: &ParamSpec| {
            let name = format!("{prefix}{}", spec.name);
            let Ok(view) = tensors.tensor(&name) else {
                return Err(Error::MissingArray { name, path: self.path.into() });
            };
            self.array(&name, &view)
        };
        let arrays: Vec<_> = specs.iter().map(array).collect::<Result<_>>()?;
        check_params(specs, &arrays)?;
        Ok(arrays)
    }

    /// All arrays with their names.
    pub(super) fn all<T: Real>(&self) -> Result<Vec<(String, ArrayD<T>)>> {
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|e| self.bad(e))?;
        let array = |(name, view): (&str, TensorView<'_>)| Ok((name.to_owned(), self.array(name, &view)?));
        tensors.iter().map(array).collect()
    }

    fn array<T: Real>(&self, name: &str, view: &TensorView<'_>) -> Result<ArrayD<T>> {
        let array = array_of(view).map_err(|e| self.bad(format!("array {name:?}: {e}")))?;
        if all_finite(&array) {
            return Ok(array);
        }
        Err(Error::NotFinite { what: format!("{}: array {name:?}", self.path.display()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A small file, its bytes and where it is.
    fn written(folder: &Path) -> (std::path::PathBuf, Vec<u8>) {
        let path = folder.join("a.safetensors");
        let array = ArrayD::from_elem(vec![5, 7], 0.3f32);
        write(&path, [("w".to_string(), &array)].into_iter(), &note("a test")).unwrap();
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, whole) = written(folder.path());
        assert!(File::of_kind(&path, &["a test"]).is_ok());
        for byte in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[byte] ^= 1 << (byte % 8);
            fs::write(&path, &bytes).unwrap();
            let error = File::of_kind(&path, &["a test"]).map(drop).unwrap_err();
            assert!(matches!(error, Error::BadFile { .. }), "byte {byte}: {error}");
            fs::write(&path, &whole[..byte]).unwrap();
            let error = File::of_kind(&path, &["a test"]).map(drop).unwrap_err();
            assert!(matches!(error, Error::BadFile { .. }), "cut at {byte}: {error}");
        }
    }

    #[test]
    fn a_file_of_another_kind_is_refused_by_its_kind() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = written(folder.path());
        let error = File::of_kind(&path, &["a checkpoint"]).map(drop).unwrap_err();
        assert!(error.to_string().ends_with("it is not a checkpoint, it is a test"), "{error}");
    }

    #[test]
    fn a_write_that_fails_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken"); // a folder stands where the file should be
        fs::create_dir(&path).unwrap();
        fs::write(path.join("in it"), "x").unwrap();
        let array = ArrayD::from_elem(vec![1], 0.3f32);
        let result = write(&path, [("w".to_string(), &array)].into_iter(), &note("a test"));
        assert!(matches!(result, Err(Error::Io { .. })), "{result:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_a_regular_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let error = File::read(folder.path()).map(drop).unwrap_err();
        assert!(error.to_string().ends_with("it is not a regular file"), "{error}");
    }
}
