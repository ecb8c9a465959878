//! Any bytes as tables of vectors and files of sentences.
#![no_main]

use innerloop::{FeatureSet, TextSet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    std::fs::write(&path, bytes).unwrap();
    let _ = FeatureSet::read_csv(&path, None);
    let _ = FeatureSet::read_csv(&path, Some("class"));
    let _ = TextSet::read_csv(&[&path], "text", "category");
    let _ = TextSet::read_clinc150(&path);
    let _ = TextSet::read_few_rel(&path);
});
