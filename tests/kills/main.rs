//! Runs that are killed, asked to stop, or out of disk: what they leave, and that they go on to the same bits.
//!
//! Each training is a process of its own: this test's executable once more, told by its environment what to do.
#![cfg(all(unix, feature = "safetensors", feature = "signals"))]

mod child;
#[path = "../common/mod.rs"]
mod common;
mod disk;
#[path = "../tasks/mod.rs"]
mod tasks;

use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use child::{FILES, ITERATIONS, Training, files, left, logged, state, until_it_steps, whole};
use innerloop::rand::rngs::ChaCha8Rng;
use innerloop::rand::{Rng, SeedableRng};
use tempfile::tempdir;

const KILLS: u32 = 25;

#[test]
fn a_run_that_is_killed_25_times_ends_in_the_same_bits_and_the_same_tables() {
    let want = tempdir().unwrap();
    whole(want.path());
    for threads in [1, 2] {
        let folder = tempdir().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(threads as u64);
        let mut killed = 0;
        while killed < KILLS {
            let mut child =
                Training { threads, rest: 2, ..Training::of(folder.path()) }.command().spawn().unwrap();
            // some die while they start, most in the midst of their steps and savings
            if rng.next_u64() % 5 > 0 {
                until_it_steps(folder.path(), &mut child);
            }
            sleep(Duration::from_micros(rng.next_u64() % 40_000));
            child.kill().unwrap();
            assert_eq!(child.wait().unwrap().code(), None, "it came to its end after {killed} kills");
            killed += 1;
        }
        whole(folder.path());
        assert!(left(folder.path()) == left(want.path()), "{threads} threads: other bits or other tables");
        assert!(logged(folder.path()).into_iter().eq(1..=ITERATIONS));
        assert_eq!(files(folder.path()), FILES);
    }
}

#[test]
fn sigterm_and_ctrl_c_lose_nothing() {
    let (want, folder) = (tempdir().unwrap(), tempdir().unwrap());
    whole(want.path());
    // no checkpoint is due but the one at the end
    let training = Training { rest: 2, every: 10_000, ..Training::of(folder.path()) };
    for signal in ["TERM", "INT"] {
        let mut child = training.command().spawn().unwrap();
        until_it_steps(folder.path(), &mut child);
        sleep(Duration::from_millis(50));
        send(signal, &child);
        assert_eq!(child.wait().unwrap().code(), Some(3));
        let made = *logged(folder.path()).last().unwrap();
        assert_eq!(state(folder.path(), training.units).iteration, made);
        assert!((1..ITERATIONS).contains(&made), "{made}");
    }
    whole(folder.path());
    assert!(left(folder.path()) == left(want.path()), "other bits or other tables");
}

#[test]
fn a_second_signal_ends_at_once() {
    let folder = tempdir().unwrap();
    let training = Training { rest: 60_000, ..Training::of(folder.path()) }; // a minute before each step
    let mut child = training.command().spawn().unwrap();
    let begun = Instant::now();
    while !folder.path().join("log.jsonl").exists() && begun.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(5));
    }
    sleep(Duration::from_millis(200)); // the handlers stand by then
    send("TERM", &child);
    sleep(Duration::from_millis(100));
    assert_eq!(child.try_wait().unwrap(), None, "one signal waits for the step");
    send("TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(begun.elapsed() < Duration::from_secs(50));
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}
