//! Random tasks, learners and distances that several test files share.
#![allow(dead_code)] // each test file uses its part

pub mod echo;

use innerloop::ndarray::ArrayD;
use innerloop::{
    Conv4, Downsample, Episode, Examples, Maml, Mlp, NormMode, Order, Progress, Real, Sinusoids, Tasks,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Standard normal numbers, the same for the same seed and shape.
pub fn noise<T: Real>(shape: &[usize], seed: u64) -> ArrayD<T> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(shape, || {
        let unit: f64 = StandardNormal.sample(&mut rng);
        T::from_f64(unit)
    })
}

/// `n` random inputs labelled 0, 1, … in turn.
pub fn labelled<T: Real>(input: &[usize], ways: usize, each: usize, seed: u64) -> Examples<T> {
    let n = ways * each;
    let x = noise(&[&[n], input].concat(), seed);
    Examples::labelled(x, (0..n).map(|i| i % ways).collect(), ways)
}

/// A classification episode of random inputs: 1 shot and 2 queries per class.
pub fn random_episode<T: Real>(input: &[usize], ways: usize, seed: u64) -> Episode<T> {
    let (support, query) = (labelled(input, ways, 1, 2 * seed), labelled(input, ways, 2, 2 * seed + 1));
    Episode::new(support, query).unwrap()
}

/// 16x16 images, 3 filters, 3 ways: every kind of layer, milliseconds per task.
pub fn small_conv4(downsample: Downsample) -> Conv4 {
    Conv4::new([16, 16, 1], 3, downsample, Some(3)).unwrap()
}

pub fn sinusoid_mlp() -> Mlp {
    Mlp::new(&[1, 40, 40, 1]).unwrap()
}

/// Two exact inner steps at rate 0.1, in training and in evaluation.
pub fn maml<M>(model: M) -> Maml<M> {
    maml_at(model, 0.1)
}

/// The same at another rate.
pub fn maml_at<M>(model: M, inner_lr: f64) -> Maml<M> {
    Maml::new(model, inner_lr, Order::Second, NormMode::Batch).steps(2)
}

/// The same learner with other statistics.
pub fn with_norm<M, R>(mut learner: Maml<M, R>, norm: NormMode) -> Maml<M, R> {
    learner.norm = norm;
    learner
}

/// A sinusoid task: 10 points in each set.
pub fn sinusoid_task<T: Real>(i: u64) -> Episode<T>
where
    Sinusoids: Tasks<Episode<T>>,
{
    Sinusoids::new(10, 10, 1).task(i)
}

/// The first task of the only meta-step of a training.
pub fn start() -> Progress {
    Progress::default()
}

/// `‖a − b‖/‖b‖` over all arrays together.
pub fn distance<T: Real>(a: &[ArrayD<T>], b: &[ArrayD<T>]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |v: f64| v * v;
    let mut sums = (0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.shape(), b.shape());
        a.iter().zip(b).for_each(|(a, b)| {
            sums.0 += square(a.as_f64() - b.as_f64());
            sums.1 += square(b.as_f64());
        });
    }
    (sums.0 / sums.1).sqrt()
}
