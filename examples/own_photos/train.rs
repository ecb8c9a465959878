//! The training: validated, saved, continued, evaluated and reported.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use innerloop::{
    Adam, Augment, Conv4, CsvLog, Downsample, EpisodeSampler, EpisodeShape, Error, Evaluator, Gallery,
    ImageSet, NormMode, Photos, Pretrained, ProgressLines, ProtoNet, Result, Run, RunEnd, RunReport, Split,
    Tasks, TrainConfig, Trainer, Watch, load_checkpoint, stop_on_signals,
};

use crate::product::Learner;

#[derive(Debug, Args)]
pub struct Settings {
    /// Folder or zip archive with a folder of JPEG or PNG files per class
    photos: PathBuf,
    /// Train for so many minutes, earlier runs that are resumed included
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Continue the training in --out
    #[arg(long)]
    resume: bool,
    /// Photographs are cut to squares and resized to so many pixels, height and width
    #[arg(long, default_value_t = 48)]
    size: usize,
    /// Classes in an episode of validation and test
    #[arg(long, default_value_t = 5)]
    ways: usize,
    /// Pictures that each class is learned from
    #[arg(long, default_value_t = 1)]
    shots: usize,
}

pub fn train(settings: &Settings, out: &Path) -> Result<()> {
    let checkpoint = out.join("checkpoint.safetensors");
    if checkpoint.exists() && !settings.resume {
        let need = "a folder without a training: add --resume to continue the one that is there";
        return Err(Error::Setting { name: "--out", value: out.display().to_string(), need });
    }
    fs::create_dir_all(out).map_err(|source| Error::Io { path: out.into(), source })?;
    let images = Photos::new(settings.size).load_cached(&settings.photos, out.join("photos.cache"))?;
    let split = split(&images, settings.ways)?;
    println!(
        "{} photographs of {} classes: {} classes to train on, {} to validate, {} to test",
        images.len(),
        images.classes(),
        split.train.len(),
        split.val.len(),
        split.test.len()
    );

    // queries are what the pictures of the smallest class leave
    let fewest = (0..images.classes()).map(|class| images.images_of(class)).min().unwrap_or(0);
    let queries = fewest.saturating_sub(settings.shots).clamp(1, 10);
    let shape = EpisodeShape::new(settings.ways, settings.shots, queries);
    // more classes per episode than in the test: harder, and known to help prototypical networks
    let wide = shape.ways((2 * settings.ways).min(split.train.len())).queries(queries.min(5));
    let augment = Augment::new().crop(settings.size / 10).flip().brightness(0.2).contrast(0.2);
    let train = EpisodeSampler::new(&images, &split.train, wide, 0)?.augmented(augment)?;
    let validation = EpisodeSampler::new(&images, &split.val, shape, 1)?;
    let test = EpisodeSampler::new(&images, &split.test, shape, 2)?;

    // queries are normalised by the support set in training, as `predict` does for a single picture
    let model = Conv4::new(images.shape(), 32, Downsample::MaxPool, None)?;
    let learner: Learner = ProtoNet::new(model, NormMode::Support);
    let config = TrainConfig::new(4, 1e-3, 1_000_000);
    let mut trainer = if settings.resume {
        Trainer::resume(&learner, Adam::default(), config, load_checkpoint(&checkpoint, &learner)?)?
    } else {
        Trainer::<f32, _, _>::new(&learner, Adam::default(), config)?
    };
    let log = if settings.resume { CsvLog::resume(out, trainer.iteration())? } else { CsvLog::create(out)? };
    let run = Run::new()
        .validate(&validation, 100, 50)
        .patience(20)
        .seconds(60.0 * settings.minutes)
        .spent(log.seconds())
        .stop_when(stop_on_signals()?)
        .checkpoint(&checkpoint, 100, 20.0);
    let progress = ProgressLines::new("photographs").seconds(60.0 * settings.minutes);
    let mut watch: Vec<Box<dyn Watch>> = vec![Box::new(progress), Box::new(log)];
    let end = trainer.run(&train, &run, &mut watch)?;
    drop(watch);
    if end == RunEnd::Stopped {
        println!("all is saved; the same command with --resume goes on");
        return Ok(());
    }

    let best = trainer.best().map_or(trainer.learned(), |best| &best.learned);
    let evaluation = Evaluator::new(&test, 600).validation(&validation, 200).evaluate(&learner, best)?;
    println!("\n{evaluation}");
    let worst = evaluation.inductive.worst.episodes.first().map_or(3, |worst| worst.episode);
    let gallery = Gallery::of(&learner, None, best, &test, &[0, 1, 2, worst], &images.range())?;
    let (_, history) = CsvLog::resume_with_history(out, trainer.iteration())?;
    RunReport::new(format!("Photographs in {}", settings.photos.display()))
        .settings(&trainer.state().settings)
        .data(&Tasks::<innerloop::Episode<f32>>::describe(&train))
        .history(history)
        .evaluation(evaluation)
        .gallery(gallery)
        .save(&out.join("report.html"))?;
    let best = best.clone();
    Pretrained::new(learner, best, images.range()).save(&out.join("pretrained.safetensors"))?;
    println!("{0}/report.html says more; {0}/pretrained.safetensors learns new classes", out.display());
    Ok(())
}

/// A fifth of the classes for the test and a sixth for validation, but at least as many as an episode needs.
fn split(images: &ImageSet, ways: usize) -> Result<Split> {
    let classes = images.classes();
    let (test, validation) = ((classes / 5).max(ways), (classes / 6).max(ways));
    let train = classes.saturating_sub(test).max(validation + ways);
    Split::random(images, train, test, false, 0)?.hold_out(validation)
}
