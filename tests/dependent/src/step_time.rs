//! Seconds per meta-step, as a crate that depends on innerloop sees them: run it with and
//! without `--release` and compare. Prints the median of each configuration in µs.
//!
//!     cargo run --bin step_time && cargo run --release --bin step_time

use std::time::Instant;

use innerloop::ndarray::ArrayD;
use innerloop::{
    Adam, Conv4, Downsample, Episode, Error, Examples, Learned, Maml, Mlp, NormMode, Optimizer, Order,
    Progress, Sinusoids, Tasks, Trainable, meta_grad,
};

/// Numbers in -1..1 without pattern.
fn waves(shape: &[usize], seed: u64) -> ArrayD<f32> {
    let mut i = seed as f32;
    ArrayD::from_shape_simple_fn(shape, || {
        i += 1.0;
        (i * 12.9898).sin()
    })
}

fn labelled(n: usize, seed: u64) -> Examples<f32> {
    Examples::labelled(waves(&[n, 28, 28, 1], seed), (0..n).map(|i| i % 5).collect(), 5)
}

/// The median time of a meta-step with its outer update, in µs.
fn time(learner: &impl Trainable<f32>, episodes: &[Episode<f32>], steps: usize) -> Result<f64, Error> {
    let mut learned = Learned::from(learner.init(0));
    let mut state = Adam::default().init(&learned.params);
    let rates = vec![1e-3; learned.params.len()];
    let mut step = || -> Result<f64, Error> {
        let start = Instant::now();
        let meta = meta_grad(learner, &learned, episodes, &Progress::default())?;
        Adam::default().update(&rates, &mut learned.params, &meta.grads, &mut state);
        Ok(1e6 * start.elapsed().as_secs_f64())
    };
    for _ in 0..steps / 4 {
        step()?; // buffers, plans, threads
    }
    let mut times = (0..steps).map(|_| step()).collect::<Result<Vec<_>, _>>()?;
    times.sort_by(f64::total_cmp);
    Ok(times[steps / 2])
}

fn main() -> Result<(), Error> {
    let strided = Conv4::new([28, 28, 1], 64, Downsample::Stride, Some(5))?;
    let finn = Maml::new(strided, 0.4, Order::Second, NormMode::Batch);
    let sinusoid = Maml::new(Mlp::new(&[1, 40, 40, 1])?, 0.01, Order::Second, NormMode::Batch);
    let images = (0..32u64).map(|i| Episode::new(labelled(5, 2 * i), labelled(5, 2 * i + 1)));
    let images = images.collect::<Result<Vec<_>, _>>()?;
    let tasks = Sinusoids::new(10, 10, 0);
    let curves: Vec<Episode<f32>> = (0..25).map(|i| tasks.task(i)).collect();
    // inside the pool, so that no step waits for it to wake up
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    pool.install(|| {
        println!("omniglot-5w1s-finn {:.1}", time(&finn, &images, 31)?);
        println!("sinusoid {:.1}", time(&sinusoid, &curves, 4001)?);
        Ok(())
    })
}
