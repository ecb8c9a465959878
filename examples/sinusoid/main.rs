//! Few-shot regression: the sinusoids of the MAML paper (Finn, Abbeel and Levine 2017, section 5.1), by any learner that
//! adapts by gradients.
//!
//! A task is a sine curve of some amplitude and phase, seen at ten points. After meta-training, one
//! gradient step on those points turns a 1-40-40-1 network into the curve; an untrained network
//! that takes the same steps gets nowhere.
//!
//! ```text
//! cargo run --example sinusoid
//! cargo run --example sinusoid -- --learner meta-sgd --shots 5 --iterations 70000
//! cargo run --example sinusoid -- --data gaussian-process --learner cavia
//! ```
//!
//! Takes 20 to 30 seconds on two cores; Ctrl-C ends training early and shows what there is. Expect a mean squared error of about 0.4 after one step
//! and 0.12 after ten, from 3 before, where the untrained network stays at 4; writes `out/sinusoid/curves.svg`.
//! Draws of a Gaussian process come with the error that no learner can expect to be below.

mod learners;
mod plot;
mod settings;
mod tasks;

use std::fs;
use std::process::ExitCode;

use clap::Parser;
use innerloop::{
    Adam, Error, Learned, ProgressLines, Result, Run, Sgd, StepReport, TrainConfig, Trainable, Trainer,
    evaluate, stop_on_signals,
};
use settings::{Named, Settings};
use tasks::Regression;

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
    let learner = learners::new(settings, settings.eval_steps)?;
    let Settings { shots, meta_batch, eval_tasks, seed, iterations, .. } = *settings;
    let (tasks, unseen) = (tasks::training(settings), tasks::unseen(settings));
    let mut config = TrainConfig::new(meta_batch, learners::outer_lr(settings), iterations).seed(seed);
    (config.clip_norm, config.skip_diverged) = (settings.clip_norm, settings.skip_diverged);
    let learner: &dyn Trainable<f32> = &learner;
    let optimizer: Box<dyn innerloop::Optimizer<f32>> = match settings.learner {
        Named::Reptile => Box::new(Sgd::new(0.0)),
        _ => Box::new(Adam::default()),
    };
    let mut trainer = Trainer::new(learner, optimizer, config)?;

    let untrained = losses(settings, &unseen, trainer.learned())?;
    println!("{:?} on {:?}, {shots} shots, 1-40-40-1 network,", settings.learner, settings.data);
    println!("{iterations} meta-steps of {meta_batch} tasks, seed {seed}\n");
    let mut progress = ProgressLines::new("training").iterations(iterations);
    trainer.run(&tasks, &Run::new().stop_when(stop_on_signals()?), &mut progress)?;
    let trained = losses(settings, &unseen, trainer.learned())?;

    println!("\nmean squared error on {eval_tasks} unseen tasks, with 95 % intervals");
    println!("{:20}{:>16}{:>16}", "", "meta-trained", "untrained");
    let cell = |report: &StepReport| {
        let loss = report.inductive.loss;
        format!("{:.3} ± {:.3}", loss.mean, loss.interval)
    };
    for ((name, trained), (_, untrained)) in trained.iter().zip(&untrained) {
        println!("{name:20}{:>16}{:>16}", cell(trained), cell(untrained));
    }
    if let Some(best) = tasks::best(settings)? {
        println!("{:20}{best:>16.3}", "no learner below");
    }

    let panels = (0..4)
        .map(|i| plot::Panel::new(settings, trainer.learned(), &unseen, i))
        .collect::<Result<Vec<_>>>()?;
    let path = settings.out.join("curves.svg");
    let partial = settings.out.join("curves.svg.partial");
    fs::create_dir_all(&settings.out)
        .and_then(|()| fs::write(&partial, plot::draw(&panels, settings.eval_steps)))
        .and_then(|()| fs::rename(&partial, &path))
        .map_err(|source| Error::Io { path: path.clone(), source })?;
    println!("\nwrote {}", path.display());
    Ok(())
}

/// The mean squared error on unseen tasks after none, 1, 5 and 10 inner steps.
fn losses(
    settings: &Settings,
    unseen: &Regression,
    learned: &Learned<f32>,
) -> Result<Vec<(String, StepReport)>> {
    let after = |steps| evaluate(&learners::new(settings, steps)?, learned, unseen, settings.eval_tasks);
    let most = after(settings.eval_steps)?;
    if settings.learner == Named::MetaLstm {
        return Ok(vec![("adapted".into(), most[0])]); // by as many steps as it was trained for
    }
    let counted = most.len() == settings.eval_steps + 1; // or else an evaluation reports its last step alone
    let steps = [0, 1, 5, 10].into_iter().filter(|steps| *steps <= settings.eval_steps);
    let row = |steps: usize| {
        let name = match steps {
            0 => "before adaptation".into(),
            1 => "after 1 step".into(),
            steps => format!("after {steps} steps"),
        };
        Ok((name, if counted { most[steps] } else { after(steps)?[0] }))
    };
    steps.map(row).collect()
}
