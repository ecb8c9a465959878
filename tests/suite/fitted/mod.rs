//! What defines the learners that are not the derivative of a query loss: Reptile, the baselines, nearest neighbours.

mod all;
mod baselines;
mod batches;
mod nearest;
mod reptile;

use innerloop::ndarray::{ArrayD, Axis, array};
use innerloop::{
    Adam, Baseline, BaselineHead, ClassBatches, Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape,
    Error, Examples, Glyphs, HeadFit, ImageSet, Learned, Learner, Mlp, Model, Nearest, Nearness, Network,
    Norm, NormMode, Optimizer, Progress, Reptile, Schedule, Sgd, Sinusoids, Split, Tape, Tasks, TrainConfig,
    TrainState, Trainable, Trainer, cross_entropy, evaluate, grad_values, meta_grad,
};

const PLAIN: Sgd = Sgd::new(0.0);
const TRACKED: NormMode = NormMode::Tracked { momentum: 0.1 };

fn glyphs() -> ImageSet {
    Glyphs::default().alphabets(1).characters_per_alphabet(8).drawers(6).size(16).generate().unwrap()
}

fn sampler(shots: usize, queries: usize) -> EpisodeSampler {
    let images = glyphs();
    let shape = EpisodeShape::new(3, shots, queries);
    EpisodeSampler::new(&images, &images.all(), shape, 4).unwrap()
}

fn conv4(ways: Option<usize>) -> Conv4 {
    Conv4::new([16, 16, 1], 4, Downsample::MaxPool, ways).unwrap()
}

fn carried() -> Reptile<Conv4> {
    Reptile::new(conv4(Some(3)), 1e-3).steps(3, 4).eval_steps(6, 4).carried()
}

fn baseline(head: BaselineHead, norm: NormMode) -> Baseline<Conv4> {
    Baseline::new(conv4(None), 8, norm).head(head)
}

/// The largest difference, relative to the largest value.
fn distance(a: &ArrayD<f64>, b: &ArrayD<f64>) -> f64 {
    let largest = b.iter().fold(0f64, |m, v| m.max(v.abs()));
    a.iter().zip(b).fold(0f64, |m, (a, b)| m.max((a - b).abs())) / largest
}

fn on_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}
