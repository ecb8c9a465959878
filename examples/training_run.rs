//! A whole training as a program of your own would run it: validated, watched, saved, evaluated in full, and reported.
//!
//! MAML on generated handwriting, 5 ways, 1 shot. Leaves `report.html`, tables, JSON lines, a TensorBoard event file and a
//! checkpoint in the folder; run again with `--resume`, it continues from there, also after Ctrl-C. Several reports side by side:
//! `--compare`.
//!
//! ```text
//! cargo run --features report --example training_run
//! cargo run --features report --example training_run -- --inner-lr 0.1 --out out/slow
//! cargo run --features report --example training_run -- --compare out/training_run/report.html,out/slow/report.html
//! ```
//!
//! The first takes half a minute on two cores, once compiled (6 s of it training), and reaches 63 % on unseen classes,
//! transductive (guessing: 20 %).

use std::fs;
use std::path::PathBuf;

use clap::Parser;
use innerloop::{
    Adam, Conv4, CsvLog, Downsample, EpisodeSampler, EpisodeShape, Error, Evaluator, Gallery, Glyphs,
    JsonLog, Maml, NormMode, Order, PixelRange, ProgressLines, Result, Run, RunEnd, RunReport, Split, Tasks,
    TensorBoard, TrainConfig, Trainer, Watch, load_checkpoint, stop_on_signals,
};

/// Trains MAML on generated handwriting and reports on it
#[derive(Debug, Parser)]
struct Settings {
    /// Meta-steps of 16 episodes
    #[arg(long, default_value_t = 300)]
    iterations: u64,
    /// Rate of the inner gradient descent
    #[arg(long, default_value_t = 0.4)]
    inner_lr: f64,
    /// Stop after so many seconds of training
    #[arg(long, default_value_t = 3600.0)]
    seconds: f64,
    /// Test episodes
    #[arg(long, default_value_t = 400)]
    episodes: u64,
    /// Continue from the checkpoint in --out
    #[arg(long)]
    resume: bool,
    /// Folder for everything that is written
    #[arg(long, default_value = "out/training_run")]
    out: PathBuf,
    /// Train nothing: put these reports side by side in OUT/compare.html
    #[arg(long, value_delimiter = ',')]
    compare: Vec<PathBuf>,
}

fn main() -> Result<()> {
    let settings = Settings::parse();
    let Settings { iterations, inner_lr, episodes, out, .. } = &settings;
    fs::create_dir_all(out).map_err(|source| Error::Io { path: out.clone(), source })?;
    if !settings.compare.is_empty() {
        let reports: Vec<_> =
            settings.compare.iter().map(|path| RunReport::load(path)).collect::<Result<_>>()?;
        return RunReport::compare(&reports.iter().collect::<Vec<_>>(), &out.join("compare.html"));
    }

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
    let mut trainer = if settings.resume {
        Trainer::resume(&maml, Adam::default(), config, load_checkpoint(&checkpoint, &maml)?)?
    } else {
        Trainer::<f32, _, _>::new(&maml, Adam::default(), config)?
    };

    let done = trainer.iteration();
    let (csv, json, board) = match settings.resume {
        true => (
            CsvLog::resume(out, done)?,
            JsonLog::resume(&out.join("log.jsonl"), done)?,
            TensorBoard::resume(&out.join("tensorboard"), done)?,
        ),
        false => (
            CsvLog::create(out)?,
            JsonLog::create(&out.join("log.jsonl"))?,
            TensorBoard::create(&out.join("tensorboard"))?,
        ),
    };
    let run = Run::new()
        .validate(&validation, 60, 25)
        .patience(6)
        .seconds(settings.seconds)
        .spent(csv.seconds())
        .checkpoint(checkpoint, 50, 20.0)
        .stop_when(stop_on_signals()?);
    let progress = ProgressLines::new("training").iterations(*iterations).seconds(settings.seconds);
    let mut watch: Vec<Box<dyn Watch>> =
        vec![Box::new(progress), Box::new(csv), Box::new(json), Box::new(board)];
    let end = trainer.run(&train, &run, &mut watch)?;
    drop(watch);
    if end == RunEnd::Stopped {
        println!("everything is saved: the same command with --resume goes on");
        return Ok(());
    }

    let best = trainer.best().map_or(trainer.learned(), |best| &best.learned);
    let evaluation = Evaluator::new(&test, *episodes).validation(&validation, 100).evaluate(&maml, best)?;
    println!("\n{evaluation}");
    let worst = evaluation.inductive.worst.episodes.first().map_or(3, |worst| worst.episode);
    let unadapted = maml.clone().eval_steps(0);
    let ink = PixelRange::new(1.0, 0.0)?;
    let gallery = Gallery::of(&maml, Some(&unadapted), best, &test, &[0, 1, 2, worst], &ink)?;
    let (_, history) = CsvLog::resume_with_history(out, trainer.iteration())?;
    RunReport::new(format!("MAML on generated handwriting, inner rate {inner_lr}"))
        .settings(&trainer.state().settings)
        .data(&Tasks::<innerloop::Episode<f32>>::describe(&train))
        .history(history)
        .evaluation(evaluation)
        .gallery(gallery)
        .save(&out.join("report.html"))?;
    println!("the report is {}", out.join("report.html").display());
    Ok(())
}
