//! Photographs of one's own: upright, whole or cut, one at a time, from a packed file.
#![cfg(feature = "photos")]

use std::fs;
use std::io::Cursor;
use std::path::Path;

use crate::drawing::drawing;
use image::{ImageFormat, Rgb, RgbImage};
use innerloop::{Aspect, Error, ImageSet, Photos, PixelRange};
use tempfile::TempDir;

/// A picture of 48 x 32 pixels (width x height) whose quarters are red, green, blue and white.
fn quarters(row: u32, col: u32) -> Rgb<u8> {
    match (row < 16, col < 24) {
        (true, true) => Rgb([255, 0, 0]),
        (true, false) => Rgb([0, 255, 0]),
        (false, true) => Rgb([0, 0, 255]),
        (false, false) => Rgb([255, 255, 255]),
    }
}

/// The file of a camera that was held in one of eight ways. The EXIF standard says where the first row and the first column
/// of the file are in the upright picture: 1 top left, 2 top right, 3 bottom right, 4 bottom left, 5 left top, 6 right
/// top, 7 right bottom, 8 left bottom.
fn held(orientation: u16, big_endian: bool) -> Vec<u8> {
    let (w, h) = if orientation < 5 { (48, 32) } else { (32, 48) };
    let stored = RgbImage::from_fn(w, h, |c, r| match orientation {
        1 => quarters(r, c),
        2 => quarters(r, 47 - c),
        3 => quarters(31 - r, 47 - c),
        4 => quarters(31 - r, c),
        5 => quarters(c, r),
        6 => quarters(c, 47 - r),
        7 => quarters(31 - c, 47 - r),
        _ => quarters(31 - c, r),
    });
    let mut bytes = Cursor::new(Vec::new());
    stored.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    let bytes = bytes.into_inner();

    let two = |n: u16| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
    let four = |n: u32| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
    let mut exif = b"Exif\0\0".to_vec();
    exif.extend(if big_endian { b"MM" } else { b"II" });
    exif.extend(two(42));
    exif.extend(four(8)); // where the first directory begins
    exif.extend(two(1)); // it has one entry:
    exif.extend(two(0x0112)); // orientation,
    exif.extend(two(3)); // a short number,
    exif.extend(four(1)); // one of them
    exif.extend(two(orientation));
    exif.extend(two(0));
    exif.extend(four(0)); // there is no further directory
    let mut file = bytes[..2].to_vec(); // start of image
    file.extend([0xff, 0xe1]);
    file.extend((exif.len() as u16 + 2).to_be_bytes());
    file.extend(exif);
    file.extend(&bytes[2..]);
    file
}

fn is_upright(image: &[u8], size: usize) -> bool {
    let close = |a: &[u8], b: Rgb<u8>| a.iter().zip(b.0).all(|(a, b)| a.abs_diff(b) < 60);
    let (near, far) = (size / 4, size - 1 - size / 4);
    [(near, near), (near, far), (far, near), (far, far)].iter().all(|&(row, col)| {
        let of = |at: usize, side: usize| (at * side / size) as u32;
        close(&image[(row * size + col) * 3..][..3], quarters(of(row, 32), of(col, 48)))
    })
}

#[test]
fn photographs_are_turned_upright_however_the_camera_was_held() {
    let photos = Photos::new(8).aspect(Aspect::Stretch);
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    for orientation in 1..=8 {
        for big_endian in [false, true] {
            let file = held(orientation, big_endian);
            let image = photos.decode(&file, "x.jpg").unwrap();
            assert!(is_upright(&image, 8), "orientation {orientation}: {image:?}");
        }
        fs::write(dir.path().join(format!("a/{orientation}.jpg")), held(orientation, false)).unwrap();
    }
    // the check can fail: what the note says is not there
    let mut wrong = held(6, false);
    let at = wrong.windows(2).position(|pair| pair == [0x12, 0x01]).unwrap();
    wrong[at + 8] = 1;
    assert!(!is_upright(&photos.decode(&wrong, "x.jpg").unwrap(), 8));
    // a note that makes no sense says nothing
    wrong[at + 8] = 99;
    assert!(photos.decode(&wrong, "x.jpg").is_ok());

    let images = photos.load(dir.path()).unwrap();
    for image in 0..8 {
        let file = dir.path().join(format!("a/{}.jpg", image + 1));
        assert_eq!(images.image(0, image), photos.read(file).unwrap());
        assert!(is_upright(images.image(0, image), 8), "{image}");
    }
}

