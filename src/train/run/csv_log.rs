//! Two tables of comma-separated values.

use std::path::Path;

use super::event::TrainEvent;
use super::history::{History, StepPoint, ValidationPoint};
use super::lines::Lines;
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::meta::Report;

/// Writes `metrics.csv`, a row per meta-step, and `evaluations.csv`, a row per evaluation and inner step.
///
/// A program that evaluates by itself can tell it of that with a [`TrainEvent::Validated`]; one at an iteration that is the last
/// in the table already, as after an interruption, is not written again.
///
/// Accuracies and their intervals are in `0..=1`; losses are means; seconds are of training, without validation. A figure
/// that does not exist is an empty field.
#[derive(Debug)]
pub struct CsvLog {
    steps: Lines,
    validations: Lines,
    seconds: f64,
    /// The last iteration whose evaluation is in the table.
    evaluated: Option<u64>,
    /// What each row begins with: nothing, or the training's name and a comma.
    run: String,
}

const STEPS: (&str, &str) =
    ("metrics.csv", "iteration,seconds,loss,accuracy,grad_norm,lr,step_seconds,tasks_per_second\n");
const VALIDATIONS: (&str, &str) = (
    "evaluations.csv",
    "iteration,seconds,inner_step,best,inductive_accuracy,inductive_interval,inductive_loss,\
     transductive_accuracy,transductive_interval,transductive_loss\n",
);

impl CsvLog {
    /// New tables in a folder, in place of earlier ones.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io).
    pub fn create(folder: &Path) -> Result<CsvLog> {
        let lines = |(name, head): (&str, &str)| Lines::create(&folder.join(name), head);
        Ok(CsvLog {
            steps: lines(STEPS)?,
            validations: lines(VALIDATIONS)?,
            seconds: 0.0,
            evaluated: None,
            run: String::new(),
        })
    }

    /// Continues the tables of a folder after `iteration`, that of the checkpoint: later rows, which the run will make again,
    /// are dropped. Tables that are missing are begun.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::BadLine`](crate::Error::BadLine) for a file that is not such a table.
    pub fn resume(folder: &Path, iteration: u64) -> Result<CsvLog> {
        CsvLog::resume_with_history(folder, iteration).map(|(log, _)| log)
    }

    /// As [`resume`](CsvLog::resume), with what the tables hold.
    ///
    /// # Errors
    /// As [`resume`](CsvLog::resume).
    pub fn resume_with_history(folder: &Path, iteration: u64) -> Result<(CsvLog, History)> {
        CsvLog::read(folder, "", iteration)
    }

    /// As [`resume_with_history`](CsvLog::resume_with_history), of one of several trainings that share the tables of a folder, one
    /// after the other. A first column `run` says which a row belongs to; rows of the others stay.
    ///
    /// # Errors
    /// [`Error::Setting`] for a name that is empty or not a field by itself; as [`resume`](CsvLog::resume).
    pub fn shared(folder: &Path, run: &str, iteration: u64) -> Result<(CsvLog, History)> {
        if run.is_empty() || run.contains([',', '"', '\n', '\r']) {
            let need = "some text without commas, quotes and line breaks";
            return Err(Error::Setting { name: "run", value: format!("{run:?}"), need });
        }
        CsvLog::read(folder, &format!("{run},"), iteration)
    }

