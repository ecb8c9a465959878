//! Splits by the lists that are published with few-shot data sets.
#![cfg(feature = "photos")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::common;
use image::{ImageFormat, Rgb, RgbImage};
use innerloop::{ClassRef, Error, FeatureSet, ImageSet, Photos, Split};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn png(colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::from_pixel(4, 4, Rgb(colour)).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Lists in a folder.
fn lists(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    files.iter().for_each(|(name, text)| fs::write(dir.path().join(name), text).unwrap());
    dir
}

/// A set with classes of these names.
fn set(names: &[&str]) -> ImageSet {
    let class = |name: &&str| (name.to_string(), vec![vec![0]; 3]);
    ImageSet::from_classes(names.iter().map(class).collect(), 1, 1, 1).unwrap()
}

fn numbers(list: &[ClassRef]) -> Vec<usize> {
    list.iter().map(|class| class.class).collect()
}

fn all(split: &Split) -> [Vec<usize>; 3] {
    [&split.train, &split.val, &split.test].map(|part| numbers(part))
}

/// Reads what the lists of miniImageNet say, by the simplest means: class by file, part by part.
fn plainly(folder: &Path) -> Vec<(&'static str, Vec<(String, String)>)> {
    let part = |name: &'static str| {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let row =
            |line: &str| line.split_once(',').map(|(file, class)| (file.to_string(), class.to_string()));
        (name, text.lines().skip(1).filter_map(row).collect())
    };
    ["train.csv", "val.csv", "test.csv"].map(part).into()
}

/// Loads a stand-in of miniImageNet by its real lists, and checks classes, counts, split and pixels.
fn check(images: &Path, lists: &Path, classes: [usize; 3]) {
    let photos = Photos::new(1);
    let set = photos.load_listed(images, lists).unwrap();
    assert_eq!((set.classes(), set.len()), (100, 60_000));
    let split = Split::read_csv(&set, lists).unwrap();
    assert_eq!(all(&split).map(|part| part.len()), classes);
    let mut number = 0;
    for (at, (_, rows)) in plainly(lists).into_iter().enumerate() {
        let mut of_class = BTreeMap::<String, usize>::new();
        for (_, class) in rows {
            let image = of_class.entry(class.clone()).or_default();
            let found = set.class_named(&class).unwrap();
            if image.is_multiple_of(100) {
                assert_eq!(set.image(found, *image), colour(&class));
            }
            *image += 1;
        }
        let mut found: Vec<&str> = all(&split)[at].iter().map(|&class| set.class_name(class)).collect();
        found.sort_unstable();
        assert!(found.iter().eq(of_class.keys()), "{found:?}");
        assert!(of_class.values().all(|&count| count == 600));
        number += of_class.len();
    }
    assert_eq!(number, 100);
}

/// A colour that no other class has: the number of a WordNet id, in two bytes each.
fn colour(class: &str) -> [u8; 3] {
    let id: u32 = class[1..].parse().unwrap();
    [(id >> 16) as u8, (id >> 8) as u8, id as u8]
}

#[test]
fn mini_image_net_loads_by_the_lists_of_ravi_and_larochelle_from_a_flat_folder() {
    let Some(root) = common::real_data() else { return };
    let splits = root.join("miniimagenet/splits/ravi");
    let dir = TempDir::new().unwrap();
    let images = dir.path().join("images");
    fs::create_dir(&images).unwrap();
    // one picture for each class, under the names of its 600
    for (_, rows) in plainly(&splits) {
        for (file, class) in rows {
            let one = dir.path().join(format!("{class}.png"));
            if !one.exists() {
                fs::write(&one, png(colour(&class))).unwrap();
            }
            fs::hard_link(one, images.join(file)).unwrap();
        }
    }
    check(&images, &splits, [64, 16, 20]);
}

#[test]
fn mini_image_net_loads_by_the_lists_of_vinyals_from_an_archive_of_folders() {
    let Some(root) = common::real_data() else { return };
    let splits = root.join("miniimagenet/splits/vinyals");
    let dir = TempDir::new().unwrap();
    let mut zip = ZipWriter::new(fs::File::create(dir.path().join("images.zip")).unwrap());
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (_, rows) in plainly(&splits) {
        for (file, class) in rows {
            zip.start_file(format!("train/{class}/{file}"), stored).unwrap();
            zip.write_all(&png(colour(&class))).unwrap();
        }
    }
    zip.finish().unwrap();
    check(dir.path(), &splits, [60, 20, 20]);
}

#[test]
fn tables_of_classes_and_superclasses_have_no_line_of_names() {
    // as tieredImageNet's lists, with both line ends and an empty last line
    let set = set(&["n01", "n02", "n03", "n04"]);
    let dir = lists(&[
        ("train.csv", "n03,n90\r\nn01,n90\r\n\r\n"),
        ("val.csv", "n02,n91\n"),
        ("test.csv", "\"n04\",n92"),
    ]);
    assert_eq!(all(&Split::read_csv(&set, dir.path()).unwrap()), [vec![2, 0], vec![1], vec![3]]);
}

