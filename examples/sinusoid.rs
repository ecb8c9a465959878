//! Few-shot regression: the sinusoids of the MAML paper (Finn, Abbeel and Levine 2017, section 5.1).
//!
//! A task is a sine curve of some amplitude and phase, seen at ten points. After meta-training, one
//! gradient step on those points turns a 1-40-40-1 network into the curve; an untrained network
//! that takes the same steps gets nowhere.
//!
//! ```text
//! cargo run --example sinusoid
//! cargo run --example sinusoid -- --shots 5 --iterations 70000
//! ```
//!
//! Takes 20 to 30 seconds on two cores. Expect a mean squared error of about 0.4 after one step
//! and 0.12 after ten, from 3 before, where the untrained network stays at 4; writes `out/sinusoid/curves.svg`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use innerloop::ndarray::{Array, ArrayD};
use innerloop::{
    Adam, Episode, Error, Learned, Learner, Maml, Mlp, NormMode, Order, Result, Sinusoids, StepReport, Tasks,
    TrainConfig, Trainer, evaluate,
};
use plotters::prelude::*;

/// MAML on sinusoids. The defaults are those of the paper, except for the number of iterations (70,000 there).
#[derive(Debug, Parser)]
struct Settings {
    /// Meta-steps
    #[arg(long, default_value_t = 30_000)]
    iterations: u64,
    /// Points to adapt to
    #[arg(long, default_value_t = 10)]
    shots: usize,
    /// Tasks per meta-step
    #[arg(long, default_value_t = 25)]
    meta_batch: usize,
    /// Rate of the inner gradient descent
    #[arg(long, default_value_t = 0.01)]
    inner_lr: f64,
    /// Inner steps in training
    #[arg(long, default_value_t = 1)]
    inner_steps: usize,
    /// Adam's rate in the outer loop
    #[arg(long, default_value_t = 1e-3)]
    outer_lr: f64,
    /// Unseen tasks to evaluate on
    #[arg(long, default_value_t = 600)]
    eval_tasks: u64,
    /// Seed of initial parameters and tasks
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for the picture
    #[arg(long, default_value = "out/sinusoid")]
    out: PathBuf,
}

const EVAL_STEPS: usize = 10;
const EVAL_SEED: u64 = 1 << 32; // tasks that no small training seed draws

