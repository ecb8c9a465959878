//! What the engine costs by itself: operations so small that their arithmetic hardly counts.
//!
//!     cargo bench --bench overhead
//!
//! `add40` is a chain of 1,000 additions of a constant to a vector of 40 numbers, so a time in µs reads
//! as ns per operation. `record_add40` records it on a fresh tape, which is dropped within the time;
//! `differentiate_add40` is the reverse sweep alone. `sinusoid_task` is the exact meta-gradient of one
//! sinusoid task, a 1-40-40-1 network with one inner step.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Config, uniform};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use innerloop::ndarray::ArrayD;
use innerloop::{Learned, Learner, Order, Progress, Route, Tape, Trainable, Var, grad, grad_values};

const LENGTH: usize = 1_000;

/// The first and the last vector of a chain.
fn chain<'t>(tape: &'t Tape<f32>, [start, step]: &[ArrayD<f32>; 2]) -> [Var<'t, f32>; 2] {
    let (x, step) = (tape.leaf(start), tape.leaf(step));
    [x, (0..LENGTH).fold(x, |y, _| y + step)]
}

fn add40(c: &mut Criterion) {
    let mut group = c.benchmark_group("overhead");
    group.throughput(Throughput::Elements(LENGTH as u64));
    let vectors = [uniform(&[40], 0), uniform(&[40], 1)];
    group.bench_function("record_add40", |b| {
        b.iter(|| {
            let _ = black_box(chain(&Tape::new(), &vectors));
        });
    });
    let timed = |iterations: u64, recorded: bool| {
        let mut total = Duration::ZERO;
        for _ in 0..iterations {
            let tape = Tape::new();
            let [x, y] = chain(&tape, &vectors);
            let y = y.sum();
            let start = Instant::now();
            if recorded {
                black_box(grad(y, &[x]));
            } else {
                black_box(grad_values(y, &[x]));
            }
            total += start.elapsed();
        }
        total
    };
    for (way, recorded) in [("grad", true), ("grad_values", false)] {
        group.bench_function(BenchmarkId::new("differentiate_add40", way), |b| {
            b.iter_custom(|iterations| timed(iterations, recorded));
        });
    }
}

fn sinusoid_task(c: &mut Criterion) {
    let config = Config::named("sinusoid").unwrap();
    let learner = config.maml(Order::Second, Route::Unrolled);
    let (learned, episode) = (Learned::from(learner.init(0)), config.episode(0));
    c.bench_function("overhead/sinusoid_task", |b| {
        b.iter(|| learner.lesson(&learned, &episode, &Progress::default()).unwrap());
    });
}

criterion_group!(benches, add40, sinusoid_task);
criterion_main!(benches);