#[test]
fn json_lists_come_in_three_forms() {
    let set = set(&["001.Albatross", "002.Gull", "ray", "trout", "rose"]);
    let read = |files: &[(&str, &str)]| Split::read_json(&set, lists(files).path());
    // CUB by Chen et al.: all names in each file, and labels that point to them
    let names = r#""label_names": ["001.Albatross", "002.Gull", "ray"], "image_names": ["x/1.jpg"]"#;
    let chen = |labels: &str| format!(r#"{{{names}, "image_labels": {labels}}}"#);
    let chens = read(&[
        ("base.json", &chen("[1, 1, 0]")),
        ("val.json", &chen("[]")),
        ("novel.json", &chen("[2, 2]")),
    ]);
    assert_eq!(all(&chens.unwrap()), [vec![0, 1], vec![], vec![2]]);
    // FC100: by superclass; and plain names
    let split = read(&[
        ("train.json", r#"{"fish": ["ray", "trout"], "birds": ["002.Gull"]}"#),
        ("test.json", r#"["rose"]"#),
    ]);
    let mut split = all(&split.unwrap());
    split[0].sort_unstable();
    assert_eq!(split, [vec![1, 2, 3], vec![], vec![4]]);
    for bad in ["", "[1]", "3", "{\"fish\": 1}", &chen("[3]"), &chen("[-1]"), &"[".repeat(10_000)] {
        let error = read(&[("train.json", bad), ("test.json", "[\"ray\"]")]).unwrap_err();
        assert!(matches!(&error, Error::BadFile { path, .. } if path.ends_with("train.json")), "{error}");
    }
}

#[test]
fn names_split_cifar_fs_and_vectors_too() {
    let vectors = ["apple", "bear", "crab"].map(|name| (name.to_string(), vec![vec![0.5]]));
    let vectors = FeatureSet::from_classes(vectors.into()).unwrap();
    let dir = lists(&[("train.txt", "\u{feff}crab\n"), ("val.txt", "\n"), ("test.txt", "3\tbear\tlarge\n")]);
    assert_eq!(all(&Split::read_names(&vectors, dir.path()).unwrap()), [vec![2], vec![], vec![1]]);
}

#[test]
fn what_is_wrong_with_a_list_is_told_with_file_and_line() {
    let set = set(&["a", "b", "c"]);
    let csv = |train: &str, test: &str| {
        let dir = lists(&[("train.csv", train), ("test.csv", test)]);
        Split::read_csv(&set, dir.path()).unwrap_err()
    };
    let header = "filename,label\n";
    let of = |rows: &str| format!("{header}{rows}");
    let error = csv(&of("1.jpg,a\n2.jpg,x\n"), "b,z\n");
    assert!(
        matches!(&error, Error::UnknownClass { class, place } if class == "x" && place.ends_with("train.csv:3"))
    );
    let error = csv(&of("1.jpg,a\n"), &of("2.jpg,b\n3.jpg,a\n"));
    let Error::SharedClass { class, first, second } = error else { panic!("{error}") };
    assert!(
        class == "a" && first.ends_with("train.csv:2") && second.ends_with("test.csv:3"),
        "{first} {second}"
    );
    let error = csv(&of("1.jpg,a\n2.jpg\n"), "b,z\n");
    assert!(matches!(&error, Error::BadLine { line: 3, text, .. } if text == "2.jpg"), "{error}");
    let error = csv(&of("1.jpg,a\n"), header);
    assert!(matches!(&error, Error::BadFile { path, .. } if path.ends_with("test.csv")), "{error}");
    let error = Split::read_csv(&set, TempDir::new().unwrap().path()).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if path.ends_with("train.csv")), "{error}");
}

#[test]
fn what_is_wrong_with_a_list_of_files_is_told_with_file_and_line() {
    let dir = TempDir::new().unwrap();
    let put = |name: &str| {
        let path: PathBuf = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, png([1, 2, 3])).unwrap();
    };
    ["1.png", "x/2.png", "x/3.png", "y/3.png"].into_iter().for_each(put);
    let load = |train: &str, test: &str| {
        let dir_of_lists = lists(&[("train.csv", train), ("test.csv", test)]);
        Photos::new(2).load_listed(dir.path(), dir_of_lists.path())
    };
    let set =
        load("class,image\na,images/1.png\nb,2.png\n", "filename,label\nx/3.png,c\ny/3.png,c\n").unwrap();
    assert_eq!((set.classes(), set.len(), set.class_name(2)), (3, 4, "c"));
    let test = "filename,label\nx/2.png,b\n";
    let told = |train: &str, at: usize, what: &str| match load(train, test).unwrap_err() {
        Error::BadLine { path, line, need, .. } => {
            assert!(path.ends_with("train.csv") && line == at && need.contains(what), "{line}: {need}");
        }
        error => panic!("{error}"),
    };
    told("filename,label\n1.png,a\nnone.png,a\n", 3, "in the folder of images");
    told("filename,label\n../../../etc/passwd,a\n", 2, "in the folder of images");
    told("filename,label\n3.png,a\n", 2, "several folders");
    told("filename,label\n1.png,a\n1.png,b\n", 3, "not listed before");
    told("filename,label\n1.png,a\nx/3.png\n", 3, "a file and its class");
    let error = load("a,b\n1.png,a\n", test).unwrap_err();
    assert!(matches!(&error, Error::BadFile { path, .. } if path.ends_with("train.csv")), "{error}");
}
