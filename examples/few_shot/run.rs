//! One learner: training for a time, then evaluation.

use std::fmt;
use std::time::Instant;

use innerloop::{
    EpisodeSampler, Learned, Learner, Optimizer, Report, Result, StepReport, Task, Tasks, TrainConfig,
    Trainable, Trainer, evaluate,
};

use crate::data::Source;
use crate::kept::Kept;
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

/// Trains a learner on tasks for the time that the settings give, and evaluates it.
pub fn trained<K: Task<f32>>(
    name: &str,
    settings: &Settings,
    learner: &dyn Trainable<f32, K>,
    tasks: &dyn Tasks<K>,
    test: &EpisodeSampler,
    optimizer: Box<dyn Optimizer<f32>>,
    config: TrainConfig,
) -> Result<Row> {
    let config = config.seed(settings.seed);
    let kept = settings.out.as_deref().map(|out| Kept::new(out, name, settings)).transpose()?;
    let (state, before) = kept.as_ref().map_or(Ok((None, 0.0)), |kept| kept.load(learner))?;
    let mut trainer = match state {
        Some(state) => Trainer::resume(learner, optimizer, config, state)?,
        None => Trainer::<f32, dyn Trainable<f32, K>, _>::new(learner, optimizer, config)?,
    };
    let (start, mut saved) = (Instant::now(), Instant::now());
    let seconds = || before + start.elapsed().as_secs_f64();
    while trainer.iteration() < config.iterations && seconds() < 60.0 * settings.minutes {
        let log = trainer.step(tasks)?;
        if log.iteration.is_multiple_of(100) {
            eprintln!("{name}: step {}, loss {:.3}, {:.0} s", log.iteration, log.loss, seconds());
        }
        if let Some(kept) = kept.as_ref().filter(|_| saved.elapsed().as_secs() >= 60) {
            kept.save(learner, trainer.state(), seconds())?;
            saved = Instant::now();
        }
    }
    let training = seconds();
    if let Some(kept) = &kept {
        kept.save(learner, trainer.state(), training)?;
    }
    let row = evaluated(name, settings, test, learner, trainer.learned())?;
    Ok(Row { steps: trainer.iteration(), training, ..row })
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
