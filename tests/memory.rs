//! Repeated adaptation leaves no memory behind, and neither do the episodes of an evaluation.

mod common;
mod tasks;

use std::sync::{Mutex, MutexGuard, PoisonError};

use innerloop::{Conv4, Downsample, Evaluator, Learned, Learner};
use tasks::echo::{Echo, Given, nothing};
use tasks::{maml, random_episode};

/// One test at a time: they share a resident set.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The resident set of this process in KiB, or `None` with a loud line.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok();
    let line = status.as_deref().and_then(|s| s.lines().find_map(|l| l.strip_prefix("VmRSS:")));
    let kib = line.and_then(|l| l.trim().strip_suffix(" kB")).and_then(|n| n.parse().ok());
    if kib.is_none() {
        common::skip("/proc/self/status does not give the resident set");
    }
    kib
}

#[test]
fn a_thousand_evaluation_adaptations_do_not_raise_the_resident_set() {
    let _alone = alone();
    let model = Conv4::new([16, 16, 1], 8, Downsample::MaxPool, Some(5)).unwrap();
    let learner = maml(model).eval_steps(5);
    let learned: Learned<f32> = learner.init(0).into();
    let adapt = |i| {
        let scores = learner.scores(&learned, &random_episode(&[16, 16, 1], 5, i)).unwrap();
        assert!(scores[5].inductive.loss.is_finite() && scores[5].transductive.loss.is_finite());
    };
    (0..50).for_each(adapt);
    let Some(before) = resident_kib() else { return };
    (50..1000).for_each(adapt);
    let Some(after) = resident_kib() else { return };
    println!("resident set: {before} KiB after 50 adaptations, {after} KiB after 1000");
    // a leak of one set of gradients (8 KiB) each time would be 7 MiB
    assert!(after < before + 2 * 1024, "from {before} to {after} KiB");
}

#[test]
fn two_hundred_thousand_episodes_take_the_memory_of_ten_thousand() {
    let _alone = alone();
    let run =
        |count| Evaluator::new(&Given, count).validation(&Given, count).evaluate(&Echo, &nothing()).unwrap();
    run(10_000);
    let Some(before) = resident_kib() else { return };
    assert_eq!(run(200_000).queries, 400_000);
    let Some(after) = resident_kib() else { return };
    println!("resident set: {before} KiB after 10,000 episodes, {after} KiB after 200,000 more");
    // a word per episode would be 1.6 MB for each way of normalising
    assert!(after < before + 1024, "from {before} to {after} KiB");
}
