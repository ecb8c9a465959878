//! Where tests find real data and reference values, and how they report that these are missing.
#![allow(dead_code)] // each test file uses its part

pub mod npz;

use std::io::Write;
use std::path::PathBuf;

/// Says that a test proved nothing, and why.
pub fn skip(why: &str) {
    // eprintln! would be captured by the test harness and never be seen
    // and in one piece, or lines of several tests mix
    let line = format!("SKIPPED: {why}; this test proved nothing\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
}

/// The folder of real data that `INNERLOOP_DATA` names, which holds `omniglot/`, or `None` with a loud line.
pub fn real_data() -> Option<PathBuf> {
    let Some(root) = std::env::var_os("INNERLOOP_DATA").map(PathBuf::from) else {
        skip("INNERLOOP_DATA is not set; set it to the folder that holds omniglot/");
        return None;
    };
    if !root.join("omniglot").is_dir() {
        skip(&format!("INNERLOOP_DATA is {}, which holds no omniglot/", root.display()));
        return None;
    }
    Some(root)
}

/// The folder of reference values: `INNERLOOP_GOLDEN`, or `golden` beside the folder of real data,
/// or `None` with a loud line if the first is not set and the second is not there.
pub fn golden() -> Option<PathBuf> {
    let data = || std::env::var_os("INNERLOOP_DATA").map(PathBuf::from);
    let beside = || data().map(|data| data.join("../golden")).filter(|folder| folder.is_dir());
    let folder = std::env::var_os("INNERLOOP_GOLDEN").map(PathBuf::from).or_else(beside);
    if folder.is_none() {
        skip("INNERLOOP_GOLDEN is not set, and there is no folder golden beside INNERLOOP_DATA");
    }
    folder
}
