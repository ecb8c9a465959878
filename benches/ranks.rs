//! What sharing a meta-step out over ranks costs: to be run under `mpirun`, with 1, 2, … ranks.
//!
//!     cargo bench --features mpi --bench ranks --no-run    # says where the program is
//!     RAYON_NUM_THREADS=1 mpirun -n 2 target/release/deps/ranks-…
//!
//! Prints medians of rank 0: the time of a meta-step, of it in calls of MPI (waiting for the other ranks included),
//! and the bytes that a rank hands to MPI; then the same with a learner that computes nothing, which leaves what the sum
//! and the update cost; and the bare cost of telling every rank each task's gradient, which is the alternative.

mod common;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use common::Config;
use innerloop::ndarray::ArrayD;
use innerloop::{
    Adam, Adapted, Episode, Error, Examples, Init, Learned, Learner, Lesson, Order, ParamSpec, Progress,
    Ranks, Result, Route, Score, Sinusoids, Tasks, TrainConfig, Trainable, Trainer, World,
};

/// Ranks whose calls are counted.
#[derive(Debug)]
struct Counted<'w> {
    world: &'w World,
    bytes: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Counted<'_> {
    fn count<R>(&self, bytes: usize, call: impl FnOnce(&World) -> R) -> R {
        let start = Instant::now();
        let result = call(self.world);
        self.nanoseconds.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        result
    }

    /// Bytes and seconds since the last time.
    fn taken(&self) -> [f64; 2] {
        let seconds = 1e-9 * self.nanoseconds.swap(0, Ordering::Relaxed) as f64;
        [self.bytes.swap(0, Ordering::Relaxed) as f64, seconds]
    }
}

impl Ranks for Counted<'_> {
    fn rank(&self) -> usize {
        self.world.rank()
    }

    fn size(&self) -> usize {
        self.world.size()
    }

    fn send(&self, to: usize, bytes: &[u8]) -> Result<()> {
        self.count(bytes.len(), |world| world.send(to, bytes))
    }

    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        self.count(0, |world| world.receive(from, bytes))
    }

    fn broadcast(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        let own = if from == self.rank() { bytes.len() } else { 0 };
        self.count(own, |world| world.broadcast(from, bytes))
    }

    fn all_gather(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        self.count(bytes.len(), |world| world.all_gather(bytes))
    }
}

/// A learner that computes nothing: each lesson is the same gradient.
#[derive(Debug)]
struct Idle(usize);

impl Learner<f32> for Idle {
    fn specs(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::new("w", &[self.0], Init::Constant(0.0))]
    }

    fn check(&self, _: &'static str, _: &Examples<f32>) -> Result<()> {
        Ok(())
    }

    fn adapt(&self, _: &Learned<f32>, _: &Examples<f32>) -> Result<Adapted<f32>> {
        Err(Error::own("it only costs"))
    }

    fn predict(&self, _: &Adapted<f32>, _: &ArrayD<f32>) -> Result<ArrayD<f32>> {
        Err(Error::own("it only costs"))
    }
}

impl Trainable<f32> for Idle {
    fn lesson(&self, _: &Learned<f32>, _: &Episode<f32>, _: &Progress) -> Result<Lesson<f32>> {
        let grad = ArrayD::from_elem(vec![self.0], 0.1);
        Ok(Lesson::new(Score { loss: 1.0, accuracy: None }, vec![grad]))
    }
}

/// The episodes of a configuration.
struct Episodes(Config);

impl Tasks<Episode<f32>> for Episodes {
    fn task(&self, i: u64) -> Episode<f32> {
        self.0.episode(i % 64)
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// Seconds, seconds in MPI, and bytes per meta-step.
fn measure(
    world: &World,
    learner: &impl Trainable<f32>,
    source: &impl Tasks<Episode<f32>>,
    tasks: usize,
    steps: usize,
) -> Result<[f64; 3]> {
    let ranks = Counted { world, bytes: AtomicU64::new(0), nanoseconds: AtomicU64::new(0) };
    let config = TrainConfig::new(tasks, 1e-4, 1000);
    let mut trainer = Trainer::new(learner, Adam::default(), config)?.across(&ranks);
    let mut samples = [const { Vec::new() }; 3];
    for step in 0..=steps {
        let log = trainer.step(source)?;
        let [bytes, in_mpi] = ranks.taken();
        if step > 0 {
            samples.iter_mut().zip([log.seconds, in_mpi, bytes]).for_each(|(list, v)| list.push(v));
        }
    }
    Ok(samples.map(median))
}

fn main() -> ExitCode {
    World::run(|world| {
        let size = world.size();
        let say = |line: String| {
            if world.rank() == 0 {
                println!("{line}");
            }
        };
        say(format!("{size} ranks; ms per meta-step, of it in MPI, KiB handed to MPI by rank 0"));
        let row = |name: String, [seconds, in_mpi, bytes]: [f64; 3]| {
            say(format!("{name:<44} {:>9.3} {:>9.3} {:>9.1}", 1e3 * seconds, 1e3 * in_mpi, bytes / 1024.0));
        };
        for (name, steps) in [("sinusoid", 500), ("omniglot-5w1s-finn", 30), ("omniglot-5w1s", 7)] {
            let config = Config::named(name).expect("a configuration of the benches");
            let learner = config.maml(Order::Second, Route::Unrolled);
            row(
                format!("{name}, {} tasks", config.tasks),
                measure(world, &learner, &Episodes(config), config.tasks, steps)?,
            );
        }
        for params in [112_000, 1_000_000, 10_000_000] {
            let steps = 30_000_000 / (params + 500_000);
            let source = Sinusoids::new(1, 1, 0);
            row(
                format!("nothing, {params} parameters, 32 tasks"),
                measure(world, &Idle(params), &source, 32, steps)?,
            );
            if params <= 1_000_000 && size > 1 {
                let own = vec![1u8; 4 * params * 32 / size];
                let times = (0..steps).map(|_| {
                    let start = Instant::now();
                    world.all_gather(&own)?;
                    Ok(start.elapsed().as_secs_f64())
                });
                let seconds = median(times.collect::<Result<_>>()?);
                row("bare gathering of its 32 gradients".into(), [seconds, seconds, own.len() as f64]);
            }
        }
        Ok(())
    })
}
