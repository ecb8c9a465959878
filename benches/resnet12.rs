//! ResNet-12 at 84x84x3: a forward pass, and a training step of prototypical networks (5 ways, 1 shot, 5 queries per
//! class: 30 images in one batch), forward and backward. Throughput is in images.
//!
//!     cargo bench --bench resnet12 -- narrow

mod common;

use std::hint::black_box;

use common::{labelled, pool, uniform};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use innerloop::{
    Episode, Learned, Learner, Model, Norm, NormMode, Progress, ProtoNet, ResNet12, Tape, meta_grad,
};

const IMAGE: [usize; 3] = [84, 84, 3];

fn resnet12(c: &mut Criterion) {
    let mut group = c.benchmark_group("resnet12");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let networks = [("narrow", ResNet12::narrow(IMAGE, None)), ("wide", ResNet12::wide(IMAGE, None))];
    for (name, model) in networks {
        let model = model.expect("sizes in range").averaged();
        let params = Model::<f32>::init(&model, 0);
        let images = uniform(&[30, 84, 84, 3], 1);
        group.throughput(Throughput::Elements(30));
        group.bench_function(BenchmarkId::new("forward", name), |b| {
            let pool = pool(1);
            b.iter(|| {
                pool.install(|| {
                    let tape = Tape::new();
                    let (params, x) = (tape.leaves(&params), tape.leaf(&images));
                    black_box(model.forward(&params, x, Norm::Batch).to_array())
                })
            });
        });
        let episode =
            |i| Episode::new(labelled(IMAGE, 5, 1, 2 * i), labelled(IMAGE, 5, 5, 2 * i + 1)).unwrap();
        for (threads, tasks) in [(1, 1), (2, 2)] {
            group.throughput(Throughput::Elements(30 * tasks));
            let label = format!("{name}/{threads}threads");
            group.bench_function(BenchmarkId::new("protonet_step", label), |b| {
                let learner = ProtoNet::new(&model, NormMode::Together);
                let learned = Learned::from(learner.init(0));
                let (pool, episodes) = (pool(threads), (0..tasks).map(episode).collect::<Vec<_>>());
                let step = || meta_grad(&learner, &learned, &episodes, &Progress::default()).unwrap();
                b.iter(|| pool.install(|| black_box(step())));
            });
        }
    }
}

criterion_group!(benches, resnet12);
criterion_main!(benches);
