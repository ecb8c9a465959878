//! The configurations that the benches share, under the names of the comparisons with other libraries.
#![allow(dead_code)] // each bench uses its part

use innerloop::ndarray::ArrayD;
use innerloop::{
    Conv4, Downsample, Episode, Examples, Maml, Mlp, Model, NormMode, Order, Route, Sinusoids, Tasks,
};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// Any network, so that all configurations are of one type.
pub type Net = Box<dyn Model<f32>>;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    pub name: &'static str,
    /// Height, width and channels; `None` for the sinusoid.
    pub image: Option<[usize; 3]>,
    pub filters: usize,
    pub downsample: Downsample,
    pub ways: usize,
    pub shots: usize,
    /// Query examples of each class.
    pub queries: usize,
    pub steps: usize,
    pub inner_lr: f64,
    /// Tasks in a meta-batch.
    pub tasks: usize,
}

const OMNIGLOT: Config = Config {
    name: "omniglot-5w1s",
    image: Some([28, 28, 1]),
    filters: 64,
    downsample: Downsample::MaxPool,
    ways: 5,
    shots: 1,
    queries: 15,
    steps: 5,
    inner_lr: 0.4,
    tasks: 32,
};

/// From light to heavy as far as the names go; `sinusoid` is a 1-40-40-1 network.
pub const CONFIGS: [Config; 6] = [
    Config {
        name: "sinusoid",
        image: None,
        ways: 0,
        shots: 10,
        queries: 10,
        steps: 1,
        inner_lr: 0.01,
        tasks: 25,
        ..OMNIGLOT
    },
    Config { name: "omniglot-5w1s-finn", downsample: Downsample::Stride, queries: 1, steps: 1, ..OMNIGLOT },
    OMNIGLOT,
    Config { name: "omniglot-5w5s", shots: 5, ..OMNIGLOT },
    Config { name: "omniglot-20w1s", ways: 20, inner_lr: 0.1, tasks: 16, ..OMNIGLOT },
    Config {
        name: "miniimagenet-5w1s",
        image: Some([84, 84, 3]),
        filters: 32,
        inner_lr: 0.01,
        tasks: 4,
        ..OMNIGLOT
    },
];

impl Config {
    /// The row called `name`.
    pub fn named(name: &str) -> Option<Config> {
        CONFIGS.into_iter().find(|c| c.name == name)
    }

    pub fn model(&self) -> Net {
        match self.image {
            Some(image) => {
                Box::new(Conv4::new(image, self.filters, self.downsample, Some(self.ways)).unwrap())
            }
            None => Box::new(Mlp::new(&[1, 40, 40, 1]).unwrap()),
        }
    }

    pub fn maml(&self, order: Order, route: Route) -> Maml<Net> {
        self.maml_of(self.model(), self.inner_lr, order, route)
    }

    /// The same with another network and rate.
    pub fn maml_of(&self, model: Net, inner_lr: f64, order: Order, route: Route) -> Maml<Net> {
        Maml::new(model, inner_lr, order, NormMode::Batch).steps(self.steps).route(route)
    }

    /// Task number `i`: a sinusoid, or random images with pixels in -1..1 and labels in turn.
    pub fn episode(&self, i: u64) -> Episode<f32> {
        let Some(image) = self.image else {
            return Sinusoids::new(self.shots, self.queries, 0).task(i);
        };
        let examples = |each, seed| labelled(image, self.ways, each, seed);
        Episode::new(examples(self.shots, 2 * i), examples(self.queries, 2 * i + 1)).unwrap()
    }

    pub fn meta_batch(&self) -> Vec<Episode<f32>> {
        (0..self.tasks as u64).map(|i| self.episode(i)).collect()
    }
}

/// Random images of `ways` classes with labels in turn.
pub fn labelled(image: [usize; 3], ways: usize, each: usize, seed: u64) -> Examples<f32> {
    let n = ways * each;
    let x = uniform(&[&[n], &image[..]].concat(), seed);
    Examples::labelled(x, (0..n).map(|i| i % ways).collect(), ways)
}

/// Numbers in -1..1, the same for the same seed and shape.
pub fn uniform(shape: &[usize], seed: u64) -> ArrayD<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(shape, || (rng.next_u32() as f32 / u32::MAX as f32) * 2.0 - 1.0)
}

/// A pool of `threads` to run a bench in.
pub fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}
