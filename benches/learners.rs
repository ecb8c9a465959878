//! One lesson of each learner on the same episode: 5 ways, 1 shot, 5 queries per class, 28x28 images, Conv4 with 64
//! filters, one thread. The unit of `docs/learners.md` is `fomaml`.
//!
//!     cargo bench --bench learners

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use innerloop::{
    Baseline, BesideBatches, ClassBatches, CoTrained, Conv4, CurvatureRule, Downsample, Episode,
    EpisodeSampler, EpisodeShape, Examples, FilmConv4, Glyphs, Imaml, Learned, Maml, MapConv4, MatchingNet,
    MetaLstm, MetaOptNet, NormMode, Order, Progress, ProtoNet, R2d2, Refinement, RelationNet, Reptile,
    SemiProtoNet, Signatures, Tadam, Task, Tasks, TextSet, Trainable, WordVectors, WordWeights, init_params,
};

fn lessons(c: &mut Criterion) {
    let images = Glyphs::default().alphabets(4).characters_per_alphabet(8).drawers(12);
    let images = images.generate().unwrap();
    let shape = EpisodeShape::new(5, 1, 5);
    let sampler = EpisodeSampler::new(&images, &images.all(), shape, 0).unwrap();
    let episode: Episode<f32> = sampler.task(0);
    let unlabelled: Episode<f32> = sampler.clone().unlabelled(5, 5, 5).unwrap().task(0);
    let batch: Examples<f32> = ClassBatches::new(&images, &images.all(), 30, 0).unwrap().task(0);

    let model = |head: bool| Conv4::new([28, 28, 1], 64, Downsample::MaxPool, head.then_some(5)).unwrap();
    let maml = |order| Maml::new(model(true), 0.4, order, NormMode::Batch);
    let second = Order::Second;

    bench(c, "fomaml", &maml(Order::First), &episode);
    bench(c, "maml", &maml(second), &episode);
    bench(c, "anil", &Maml::anil(model(true), 0.4, second, NormMode::Batch), &episode);
    bench(c, "boil", &Maml::boil(model(true), 0.4, second, NormMode::Batch), &episode);
    bench(c, "meta-sgd", &Maml::meta_sgd(model(true), NormMode::Batch), &episode);
    bench(c, "meta-curvature", &maml(second).rule(CurvatureRule { lr: 0.4 }), &episode);
    let film = FilmConv4::new([28, 28, 1], 64, 5, 100).unwrap();
    bench(c, "cavia, 2 steps", &Maml::cavia(film, 1.0, second, NormMode::Batch).steps(2), &episode);
    bench(c, "imaml, 16 steps", &Imaml::new(model(true), 2.0, NormMode::Batch), &episode);
    let newton = Imaml::new(model(true), 2.0, NormMode::Batch).hessian_free().steps(3);
    bench(c, "imaml, 3 hessian-free steps", &newton, &episode);
    bench(c, "meta-lstm, 5 steps", &MetaLstm::new(model(true), 5, NormMode::Batch), &episode);
    bench(c, "maml, 5 steps", &maml(second).steps(5), &episode);
    bench(c, "maml++, 5 steps", &Maml::plus_plus(model(true), 0.1, 5), &episode);
    bench(c, "reptile, 5 steps of 5", &Reptile::new(model(true), 1e-3).steps(5, 5), &episode);
    bench(c, "protonet", &ProtoNet::new(model(false), NormMode::Together), &episode);
    let matching = || MatchingNet::new(model(false), NormMode::Together);
    bench(c, "matching", &matching(), &episode);
    bench(c, "matching, full contexts", &matching().full_context(5), &episode);
    let maps = MapConv4::new([28, 28, 1], 64).unwrap().unpadded().unwrap();
    bench(c, "relation", &RelationNet::new(maps, NormMode::Batch), &episode);
    bench(c, "tadam", &Tadam::new(model(false), NormMode::Batch), &episode);
    bench(c, "meta-opt-net, ridge", &MetaOptNet::ridge(model(false), NormMode::Together), &episode);
    bench(c, "meta-opt-net, svm", &MetaOptNet::svm(model(false), NormMode::Together), &episode);
    let semi = SemiProtoNet::new(model(false), NormMode::Together, Refinement::SoftKMeans);
    bench(c, "semi-protonet, 50 unlabelled", &semi, &unlabelled);
    bench(c, "r2d2", &R2d2::new(model(false), NormMode::Together), &episode);
    let classes = images.all().len();
    bench(c, "baseline, batch of 30", &Baseline::new(model(false), classes, NormMode::Batch), &batch);
    bench(c, "baseline++, batch of 30", &Baseline::plus_plus(model(false), classes, NormMode::Batch), &batch);
    let tadam = Tadam::new(model(false), NormMode::Batch);
    let beside = CoTrained::new(tadam, model(false), NormMode::Batch, classes);
    assert!(beside.counts(&Progress::default()), "the batch must count to be timed");
    let batches = ClassBatches::new(&images, &images.all(), 30, 0).unwrap();
    bench(c, "tadam beside a batch of 30", &beside, &BesideBatches::new(sampler, batches).task(0));
    let (signatures, sentences) = sentences();
    bench(c, "signatures", &signatures, &sentences);
}

/// Sentences of 12 of 2,000 words whose vectors have 300 numbers, in an episode of the same shape.
fn sentences() -> (Signatures, Episode<f32>) {
    const WORDS: usize = 2000;
    let vector = |i: usize| (0..300).map(|j| ((i * 31 + j * 17) % 97) as f32 / 97.0 - 0.5).collect();
    let words = (0..WORDS).map(|i| (format!("w{i}"), vector(i))).collect();
    let vectors = WordVectors::from_words(words).unwrap();
    let class = |class: usize| {
        let sentence = |i: usize| {
            let words = (0..12).map(|k| format!("w{}", (class * 397 + i * 89 + k * k * 53) % WORDS));
            words.collect::<Vec<_>>().join(" ")
        };
        (format!("class {class}"), (0..8).map(sentence).collect())
    };
    let text = TextSet::from_classes((0..8).map(class).collect()).unwrap();
    let rarity = WordWeights::inverse_frequency(vectors.vocabulary(), &text, &text.all()).unwrap();
    let shape = EpisodeShape::new(5, 1, 5);
    let rows = vectors.vocabulary().rows(&text, 12).unwrap();
    let episodes = EpisodeSampler::new(&rows, &rows.all(), shape, 0).unwrap();
    (Signatures::new(&vectors, &rarity).unwrap(), episodes.task(0))
}

fn bench<K: Task<f32>>(c: &mut Criterion, name: &str, learner: &dyn Trainable<f32, K>, task: &K) {
    let mut group = c.benchmark_group("learners");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function(name, |b| {
        let learned = Learned { params: learner.init(0), state: init_params(&learner.state(), 0) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        pool.install(|| b.iter(|| learner.lesson(&learned, task, &Progress::default()).unwrap()));
    });
}

criterion_group!(benches, lessons);
criterion_main!(benches);
