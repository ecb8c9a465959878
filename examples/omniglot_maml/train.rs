//! One training run, with evaluations on the way.

use std::time::Instant;

use innerloop::{
    CsvLog, Error, ProgressLines, Result, Run as Plan, RunEnd, StepReport, TrainEvent, Watch, evaluate,
    save_learned,
};

use crate::runs::{MetaTrainer, Run};
use crate::settings::Settings;
use crate::table::percent;
use crate::tasks::Tasks;

/// What a kill may lose, whichever is less.
const MOST_STEPS: u64 = 100;
const MOST_SECONDS: f64 = 5.0;

/// Opens a run's rows of the tables, as they were when its checkpoint was saved. Also returns the meta-step and the second of the
/// last evaluation: a kill may have come before one that was due.
pub fn tables(run: &Run, trainer: &MetaTrainer<'_>, settings: &Settings) -> Result<(CsvLog, (u64, f64))> {
    let (log, history) = CsvLog::shared(&settings.out, run.name, trainer.iteration())?;
    if trainer.iteration() > 0 && log.seconds() == 0.0 {
        let reason = format!(
            "it has no rows of {}, whose checkpoint has made {} meta-steps: put the file back, or start again without \
             --resume",
            run.name,
            trainer.iteration()
        );
        return Err(Error::BadFile { path: settings.out.join("metrics.csv"), reason });
    }
    let evaluated = history.validations.last().map_or((0, 0.0), |point| (point.iteration, point.seconds));
    Ok((log, evaluated))
}

/// Trains to the end, evaluates, and saves checkpoint, parameters and tables. Returns the last evaluation, or nothing if it was
/// asked to stop before.
pub fn train(
    run: &Run,
    trainer: &mut MetaTrainer<'_>,
    tasks: &Tasks,
    settings: &Settings,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<StepReport>>> {
    let (mut log, mut last) = tables(run, trainer, settings)?;
    loop {
        let (iteration, seconds) = settings.next_evaluation(last);
        let plan = Plan::new()
            .until(iteration)
            .seconds(seconds)
            .spent(log.seconds())
            .stop_when(stop)
            .checkpoint(run.checkpoint(settings), MOST_STEPS, MOST_SECONDS);
        let progress = ProgressLines::new(run.title)
            .iterations(settings.last_iteration())
            .seconds(settings.last_second());
        let mut watch: Vec<Box<dyn Watch + '_>> = vec![Box::new(&mut log), Box::new(progress)];
        let end = trainer.run(&tasks.train, &plan, &mut watch)?;
        drop(watch);
        if end == RunEnd::Stopped || stop() {
            return Ok(None);
        }
        let reports = evaluated(run, trainer, tasks, settings, &mut log)?;
        last = (trainer.iteration(), log.seconds());
        if last.0 >= settings.last_iteration() || last.1 >= settings.last_second() {
            let params = settings.out.join(format!("params-{}.safetensors", run.name));
            save_learned(&params, &*run.learner, trainer.learned())?;
            return Ok(Some(reports));
        }
    }
}

/// Evaluates on unseen classes.
fn evaluated(
    run: &Run,
    trainer: &MetaTrainer<'_>,
    tasks: &Tasks,
    settings: &Settings,
    log: &mut CsvLog,
) -> Result<Vec<StepReport>> {
    let start = Instant::now();
    let reports = evaluate(&*run.learner, trainer.learned(), &tasks.test, settings.eval_episodes)?;
    let (iteration, seconds) = (trainer.iteration(), log.seconds());
    log.see(&TrainEvent::Validated { iteration, seconds, reports: reports.clone(), best: false })?;
    let last = reports.last().expect("an evaluation has an entry");
    eprintln!(
        "{}: {} % transductive, {} % inductive, on unseen classes after {iteration} meta-steps ({:.1} min of training; \
         evaluated in {:.0} s)",
        run.title,
        percent(&last.transductive),
        percent(&last.inductive),
        seconds / 60.0,
        start.elapsed().as_secs_f64()
    );
    Ok(reports)
}
