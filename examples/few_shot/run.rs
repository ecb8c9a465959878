//! One learner: training for a time, then evaluation.

use std::time::Instant;
use std::{fmt, fs};

use innerloop::{
    CsvLog, Ensemble, Error, Evaluation, Evaluator, Figures, LastStep, Learned, Learner, Optimizer,
    ProgressLines, Result, Run, RunEnd, Schedule, Task, Tasks, TrainConfig, TrainState, Trainable, Trainer,
    Watch, changed_settings, load_checkpoint, load_learned, save_learned, stop_on_signals,
};

use crate::data::Source;
use crate::learners;
use crate::settings::Settings;
use crate::start;
use crate::unseen::Unseen;

pub const HEAD: &str = "| learner | inductive % | transductive % | worst tenth % | ECE % | with temperature % | \
                        adapt ms | predict ms | meta-steps | training s | peak MiB |\n\
                        |---|---|---|---|---|---|---|---|---|---|---|";

/// A line of the table.
pub struct Row {
    name: String,
    evaluation: Evaluation,
    steps: u64,
    training: f64,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { name, evaluation, steps, training } = self;
        let share = |r: &Figures| {
            r.accuracy.map_or("-".into(), |a| format!("{:.1} ± {:.1}", 100.0 * a.mean, 100.0 * a.interval))
        };
        let Evaluation { inductive, transductive, times, .. } = evaluation;
        let percent = |share: Option<f64>| share.map_or("-".into(), |share| format!("{:.1}", 100.0 * share));
        let calibration = inductive.calibration.as_ref();
        let before = percent(calibration.map(|calibration| calibration.before.ece));
        let after = percent(calibration.and_then(|c| c.after.as_ref()).map(|after| after.ece));
        let cells = [
            format!("`{name}`"),
            share(inductive),
            share(transductive),
            percent(Some(inductive.worst.decile)),
            before,
            after,
            format!("{:.1}", times.adapt),
            format!("{:.1}", times.predict_one),
            steps.to_string(),
            format!("{training:.0}"),
            peak_mib().map_or("-".into(), |mib| format!("{mib:.0}")),
        ];
        write!(f, "| {} |", cells.join(" | "))
    }
}

/// Trains and evaluates the learner of this name.
pub fn run(settings: &Settings, name: &str) -> Result<Row> {
    let source = Source::load(settings)?;
    let learner = learners::ALL.iter().find(|l| l.name == name).expect("checked: a known name");
    (learner.run)(name, settings, &source)
}

/// What a training ended with: the last parameters, or the best in validation.
pub struct Trained {
    /// The best first.
    pub learned: Vec<Learned<f32>>,
    steps: u64,
    seconds: f64,
}

impl Trained {
    /// The row of an evaluation, with what the training took.
    pub fn row(&self, evaluated: Row) -> Row {
        Row { steps: self.steps, training: self.seconds, ..evaluated }
    }
}

/// Trains a learner, and evaluates it.
pub fn trained<K: Task<f32>>(
    name: &str,
    settings: &Settings,
    learner: &dyn Trainable<f32, K>,
    tasks: &dyn Tasks<K>,
    unseen: &Unseen,
    optimizer: Box<dyn Optimizer<f32>>,
    config: TrainConfig,
) -> Result<Row> {
    refuse_embed_once(name, settings)?;
    let trained = training(name, settings, learner, tasks, unseen, optimizer, config)?;
    Ok(trained.row(evaluated(name, settings, unseen, learner, &trained.learned)?))
}

/// For learners that see an example anew in each episode.
pub fn refuse_embed_once(name: &str, settings: &Settings) -> Result<()> {
    if !settings.embed_once {
        return Ok(());
    }
    let need = "left out: this learner does more with inputs than to fit a head to their embeddings";
    Err(Error::Setting { name: "embed_once", value: format!("with {name}"), need })
}

