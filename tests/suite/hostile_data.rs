//! Data from anywhere: files that never end, archives that unpack to terabytes, lists of lies. Each is refused by an error
//! that names the file, at once, and without much memory.
#![cfg(feature = "photos")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::common;
use image::{ImageFormat, Rgb, RgbImage};
use innerloop::{Error, Glyphs, ImageSet, Omniglot, Photos, Split};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::from_pixel(30, 30, Rgb([1, 2, 3])).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// An error that must come soon, in words.
fn soon<T: std::fmt::Debug>(what: &str, load: impl FnOnce() -> Result<T, Error>) -> String {
    let started = Instant::now();
    let error = load().unwrap_err();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(20), "{what} took {took:?}");
    error.to_string()
}

fn zipped(path: &Path, files: &[(String, Vec<u8>)]) {
    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    let deflated = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in files {
        zip.start_file(name.as_str(), deflated).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn le<const N: usize>(fields: [(u64, usize); N]) -> Vec<u8> {
    fields.into_iter().flat_map(|(value, bytes)| value.to_le_bytes()[..bytes].to_vec()).collect()
}

/// An archive of one stored file, whose list names it `times` times and claims that it has `claimed` bytes.
fn written_by_hand(times: usize, claimed: u64) -> Vec<u8> {
    let (png, name) = (png(), b"a/0000.png");
    let (sum, stored) = (u64::from(crc32fast::hash(&png)), png.len() as u64);
    let common = |name: u64| {
        le([(20, 2), (0, 2), (0, 2), (0, 2), (33, 2), (sum, 4), (stored, 4), (claimed, 4), (name, 2), (0, 2)])
    };
    let mut file = [b"PK\x03\x04", &common(10)[..], name, &png].concat();
    let start = file.len() as u64;
    for i in 0..times {
        file.extend([b"PK\x01\x02", &le([(20, 2)])[..], &common(10)].concat());
        file.extend(le([(0, 2), (0, 2), (0, 2), (0, 4), (0, 4)]));
        file.extend(format!("a/{i:04}.png").as_bytes());
    }
    let (length, times) = (file.len() as u64 - start, times as u64);
    file.extend(b"PK\x05\x06");
    file.extend(le([(0, 2), (0, 2), (times, 2), (times, 2), (length, 4), (start, 4), (0, 2)]));
    file
}

#[test]
fn an_archive_written_by_hand_is_sound() {
    // or the two tests below would prove nothing
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.zip");
    fs::write(&path, written_by_hand(1, png().len() as u64)).unwrap();
    assert_eq!(Photos::new(4).load(&path).unwrap().len(), 1);
}

#[test]
fn files_of_an_archive_that_share_their_bytes_are_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.zip");
    fs::write(&path, written_by_hand(200, png().len() as u64)).unwrap();
    let told = soon("shared bytes", || Photos::new(4).load(&path));
    assert!(told.contains("x.zip") && told.contains("share the bytes"), "{told}");
}

#[test]
fn archives_that_unpack_to_far_more_than_their_size_are_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.zip");
    // what the list claims
    fs::write(&path, written_by_hand(1, 0xf000_0000)).unwrap();
    let told = soon("a claim", || Photos::new(4).load(&path));
    assert!(told.contains("claims to unpack"), "{told}");
    fs::write(&path, written_by_hand(1, 65 << 20)).unwrap();
    let told = soon("a smaller claim", || Photos::new(4).load(&path));
    assert!(told.contains("a/0000.png") && told.contains("larger than 64 MiB"), "{told}");
    // what comes out, more than the list claims
    zipped(&path, &[("a/1.png".into(), vec![0; 80 << 20])]);
    let mut bytes = fs::read(&path).unwrap();
    let real = (80u32 << 20).to_le_bytes();
    // in the two heads, at the start and at the end
    let mut changed = 0;
    for at in (0..60).chain(bytes.len() - 150..bytes.len() - 4) {
        if bytes[at..at + 4] == real {
            bytes[at..at + 4].copy_from_slice(&10u32.to_le_bytes());
            changed += 1;
        }
    }
    assert_eq!(changed, 2);
    assert!(bytes.len() < 200_000);
    fs::write(&path, bytes).unwrap();
    let told = soon("more than claimed", || Photos::new(4).load(&path));
    assert!(told.contains("a/1.png"), "{told}");
    let root = dir.path().join("omniglot");
    fs::create_dir(&root).unwrap();
    zipped(&root.join("images_background.zip"), &[("A/c/1.png".into(), vec![0; 80 << 20])]);
    let told = soon("a drawing", || Omniglot::load(dir.path()));
    assert!(told.contains("A/c/1.png") && told.contains("larger than 1 MiB"), "{told}");
}

#[test]
fn a_list_that_claims_a_trillion_files_is_refused_before_memory_is_taken() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.zip");
    let mut file = written_by_hand(1, png().len() as u64);
    file.truncate(file.len() - 22);
    // far enough behind the start that the count looks possible to the unpacker
    let hole = 2u64 << 40;
    let count = 1u64 << 40;
    let end =
        [
            b"PK\x06\x06",
            &le([
                (44, 8),
                (45, 2),
                (45, 2),
                (0, 4),
                (0, 4),
                (count, 8),
                (count, 8),
                (46, 8),
                (hole - 100, 8),
            ])[..],
            b"PK\x06\x07",
            &le([(0, 4), (hole, 8), (1, 4)]),
            b"PK\x05\x06",
            &le([(0, 2), (0, 2), (0xffff, 2), (0xffff, 2), (0xffff_ffff, 4), (0xffff_ffff, 4), (0, 2)]),
        ]
        .concat();
    fs::write(&path, &file).unwrap();
    let mut opened = fs::File::options().write(true).open(&path).unwrap();
    use std::io::Seek;
    if opened.set_len(hole).is_err() || opened.seek(std::io::SeekFrom::Start(hole)).is_err() {
        return common::skip("this file system holds no file of 2 TiB");
    }
    opened.write_all(&end).unwrap();
    let told = soon("a trillion files", || Photos::new(4).load(&path));
    assert!(told.contains("x.zip") && told.contains("million files"), "{told}");
}

