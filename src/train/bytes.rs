//! The bytes of a safetensors file, taken once its head has said how many there are.

use std::io::Read;
use std::path::Path;

use safetensors::tensor::Metadata;

use crate::error::{Error, Result};
use crate::read;

/// Largest file that is read.
const MOST_BYTES: u64 = 16 << 30;
/// Longest head, which lists the arrays: 40,000 or more. Each one listed takes ten times its bytes in memory.
const MOST_HEAD: u64 = 4 << 20;

/// Reads a whole file; its length must be what its head says, known before memory is taken for it.
///
/// # Errors
/// [`Error::Io`]; [`Error::BadFile`] for what is not a regular file, or of another length.
pub(crate) fn bytes_of_file(path: &Path) -> Result<Vec<u8>> {
    let file = read::open(path)?;
    let length = file.metadata().map_err(|source| Error::Io { path: path.into(), source })?.len();
    whole(path, length, file)
}

/// All `length` bytes that `from` has, as those of a file; `path` is what messages call it.
///
/// # Errors
/// As [`bytes_of_file`].
pub(super) fn whole(path: &Path, length: u64, mut from: impl Read) -> Result<Vec<u8>> {
    let bad = |reason: String| Error::BadFile { path: path.into(), reason };
    let io = |source| Error::Io { path: path.into(), source };
    if length > MOST_BYTES {
        return Err(bad(format!("it is larger than {}, the most that is read", read::size(MOST_BYTES))));
    }
    let mut bytes = Vec::new();
    from.by_ref().take(8).read_to_end(&mut bytes).map_err(io)?;
    let Some(head) = bytes.first_chunk().map(|head| u64::from_le_bytes(*head)) else {
        return Err(bad("it is cut off, or no safetensors file".into()));
    };
    if head > MOST_HEAD {
        return Err(bad(format!("its head has {head} bytes, more than any file of parameters needs")));
    }
    from.by_ref().take(head).read_to_end(&mut bytes).map_err(io)?;
    let listed: Metadata =
        serde_json::from_slice(&bytes[8..]).map_err(|e| bad(format!("its head cannot be read: {e}")))?;
    if (8 + head).checked_add(listed.data_len() as u64) != Some(length) {
        return Err(bad(
            "its length is not what its head says: it was cut off, or is no safetensors file".into()
        ));
    }
    from.take(length).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn told(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, bytes).unwrap();
        bytes_of_file(&path).unwrap_err().to_string()
    }

    #[test]
    fn a_head_of_a_million_arrays_is_refused_before_it_is_read() {
        let array = |i: usize| format!("\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
        let head = format!("{{{}}}", (0..1_000_000).map(array).collect::<Vec<_>>().join(","));
        let told = told(&[&(head.len() as u64).to_le_bytes()[..], head.as_bytes()].concat());
        assert!(told.contains("its head has"), "{told}");
    }

    #[test]
    fn a_length_that_is_not_what_the_head_says_is_refused() {
        let head = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        let file = |data: &[u8]| [&(head.len() as u64).to_le_bytes()[..], head, data].concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, file(&[0; 4])).unwrap();
        assert_eq!(bytes_of_file(&path).unwrap(), file(&[0; 4]));
        assert!(told(&file(&[0; 3])).contains("its length"));
        assert!(told(&file(&[0; 5])).contains("its length"));
        assert!(told(b"").contains("cut off"));
        assert!(told(&[0; 100]).contains("its head cannot be read"));
    }
}
