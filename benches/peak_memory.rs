//! Time and peak memory of one configuration. Peak memory belongs to a process, so each number of steps
//! needs a call of its own:
//!
//!     for k in 1 5 20; do cargo bench --bench peak_memory -- --config omniglot-5w1s --route sweep --steps $k; done
//!
//! Prints one line: seconds per task (wall time over the number of tasks) and the peak resident set of the
//! process, with that before the first task. Without arguments it runs something quick.

mod common;

use std::rc::Rc;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use common::{Config, pool};
use innerloop::ndarray::ArrayD;
use innerloop::{
    Adapted, Episode, Error, Examples, Learned, Learner, Lesson, Norm, Order, ParamSpec, Progress, Query,
    Route, Trainable, Var, checkpoint, grad, meta_grad, task_loss,
};

/// Time and peak memory of the meta-gradient of one configuration.
#[derive(Debug, Parser)]
struct Arguments {
    /// A configuration of `benches/common`.
    #[arg(long, default_value = "omniglot-5w1s-finn")]
    config: String,
    #[arg(long, value_enum, default_value_t = Way::Unrolled)]
    route: Way,
    /// Inner steps [default: the configuration's]
    #[arg(long)]
    steps: Option<usize>,
    /// Tasks to take the meta-gradient of.
    #[arg(long, default_value_t = 2)]
    tasks: u64,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Passed by `cargo bench`; means nothing here.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How the meta-gradient is computed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Way {
    /// Second order, all steps on one tape.
    Unrolled,
    /// Second order, one step's graph at a time.
    Sweep,
    /// First order.
    First,
    /// Second order, each inner step recomputed by `checkpoint` instead of kept.
    Checkpoint,
}

/// MAML of second order whose inner steps are checkpoints.
#[derive(Debug)]
struct Checkpointed(Config);

impl Checkpointed {
    fn query<'t>(&self, theta: &[Var<'t, f32>], episode: &Episode<f32>) -> Query<'t, f32> {
        let (model, support, lr) =
            (Rc::new(self.0.model()), Rc::new(episode.support.clone()), self.0.inner_lr);
        let mut phi = theta.to_vec();
        for _ in 0..self.0.steps {
            let (model, support) = (Rc::clone(&model), Rc::clone(&support));
            phi = checkpoint(&phi, move |phi| {
                let logits = model.forward(phi, phi[0].tape().leaf(&support.x), Norm::Batch);
                let g = grad(task_loss(logits, &support.y), phi);
                phi.iter().zip(g).map(|(&p, g)| p.minus_scaled(lr, g)).collect()
            });
        }
        let outputs = model.forward(&phi, theta[0].tape().leaf(&episode.query.x), Norm::Batch);
        Query::new(outputs, &episode.query.y)
    }
}

impl Learner<f32> for Checkpointed {
    fn specs(&self) -> Vec<ParamSpec> {
        self.0.model().specs()
    }

    fn check(&self, set: &'static str, examples: &Examples<f32>) -> Result<(), Error> {
        examples.check(set)
    }

    fn adapt(&self, _: &Learned<f32>, _: &Examples<f32>) -> Result<Adapted<f32>, Error> {
        Err(Error::own("this learner is only for its meta-gradient"))
    }

    fn predict(&self, _: &Adapted<f32>, _: &ArrayD<f32>) -> Result<ArrayD<f32>, Error> {
        Err(Error::own("this learner is only for its meta-gradient"))
    }
}

impl Trainable<f32> for Checkpointed {
    fn lesson(
        &self,
        learned: &Learned<f32>,
        episode: &Episode<f32>,
        _: &Progress,
    ) -> Result<Lesson<f32>, Error> {
        Lesson::of_query(&learned.params, &episode.query.y, &|theta| Ok(self.query(theta, episode)))
    }
}

/// A line of `/proc/self/status` in MiB, where there is one.
fn status_mib(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|l| l.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.map_or_else(|| "unknown".into(), |kib| format!("{:.1}", kib / 1024.0))
}

fn main() {
    let args = Arguments::parse();
    let Some(config) = Config::named(&args.config) else {
        let names = common::CONFIGS.map(|c| c.name).join(", ");
        eprintln!("there is no configuration {:?}; the names are {names}", args.config);
        std::process::exit(2);
    };
    let steps = args.steps.unwrap_or(config.steps);
    let config = Config { steps, ..config };
    let learner: Box<dyn Trainable<f32>> = match args.route {
        Way::Unrolled => Box::new(config.maml(Order::Second, Route::Unrolled)),
        Way::Sweep => Box::new(config.maml(Order::Second, Route::Sweep)),
        Way::First => Box::new(config.maml(Order::First, Route::Unrolled)),
        Way::Checkpoint => Box::new(Checkpointed(config)),
    };
    let learned = Learned::from(learner.init(0));
    let episodes: Vec<_> = (0..args.tasks).map(|i| config.episode(i)).collect();
    let base = status_mib("VmHWM");
    let start = Instant::now();
    let result =
        pool(args.threads).install(|| meta_grad(&learner, &learned, &episodes, &Progress::default()));
    let seconds = start.elapsed().as_secs_f64() / args.tasks as f64;
    if let Err(error) = result {
        eprintln!("{error}");
        std::process::exit(1);
    }
    println!(
        "config={} route={:?} steps={steps} tasks={} threads={} seconds_per_task={seconds:.4} peak_mib={} base_mib={base}",
        config.name,
        args.route,
        args.tasks,
        args.threads,
        status_mib("VmHWM"),
    );
}
