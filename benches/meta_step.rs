//! A whole meta-step, second order: the tasks' meta-gradients in parallel, then Adam. Throughput is in tasks.
//!
//!     cargo bench --bench meta_step -- 'omniglot-5w1s/2threads'
//!
//! The names are those of the comparisons with other libraries. The whole table takes many minutes,
//! most of them for `omniglot-20w1s` and `omniglot-5w5s`: give a filter.

mod common;

use std::time::Instant;

use common::{CONFIGS, pool};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use innerloop::{Adam, Model, Optimizer, Order, Route, meta_grad};

fn meta_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("meta_step");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for config in CONFIGS {
        group.throughput(Throughput::Elements(config.tasks as u64));
        for threads in [1, 2] {
            let id = BenchmarkId::new(
                config.name,
                format!("{threads}thread{}", if threads > 1 { "s" } else { "" }),
            );
            group.bench_with_input(id, &config, |b, config| {
                let learner = config.maml(Order::Second, Route::Unrolled);
                let episodes = config.meta_batch();
                let start = learner.model.init(0);
                let (pool, adam) = (pool(threads), Adam::default());
                let (mut params, mut state) = (start.clone(), adam.init(&start));
                let mut step = || {
                    let meta = meta_grad(&learner, &params, &episodes).unwrap();
                    adam.update(1e-3, &mut params, &meta.grads, &mut state);
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
}

criterion_group!(benches, meta_step);
criterion_main!(benches);
