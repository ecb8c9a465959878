//! How the pretrained learners are made.

use std::fs;
use std::path::{Path, PathBuf};

use innerloop::{
    Adam, Augment, Confidence, Conv4, CsvLog, Downsample, EpisodeSampler, EpisodeShape, Error, Learner, Maml,
    NormMode, Omniglot, Order, Pretrained, ProgressLines, ProtoNet, Result, Run, RunEnd, Schedule, Split,
    TrainConfig, Trainable, Trainer, Warp, Watch, load_checkpoint, stop_on_signals,
};
use serde::Serialize;

use crate::Kind;
use crate::product::SIZE;

#[derive(Debug, clap::Args)]
pub struct Settings {
    /// Folder of Omniglot, with `splits/vinyals` in it
    #[arg(long)]
    root: PathBuf,
    /// Meta-steps; the outer rate falls to 0 over them
    #[arg(long)]
    iterations: u64,
    /// Folder for the checkpoint and the log; a training that is there goes on
    #[arg(long, default_value = "out/recognise")]
    out: PathBuf,
    /// Seed of initial parameters and training episodes
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Prototypes, with statistics of the whole training: each picture is answered by itself.
fn protonet() -> Result<ProtoNet<Conv4>> {
    let norm = NormMode::TrackedTogether { momentum: 0.1 };
    Ok(ProtoNet::new(Conv4::new([SIZE, SIZE, 1], 64, Downsample::MaxPool, None)?, norm))
}

/// The network of the MAML paper, and one inner step in training.
fn maml(filters: usize) -> Result<Maml<Conv4>> {
    let model = Conv4::new([SIZE, SIZE, 1], filters, Downsample::Stride, Some(5))?;
    Ok(Maml::new(model, 1.0, Order::Second, NormMode::Support).eval_steps(3))
}

pub fn train(kind: Kind, file: &Path, settings: &Settings) -> Result<()> {
    match kind {
        Kind::Protonet => trained(protonet()?, [60, 5, 1], 8e-3, file, settings),
        Kind::Maml => trained(maml(64)?, [5, 5, 8], 2e-3, file, settings),
        Kind::MamlSmall => trained(maml(32)?, [5, 5, 8], 2e-3, file, settings),
    }
}

/// Other characters, by mirroring and shearing all drawings of one alike; other hands, by changing each drawing.
fn changes() -> Augment {
    let class = Warp::new().mirror().rotate(15.0).stretch(0.2).shear(0.4);
    let hand = Warp::new().rotate(8.0).stretch(0.15).shear(0.15).shift(1.5);
    Augment::new().warp_classes(class).warp(hand)
}

fn trained<L: Trainable<f32> + Learner<f32> + Serialize>(
    learner: L,
    [ways, queries, meta_batch]: [usize; 3],
    outer_lr: f64,
    file: &Path,
    settings: &Settings,
) -> Result<()> {
    let Settings { root, iterations, out, seed, .. } = settings;
    let images = Omniglot::load(root)?;
    let split = Split::vinyals(&images, root.join("splits/vinyals"))?;
    let shape = EpisodeShape::new(ways, 1, queries);
    let tasks = EpisodeSampler::new(&images, &split.train, shape, *seed)?.augmented(changes())?;
    let validation = EpisodeSampler::new(&images, &split.val, EpisodeShape::new(5, 1, 15), 1)?;

    fs::create_dir_all(out).map_err(|source| Error::Io { path: out.clone(), source })?;
    let checkpoint = out.join("checkpoint.safetensors");
    let schedule = Schedule::Cosine { iterations: *iterations, floor: 0.0 };
    let config = TrainConfig::new(meta_batch, outer_lr, *iterations).seed(*seed).schedule(schedule);
    let mut trainer = if checkpoint.exists() {
        Trainer::resume(&learner, Adam::default(), config, load_checkpoint(&checkpoint, &learner)?)?
    } else {
        Trainer::<f32, _, _>::new(&learner, Adam::default(), config)?
    };
    let (log, _) = CsvLog::shared(out, "recognise", trainer.iteration())?;
    let run = Run::new()
        .validate(&validation, (iterations / 20).max(1), 200)
        .stop_when(stop_on_signals()?)
        .checkpoint(&checkpoint, 500, 30.0);
    let progress = ProgressLines::new("recognise").iterations(*iterations);
    let mut watch: Vec<Box<dyn Watch>> = vec![Box::new(progress), Box::new(log)];
    if trainer.run(&tasks, &run, &mut watch)? == RunEnd::Stopped {
        println!("all is saved; the same command goes on");
        return Ok(());
    }
    let best = trainer.best().map_or(trainer.learned(), |best| &best.learned).clone();
    let confidence = Confidence::measure(&learner, &best, &validation, 300, 0.95)?;
    println!("{confidence:?}");
    Pretrained::new(learner, best, images.range()).confidence(confidence).save(file)?;
    println!("saved as {}", file.display());
    Ok(())
}
