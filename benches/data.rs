//! What data costs: drawing episodes, and loading Omniglot.
//!
//!     INNERLOOP_DATA=DATA cargo bench --bench data
//!
//! An episode is 5-way 1-shot with 15 queries per class, 28x28; it is made of bytes in memory, on one
//! thread, and each iteration makes another one. `upright` draws from the classes as they are,
//! `quarter_turns` from all four rotations of each, turned as they are drawn. `load` unpacks, decodes and
//! shrinks all 32,460 drawings of Omniglot, from its two archives if they are there. Without
//! `INNERLOOP_DATA`, the folder that holds `omniglot/`, there are only invented glyphs to draw from.

mod common;

use std::path::PathBuf;

use common::pool;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use innerloop::{Episode, EpisodeSampler, EpisodeShape, Glyphs, ImageSet, Omniglot, Split, Tasks};

const SHAPE: EpisodeShape = EpisodeShape::new(5, 1, 15);

/// The folder of Omniglot, or `None` and a loud line on what is left out.
fn omniglot(left_out: &str) -> Option<PathBuf> {
    let root = std::env::var_os("INNERLOOP_DATA").map(PathBuf::from);
    let found = root.filter(|root| root.join("omniglot").is_dir());
    if found.is_none() {
        eprintln!(
            "SKIPPED: INNERLOOP_DATA leads to no folder that holds omniglot/; {left_out} is not measured"
        );
    }
    found
}

fn episodes_of(c: &mut Criterion, name: &str, images: &ImageSet) {
    let mut group = c.benchmark_group("episode");
    group.throughput(Throughput::Elements((SHAPE.ways * (SHAPE.shots + SHAPE.queries)) as u64));
    let turned = Split::random(images, images.classes(), 0, true, 0).unwrap().train;
    for (classes, way) in [(images.all(), "upright"), (turned, "quarter_turns")] {
        let sampler = EpisodeSampler::new(images, &classes, SHAPE, 0).unwrap();
        group.bench_function(BenchmarkId::new(name, way), |b| {
            let mut indices = 0..;
            b.iter(|| -> Episode<f32> { sampler.task(indices.next().unwrap()) });
        });
    }
}

fn episodes(c: &mut Criterion) {
    episodes_of(c, "glyphs", &Glyphs::default().generate().unwrap());
    if let Some(root) = omniglot("drawing its episodes") {
        episodes_of(c, "omniglot", &Omniglot::load(root).unwrap());
    }
}

fn load(c: &mut Criterion) {
    let Some(root) = omniglot("loading it") else { return };
    let mut group = c.benchmark_group("load");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (threads, name) in [(1, "1thread"), (2, "2threads")] {
        let pool = pool(threads);
        let images = pool.install(|| Omniglot::load(&root)).unwrap();
        group.throughput(Throughput::Elements(images.len() as u64));
        group.bench_function(BenchmarkId::new("omniglot", name), |b| {
            b.iter(|| pool.install(|| Omniglot::load(&root)).unwrap());
        });
    }
}

criterion_group!(benches, episodes, load);
criterion_main!(benches);
