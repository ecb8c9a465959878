//! What several test files share.
#![allow(dead_code)] // each test file uses its part

use std::path::PathBuf;

/// The folder of real data that `INNERLOOP_DATA` names, or `None` with a loud line.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("INNERLOOP_DATA").map(PathBuf::from).filter(|p| p.is_dir());
    if folder.is_none() {
        eprintln!("SKIPPED: INNERLOOP_DATA does not name the folder of real data; this test proved nothing");
    }
    folder
}

/// The reference values: `INNERLOOP_GOLDEN`, or `golden` beside the folder of real
/// data, or `None` with a loud line.
pub fn golden(name: &str) -> Option<PathBuf> {
    let beside = std::env::var_os("INNERLOOP_DATA").map(|p| PathBuf::from(p).join("../golden"));
    let folder = std::env::var_os("INNERLOOP_GOLDEN").map(PathBuf::from).or(beside);
    let file = folder.map(|f| f.join(name)).filter(|f| f.is_file());
    if file.is_none() {
        eprintln!(
            "SKIPPED: neither INNERLOOP_GOLDEN nor INNERLOOP_DATA leads to {name}; this test proved nothing"
        );
    }
    file
}