#[test]
fn one_photograph_is_prepared_as_those_of_the_set() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    let file = dir.path().join("a/my own.jpg");
    fs::write(&file, held(6, true)).unwrap();
    for photos in [
        Photos::new(9),
        Photos::new(9).grey(),
        Photos::new(16).aspect(Aspect::Letterbox),
        Photos::new(5).aspect(Aspect::Stretch).grey(),
    ] {
        let images = photos.load(dir.path()).unwrap().normalised(&[class(0)]).unwrap();
        assert_eq!(images.shape(), photos.shape());
        let x = photos.input::<f32>(&file, &images.range()).unwrap();
        assert_eq!(x.shape()[1..], photos.shape());
        assert_eq!(
            x.index_axis(innerloop::ndarray::Axis(0), 0),
            images.class(class(0)).unwrap().image::<f32>(0)
        );
        assert_eq!(images.range().channels().len(), photos.shape()[2]);
    }
    let told = |error: Error| error.to_string();
    let path = dir.path().join("a/none.jpg");
    let none = Photos::new(9).read(&path).unwrap_err();
    assert!(matches!(&none, Error::Io { path: told, .. } if *told == path), "{none}");
    fs::write(&path, "no photograph").unwrap();
    assert!(
        told(Photos::new(9).input::<f32>(&path, &PixelRange::default()).unwrap_err()).contains("none.jpg")
    );
    assert!(told(Photos::new(9).decode(b"", "folder/x.png").unwrap_err()).contains("image x.png"));
    assert!(matches!(Photos::new(0).decode(&held(1, true), "x"), Err(Error::Setting { name: "size", .. })));
}

fn class(class: usize) -> innerloop::ClassRef {
    innerloop::ClassRef { class, turns: 0 }
}

#[test]
fn a_packed_file_is_used_until_files_or_settings_change() {
    let dir = TempDir::new().unwrap();
    let (root, cache) = (dir.path().join("photos"), dir.path().join("cache"));
    fs::create_dir_all(root.join("a")).unwrap();
    for i in 1..4 {
        fs::write(root.join(format!("a/{i}.jpg")), held(i, false)).unwrap();
    }
    let load = |photos: &Photos| photos.load_cached(&root, &cache).unwrap();
    let photos = Photos::new(6);
    let images = load(&photos);
    assert_eq!(images, photos.load(&root).unwrap());
    let written = fs::read(&cache).unwrap();
    // what is read is the packed file: another set under the same fingerprint comes back
    let other = ImageSet::from_classes(vec![("other".into(), vec![vec![1; 12]])], 2, 2, 3).unwrap();
    let fingerprint = fingerprint_of(&written);
    fs::remove_file(&cache).unwrap();
    ImageSet::cached(&cache, &fingerprint, || Ok(other.clone())).unwrap();
    assert_eq!(load(&photos), other);
    // other settings
    assert_eq!(load(&photos.clone().grey()).shape(), [6, 6, 1]);
    assert_eq!(load(&photos), images);
    // a further file, a changed file, a damaged packed file
    fs::write(root.join("a/4.jpg"), held(4, false)).unwrap();
    assert_eq!(load(&photos).len(), 4);
    let before = load(&photos);
    let file = fs::File::options().append(true).open(root.join("a/4.jpg")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let stale = fs::read(&cache).unwrap();
    assert_eq!(load(&photos), before);
    let mut bytes = fs::read(&cache).unwrap();
    assert_ne!(stale, bytes);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&cache, bytes).unwrap();
    assert_eq!(load(&photos), before);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

/// The fingerprint in a packed file: a text behind a head of 31 bytes, with its length before it.
fn fingerprint_of(file: &[u8]) -> String {
    let length = u64::from_le_bytes(file[31..39].try_into().unwrap()) as usize;
    String::from_utf8(file[39..39 + length].to_vec()).unwrap()
}

#[test]
fn omniglot_comes_from_a_packed_file_and_one_drawing_alone() {
    let dir = TempDir::new().unwrap();
    let png = drawing(105, 0x3C);
    for set in ["images_background", "images_evaluation"] {
        let folder = dir.path().join(set).join(set).join("character01");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("1.png"), &png).unwrap();
    }
    let cache = dir.path().join("cache");
    let load = || innerloop::Omniglot::load_cached(dir.path(), 20, &cache).unwrap();
    let images = load();
    let written = fs::metadata(&cache).unwrap().modified().unwrap();
    assert_eq!((load(), fs::metadata(&cache).unwrap().modified().unwrap()), (images.clone(), written));
    let drawing = dir.path().join("images_background/images_background/character01/1.png");
    assert_eq!(innerloop::Omniglot::drawing(&drawing, 20).unwrap(), images.image(0, 0));
    let missing = innerloop::Omniglot::drawing(Path::new("none.png"), 20).unwrap_err();
    assert!(missing.to_string().contains("none.png"), "{missing}");
    fs::write(&drawing, b"no drawing").unwrap();
    let error = innerloop::Omniglot::drawing(&drawing, 20).unwrap_err();
    assert!(matches!(&error, Error::BadImage { member, .. } if member == "1.png"), "{error}");
}
