//! Photographs in folders and archives, and what is wrong with them.
#![cfg(feature = "photos")]

use std::fs;
use std::io::Write;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};
use innerloop::{Error, Photos};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A photograph of one colour.
fn plain(colour: [u8; 3], format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::from_pixel(30, 20, Rgb(colour)).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn put(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn zipped(root: &Path, name: &str, files: &[(&str, Vec<u8>)]) {
    let mut zip = ZipWriter::new(fs::File::create(root.join(name)).unwrap());
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

const RED: [u8; 3] = [250, 10, 20];
const BLUE: [u8; 3] = [5, 15, 240];

#[test]
fn folders_and_archives_give_the_same_set() {
    let (folders, archives) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (red, blue) = (plain(RED, ImageFormat::Png), plain(BLUE, ImageFormat::Jpeg));
    put(folders.path(), "train/Fruit/red/2.png", &red);
    put(folders.path(), "test/Fruit/red/1.JPG", &blue);
    put(folders.path(), "test/blue/1.jpeg", &blue);
    put(folders.path(), "test/blue/notes.txt", b"no photograph");
    let fruit = [("train/Fruit/red/2.png", red), ("test/Fruit/red/1.JPG", blue.clone())];
    zipped(archives.path(), "fruit.zip", &fruit);
    zipped(archives.path(), "blue.zip", &[("1.jpeg", blue)]);
    let load = |dir: &TempDir| Photos::new(8).load(dir.path()).unwrap();
    let images = load(&folders);
    assert_eq!((images.classes(), images.len(), images.shape()), (2, 3, [8, 8, 3]));
    assert_eq!((images.class_name(0), images.class_name(1)), ("blue", "red"));
    // the path test/… comes before train/…; JPEG is not exact
    assert!(images.image(1, 0).chunks(3).all(|p| p.iter().zip(BLUE).all(|(a, b)| a.abs_diff(b) < 6)));
    assert!(images.image(1, 1).chunks(3).all(|p| p == RED));
    assert_eq!(images, load(&archives));
    assert_eq!(Photos::new(8).whole_paths().load(folders.path()).unwrap().classes(), 3);
    let single = Photos::new(8).load(archives.path().join("fruit.zip")).unwrap();
    assert_eq!((single.classes(), single.len()), (1, 2));
    let chosen = Photos::new(8).classes(["red"]).load(folders.path()).unwrap();
    assert_eq!((chosen.classes(), chosen.class_name(0)), (1, "red"));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let told = |files: &[(&str, &[u8])], photos: Photos| {
        let dir = TempDir::new().unwrap();
        files.iter().for_each(|(name, bytes)| put(dir.path(), name, bytes));
        photos.load(dir.path()).unwrap_err()
    };
    let red = plain(RED, ImageFormat::Jpeg);
    let bad = |error: Error, name: &str| match error {
        Error::BadImage { member, .. } => assert_eq!(member, name),
        other => panic!("{other}"),
    };
    bad(told(&[("a/1.jpg", &red), ("a/2.jpg", b"text")], Photos::new(4)), "a/2.jpg");
    bad(told(&[("a/1.jpg", &red[..40])], Photos::new(4)), "a/1.jpg");
    bad(told(&[("1.jpg", &red)], Photos::new(4)), "1.jpg");
    assert!(matches!(told(&[("a/x.txt", b"")], Photos::new(4)), Error::BadFile { .. }));
    assert!(matches!(told(&[("a.zip", b"PK")], Photos::new(4)), Error::BadFile { .. }));
    for size in [0, 4097] {
        assert!(matches!(told(&[("a/1.jpg", &red)], Photos::new(size)), Error::Setting { name: "size", .. }));
    }
    let asked = |names: &[&str]| told(&[("a/1.jpg", &red)], Photos::new(4).classes(names.to_vec()));
    assert!(matches!(asked(&["b"]), Error::UnknownClass { class, .. } if class == "b"));
    assert!(matches!(asked(&["a", "a"]), Error::RepeatedClass { class, .. } if class == "a"));
    let dir = TempDir::new().unwrap();
    put(dir.path(), "a/1.jpg", &red);
    fs::create_dir(dir.path().join("b")).unwrap();
    let error = Photos::new(4).load(dir.path()).unwrap_err();
    assert!(matches!(error, Error::EmptyClass { class } if class == "b"));
    assert!(matches!(Photos::new(4).load(dir.path().join("none")), Err(Error::Io { .. })));
}

#[test]
fn lists_of_names_split_the_classes() {
    let dir = TempDir::new().unwrap();
    for class in ["a", "b", "c d"] {
        put(dir.path(), &format!("{class}/1.png"), &plain(RED, ImageFormat::Png));
    }
    let images = Photos::new(2).load(dir.path()).unwrap();
    let split = |train: &str, test: &str| {
        let lists = TempDir::new().unwrap();
        put(lists.path(), "train.txt", train.as_bytes());
        put(lists.path(), "test.txt", test.as_bytes());
        Photos::split(&images, lists.path())
    };
    let good = split("0\tc d\tcoarse\r\n\n1\ta\tcoarse\n", "b\n").unwrap();
    let numbers = |list: &[innerloop::ClassRef]| list.iter().map(|c| c.class).collect::<Vec<_>>();
    assert_eq!(
        (numbers(&good.train), numbers(&good.val), numbers(&good.test)),
        (vec![2, 0], vec![], vec![1])
    );
    assert!(matches!(split("a\n", "a\n"), Err(Error::SharedClass { class, .. }) if class == "a"));
    assert!(matches!(split("a\na\n", "b\n"), Err(Error::RepeatedClass { .. })));
    assert!(matches!(split("x\n", "b\n"), Err(Error::UnknownClass { .. })));
    assert!(matches!(split("a\nx\ta\n", "b\n"), Err(Error::BadLine { line: 2, .. })));
}

#[test]
fn the_grocery_photographs_load_where_they_are_at_hand() {
    let Some(root) = std::env::var_os("INNERLOOP_DATA").map(|root| Path::new(&root).join("grocery")) else {
        return;
    };
    if !root.is_dir() {
        return;
    }
    let images = Photos::new(84).load(&root).unwrap();
    assert_eq!((images.classes(), images.len(), images.shape()), (81, 3232, [84, 84, 3]));
    let split = Photos::split(&images, root.join("splits")).unwrap();
    assert_eq!((split.train.len(), split.val.len(), split.test.len()), (46, 12, 23));
    let counts: Vec<_> = (0..81).map(|class| images.images_of(class)).collect();
    assert!(counts.iter().all(|&n| (35..=40).contains(&n)), "{counts:?}");
}
