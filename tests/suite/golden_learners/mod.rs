//! Each learner against another framework's, in `f64` to 1e-9.
//!
//! Every `.npz` file in the folder `learners` of the golden folder is a case, computed in float64 by PyTorch 2.15.0:
//! small tasks, the initial meta-parameters, the settings, and the results of one meta-step. The folder's README
//! says what each array is. A file for which there is no test here fails the test.

mod case;
mod cavia;
mod fitted;
mod imaml;
mod inner;
mod matching;
mod meta_lstm;
mod metric;
mod relation;
mod tadam;

use std::fs;

use crate::common;
use case::Case;

fn check(name: &str) -> Option<fn(Case)> {
    match name {
        "ops" => Some(|_| {}), // tests/golden_ops.rs
        _ => inner::check(name)
            .or_else(|| metric::check(name))
            .or_else(|| fitted::check(name))
            .or_else(|| matching::check(name))
            .or_else(|| tadam::check(name))
            .or_else(|| cavia::check(name))
            .or_else(|| imaml::check(name))
            .or_else(|| relation::check(name))
            .or_else(|| meta_lstm::check(name)),
    }
}

#[test]
fn every_learner_of_the_folder_agrees() {
    let Some(folder) = common::golden().map(|folder| folder.join("learners")) else { return };
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "npz")).collect();
    assert!(!files.is_empty(), "{} holds no file *.npz", folder.display());
    files.sort();
    let mut missing = Vec::new();
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        match check(&name) {
            Some(check) => check(Case::open(&path)),
            None => missing.push(name),
        }
    }
    assert!(missing.is_empty(), "there is no test for the files {missing:?}");
}
