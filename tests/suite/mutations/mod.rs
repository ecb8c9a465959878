//! Valid files with random damage, for every reader of files: an error or a result, never a panic, and bounded memory.
//!
//! `INNERLOOP_CASES=100000 cargo test --release --features photos,csv,text --test mutations` is the long form.
#![cfg(all(feature = "photos", feature = "csv", feature = "text", feature = "safetensors"))]

mod images;
mod lists;
mod saved;

use std::fs;
use std::path::Path;

use crate::common;
use crate::damage::{cases, damaged};

/// The most memory that this process may ever have held: the largest photograph that is decoded, four bytes per pixel and some
/// copies, on each of a few threads.
const MOST_KIB: u64 = 3 << 20;

/// Damages a file again and again, and has it read each time.
fn damage_file(seed: u64, path: &Path, mut read: impl FnMut(&Path)) {
    let whole = fs::read(path).unwrap();
    read(path); // undamaged: the reader and the file fit
    for case in 0..cases() {
        let bytes = damaged(&whole, seed, case);
        fs::write(path, &bytes).unwrap();
        read(path);
        if case % 1000 == 999 {
            bounded();
        }
    }
    bounded();
}

/// Whether memory was bounded so far.
fn bounded() {
    let status = fs::read_to_string("/proc/self/status").ok();
    let line = status.as_deref().and_then(|s| s.lines().find_map(|l| l.strip_prefix("VmHWM:")));
    match line.and_then(|l| l.trim().strip_suffix(" kB")).and_then(|n| n.parse::<u64>().ok()) {
        Some(peak) => assert!(peak < MOST_KIB, "{peak} KiB"),
        None => common::skip("/proc/self/status does not give the peak of memory"),
    }
}
