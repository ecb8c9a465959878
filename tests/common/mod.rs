//! Where tests find real data and reference values, and how they say that they did not.
#![allow(dead_code)] // each test file uses its part

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

/// The reference values: `INNERLOOP_GOLDEN`, or `golden` beside the folder of real
/// data, or `None` with a loud line.
pub fn golden(name: &str) -> Option<PathBuf> {
    let beside = std::env::var_os("INNERLOOP_DATA").map(|p| PathBuf::from(p).join("../golden"));
    let folder = std::env::var_os("INNERLOOP_GOLDEN").map(PathBuf::from).or(beside);
    let file = folder.map(|f| f.join(name)).filter(|f| f.is_file());
    if file.is_none() {
        skip(&format!("neither INNERLOOP_GOLDEN nor INNERLOOP_DATA leads to {name}"));
    }
    file
}
