//! How the pretrained learners are made.

use std::fs;
use std::path::{Path, PathBuf};

use innerloop::{
    Adam, Augment, Confidence, Conv4, CsvLog, Downsample, EpisodeSampler, EpisodeShape, Error, ImageSet,
    Learned, Learner, Maml, NormMode, Omniglot, Order, Pretrained, ProgressLines, ProtoNet, Result, Run,
    RunEnd, Schedule, Split, TrainConfig, Trainable, Trainer, Warp, Watch, load_checkpoint, stop_on_signals,
};
use serde::Serialize;

use crate::Kind;
use crate::product::{SIZE, SlowMaml};

#[derive(Debug, clap::Args)]
pub struct Settings {
    /// Folder of Omniglot, with `splits/vinyals` in it
    #[arg(long)]
    root: PathBuf,
    /// Meta-steps of the learner, or of the prototypes that `maml` begins with; the outer rate falls to 0 over them
    #[arg(long)]
    iterations: u64,
    /// Folder for checkpoints and the log; a training that is there goes on, so that `maml` begins with prototypes that are
    /// there
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

/// On the network of the prototypes, which it begins with: many steps for the head, during which the body moves little.
fn maml() -> Result<SlowMaml> {
    let model = Conv4::new([SIZE, SIZE, 1], 64, Downsample::MaxPool, Some(5))?;
    let maml = Maml::new(model, 0.5, Order::Second, NormMode::Support).slow_body(0.1);
    Ok(maml.steps(20).eval_steps(20))
}

/// The network of the MAML paper, and one inner step in training.
fn maml_small() -> Result<Maml<Conv4>> {
    let model = Conv4::new([SIZE, SIZE, 1], 32, Downsample::Stride, Some(5))?;
    Ok(Maml::new(model, 1.0, Order::Second, NormMode::Support).eval_steps(3))
}

pub fn train(kind: Kind, file: &Path, settings: &Settings) -> Result<()> {
    let Settings { root, iterations, seed, .. } = settings;
    let images = Omniglot::load(root)?;
    let split = Split::vinyals(&images, root.join("splits/vinyals"))?;
    let all = Training { images, split, settings };
    let small = Outer {
        name: "maml-small",
        episode: [5, 5],
        meta_batch: 8,
        lr: 2e-3,
        decay: 0.0,
        iterations: *iterations,
        validations: 20,
    };
    // the decay holds shifts of the embeddings, see docs/results.md
    let prototypes =
        Outer { name: "protonet", episode: [60, 5], meta_batch: 1, lr: 8e-3, decay: 5e-4, ..small };
    let short = Outer { name: "maml", lr: 3e-4, iterations: 300, validations: 3, ..small };
    match kind {
        Kind::Protonet => all.saved(protonet()?, None, &prototypes, file),
        Kind::MamlSmall => all.saved(maml_small()?, None, &small, file),
        Kind::Maml => {
            let learner = maml()?;
            let Some(body) = all.trained(&protonet()?, None, &prototypes)? else {
                return Ok(());
            };
            let head = learner.init(*seed).split_off(body.params.len());
            all.saved(learner, Some([body.params, head].concat().into()), &short, file)
        }
    }
}

/// Other characters, by mirroring and shearing all drawings of one alike; other hands, by changing each drawing.
fn changes() -> Augment {
    let class = Warp::new().mirror().rotate(15.0).stretch(0.2).shear(0.4);
    let hand = Warp::new().rotate(8.0).stretch(0.15).shear(0.15).shift(1.5);
    Augment::new().warp_classes(class).warp(hand)
}

/// The outer loop of a training.
#[derive(Clone, Copy)]
struct Outer {
    name: &'static str,
    /// Classes, and queries of each.
    episode: [usize; 2],
    meta_batch: usize,
    lr: f64,
    decay: f64,
    iterations: u64,
    /// How many, at equal distances.
    validations: u64,
}

/// What trainings are made on.
struct Training<'s> {
    images: ImageSet,
    split: Split,
    settings: &'s Settings,
}

impl Training<'_> {
    fn validation(&self) -> Result<EpisodeSampler> {
        EpisodeSampler::new(&self.images, &self.split.val, EpisodeShape::new(5, 1, 15), 1)
    }

    /// What a learner has learned when it is best in validation, from its own parameters or others; nothing if it was stopped.
    fn trained<L: Trainable<f32>>(
        &self,
        learner: &L,
        start: Option<Learned<f32>>,
        outer: &Outer,
    ) -> Result<Option<Learned<f32>>> {
        let Settings { out, seed, .. } = self.settings;
        let Outer { name, episode: [ways, queries], meta_batch, lr, decay, iterations, validations } = *outer;
        let shape = EpisodeShape::new(ways, 1, queries);
        let tasks =
            EpisodeSampler::new(&self.images, &self.split.train, shape, *seed)?.augmented(changes())?;
        let validation = self.validation()?;

        fs::create_dir_all(out).map_err(|source| Error::Io { path: out.clone(), source })?;
        let checkpoint = out.join(format!("{name}-checkpoint.safetensors"));
        let schedule = Schedule::Cosine { iterations, floor: 0.0 };
        let config =
            TrainConfig::new(meta_batch, lr, iterations).seed(*seed).schedule(schedule).weight_decay(decay);
        let mut trainer = match start {
            _ if checkpoint.exists() => {
                Trainer::resume(learner, Adam::default(), config, load_checkpoint(&checkpoint, learner)?)?
            }
            Some(start) => Trainer::<f32, _, _>::starting_from(learner, Adam::default(), config, start)?,
            None => Trainer::new(learner, Adam::default(), config)?,
        };
        let (log, _) = CsvLog::shared(out, name, trainer.iteration())?;
        let run = Run::new()
            .validate(&validation, 200, (iterations / validations).max(1))
            .last_step()
            .stop_when(stop_on_signals()?)
            .checkpoint(&checkpoint, 500, 30.0);
        let progress = ProgressLines::new(name).iterations(iterations);
        let mut watch: Vec<Box<dyn Watch>> = vec![Box::new(progress), Box::new(log)];
        if trainer.run(&tasks, &run, &mut watch)? == RunEnd::Stopped {
            println!("all is saved; the same command goes on");
            return Ok(None);
        }
        Ok(Some(trainer.best().map_or(trainer.learned(), |best| &best.learned).clone()))
    }

    /// The same, in a file, with what tells a character that it does not know.
    fn saved<L>(&self, learner: L, start: Option<Learned<f32>>, outer: &Outer, file: &Path) -> Result<()>
    where
        L: Trainable<f32> + Serialize,
    {
        let Some(best) = self.trained(&learner, start, outer)? else { return Ok(()) };
        let confidence = Confidence::measure(&learner, &best, &self.validation()?, 300, 0.95)?;
        println!("{confidence:?}");
        Pretrained::new(learner, best, self.images.range()).confidence(confidence).save(file)?;
        println!("saved as {}", file.display());
        Ok(())
    }
}
