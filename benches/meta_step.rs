//! A whole meta-step, second order: the tasks' meta-gradients in parallel, then Adam. Throughput is in tasks.
//!
//!     cargo bench --bench meta_step -- 'omniglot-5w1s/2threads'
//!
//! The names are those of the comparisons with other libraries. The whole table takes many minutes,
//! most of them for `omniglot-20w1s` and `omniglot-5w5s`: give a filter.
//!
//! `protonet-60w` is a training step of prototypical networks: two episodes of 60 ways, 5 shots and 5 queries per
//! class, embedded by the pooled 64-filter network without its head, both sets of an episode as one batch.

mod common;

use std::time::Instant;

use common::{CONFIGS, labelled, pool};
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use innerloop::{
    Adam, Conv4, Downsample, Episode, Learned, NormMode, Optimizer, Order, Progress, ProtoNet, Route,
    Trainable, meta_grad,
};

fn meta_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("meta_step");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for config in CONFIGS {
        let name = (config.name, config.tasks as u64);
        bench(&mut group, name, &|| config.maml(Order::Second, Route::Unrolled), &|| config.meta_batch());
    }
    let image = [28, 28, 1];
    let episode =
        |i: u64| Episode::new(labelled(image, 60, 5, 2 * i), labelled(image, 60, 5, 2 * i + 1)).unwrap();
    let model = Conv4::new(image, 64, Downsample::MaxPool, None).unwrap();
    bench(&mut group, ("protonet-60w", 2), &|| ProtoNet::new(&model, NormMode::Together), &|| {
        vec![episode(0), episode(1)]
    });
}

/// Meta-steps of a learner on the same episodes, on one thread and on two.
fn bench<L: Trainable<f32>>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (name, tasks): (&str, u64),
    learner: &dyn Fn() -> L,
    meta_batch: &dyn Fn() -> Vec<Episode<f32>>,
) {
    group.throughput(Throughput::Elements(tasks));
    for (threads, label) in [(1, "1thread"), (2, "2threads")] {
        group.bench_function(BenchmarkId::new(name, label), |b| {
            let (learner, episodes) = (learner(), meta_batch());
            let mut learned = Learned::from(learner.init(0));
            let (pool, adam) = (pool(threads), Adam::default());
            let mut state = adam.init(&learned.params);
            let rates = vec![1e-3; learned.params.len()];
            let mut step = || {
                let meta = meta_grad(&learner, &learned, &episodes, &Progress::default()).unwrap();
                adam.update(&rates, &mut learned.params, &meta.grads, &mut state);
            };
            // the whole loop runs in the pool, as a training does: entering it costs two wake-ups
            b.iter_custom(|count| {
                pool.install(|| {
                    let start = Instant::now();
                    (0..count).for_each(|_| step());
                    start.elapsed()
                })
            });
        });
    }
}

criterion_group!(benches, meta_step);
criterion_main!(benches);
