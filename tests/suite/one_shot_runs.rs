//! The runs of Omniglot's own task, read from an archive and from a folder in the published form.
#![cfg(feature = "images")]

use std::fs;
use std::io::Write;
use std::path::Path;

use innerloop::{Episode, Error, ImageSet, OneShotRuns, Split, Tasks};
use png::{BitDepth, ColorType};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A drawing of 105 x 105 pixels with one dark row.
fn drawing(row: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 105, 105);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    let pixels: Vec<u8> = (0..105 * 105).map(|i| if i / 105 / 4 == row { 0 } else { 255 }).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

/// Two runs of three characters; `item01` of a run is `class03`, `item02` is `class01`, `item03` is `class02`.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for run in 1..=2 {
        let mut list = String::new();
        for (item, class) in [(1, 3), (2, 1), (3, 2)] {
            files.push((format!("run0{run}/test/item0{item}.png"), drawing(10 * run + class)));
            files.push((format!("run0{run}/training/class0{class}.png"), drawing(10 * run + class)));
            list += &format!("run0{run}/test/item0{item}.png run0{run}/training/class0{class}.png\n");
        }
        files.push((format!("run0{run}/class_labels.txt"), list.into_bytes()));
    }
    files
}

fn zipped(path: &Path, prefix: &str, files: &[(String, Vec<u8>)]) {
    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in files {
        zip.start_file(format!("{prefix}{name}"), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn archives_and_folders_give_the_published_pairs() {
    let root = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for prefix in ["", "all_runs/", "some/where/"] {
        zipped(&root.path().join("all_runs.zip"), prefix, &files());
        all.push(OneShotRuns::load(root.path(), 28).unwrap());
    }
    fs::remove_file(root.path().join("all_runs.zip")).unwrap();
    for (name, bytes) in files() {
        let path = root.path().join("omniglot/all_runs").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    all.push(OneShotRuns::load(root.path(), 28).unwrap());
    for runs in &all {
        assert_eq!((runs.len(), runs.is_empty()), (2, false));
        for i in 0..3 {
            let episode: Episode<f32> = runs.task(i);
            assert_eq!(episode, all[0].task(i % 2));
            assert_eq!(episode.ways(), Some(3));
            assert_eq!(episode.support.x.shape(), [3, 28, 28, 1]);
            assert_eq!(episode.query.y.labels(), Some(&[2, 0, 1][..]));
            // ink is 1; the query that belongs to a class looks like it
            assert!(episode.support.x.iter().any(|&v| v == 1.0));
            for (query, &label) in episode.query.y.labels().unwrap().iter().enumerate() {
                let [query, support] = [(&episode.query, query), (&episode.support, label)]
                    .map(|(examples, i)| examples.x.index_axis(innerloop::ndarray::Axis(0), i).to_owned());
                assert_eq!(query, support);
            }
        }
    }
}

#[test]
fn what_is_not_in_that_form_is_refused_where_it_stands() {
    let root = tempfile::tempdir().unwrap();
    let load = |files: &[(String, Vec<u8>)]| {
        zipped(&root.path().join("all_runs.zip"), "", files);
        OneShotRuns::load(root.path(), 28).unwrap_err()
    };
    let with_list = |list: &str| {
        let mut files = files();
        files[6].1 = list.as_bytes().to_vec();
        load(&files)
    };
    assert!(matches!(with_list("run01/test/item01.png"), Error::BadLine { line: 1, .. }));
    let other = "run01/test/item01.png run01/training/class03.png\n\nrun01/test/item02.png run01/training/class09.png";
    assert!(matches!(with_list(other), Error::BadLine { line: 3, .. }));
    assert!(matches!(with_list("\n"), Error::BadFile { .. }));
    assert!(matches!(load(&files()[..6]), Error::BadFile { .. }));
    let mut broken = files();
    broken[0].1.truncate(40);
    let error = load(&broken).to_string();
    assert!(error.contains("run01/test/item01.png"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(OneShotRuns::load(empty.path(), 28), Err(Error::NoData { .. })));
    assert!(matches!(OneShotRuns::load(empty.path(), 200), Err(Error::Setting { .. })));
}

#[test]
fn background_alphabets_train_and_others_test() {
    let images = |names: &[&str]| {
        let classes = names.iter().map(|name| ((*name).to_string(), vec![vec![0; 4]; 2])).collect();
        ImageSet::from_classes(classes, 2, 2, 1).unwrap()
    };
    let split = Split::background(&images(&["Latin/character01", "Greek/character02", "Keble/character01"]));
    let split = split.unwrap();
    assert_eq!((split.train.len(), split.val.len(), split.test.len()), (8, 0, 1));
    assert_eq!((split.test[0].class, split.test[0].turns), (2, 0));
    for names in [&["Latin/character01"][..], &["Keble/character01"]] {
        assert!(matches!(Split::background(&images(names)), Err(Error::TooFewClasses { .. })));
    }
}
