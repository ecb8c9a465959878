//! Any bytes as lists that split classes.
#![no_main]

use innerloop::{ImageSet, Split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let class = |name: &str| (name.to_string(), vec![vec![0]]);
    let set = ImageSet::from_classes(["a", "A/c1", "n01"].map(class).into(), 1, 1, 1).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for name in ["train.txt", "val.txt", "train.csv", "train.json"] {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    std::fs::write(dir.path().join("test.txt"), "a\n").unwrap();
    std::fs::write(dir.path().join("test.csv"), "a\n").unwrap();
    std::fs::write(dir.path().join("test.json"), "[\"a\"]").unwrap();
    let _ = Split::read_names(&set, dir.path());
    let _ = Split::read_csv(&set, dir.path());
    let _ = Split::read_json(&set, dir.path());
    let _ = Split::vinyals(&set, dir.path());
});
