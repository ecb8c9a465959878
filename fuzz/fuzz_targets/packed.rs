//! Any bytes in place of a packed data set: it is made again, or was right.
#![no_main]

use innerloop::ImageSet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    std::fs::write(&path, bytes).unwrap();
    let set = || ImageSet::from_classes(vec![("a".into(), vec![vec![7]])], 1, 1, 1);
    let _ = ImageSet::cached(&path, "x", set).unwrap();
    assert_eq!(ImageSet::cached(&path, "y", set).unwrap(), set().unwrap());
});