fn main() -> ExitCode {
    match run(&Settings::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(settings: &Settings) -> Result<()> {
    let &Settings { shots, meta_batch, inner_lr, inner_steps, outer_lr, eval_tasks, seed, .. } = settings;
    // the network has no norms, so their mode makes no difference
    let maml = Maml::new(Mlp::new(&[1, 40, 40, 1])?, inner_lr, Order::Second, NormMode::Batch)
        .steps(inner_steps)
        .eval_steps(EVAL_STEPS);
    let tasks = Sinusoids::new(shots, 10, seed);
    let unseen = Sinusoids::new(shots, 100, EVAL_SEED);
    let config = TrainConfig::new(meta_batch, outer_lr, settings.iterations).seed(seed);
    let mut trainer = Trainer::<f32, _, _>::new(&maml, Adam::default(), config)?;

    let untrained = evaluate(&maml, trainer.learned(), &unseen, eval_tasks)?;
    println!(
        "MAML on sinusoids: {shots} shots, 1-40-40-1 network, {inner_steps} inner step(s) of {inner_lr},"
    );
    println!("{} meta-steps of {meta_batch} tasks, seed {seed}\n", settings.iterations);
    let (mut loss, mut seconds) = (0.0, 0.0);
    let report_every = (settings.iterations / 10).max(1);
    for _ in 0..settings.iterations {
        let log = trainer.step(&tasks)?;
        (loss, seconds) = (loss + log.loss, seconds + log.seconds);
        if log.iteration % report_every == 0 {
            let mean = loss / report_every as f64;
            println!("meta-step {:6}: squared error {mean:.3}, {seconds:.0} s", log.iteration);
            loss = 0.0;
        }
    }
    let trained = evaluate(&maml, trainer.learned(), &unseen, eval_tasks)?;

    println!("\nmean squared error on {eval_tasks} unseen tasks, with 95 % intervals");
    println!("{:20}{:>16}{:>16}", "", "meta-trained", "untrained");
    let cell = |report: &StepReport| {
        let loss = report.inductive.loss;
        format!("{:.3} ± {:.3}", loss.mean, loss.interval)
    };
    for (steps, name) in
        [(0, "before adaptation"), (1, "after 1 step"), (5, "after 5 steps"), (10, "after 10")]
    {
        println!("{name:20}{:>16}{:>16}", cell(&trained[steps]), cell(&untrained[steps]));
    }

    let panels =
        (0..4).map(|i| Panel::new(&maml, trainer.learned(), &unseen, i)).collect::<Result<Vec<_>>>()?;
    let path = settings.out.join("curves.svg");
    let partial = settings.out.join("curves.svg.partial");
    fs::create_dir_all(&settings.out)
        .and_then(|()| fs::write(&partial, draw(&panels)))
        .and_then(|()| fs::rename(&partial, &path))
        .map_err(|source| Error::Io { path: path.clone(), source })?;
    println!("\nwrote {}", path.display());
    Ok(())
}

type Points = Vec<(f64, f64)>;

/// One unseen task and what the network made of it.
struct Panel {
    amplitude: f64,
    truth: Points,
    support: Points,
    /// Predictions before adaptation, after one step, and after the last.
    predictions: [Points; 3],
}

impl Panel {
    fn new(maml: &Maml<Mlp>, learned: &Learned<f32>, tasks: &Sinusoids, i: u64) -> Result<Panel> {
        let (amplitude, phase) = tasks.curve(i);
        let episode: Episode<f32> = tasks.task(i);
        let grid = Array::linspace(-5.0, 5.0, 201);
        let x = grid.mapv(|x: f64| x as f32).into_dyn();
        let x = x.insert_axis(innerloop::ndarray::Axis(1));
        let predict = |steps| -> Result<Points> {
            let maml = maml.clone().eval_steps(steps);
            let adapted = maml.adapt(learned, &episode.support)?;
            Ok(points(&x, &maml.predict(&adapted, &x)?))
        };
        let values = episode.support.y.values().expect("a regression task");
        Ok(Panel {
            amplitude,
            truth: grid.iter().map(|&x| (x, amplitude * (x - phase).sin())).collect(),
            support: points(&episode.support.x, values),
            predictions: [predict(0)?, predict(1)?, predict(EVAL_STEPS)?],
        })
    }
}

fn points(x: &ArrayD<f32>, y: &ArrayD<f32>) -> Points {
    x.iter().zip(y).map(|(&x, &y)| (x.into(), y.into())).collect()
}

/// The panels as an SVG picture, two in a row, with a legend on top.
fn draw(panels: &[Panel]) -> String {
    let mut svg = String::new();
    paint(panels, &mut svg).expect("a string takes any drawing");
    svg
}

const GREY: RGBColor = RGBColor(150, 150, 150);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const BLUE: RGBColor = RGBColor(0, 114, 178);

fn paint(panels: &[Panel], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, (960, 720)).into_drawing_area();
    root.fill(&WHITE)?;
    let (legend, rest) = root.split_vertically(50);
    let lines = [
        (60, "true curve", BLACK.stroke_width(2)),
        (215, "before adaptation", GREY.stroke_width(2)),
        (410, "after 1 step", ORANGE.stroke_width(2)),
        (565, "after 10 steps", BLUE.stroke_width(2)),
    ];
    for (x, name, style) in lines {
        legend.draw(&PathElement::new(vec![(x, 28), (x + 30, 28)], style))?;
        legend.draw(&Text::new(name, (x + 38, 20), ("sans-serif", 17)))?;
    }
    legend.draw(&Circle::new((745, 28), 5, BLACK.filled()))?;
    legend.draw(&Text::new("support points", (757, 20), ("sans-serif", 17)))?;

    for (panel, area) in panels.iter().zip(rest.split_evenly((2, 2))) {
        let mut chart = ChartBuilder::on(&area)
            .caption(format!("amplitude {:.1}", panel.amplitude), ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(30)
            .y_label_area_size(40)
            .build_cartesian_2d(-5.0..5.0, -6.0..6.0)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(225, 225, 225))
            .label_style(("sans-serif", 16))
            .x_labels(6)
            .y_labels(7)
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.0}"))
            .draw()?;
        let [before, one, last] = &panel.predictions;
        let curves = [&panel.truth, before, one, last];
        for (curve, (.., style)) in curves.into_iter().zip(lines) {
            chart.draw_series(LineSeries::new(curve.iter().copied(), style))?;
        }
        let dot = |&at: &(f64, f64)| Circle::new(at, 5, BLACK.filled());
        chart.draw_series(panel.support.iter().map(dot))?;
    }
    root.present()?;
    drop((legend, rest));
    Ok(())
}
