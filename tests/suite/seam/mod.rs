//! What all learners share: the inner loop with each of its settings, the statistics of norms, the state that training
//! carries along, files, and learners of a program's own.

mod inner_loop;
mod own;
mod predictions;
mod state;
mod support;
mod switches;
mod training;

use crate::tasks;
use innerloop::ndarray::ArrayD;
use innerloop::{Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape, Glyphs, Learned, Learner, Real};
use innerloop::{Progress, Trainable};

/// Meta-parameters off their initial values, where scales are equal and shifts are zero, and the initial state.
fn moved<T: Real>(learner: &dyn Learner<T>) -> Learned<T> {
    let away =
        |(i, p): (u64, ArrayD<T>)| &p + &tasks::noise::<T>(p.shape(), 77 + i).mapv(|v| v * T::from_f64(0.1));
    let params = (0..).zip(learner.init(5)).map(away).collect();
    Learned { params, state: innerloop::init_params(&learner.state(), 0) }
}

/// The largest relative error of a learner's slopes along random directions.
fn slope_error(
    learner: &impl Trainable<f64>,
    learned: &Learned<f64>,
    episode: &Episode<f64>,
    at: &Progress,
) -> f64 {
    const STEP: f64 = 1e-7; // inner gradients jump at kinks of relu and max-pool: cross none
    let grads = learner.lesson(learned, episode, at).unwrap().grads;
    let error = |seed: u64| {
        let direction: Vec<ArrayD<f64>> =
            learned.params.iter().zip(100 * seed..).map(|(p, i)| tasks::noise(p.shape(), i)).collect();
        let loss = |step: f64| {
            let params = learned.params.iter().zip(&direction).map(|(p, d)| p + step * d).collect();
            let moved = Learned { params, state: learned.state.clone() };
            learner.lesson(&moved, episode, at).unwrap().score.loss
        };
        let difference = (loss(STEP) - loss(-STEP)) / (2.0 * STEP);
        let rule: f64 = grads.iter().zip(&direction).map(|(g, d)| (g * d).sum()).sum();
        (rule / difference - 1.0).abs()
    };
    (1..4).map(error).fold(0.0, f64::max)
}

/// 3-way 1-shot episodes of drawn glyphs, 16x16.
fn glyphs() -> EpisodeSampler {
    let glyphs = Glyphs::default().alphabets(1).characters_per_alphabet(8).drawers(6).size(16);
    let images = glyphs.generate().unwrap();
    let shape = EpisodeShape::new(3, 1, 2);
    EpisodeSampler::new(&images, &images.all(), shape, 4).unwrap()
}

/// An embedding of 16x16 images.
fn embedding() -> Conv4 {
    tasks::small_conv4(Downsample::MaxPool).embedding()
}