    /// Seconds of training in the last row that was written or kept: what
    /// [`Run::spent`](crate::Run::spent) of a run that continues should be told.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    fn read(folder: &Path, run: &str, last: u64) -> Result<(CsvLog, History)> {
        let mut history = History::new();
        let named = !run.is_empty();
        let at = |columns: usize| {
            move |line: &str| {
                let of_other = named && !line.starts_with(run);
                let fields: Vec<_> = line.split(',').skip(usize::from(named)).collect();
                let sound = fields.len() == columns && fields[1].parse::<f64>().is_ok();
                let iteration = fields.first()?.parse().ok().filter(|_| sound)?;
                Some(if of_other { 0 } else { iteration }) // whatever the checkpoint: they stay
            }
        };
        let open = |(name, head): (&str, &str), columns: usize, each: &mut dyn FnMut(&str)| {
            let head = if named { format!("run,{head}") } else { head.into() };
            let mut own = |line: &str| line.strip_prefix(run).into_iter().for_each(&mut *each);
            Lines::resume(&folder.join(name), &head, last, &at(columns), &mut own)
        };
        let steps = open(STEPS, 8, &mut |line| history.steps.extend(step(line)))?;
        let mut rows = Vec::new();
        let validations = open(VALIDATIONS, 10, &mut |line| rows.extend(validation(line)))?;
        history.validations = last_steps(rows);
        let seconds = history.steps.last().map_or(0.0, |step| step.seconds);
        history.thin();
        let evaluated = history.validations.last().map(|point| point.iteration);
        Ok((CsvLog { steps, validations, seconds, evaluated, run: run.into() }, history))
    }
}

/// A field that may be empty.
fn maybe(value: Option<f64>) -> String {
    value.filter(|v| v.is_finite()).map_or(String::new(), |v| format!("{v:.6}"))
}

fn number(field: &str) -> Option<f64> {
    field.parse().ok()
}

fn step(line: &str) -> Option<StepPoint> {
    let f: Vec<_> = line.split(',').collect();
    let (iteration, seconds, loss) = (f[0].parse().ok()?, number(f[1])?, number(f[2])?);
    Some(StepPoint {
        iteration,
        seconds,
        loss,
        accuracy: number(f[3]),
        grad_norm: number(f[4]).unwrap_or(f64::NAN),
        tasks_per_second: number(f[7]).unwrap_or(f64::NAN),
    })
}

fn validation(line: &str) -> Option<ValidationPoint> {
    let f: Vec<_> = line.split(',').collect();
    let figure = |f: &[&str]| [number(f[0]), number(f[1]), number(f[2])];
    let (iteration, seconds) = (f[0].parse().ok()?, number(f[1])?);
    Some(ValidationPoint { iteration, seconds, inductive: figure(&f[4..7]), transductive: figure(&f[7..10]) })
}

/// Of the rows of each iteration the last, which is that of the last inner step.
fn last_steps(rows: Vec<ValidationPoint>) -> Vec<ValidationPoint> {
    let mut last: Vec<ValidationPoint> = Vec::new();
    for row in rows {
        last.pop_if(|before| before.iteration == row.iteration);
        last.push(row);
    }
    last
}

impl Watch for CsvLog {
    fn see(&mut self, event: &TrainEvent) -> Result<()> {
        match event {
            TrainEvent::Stepped { log, seconds, tasks_per_second } => {
                self.seconds = *seconds;
                self.steps.append(&format!(
                    "{}{},{seconds:.4},{},{},{},{:e},{:.4},{tasks_per_second:.2}\n",
                    self.run,
                    log.iteration,
                    maybe(Some(log.loss)),
                    maybe(log.accuracy),
                    maybe(Some(log.grad_norm)),
                    log.lr,
                    log.seconds
                ))
            }
            TrainEvent::Validated { iteration, seconds, reports, best } => {
                if self.evaluated.replace(*iteration) == Some(*iteration) {
                    return Ok(());
                }
                let figures = |report: &Report| {
                    let accuracy = [report.accuracy.map(|a| a.mean), report.accuracy.map(|a| a.interval)];
                    format!("{},{},{}", maybe(accuracy[0]), maybe(accuracy[1]), maybe(Some(report.loss.mean)))
                };
                let mut rows = String::new();
                for (step, report) in reports.iter().enumerate() {
                    let [alone, together] = [report.inductive, report.transductive].map(|r| figures(&r));
                    let best = u8::from(*best);
                    rows +=
                        &format!("{}{iteration},{seconds:.4},{step},{best},{alone},{together}\n", self.run);
                }
                self.validations.append(&rows)
            }
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.steps.sync()?;
        self.validations.sync()
    }
}
