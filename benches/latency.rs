//! What a product waits for, on one thread: adapting to a user's five pictures, then telling pictures apart.
//!
//!     cargo bench --bench latency -- adapt
//!
//! Everything goes from plain arrays to plain arrays, checks included. `adapt` is [`Learner::adapt`] of MAML to a
//! 5-way 1-shot support set, with batch statistics; it includes the statistics of the support set with adapted
//! parameters, by which single pictures are normalised. `predict` is [`Learner::predict`] of the pooled network, and
//! for 75 pictures [`Learner::predict_together`], by the statistics of the batch, too.

mod common;

use common::{Config, pool};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use innerloop::{Learned, Learner, Order, Route};

/// The pooled 64-filter network.
const POOLED: &str = "omniglot-5w1s";
/// The strided one of the MAML paper.
const STRIDED: &str = "omniglot-5w1s-finn";

fn adapt(c: &mut Criterion) {
    let (mut group, pool) = (c.benchmark_group("latency"), pool(1));
    group.sample_size(20);
    for (name, steps) in [(POOLED, 5), (STRIDED, 1), (STRIDED, 3)] {
        let config = Config::named(name).unwrap();
        let learner = config.maml(Order::Second, Route::Unrolled).eval_steps(steps);
        let (learned, support) = (Learned::from(learner.init(0)), config.episode(0).support);
        let plural = if steps > 1 { "s" } else { "" };
        group.bench_function(BenchmarkId::new("adapt", format!("{name}-{steps}step{plural}")), |b| {
            pool.install(|| b.iter(|| learner.adapt(&learned, &support).unwrap()));
        });
    }
}

fn predict(c: &mut Criterion) {
    let (mut group, pool) = (c.benchmark_group("latency"), pool(1));
    let config = Config::named(POOLED).unwrap();
    let learner = config.maml(Order::Second, Route::Unrolled);
    let adapted = learner.adapt(&learner.init(0).into(), &config.episode(0).support).unwrap();
    for (name, images) in [("batch1", 1), ("batch75", 75)] {
        let x = common::uniform(&[images, 28, 28, 1], 1);
        group.bench_function(BenchmarkId::new("predict", name), |b| {
            pool.install(|| b.iter(|| learner.predict(&adapted, &x).unwrap()));
        });
    }
    let x = common::uniform(&[75, 28, 28, 1], 1);
    group.bench_function(BenchmarkId::new("predict", "batch75-batch-statistics"), |b| {
        pool.install(|| b.iter(|| learner.predict_together(&adapted, &x).unwrap()));
    });
}

criterion_group!(benches, adapt, predict);
criterion_main!(benches);
