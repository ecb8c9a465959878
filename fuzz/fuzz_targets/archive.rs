//! Any bytes as a zip archive of photographs.
#![no_main]

use innerloop::Photos;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.zip");
    std::fs::write(&path, bytes).unwrap();
    let _ = Photos::new(2).load(path);
});
