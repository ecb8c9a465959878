//! One training run: meta-steps, and between them evaluations and checkpoints.

use std::time::{Duration, Instant};

use innerloop::{Result, evaluate, save_checkpoint, save_learned};

use crate::progress::Progress;
use crate::report::Record;
use crate::runs::{MetaTrainer, Run};
use crate::settings::Settings;
use crate::tasks::Tasks;

const BETWEEN_CHECKPOINTS: Duration = Duration::from_secs(60);

/// Trains to the end, evaluates, and saves checkpoint, parameters and tables.
pub fn train(
    run: &Run,
    trainer: &mut MetaTrainer<'_>,
    tasks: &Tasks,
    settings: &Settings,
    record: &mut Record,
) -> Result<()> {
    let mut progress = Progress::new(settings, run.title);
    let mut saved = Instant::now();
    let mut seconds = record.seconds(run.name);
    while trainer.iteration() < settings.last_iteration() && seconds < settings.last_second() {
        let log = trainer.step(&tasks.train)?;
        let before = seconds;
        seconds += log.seconds;
        record.stepped(run.name, seconds, &log);
        progress.stepped(&log, seconds);
        if settings.evaluates_at(log.iteration, before, seconds) {
            progress.say(&evaluated(run, trainer, tasks, settings, record)?);
        }
        if saved.elapsed() >= BETWEEN_CHECKPOINTS {
            save(run, trainer, settings, record)?;
            saved = Instant::now();
        }
    }
    progress.finish();
    save(run, trainer, settings, record)?; // so that an interruption of the evaluation loses no training
    eprintln!("{}", evaluated(run, trainer, tasks, settings, record)?);
    record.save(&settings.out)?;
    let params = settings.out.join(format!("params-{}.safetensors", run.name));
    save_learned(&params, &*run.learner, trainer.learned())
}

/// Evaluates on unseen classes; returns a line with the result.
fn evaluated(
    run: &Run,
    trainer: &MetaTrainer<'_>,
    tasks: &Tasks,
    settings: &Settings,
    record: &mut Record,
) -> Result<String> {
    let start = Instant::now();
    let reports = evaluate(&*run.learner, trainer.learned(), &tasks.test, settings.eval_episodes)?;
    record.evaluated(run.name, trainer.iteration(), settings.eval_episodes, &reports);
    let last = record.last_evaluation(run.name).last().map_or(String::new(), |row| {
        format!("{} % transductive, {} % inductive", row.transductive.percent(), row.inductive.percent())
    });
    Ok(format!(
        "{}: {last}, on unseen classes after {} meta-steps ({:.1} min of training; evaluated in {:.0} s)",
        run.title,
        trainer.iteration(),
        record.seconds(run.name) / 60.0,
        start.elapsed().as_secs_f64()
    ))
}

/// Tables first: resuming drops rows after the checkpoint, but it cannot restore missing rows.
fn save(run: &Run, trainer: &MetaTrainer<'_>, settings: &Settings, record: &mut Record) -> Result<()> {
    record.save(&settings.out)?;
    save_checkpoint(&run.checkpoint(settings), &*run.learner, trainer.state())
}