/// Trains a learner on tasks for the time that the settings give, or reads what `--learned` names. With `--out`, a training that
/// is there goes on.
pub fn training<K: Task<f32>>(
    name: &str,
    settings: &Settings,
    learner: &dyn Trainable<f32, K>,
    tasks: &dyn Tasks<K>,
    unseen: &Unseen,
    optimizer: Box<dyn Optimizer<f32>>,
    config: TrainConfig,
) -> Result<Trained> {
    // before the training, since a test that does not fit the learner would waste it
    Task::<f32>::check(&unseen.test.task(0), learner)?;
    members(settings, learner)?;
    if let Some(path) = &settings.learned {
        let learned = load_learned(path, learner)?;
        for setting in changed_settings(path, learner)? {
            eprintln!("{name}: saved with another setting than now: {setting}");
        }
        return Ok(Trained { learned: vec![learned], steps: 0, seconds: 0.0 });
    }
    let config = configured(config, settings);
    let (stop, seconds) = (stop_on_signals()?, 60.0 * settings.minutes);
    let mut plan = Run::new().seconds(seconds).stop_when(stop);
    if let Some(every) = settings.validate {
        let Some(validation) = &unseen.validation else {
            let need = "data with at least as many classes to validate on as an episode has";
            return Err(Error::Setting { name: "validate", value: every.to_string(), need });
        };
        plan = plan.validate(validation, VALIDATION_EPISODES, every).last_step().keep(settings.best);
        plan = if settings.transductive { plan.transductive() } else { plan };
    }
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
        None => {
            let learned = start::learned(name, settings, learner)?;
            Trainer::<f32, dyn Trainable<f32, K>, _>::starting_from(learner, optimizer, config, learned)?
        }
    };
    let start = Instant::now();
    if trainer.run(tasks, &plan, &mut watch)? == RunEnd::Stopped {
        let kept =
            if settings.out.is_some() { "the same command goes on" } else { "without --out it is lost" };
        return Err(Error::own(format!("stopped after meta-step {}: {kept}", trainer.iteration())));
    }
    let seconds = before + start.elapsed().as_secs_f64();
    let steps = trainer.best().map_or(trainer.iteration(), |best| best.iteration);
    let learned = best_of(trainer.state(), settings.best);
    if let Some(out) = &settings.out {
        let path = out.join(format!("{}.learned.safetensors", title(name, settings)));
        save_learned(&path, learner, &learned[0])?;
    }
    Ok(Trained { learned, steps, seconds })
}

/// A learner's settings of the outer loop, with those that were asked for.
fn configured(usual: TrainConfig, settings: &Settings) -> TrainConfig {
    let mut config = usual.seed(settings.seed);
    config.meta_batch = settings.meta_batch.unwrap_or(config.meta_batch);
    config.outer_lr = settings.outer_lr.unwrap_or(config.outer_lr);
    config.skip_diverged = settings.skip_diverged;
    config.weight_decay = settings.weight_decay;
    config.clip_norm = settings.clip_norm.or(config.clip_norm);
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
    let seed = if settings.seed == 0 { String::new() } else { format!("-seed{}", settings.seed) };
    let started = if settings.start.is_some() { "-started" } else { "" };
    format!("{name}-{data}{network}-{}w{}s{seed}{started}", settings.ways, settings.shots)
}

/// Episodes of one validation, and the most that a temperature is fitted on.
const VALIDATION_EPISODES: u64 = 200;

/// Evaluates a learner on test episodes, with the mean of the outputs where there are several parameters.
pub fn evaluated(
    name: &str,
    settings: &Settings,
    unseen: &Unseen,
    learner: &(impl Learner<f32> + ?Sized),
    learned: &[Learned<f32>],
) -> Result<Row> {
    let count = unseen.count.unwrap_or(settings.eval_episodes);
    let mut evaluator = Evaluator::new(&unseen.test, count);
    if let Some(validation) = &unseen.validation {
        evaluator = evaluator.validation(validation, count.min(VALIDATION_EPISODES));
    }
    let row = |name: String, evaluation| Row { name, evaluation, steps: 0, training: 0.0 };
    let all = [learned, &members(settings, &learner)?].concat();
    if let [alone] = &all[..] {
        return Ok(row(name.into(), evaluator.evaluate(&LastStep(learner), alone)?));
    }
    let (name, ensemble) = (format!("{name}, {} members", all.len()), Ensemble::new(learner, all.len()));
    Ok(row(name, evaluator.evaluate(&ensemble, &ensemble.learned(all)?)?))
}

/// What `--ensemble` names.
fn members(settings: &Settings, learner: &dyn Learner<f32>) -> Result<Vec<Learned<f32>>> {
    let states = settings.ensemble.iter().map(|path| load_checkpoint(path, learner));
    Ok(states.collect::<Result<Vec<_>>>()?.iter().flat_map(|state| best_of(state, settings.best)).collect())
}

/// So many of the best parameters of a training in validation, or the last where nothing was validated.
fn best_of(state: &TrainState<f32>, count: usize) -> Vec<Learned<f32>> {
    let best: Vec<_> = state.validated.best.iter().take(count).map(|best| best.learned.clone()).collect();
    if best.is_empty() { vec![state.learned.clone()] } else { best }
}

/// The most memory that this process has had, in MiB, where the system says so.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}
