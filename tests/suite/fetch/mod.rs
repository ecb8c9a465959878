//! Fetching from a server on this machine that cuts, stalls, lies and never ends.
#![cfg(feature = "fetch")]

mod server;

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::real_data;
use innerloop::{Error, Fetch, RemoteFile};
use server::{Answer, Server};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const BYTES: usize = 300_000;

/// Bytes that repeat nowhere.
fn content() -> Vec<u8> {
    (0..BYTES as u32 / 4).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One file, `a/data.bin`, of [`content`].
fn source() -> Fetch {
    let file = RemoteFile::new("no address", "a/data.bin", BYTES as u64, sha256(&content()));
    Fetch::new(vec![file]).patience(Duration::from_secs(1))
}

struct Tried {
    folder: TempDir,
    server: Server,
    result: Result<(), Error>,
    took: Duration,
}

/// Fetches from a server that gives `answers`, with `before` in the partial file.
fn tried(before: &[u8], answers: Vec<Answer>) -> Tried {
    let folder = tempfile::tempdir().unwrap();
    if !before.is_empty() {
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/data.bin.partial"), before).unwrap();
    }
    let (server, started) = (Server::new(answers), Instant::now());
    let result =
        source().mirror(&server.base).into_folder(folder.path(), |_, have, all| assert!(have <= all));
    Tried { folder, server, result, took: started.elapsed() }
}

impl Tried {
    #[track_caller]
    fn whole(&self, requests: &[&str]) {
        self.result.as_ref().unwrap();
        assert_eq!(fs::read(self.folder.path().join("a/data.bin")).unwrap(), content());
        assert_eq!(names(self.folder.path()), ["data.bin"]);
        assert_eq!(self.server.requests(), requests);
    }

    /// What was said, and how many bytes are kept to go on from.
    #[track_caller]
    fn failed(&self) -> (String, u64) {
        let error = self.result.as_ref().unwrap_err();
        assert!(matches!(error, Error::Fetch { .. }), "{error:?}");
        assert!(error.to_string().starts_with(&format!("cannot fetch {}/a/data.bin: ", self.server.base)));
        let kept = fs::metadata(self.folder.path().join("a/data.bin.partial")).map_or(0, |file| file.len());
        let files = names(self.folder.path());
        assert_eq!(files, if kept > 0 { vec!["data.bin.partial"] } else { vec![] });
        (error.to_string(), kept)
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("a")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_file_is_fetched_once() {
    let fetched = tried(&[], vec![Answer::Serve(content())]);
    fetched.whole(&["/a/data.bin"]);
    source()
        .mirror(&fetched.server.base)
        .into_folder(fetched.folder.path(), |_, _, _| panic!("no byte"))
        .unwrap();
    fetched.whole(&["/a/data.bin"]);
}

#[test]
fn what_is_cut_off_is_continued_at_once_and_by_a_later_run() {
    let cut = Answer::Cut(content(), 100_000);
    tried(&[], vec![cut.clone(), cut.clone(), cut]).whole(&[
        "/a/data.bin",
        "/a/data.bin from 100000",
        "/a/data.bin from 200000",
    ]);
    let once = tried(&[], vec![Answer::Cut(content(), 1000)]);
    let (told, kept) = once.failed();
    assert!(told.contains("after 1000 of 300000 bytes: run again to go on from there"), "{told}");
    assert_eq!(kept, 1000);
    let again = Server::new(vec![Answer::Serve(content())]);
    source().mirror(&again.base).into_folder(once.folder.path(), |_, _, _| {}).unwrap();
    assert_eq!(again.requests(), ["/a/data.bin from 1000"]);
    assert_eq!(names(once.folder.path()), ["data.bin"]);
}

#[test]
fn a_server_that_cannot_continue_starts_again() {
    let before = &content()[..5000];
    tried(before, vec![Answer::NoRange(content())]).whole(&["/a/data.bin from 5000"]);
    for refusal in [Answer::Status(416), Answer::WrongPart(content())] {
        tried(before, vec![refusal, Answer::Serve(content())])
            .whole(&["/a/data.bin from 5000", "/a/data.bin"]);
    }
    // one that always starts again and never comes to an end is not asked for ever
    let cut = Answer::NoRangeCut(content(), 100_000);
    let tried = tried(&[], vec![cut; 10]);
    tried.failed();
    assert_eq!(tried.server.requests().len(), 2);
}

#[test]
fn wrong_bytes_are_not_kept() {
    let mut wrong = content();
    wrong[200_000] ^= 1;
    let refused = tried(&[], vec![Answer::Serve(wrong.clone())]);
    let (told, kept) = refused.failed();
    assert!(told.contains("its SHA-256 is not that of the published file") && kept == 0, "{told}");
    // what an earlier run left may be wrong: that is fetched again, once
    tried(&wrong[..250_000], vec![Answer::Serve(content()), Answer::Serve(content())])
        .whole(&["/a/data.bin from 250000", "/a/data.bin"]);
    tried(&wrong, vec![Answer::Serve(content())]).whole(&["/a/data.bin"]);
    tried(&[&content()[..], b"more"].concat(), vec![Answer::Serve(content())]).whole(&["/a/data.bin"]);
    tried(&content(), vec![]).whole(&[]);
}

#[test]
fn files_of_another_length_and_endless_ones_are_refused() {
    let (told, kept) = tried(&[], vec![Answer::Serve(b"<html>sign in".to_vec())]).failed();
    assert!(told.contains("has 13 bytes, but the published one has 300000") && kept == 0, "{told}");
    let endless = tried(&[], vec![Answer::Endless(vec![7; 9999])]);
    let (told, kept) = endless.failed();
    assert!(told.contains("sends more than the 300000 bytes") && kept == 0, "{told}");
}

#[test]
fn a_server_that_stalls_is_given_up_and_its_bytes_are_kept() {
    let stalled = tried(&[], vec![Answer::Stall(content(), 40_000)]);
    let (told, kept) = stalled.failed();
    assert!(told.contains("timeout") && kept == 40_000, "{told}, {kept}");
    assert!(stalled.took < Duration::from_secs(4), "{:?}", stalled.took);
}

#[test]
fn refusals_say_what_to_do() {
    for (status, hint) in [(404, "the data set may have moved"), (500, "status 500: try again later")] {
        let (told, kept) = tried(&content()[..7000], vec![Answer::Status(status)]).failed();
        assert!(told.contains(hint) && kept == 7000, "{told}");
    }
    let circle = Server::new(Vec::new());
    let (told, _) = tried(&[], vec![Answer::Redirect(format!("{}/elsewhere", circle.base))]).failed();
    assert!(told.contains("status 500"), "{told}");
    // nobody listens
    let folder = tempfile::tempdir().unwrap();
    let offline = source().mirror("http://127.0.0.1:9").into_folder(folder.path(), |_, _, _| {}).unwrap_err();
    let told = offline.to_string();
    assert!(told.contains("check the network, or fetch the file on another machine"), "{told}");
    assert!(told.contains("a/data.bin") && names(folder.path()).is_empty());
    let unknown = source().mirror("http://no-such-host.invalid").into_folder(folder.path(), |_, _, _| {});
    assert!(unknown.unwrap_err().to_string().contains("check the network"));
}

#[test]
fn redirections_keep_the_range() {
    let there = Server::new(vec![Answer::Serve(content())]);
    let to = format!("{}/raw/data.bin", there.base);
    tried(&content()[..5000], vec![Answer::Redirect(to)]).whole(&["/a/data.bin from 5000"]);
    assert_eq!(there.requests(), ["/raw/data.bin from 5000"]);
}

#[test]
fn what_is_in_a_files_place_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("a")).unwrap();
    fs::write(folder.path().join("a/data.bin"), "packed by myself").unwrap();
    let error = source().into_folder(folder.path(), |_, _, _| {}).unwrap_err();
    assert!(
        error.to_string().contains("data.bin: it is not the published file, so it is left alone"),
        "{error}"
    );
    assert_eq!(fs::read(folder.path().join("a/data.bin")).unwrap(), b"packed by myself");
    let outside = Fetch::new(vec![RemoteFile::new("http://127.0.0.1:9/x", "../x", 1, "00")]);
    let error = outside.into_folder(folder.path(), |_, _, _| {}).unwrap_err();
    assert!(matches!(error, Error::Setting { name: "to", .. }), "{error}");
}

#[test]
fn two_processes_do_not_fetch_into_one_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("a")).unwrap();
    let other = File::create(folder.path().join("a/data.bin.partial")).unwrap();
    other.lock().unwrap();
    let error = source().into_folder(folder.path(), |_, _, _| {}).unwrap_err();
    assert!(error.to_string().contains("another process is fetching this file"), "{error}");
    assert_eq!(names(folder.path()), ["data.bin.partial"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_of_the_file() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::new(vec![Answer::Serve(content())]));
    fs::create_dir(folder.path().join("a")).unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("a/data.bin.partial")).unwrap();
    let error = source().mirror(&server.base).into_folder(folder.path(), |_, _, _| {}).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if path.ends_with("a/data.bin.partial")), "{error}");
    assert!(names(folder.path()).is_empty(), "what keeps the disk full is removed");
}

#[test]
fn the_sums_of_the_published_lists_are_right() {
    let Some(root) = real_data() else { return };
    let omniglot = Fetch::omniglot();
    let lists: Vec<_> = omniglot.files().iter().filter(|file| file.to.starts_with("splits")).collect();
    assert_eq!(lists.len(), 3);
    for file in lists {
        let bytes = fs::read(root.join("omniglot").join(&file.to)).unwrap();
        assert_eq!(
            (bytes.len() as u64, &sha256(&bytes)),
            (file.bytes, &file.sha256),
            "{}",
            file.to.display()
        );
    }
}
