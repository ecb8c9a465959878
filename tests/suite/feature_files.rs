//! Vectors by class from safetensors files and from archives of NumPy's.
#![cfg(any(feature = "npz", feature = "safetensors"))]

use std::fs;
use std::path::Path;

use innerloop::{Error, FeatureSet};

/// What an array of a file is: its name, its type as NumPy calls it, its shape, its bytes.
type Array<'a> = (&'a str, &'a str, &'a [usize], Vec<u8>);

fn f32s(name: &'static str, shape: &'static [usize], numbers: &[f32]) -> Array<'static> {
    (name, "<f4", shape, numbers.iter().flat_map(|v| v.to_le_bytes()).collect())
}

fn f64s(name: &'static str, shape: &'static [usize], numbers: &[f64]) -> Array<'static> {
    (name, "<f8", shape, numbers.iter().flat_map(|v| v.to_le_bytes()).collect())
}

fn i64s(name: &'static str, shape: &'static [usize], numbers: &[i64]) -> Array<'static> {
    (name, "<i8", shape, numbers.iter().flat_map(|v| v.to_le_bytes()).collect())
}

type Read = fn(&Path, &[Array<'_>]) -> Result<FeatureSet, Error>;

/// Every format, as a function that writes a file and reads it back.
fn formats() -> Vec<Read> {
    vec![
        #[cfg(feature = "npz")]
        npz::round,
        #[cfg(feature = "safetensors")]
        tensors::round,
    ]
}

fn each(check: impl Fn(&dyn Fn(&[Array<'_>]) -> Result<FeatureSet, Error>)) {
    for format in formats() {
        let folder = tempfile::tempdir().unwrap();
        check(&|arrays| format(&folder.path().join("features.file"), arrays));
    }
}

#[cfg(feature = "safetensors")]
mod tensors {
    use super::*;
    use serde_json::{Map, json};

    /// The format is simple enough to write by hand: a header in JSON with its length before, then the bytes.
    pub fn round(path: &Path, arrays: &[Array<'_>]) -> Result<FeatureSet, Error> {
        let (mut header, mut data) = (Map::new(), Vec::new());
        for (name, descr, shape, bytes) in arrays {
            let dtype = match &descr[1..] {
                "f4" => "F32",
                "f8" => "F64",
                "i8" => "I64",
                "u1" => "U8",
                _ => "BOOL",
            };
            let offsets = [data.len(), data.len() + bytes.len()];
            header.insert((*name).into(), json!({ "dtype": dtype, "shape": shape, "data_offsets": offsets }));
            data.extend(bytes);
        }
        let header = serde_json::to_vec(&header).unwrap();
        let all = [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat();
        fs::write(path, all).unwrap();
        FeatureSet::read_safetensors(path)
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.safetensors");
        fs::write(&path, b"PK\x03\x04 not this").unwrap();
        assert!(matches!(FeatureSet::read_safetensors(&path), Err(Error::BadFile { .. })));
        assert!(matches!(FeatureSet::read_safetensors("/nowhere/at.all"), Err(Error::Io { .. })));
    }
}

#[cfg(feature = "npz")]
mod npz {
    use super::*;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    /// The bytes of one array, as NumPy writes them; version 1 or 2 of the format.
    fn npy(header: &str, version: u8, bytes: &[u8]) -> Vec<u8> {
        let header = format!("{header}\n");
        let length = header.len() as u32;
        let length =
            if version == 1 { (length as u16).to_le_bytes().to_vec() } else { length.to_le_bytes().to_vec() };
        [b"\x93NUMPY", &[version, 0][..], &length, header.as_bytes(), bytes].concat()
    }

    fn write(path: &Path, entries: &[(String, Vec<u8>)]) {
        let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
        for (i, (name, bytes)) in entries.iter().enumerate() {
            let method =
                if i % 2 == 0 { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
            zip.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
    }

    pub fn round(path: &Path, arrays: &[Array<'_>]) -> Result<FeatureSet, Error> {
        let entry = |(i, (name, descr, shape, bytes)): (usize, &Array<'_>)| {
            let shape = shape.iter().map(|d| format!("{d},")).collect::<String>();
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
            (format!("{name}.npy"), npy(&header, 1 + (i % 2) as u8, bytes))
        };
        write(path, &arrays.iter().enumerate().map(entry).collect::<Vec<_>>());
        FeatureSet::read_npz(path)
    }

    #[test]
    fn arrays_in_the_order_of_fortran_are_turned_and_other_entries_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.npz");
        let bytes: Vec<u8> = [1.0f32, 4.0, 2.0, 5.0, 3.0, 6.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let header = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }";
        write(&path, &[("a.npy".into(), npy(header, 1, &bytes)), ("notes.txt".into(), b"hello".to_vec())]);
        let set = FeatureSet::read_npz(&path).unwrap();
        assert_eq!((set.vector(0, 0), set.vector(0, 1)), (&[1.0, 2.0, 3.0][..], &[4.0, 5.0, 6.0][..]));
    }

    #[test]
    fn damaged_archives_and_arrays_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.npz");
        let refused = |bytes: Vec<u8>, word: &str| {
            write(&path, &[("a.npy".into(), bytes)]);
            let error = FeatureSet::read_npz(&path).unwrap_err();
            assert!(matches!(error, Error::BadFile { .. }), "{error}");
            assert!(error.to_string().contains("array \"a\"") && error.to_string().contains(word), "{error}");
        };
        let header = |descr: &str, shape: &str| {
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}")
        };
        refused(b"text".to_vec(), "");
        refused(b"\x93NUMPY\x07\x00....".to_vec(), "version");
        refused(npy(&header("<f4", "(2, 1)"), 1, &[0; 7]), "needs 8 bytes");
        refused(npy(&header("<f4", "(2, 1)"), 1, &[0; 9]), "needs 8 bytes");
        refused(npy(&header(">f4", "(2, 1)"), 1, &[0; 8]), "header");
        refused(npy(&header("<U1", "(2, 1)"), 1, &[0; 2]), "numbers must be");
        refused(npy(&header("<f4", "(2, x)"), 1, &[0; 8]), "header");
        refused(npy(&header("<f4", "(4294967296, 4294967296)"), 1, &[]), "too many");
        refused(npy("", 1, &[]), "header");
        write(&path, &[("a.npy".into(), npy(&header("<f4", "(2, 1)"), 1, &[0; 8]))]);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(FeatureSet::read_npz(&path), Err(Error::BadFile { .. })));
        assert!(matches!(FeatureSet::read_npz("/nowhere/at.all"), Err(Error::Io { .. })));
    }
}

#[test]
fn an_array_per_class_gives_classes_in_the_order_of_their_names() {
    each(|read| {
        let set =
            read(&[f32s("dog", &[1, 2], &[5.0, -6.5]), f64s("cat", &[2, 2], &[1.0, 2.0, 3.0, 4.0])]).unwrap();
        assert_eq!((set.classes(), set.len(), set.width()), (2, 3, 2));
        assert_eq!((set.class_name(0), set.vector(0, 1)), ("cat", &[3.0, 4.0][..]));
        assert_eq!((set.class_name(1), set.vector(1, 0)), ("dog", &[5.0, -6.5][..]));
    });
}

#[test]
fn features_with_labels_are_grouped_in_the_order_of_the_labels() {
    each(|read| {
        let set = read(&[
            i64s("labels", &[4], &[7, -1, 7, 10]),
            f32s("features", &[4, 1], &[1.0, 2.0, 3.0, 4.0]),
            f32s("other", &[1], &[f32::NAN]),
        ])
        .unwrap();
        assert_eq!(["-1", "7", "10"].map(|name| set.class_named(name)), [Some(0), Some(1), Some(2)]);
        assert_eq!(
            (set.vector(1, 0), set.vector(1, 1), set.vector(2, 0)),
            (&[1.0][..], &[3.0][..], &[4.0][..])
        );
    });
}

#[test]
fn arrays_that_do_not_fit_are_named_with_their_file() {
    each(|read| {
        let told = |arrays: &[Array<'_>], words: &[&str]| {
            let error = read(arrays).unwrap_err();
            assert!(matches!(error, Error::BadFile { .. } | Error::NotFinite { .. }), "{error}");
            let error = error.to_string();
            assert!(error.contains("features.file"), "{error}");
            words.iter().for_each(|word| assert!(error.contains(word), "{error}, {word:?}"));
        };
        told(&[f32s("a", &[2], &[1.0, 2.0])], &["array \"a\"", "[2]"]);
        told(
            &[f32s("a", &[1, 2], &[1.0, 2.0]), f32s("b", &[1, 1], &[1.0])],
            &["array \"b\"", "[1, 1]", "[n, 2]"],
        );
        told(&[f32s("a", &[2, 2], &[1.0, 2.0, f32::NAN, 3.0])], &["array \"a\", row 1, column 0"]);
        told(&[f64s("a", &[1, 2], &[1.0, 1e300])], &["array \"a\", row 0, column 1"]);
        let features = || f32s("features", &[2, 1], &[1.0, 2.0]);
        told(&[features(), i64s("labels", &[3], &[0, 1, 2])], &["array \"labels\"", "[3]", "[2]"]);
        told(&[features(), f32s("labels", &[2], &[0.0, 1.5])], &["array \"labels\", row 1: 1.5"]);
        told(&[features(), f32s("labels", &[2], &[f32::NAN, 1.0])], &["array \"labels\", row 0: NaN"]);
        told(&[("a", "|b1", &[1, 1], vec![1])], &["array \"a\""]);
        assert!(matches!(read(&[]), Err(Error::TooFewClasses { .. })));
        assert!(matches!(read(&[f32s("a", &[0, 2], &[])]), Err(Error::EmptyClass { class }) if class == "a"));
    });
}
