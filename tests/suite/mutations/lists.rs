//! Damaged lists and tables.

use std::fs;
use std::path::Path;

use innerloop::{Error, FeatureSet, ImageSet, Photos, Split, TextSet};
use tempfile::TempDir;

use super::damage_file;

fn set() -> ImageSet {
    let class = |name: &str| (name.to_string(), vec![vec![0]]);
    ImageSet::from_classes(["a", "b b", "c/d", "é"].map(class).into(), 1, 1, 1).unwrap()
}

/// Damages the list of training classes.
fn lists(
    seed: u64,
    ending: &str,
    train: &str,
    test: &str,
    read: fn(&ImageSet, &Path) -> Result<Split, Error>,
) {
    let (dir, set) = (TempDir::new().unwrap(), set());
    for (name, text) in [("train", train), ("val", ""), ("test", test)] {
        let empty = if ending == "json" { "[]" } else { "" };
        fs::write(dir.path().join(format!("{name}.{ending}")), if name == "val" { empty } else { text })
            .unwrap();
    }
    read(&set, dir.path()).unwrap();
    damage_file(seed, &dir.path().join(format!("train.{ending}")), |_| match read(&set, dir.path()) {
        Ok(split) => assert!((1..4).contains(&split.train.len())),
        Err(error) => assert!(!error.to_string().is_empty()),
    });
}

#[test]
fn damaged_lists_of_names() {
    lists(10, "txt", "0\ta\tlarge\r\n\n1\tb b\n", "é\n", |set, dir| Split::read_names(set, dir));
}

#[test]
fn damaged_tables_of_classes() {
    let train = "filename,label\n1.jpg,a\n\"2, 3.jpg\",b b\r\n4.jpg,a\n";
    lists(11, "csv", train, "c/d,x\n", |set, dir| Split::read_csv(set, dir));
}

#[test]
fn damaged_json_lists() {
    let train =
        r#"{"label_names": ["a", "b b", "\u00e9"], "image_names": ["1.jpg"], "image_labels": [0, 1, 1]}"#;
    lists(12, "json", train, "[\"c/d\"]", |set, dir| Split::read_json(set, dir));
    let train = r#"{"large": ["a"], "small": ["b b"]}"#;
    lists(13, "json", train, "[\"c/d\"]", |set, dir| Split::read_json(set, dir));
}

#[test]
fn damaged_lists_of_vinyals() {
    let dir = TempDir::new().unwrap();
    let class = |name: &str| (name.to_string(), vec![vec![0]]);
    let set = ImageSet::from_classes(["A/c1", "A/c2", "B/c1"].map(class).into(), 1, 1, 1).unwrap();
    for (name, text) in [
        ("train.txt", "A/c1/rot000\nA/c1/rot090\r\nA/c2/rot270\n"),
        ("val.txt", ""),
        ("test.txt", "B/c1/rot000\n"),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    damage_file(14, &dir.path().join("train.txt"), |_| {
        let _ = Split::vinyals(&set, dir.path());
    });
}

#[test]
fn damaged_lists_of_files() {
    let dir = TempDir::new().unwrap();
    let (images, lists) = (dir.path().join("images"), dir.path().join("lists"));
    fs::create_dir_all(images.join("x")).unwrap();
    fs::create_dir(&lists).unwrap();
    for name in ["1.png", "x/2.png", "x/3.png"] {
        let mut png = Vec::new();
        let encoder = png::Encoder::new(&mut png, 1, 1);
        encoder.write_header().unwrap().write_image_data(&[7]).unwrap();
        fs::write(images.join(name), png).unwrap();
    }
    fs::write(lists.join("test.csv"), "filename,label\n3.png,b\n").unwrap();
    fs::write(lists.join("train.csv"), "filename,label\n1.png,a\nx/2.png,a\n").unwrap();
    damage_file(15, &lists.join("train.csv"), |_| match Photos::new(1).load_listed(&images, &lists) {
        Ok(set) => assert!((1..=3).contains(&set.len())),
        Err(error) => {
            assert!(error.to_string().contains("train.csv") || error.to_string().contains("test.csv"))
        }
    });
}

#[test]
fn damaged_tables_of_vectors() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x.csv");
    fs::write(&path, "u,v,class\n1.5,-2e3,a\n0.25,\"7\",b\n3,4,a\n").unwrap();
    damage_file(16, &path, |path| {
        for class in [Some("class"), None] {
            if let Ok(set) = FeatureSet::read_csv(path, class) {
                assert!((0..set.classes()).all(|c| set.vector(c, 0).iter().all(|v| v.is_finite())));
            }
        }
    });
}

#[test]
fn damaged_files_of_sentences() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x");
    fs::write(&path, "text,category\n\"hello, you\",greet\nbye,part\n").unwrap();
    damage_file(17, &path, |path| {
        let _ = TextSet::read_csv(&[path], "text", "category");
    });
    let clinc = r#"{"train": [["pay my bill", "pay"]], "val": [["hi", "greet"]], "test": [["yo", "greet"]]}"#;
    fs::write(&path, clinc).unwrap();
    damage_file(18, &path, |path| {
        let _ = TextSet::read_clinc150(path);
    });
    fs::write(&path, r#"{"P1": [{"tokens": ["a", "b"], "h": ["a", "Q1", [[0]]], "t": ["b", "Q2", [[1]]]}]}"#)
        .unwrap();
    damage_file(19, &path, |path| {
        let _ = TextSet::read_few_rel(path);
    });
}