#[test]
fn files_without_end_are_refused_by_every_loader() {
    let dir = TempDir::new().unwrap();
    let endless = |name: &str| -> PathBuf {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = fs::File::create(&path).unwrap();
        if file.set_len(1 << 40).is_err() {
            common::skip("this file system holds no file of 1 TiB");
        }
        path
    };
    endless("photos/a/x.png");
    let told = soon("a photograph", || Photos::new(4).load(dir.path().join("photos")));
    assert!(told.contains("x.png") && told.contains("larger than 64 MiB"), "{told}");
    let zip = endless("x.zip");
    let told = soon("an archive", || Photos::new(4).load(&zip));
    assert!(told.contains("x.zip"), "{told}");
    endless("omniglot/images_background/A/c/1.png");
    let told = soon("a drawing", || Omniglot::load(dir.path()));
    assert!(told.contains("1.png"), "{told}");
    for name in ["train.txt", "train.csv", "train.json"] {
        endless(&format!("lists/{name}"));
    }
    let (set, lists) = (Glyphs::default().alphabets(1).generate().unwrap(), dir.path().join("lists"));
    for told in [
        soon("names", || Split::read_names(&set, &lists)),
        soon("a table", || Split::read_csv(&set, &lists)),
        soon("JSON", || Split::read_json(&set, &lists)),
        soon("Vinyals", || Split::vinyals(&set, &lists)),
    ] {
        assert!(told.contains("train.") && told.contains("larger than 64 MiB"), "{told}");
    }
    // a packed file of this kind is made again
    let cache = endless("cache");
    assert_eq!(ImageSet::cached(&cache, "x", || Ok(set.clone())).unwrap(), set);
    let params = endless("params");
    let told = soon("parameters", || innerloop::load_params::<f32>(&params, &[]));
    assert!(told.contains("params") && told.contains("larger than 16 GiB"), "{told}");
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_without_waiting() {
    let dir = TempDir::new().unwrap();
    let make = |name: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    };
    make("photos/a/x.png");
    make("omniglot/images_background/A/c/1.png");
    let pipe = make("x.zip");
    let lists = dir.path().join("lists");
    fs::create_dir(&lists).unwrap();
    for name in ["train.txt", "train.csv"] {
        std::os::unix::fs::symlink("/dev/zero", lists.join(name)).unwrap();
    }
    let set = Glyphs::default().alphabets(1).generate().unwrap();
    for told in [
        soon("a photograph", || Photos::new(4).load(dir.path().join("photos"))),
        soon("one photograph", || Photos::new(4).read(dir.path().join("photos/a/x.png"))),
        soon("an archive", || Photos::new(4).load(&pipe)),
        soon("a drawing", || Omniglot::load(dir.path())),
        soon("names", || Split::read_names(&set, &lists)),
        soon("a table", || Split::read_csv(&set, &lists)),
        soon("parameters", || innerloop::load_params::<f32>(&pipe, &[])),
    ] {
        assert!(told.ends_with("it is not a regular file"), "{told}");
    }
}

#[cfg(all(unix, feature = "csv", feature = "npz", feature = "text"))]
#[test]
fn pipes_are_refused_by_readers_of_vectors_and_sentences() {
    use innerloop::{FeatureSet, TextSet, WordVectors};
    let dir = TempDir::new().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for told in [
        soon("a table of vectors", || FeatureSet::read_csv(&pipe, None)),
        soon("an archive of arrays", || FeatureSet::read_npz(&pipe)),
        soon("tensors", || FeatureSet::read_safetensors(&pipe)),
        soon("a table of sentences", || TextSet::read_csv(&[&pipe], "text", "class")),
        soon("lines of JSON", || TextSet::read_json_lines(&pipe, "text", "class")),
        soon("JSON", || TextSet::read_clinc150(&pipe)),
        soon("vectors of words", || WordVectors::read(&pipe, None)),
    ] {
        assert!(told.ends_with("it is not a regular file"), "{told}");
    }
    let long = dir.path().join("long.vec");
    fs::write(&long, vec![b'1'; 3 << 20]).unwrap();
    let told = soon("a line without an end", || WordVectors::read(&long, None));
    assert!(told.contains("1 MiB"), "{told}");
}

#[cfg(unix)]
#[test]
fn folders_in_a_circle_end() {
    let dir = TempDir::new().unwrap();
    for link in ["one", "two", "three"] {
        std::os::unix::fs::symlink(dir.path(), dir.path().join(link)).unwrap();
    }
    let told = soon("a circle", || Photos::new(4).load(dir.path()));
    assert!(told.contains("16 deep"), "{told}");
}

#[test]
fn sizes_that_cannot_be_meant_are_refused() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    fs::write(dir.path().join("a/x.png"), png()).unwrap();
    let told = soon("a size", || Photos::new(1 << 20).load(dir.path()));
    assert!(told.contains("`size`"), "{told}");
    let told = soon("glyphs", || Glyphs::default().alphabets(1 << 20).generate());
    assert!(told.contains("`alphabets` is 1048576"), "{told}");
}
