//! One learner: training for a time, then evaluation.

use std::time::Instant;
use std::{fmt, fs};

use innerloop::{
    CsvLog, EpisodeSampler, Error, Learned, Learner, Optimizer, ProgressLines, Report, Result, Run, RunEnd,
    Schedule, StepReport, Task, Tasks, TrainConfig, Trainable, Trainer, Watch, evaluate, load_checkpoint,
    stop_on_signals,
};

use crate::data::Source;
use crate::learners;
use crate::settings::Settings;

pub const HEAD: &str = "| learner | inductive % | transductive % | steps | training s | evaluation s | peak MiB |\n\
                        |---|---|---|---|---|---|---|";

/// A line of the table.
pub struct Row {
    name: String,
    last: StepReport,
    steps: u64,
    training: f64,
    evaluation: f64,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |r: &Report| {
            r.accuracy.map_or("-".into(), |a| format!("{:.1} ± {:.1}", 100.0 * a.mean, 100.0 * a.interval))
        };
        let (inductive, transductive) = (share(&self.last.inductive), share(&self.last.transductive));
        let Row { name, steps, training, evaluation, .. } = self;
        let peak = peak_mib().map_or("-".into(), |mib| format!("{mib:.0}"));
        write!(
            f,
            "| `{name}` | {inductive} | {transductive} | {steps} | {training:.0} | {evaluation:.0} | {peak} |"
        )
    }
}

/// Trains and evaluates the learner of this name.
pub fn run(settings: &Settings, name: &str) -> Result<Row> {
    let source = Source::load(settings)?;
    let learner = learners::ALL.iter().find(|l| l.name == name).expect("checked: a known name");
    (learner.run)(name, settings, &source)
}

/// Trains a learner on tasks for the time that the settings give, and evaluates it. With `--out`, a training that is there goes on.
pub fn trained<K: Task<f32>>(
    name: &str,
    settings: &Settings,
    learner: &dyn Trainable<f32, K>,
    tasks: &dyn Tasks<K>,
    test: &EpisodeSampler,
    optimizer: Box<dyn Optimizer<f32>>,
    config: TrainConfig,
) -> Result<Row> {
    let config = configured(config, settings);
    let (stop, seconds) = (stop_on_signals()?, 60.0 * settings.minutes);
    let mut plan = Run::new().seconds(seconds).stop_when(stop);
    let progress = ProgressLines::new(name).iterations(config.iterations).seconds(seconds);
    let mut watch: Vec<Box<dyn Watch>> = vec![Box::new(progress)];
    let (mut state, mut before) = (None, 0.0);
    if let Some(out) = &settings.out {
        fs::create_dir_all(out).map_err(|source| Error::Io { path: out.clone(), source })?;
        let title = title(name, settings);
        let path = out.join(format!("{title}.safetensors"));
        if path.exists() {
            state = Some(load_checkpoint(&path, learner)?);
        }
        let (log, _) = CsvLog::shared(out, &title, state.as_ref().map_or(0, |state| state.iteration))?;
        before = log.seconds();
        plan = plan.spent(before).checkpoint(path, MOST_STEPS, MOST_SECONDS);
        watch.push(Box::new(log));
    }
    let mut trainer = match state {
        Some(state) => Trainer::resume(learner, optimizer, config, state)?,
        None => Trainer::<f32, dyn Trainable<f32, K>, _>::new(learner, optimizer, config)?,
    };
    let start = Instant::now();
    if trainer.run(tasks, &plan, &mut watch)? == RunEnd::Stopped {
        let kept =
            if settings.out.is_some() { "the same command goes on" } else { "without --out it is lost" };
        return Err(Error::own(format!("stopped after meta-step {}: {kept}", trainer.iteration())));
    }
    let training = before + start.elapsed().as_secs_f64();
    let row = evaluated(name, settings, test, learner, trainer.learned())?;
    Ok(Row { steps: trainer.iteration(), training, ..row })
}

/// A learner's settings of the outer loop, with those that were asked for.
fn configured(usual: TrainConfig, settings: &Settings) -> TrainConfig {
    let mut config = usual.seed(settings.seed);
    config.meta_batch = settings.meta_batch.unwrap_or(config.meta_batch);
    config.outer_lr = settings.outer_lr.unwrap_or(config.outer_lr);
    if settings.cosine {
        config.schedule = Schedule::Cosine { iterations: config.iterations, floor: 0.0 };
    }
    config
}

/// What a kill may lose, whichever is less.
const MOST_STEPS: u64 = 1000;
const MOST_SECONDS: f64 = 30.0;

/// What a training is called in a folder.
fn title(name: &str, settings: &Settings) -> String {
    let network = settings.network.map_or(String::new(), |network| format!("-{}", Settings::name(network)));
    let data = Settings::name(settings.data);
    format!("{name}-{data}{network}-{}w{}s", settings.ways, settings.shots)
}

/// Evaluates a learner on test episodes.
pub fn evaluated(
    name: &str,
    settings: &Settings,
    test: &EpisodeSampler,
    learner: &(impl Learner<f32> + ?Sized),
    learned: &Learned<f32>,
) -> Result<Row> {
    let start = Instant::now();
    let reports = evaluate(learner, learned, test, settings.eval_episodes)?;
    let last = *reports.last().expect("at least one entry");
    Ok(Row { name: name.into(), last, steps: 0, training: 0.0, evaluation: start.elapsed().as_secs_f64() })
}

/// The most memory that this process has had, in MiB, where the system says so.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}
