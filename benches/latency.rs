//! What a product waits for, on one thread: adapting to a user's five pictures, then telling pictures apart.
//!
//!     cargo bench --bench latency -- adapt
//!
//! Everything goes from plain arrays to plain arrays, checks included. `adapt` is [`Maml::adapt`] to a
//! 5-way 1-shot support set, with batch statistics. `predict` is [`Maml::predict`] of the pooled network
//! with adapted parameters: by running statistics, which is how a single picture is classified, and for
//! 75 pictures by those of the batch too.

mod common;

use std::cell::RefCell;

use common::{Config, pool};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use innerloop::{Maml, Model, Norm, NormMode, Order, Route, Tape};

/// The pooled 64-filter network.
const POOLED: &str = "omniglot-5w1s";
/// The strided one of the MAML paper.
const STRIDED: &str = "omniglot-5w1s-finn";

fn adapt(c: &mut Criterion) {
    let (mut group, pool) = (c.benchmark_group("latency"), pool(1));
    group.sample_size(20);
    for (name, steps) in [(POOLED, 5), (STRIDED, 1), (STRIDED, 3)] {
        let config = Config::named(name).unwrap();
        let learner = config.maml(Order::Second, Route::Unrolled);
        let (params, support) = (learner.model.init(0), config.episode(0).support);
        let plural = if steps > 1 { "s" } else { "" };
        group.bench_function(BenchmarkId::new("adapt", format!("{name}-{steps}step{plural}")), |b| {
            pool.install(|| b.iter(|| learner.adapt(&params, &support, steps).unwrap()));
        });
    }
}

fn predict(c: &mut Criterion) {
    let (mut group, pool) = (c.benchmark_group("latency"), pool(1));
    let config = Config::named(POOLED).unwrap();
    let transductive = config.maml(Order::Second, Route::Unrolled);
    let support = config.episode(0).support;
    let params = transductive.adapt(&transductive.model.init(0), &support, config.steps).unwrap();
    let moments = RefCell::default();
    let tape = Tape::new();
    transductive.model.forward(&tape.leaves(&params), tape.constant(&support.x), Norm::Observe(&moments));
    let running = config.maml(Order::Second, Route::Unrolled);
    let running = Maml { norm: NormMode::Running(moments.into_inner()), ..running };

    let rows =
        [("batch1", 1, &running), ("batch75", 75, &running), ("batch75-batch-statistics", 75, &transductive)];
    for (name, images, learner) in rows {
        let x = common::uniform(&[images, 28, 28, 1], 1);
        group.bench_function(BenchmarkId::new("predict", name), |b| {
            pool.install(|| b.iter(|| learner.predict(&params, &x).unwrap()));
        });
    }
}

criterion_group!(benches, adapt, predict);
criterion_main!(benches);
