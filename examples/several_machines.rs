//! One training shared out over processes, on one machine or on several, by MPI.
//!
//! MAML on generated handwriting, 5 ways, 1 shot. Any number of ranks leaves the same checkpoint, byte for byte. Stopped or
//! killed at any moment and started again with `--resume`, on as many ranks as you like, it ends with that checkpoint too.
//!
//! ```text
//! cargo build --features mpi --example several_machines
//! mpirun -n 2 target/debug/examples/several_machines
//! mpirun -n 4 --hostfile hosts target/debug/examples/several_machines --resume
//! ```
//!
//! Half a minute on two cores, and 63 % on unseen classes, transductive (guessing: 20 %). A rank uses the cores that `mpirun` gives it:
//! one if there are 2 ranks or fewer, unless you say `--map-by slot:PE=8`, for 8 cores per rank, or `--bind-to none`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use innerloop::{
    Adam, Conv4, CsvLog, Downsample, EpisodeSampler, EpisodeShape, Error, Glyphs, Maml, NormMode, Order,
    ProgressLines, Ranks, Result, Run, RunEnd, Split, TrainConfig, Trainer, Watch, World, evaluate_across,
    load_checkpoint, stop_on_signals,
};

/// Trains MAML on generated handwriting, on several ranks
#[derive(Debug, Parser)]
struct Settings {
    /// Meta-steps of 16 episodes
    #[arg(long, default_value_t = 300)]
    iterations: u64,
    /// Rate of the inner gradient descent
    #[arg(long, default_value_t = 0.4)]
    inner_lr: f64,
    /// Continue from the checkpoint in --out, which all ranks must see
    #[arg(long)]
    resume: bool,
    /// Folder for everything that is written
    #[arg(long, default_value = "out/several_machines")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let settings = Settings::parse();
    World::run(|world| train(world, &settings))
}

fn train(world: &World, settings: &Settings) -> Result<()> {
    let Settings { iterations, inner_lr, resume, out } = settings;
    fs::create_dir_all(out).map_err(|source| Error::Io { path: out.clone(), source })?;

    // every rank has the data and draws the episodes of its own tasks
    let images = Glyphs::default().generate()?;
    let split = Split::random(&images, 480, 120, true, 0)?;
    let (validation_classes, test_classes) = split.test.split_at(60);
    let shape = EpisodeShape::new(5, 1, 15);
    let train = EpisodeSampler::new(&images, &split.train, shape.queries(1), 0)?;
    let validation = EpisodeSampler::new(&images, validation_classes, shape, 1)?;
    let test = EpisodeSampler::new(&images, test_classes, shape, 2)?;

    let model = Conv4::new([28, 28, 1], 32, Downsample::Stride, Some(5))?;
    let maml = Maml::new(model, *inner_lr, Order::Second, NormMode::Batch).eval_steps(3);
    let config = TrainConfig::new(16, 1e-3, *iterations);
    let checkpoint = out.join("checkpoint.safetensors");
    let trainer = if *resume && checkpoint.exists() {
        Trainer::resume(&maml, Adam::default(), config, load_checkpoint(&checkpoint, &maml)?)?
    } else {
        Trainer::<f32, _, _>::new(&maml, Adam::default(), config)?
    };
    let mut trainer = trainer.across(world);

    // files and the terminal are the affair of rank 0
    let mut watch: Vec<Box<dyn Watch>> = Vec::new();
    if world.rank() == 0 {
        println!("{} ranks, from meta-step {} on", world.size(), trainer.iteration());
        let csv = if *resume { CsvLog::resume(out, trainer.iteration())? } else { CsvLog::create(out)? };
        let progress = ProgressLines::new("training").iterations(*iterations);
        watch = vec![Box::new(progress), Box::new(csv)];
    }
    // a signal to one rank stops all
    let run = Run::new().validate(&validation, 60, 50).checkpoint(checkpoint, 10, 20.0);
    if trainer.run(&train, &run.stop_when(stop_on_signals()?), &mut watch)? == RunEnd::Stopped {
        return Ok(()); // all is saved
    }

    let reports = evaluate_across(world, &maml, trainer.learned(), &test, 400)?;
    let accuracy = reports.last().and_then(|last| last.transductive.accuracy);
    if let (0, Some(accuracy)) = (world.rank(), accuracy) {
        println!("{accuracy:#} on test classes");
    }
    Ok(())
}
