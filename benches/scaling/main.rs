//! How the cost of a task's exact meta-gradient grows with the meta-batch and with the inner steps:
//! a table and a picture.
//!
//!     cargo bench --bench scaling -- --config omniglot-5w1s-finn --steps-config omniglot-5w1s
//!
//! Second order, unrolled. Every figure is a wall time of `meta_grad` divided by its number of tasks, the median
//! of some rounds; a round measures everything once, so that a slow stretch of the machine spreads over
//! all. Without arguments it measures the sinusoid, which takes a few seconds.

#[path = "../common/mod.rs"]
mod common;
mod fit;
mod plot;

use std::error::Error;
use std::fs;
use std::iter;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use common::{CONFIGS, Config, Net, pool};
use fit::Line;
use innerloop::{Episode, Learned, Learner, Maml, Order, Progress, Route, meta_grad};
use plot::{Growth, Panel, Series, draw};

/// Milliseconds per task by the number of tasks and by the number of inner steps.
#[derive(Debug, Parser)]
struct Arguments {
    /// A configuration of `benches/common`.
    #[arg(long, default_value = "sinusoid", value_parser = named)]
    config: Config,
    /// The configuration whose inner steps are varied [default: the same]
    #[arg(long, value_parser = named)]
    steps_config: Option<Config>,
    /// Tasks are 1, 2, 4, … up to this.
    #[arg(long, default_value = "256")]
    max_tasks: NonZeroUsize,
    /// Inner steps are 1, 2, 3, … up to this.
    #[arg(long, default_value = "20")]
    max_steps: NonZeroUsize,
    /// Tasks at each number of inner steps.
    #[arg(long, default_value = "4")]
    tasks: NonZeroUsize,
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<usize>,
    /// Times that everything is measured.
    #[arg(long, default_value = "5")]
    rounds: NonZeroUsize,
    /// The picture, an SVG file.
    #[arg(long, default_value = "target/scaling.svg")]
    out: PathBuf,
    /// Passed by `cargo bench`; means nothing here.
    #[arg(long, hide = true)]
    bench: bool,
}

fn named(name: &str) -> Result<Config, String> {
    Config::named(name).ok_or_else(|| format!("the names are {}", CONFIGS.map(|c| c.name).join(", ")))
}

/// Milliseconds per task, from as many calls as fill a few milliseconds.
fn ms_per_task(learner: &Maml<Net>, episodes: &[Episode<f32>]) -> innerloop::Result<f64> {
    let learned = Learned::from(learner.init(0));
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_millis(5) {
        meta_grad(learner, &learned, episodes, &Progress::default())?;
        calls += 1;
    }
    Ok(1e3 * start.elapsed().as_secs_f64() / (calls * episodes.len()) as f64)
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// A line of medians for each number of threads; a point is a configuration and its number of tasks.
fn measured(args: &Arguments, points: &[(Config, usize)]) -> innerloop::Result<Vec<Vec<f64>>> {
    let most = points.iter().map(|(_, tasks)| *tasks).max().unwrap_or_default();
    let episodes: Vec<_> = (0..most as u64).map(|i| points[0].0.episode(i)).collect();
    let pools: Vec<_> = args.threads.iter().map(|&threads| pool(threads)).collect();
    let mut samples = vec![vec![Vec::new(); points.len()]; pools.len()];
    for _ in 0..args.rounds.get() {
        for (at, (config, tasks)) in points.iter().enumerate() {
            let learner = config.maml(Order::Second, Route::Unrolled);
            for (pool, line) in pools.iter().zip(&mut samples) {
                line[at].push(pool.install(|| ms_per_task(&learner, &episodes[..*tasks]))?);
            }
        }
    }
    Ok(samples.iter_mut().map(|line| line.iter_mut().map(|point| median(point)).collect()).collect())
}

/// Measures at each `x` and prints what came out; `point` is the configuration and the number of tasks.
fn panel(
    args: &Arguments,
    (title, x_name, growth): (String, &'static str, Growth),
    x: Vec<usize>,
    point: impl Fn(usize) -> (Config, usize),
) -> innerloop::Result<Panel> {
    let points: Vec<_> = x.iter().map(|&x| point(x)).collect();
    let name = |threads: usize| format!("{threads} thread{}", if threads > 1 { "s" } else { "" });
    let lines = args.threads.iter().zip(measured(args, &points)?);
    let series = lines.map(|(&threads, ms)| Series { name: name(threads), ms }).collect();
    let panel = Panel { title, x_name, growth, x, series };
    print(&panel);
    Ok(panel)
}

fn print(panel: &Panel) {
    println!("\n{}: ms per task", panel.title);
    print!("{:>12}", panel.x_name);
    panel.series.iter().for_each(|s| print!("{:>12}", s.name));
    for (at, x) in panel.x.iter().enumerate() {
        print!("\n{x:>12}");
        panel.series.iter().for_each(|s| print!("{:>12.4}", s.ms[at]));
    }
    println!();
    for s in &panel.series {
        if let Some(Line { at_zero, slope, r2 }) = panel.fit(s) {
            println!("{}: {at_zero:.4} ms + {slope:.4} ms per step, R² {r2:.4}", s.name);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Arguments::parse();
    println!("second order, unrolled; medians of {} rounds", args.rounds);

    let config = args.config;
    let title = format!("{}, inner steps: {}", config.name, config.steps);
    let doubled =
        iter::successors(Some(1), |tasks| Some(2 * tasks)).take_while(|&n| n <= args.max_tasks.get());
    let tasks = panel(&args, (title, "tasks", Growth::Doubling), doubled.collect(), |tasks| (config, tasks))?;

    let config = args.steps_config.unwrap_or(config);
    let title = format!("{}, tasks: {}", config.name, args.tasks);
    let counted = (1..=args.max_steps.get()).collect();
    let steps = panel(&args, (title, "inner steps", Growth::Counting), counted, |steps| {
        (Config { steps, ..config }, args.tasks.get())
    })?;

    if let Some(folder) = args.out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&args.out, draw("Time of an exact meta-gradient (second order)", &[tasks, steps])?)?;
    println!("\nwrote {}", args.out.display());
    Ok(())
}
