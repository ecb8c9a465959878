//! The meta-gradient of one task on one thread.
//!
//!     cargo bench --bench inner_loop -- 'task_grad/conv4_5way_1shot/.*_5steps'
//!
//! This call tells how many first-order steps a second-order step costs.
//! `conv4` is the pooled 64-filter Omniglot network with 15 queries per class, `mlp` a 784-64-5 network
//! on the same images. Second order runs on one tape (`unrolled`) or step by step (`sweep`). `task_grad` is
//! [`Trainable::lesson`]: it keeps the name that its past figures have.

mod common;

use common::{Config, Net};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use innerloop::{Learned, Learner, Maml, Mlp, Order, Progress, Route, Trainable};

/// Network and shots by name; the learner's inner steps are set by each bench.
fn cases() -> Vec<(String, Config, Maml<Net>)> {
    let mut cases = Vec::new();
    for shots in [1, 5] {
        let config = Config::named(&format!("omniglot-5w{shots}s")).unwrap();
        let conv4 = config.maml(Order::Second, Route::Unrolled);
        let model: Net = Box::new(Mlp::new(&[784, 64, 5]).unwrap());
        let mlp = config.maml_of(model, 0.01, Order::Second, Route::Unrolled);
        cases.push((format!("mlp_5way_{shots}shot"), config, mlp));
        cases.push((format!("conv4_5way_{shots}shot"), config, conv4));
    }
    cases
}

fn task_grad(c: &mut Criterion) {
    let mut group = c.benchmark_group("task_grad");
    group.sample_size(20);
    let ways = [
        ("first", Order::First, Route::Unrolled),
        ("second_unrolled", Order::Second, Route::Unrolled),
        ("second_sweep", Order::Second, Route::Sweep),
    ];
    for (name, config, mut learner) in cases() {
        let (learned, episode) = (Learned::from(learner.init(0)), config.episode(0));
        for (way, order, route) in ways {
            for inner_steps in [1, 5] {
                (learner.order, learner.route, learner.steps) = (order, route, inner_steps);
                group.bench_function(BenchmarkId::new(&name, format!("{way}_{inner_steps}steps")), |b| {
                    b.iter(|| learner.lesson(&learned, &episode, &Progress::default()).unwrap());
                });
            }
        }
    }
}

criterion_group!(benches, task_grad);
criterion_main!(benches);
