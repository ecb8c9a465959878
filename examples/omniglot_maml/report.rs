//! The results of the runs: two tables on disk, one on the screen.

use std::path::Path;

use innerloop::{Error, Report, Result, StepLog, StepReport};

use crate::files;
use crate::runs::Run;
use crate::settings::Settings;
use crate::tasks::Tasks;

/// One meta-step of a run; accuracy in `0..=1`.
#[derive(Debug, Clone)]
pub struct StepRow {
    pub run: String,
    pub iteration: u64,
    /// Seconds of training so far, evaluation not counted.
    pub seconds: f64,
    pub loss: f64,
    pub accuracy: f64,
    pub grad_norm: f64,
}

/// Accuracy on unseen classes after one number of inner steps.
#[derive(Debug, Clone)]
pub struct EvalRow {
    pub run: String,
    pub iteration: u64,
    pub minutes: f64,
    pub steps: usize,
    pub episodes: u64,
    /// The queries of an episode normalised together, as in the published figures.
    pub transductive: Figure,
    /// Each query by itself, by the statistics of the support set.
    pub inductive: Figure,
}

/// Accuracy in `0..=1` and loss, means over episodes.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    pub accuracy: f64,
    /// Half the width of the accuracy's 95 % interval.
    pub interval: f64,
    pub loss: f64,
}

impl Figure {
    fn of(report: &Report) -> Figure {
        let (accuracy, interval) = report.accuracy.map_or((f64::NAN, 0.0), |a| (a.mean, a.interval));
        Figure { accuracy, interval, loss: report.loss.mean }
    }

    /// Accuracy with its interval, in per cent.
    pub fn percent(&self) -> String {
        format!("{:.2} ± {:.2}", 100.0 * self.accuracy, 100.0 * self.interval)
    }
}

/// All runs so far; what `metrics.csv` and `evaluations.csv` hold.
#[derive(Debug, Default)]
pub struct Record {
    pub steps: Vec<StepRow>,
    pub evaluations: Vec<EvalRow>,
}

const STEPS: (&str, &str) = ("metrics.csv", "run,iteration,seconds,loss,accuracy,grad_norm");
/// The first accuracy is the transductive one.
const EVALUATIONS: (&str, &str) = (
    "evaluations.csv",
    "run,iteration,minutes,inner_steps,episodes,accuracy,interval,loss,\
     inductive_accuracy,inductive_interval,inductive_loss",
);

impl Record {
    pub fn stepped(&mut self, run: &str, seconds: f64, log: &StepLog) {
        let &StepLog { iteration, loss, accuracy, grad_norm, .. } = log;
        let accuracy = accuracy.unwrap_or(f64::NAN);
        self.steps.push(StepRow { run: run.into(), iteration, seconds, loss, accuracy, grad_norm });
    }

    /// Adds an evaluation, in place of an earlier one at the same iteration.
    pub fn evaluated(&mut self, run: &str, iteration: u64, episodes: u64, reports: &[StepReport]) {
        let minutes = self.seconds(run) / 60.0;
        self.evaluations.retain(|row| row.run != run || row.iteration != iteration);
        self.evaluations.extend(reports.iter().enumerate().map(|(steps, report)| {
            let (run, [transductive, inductive]) =
                (run.to_string(), [report.transductive, report.inductive].map(|r| Figure::of(&r)));
            EvalRow { run, iteration, minutes, steps, episodes, transductive, inductive }
        }));
    }

    /// Seconds that a run has trained so far.
    pub fn seconds(&self, run: &str) -> f64 {
        self.steps.iter().rev().find(|row| row.run == run).map_or(0.0, |row| row.seconds)
    }

    /// A run's last evaluation, a row for each number of inner steps.
    pub fn last_evaluation(&self, run: &str) -> Vec<&EvalRow> {
        let of_run = || self.evaluations.iter().filter(|row| row.run == run);
        let last = of_run().map(|row| row.iteration).max();
        of_run().filter(|row| Some(row.iteration) == last).collect()
    }

    /// Forgets what a run did after `iteration`, to do it again from there.
    pub fn rewind(&mut self, run: &str, iteration: u64) {
        self.steps.retain(|row| row.run != run || row.iteration <= iteration);
        self.evaluations.retain(|row| row.run != run || row.iteration <= iteration);
    }

    /// Writes both tables, run by run.
    pub fn save(&mut self, out: &Path) -> Result<()> {
        self.steps.sort_by(|a, b| (&a.run, a.iteration).cmp(&(&b.run, b.iteration)));
        self.evaluations.sort_by(|a, b| (&a.run, a.iteration).cmp(&(&b.run, b.iteration)));
        let mut text = STEPS.1.to_string() + "\n";
        for StepRow { run, iteration, seconds, loss, accuracy, grad_norm } in &self.steps {
            text += &format!("{run},{iteration},{seconds:.3},{loss:.6},{accuracy:.6},{grad_norm:.6}\n");
        }
        files::write(&out.join(STEPS.0), &text)?;
        let mut text = EVALUATIONS.1.to_string() + "\n";
        for row in &self.evaluations {
            let EvalRow { run, iteration, minutes, steps, episodes, transductive, inductive } = row;
            text += &format!("{run},{iteration},{minutes:.4},{steps},{episodes}");
            for Figure { accuracy, interval, loss } in [transductive, inductive] {
                text += &format!(",{accuracy:.6},{interval:.6},{loss:.6}");
            }
            text += "\n";
        }
        files::write(&out.join(EVALUATIONS.0), &text)
    }

    pub fn load(out: &Path) -> Result<Record> {
        let steps = rows(out, STEPS, |f| {
            let (iteration, seconds, loss) = (whole(f[1])?, number(f[2])?, number(f[3])?);
            let (accuracy, grad_norm) = (number(f[4])?, number(f[5])?);
            Some(StepRow { run: f[0].into(), iteration, seconds, loss, accuracy, grad_norm })
        })?;
        let evaluations = rows(out, EVALUATIONS, |f| {
            let (run, iteration, minutes, steps) = (f[0].into(), whole(f[1])?, number(f[2])?, whole(f[3])?);
            let (steps, episodes) = (steps as usize, whole(f[4])?);
            let figure = |f: &[&str]| {
                Some(Figure { accuracy: number(f[0])?, interval: number(f[1])?, loss: number(f[2])? })
            };
            let (transductive, inductive) = (figure(&f[5..8])?, figure(&f[8..11])?);
            Some(EvalRow { run, iteration, minutes, steps, episodes, transductive, inductive })
        })?;
        Ok(Record { steps, evaluations })
    }
}

fn whole(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// The rows of a table, given its name and header.
fn rows<R>(out: &Path, (name, header): (&str, &str), row: impl Fn(&[&str]) -> Option<R>) -> Result<Vec<R>> {
    let path = out.join(name);
    let text = files::read(&path)?;
    let bad = |number: usize, line: &str| Error::BadLine {
        path: path.clone(),
        line: number + 1,
        text: line.into(),
        need: "a line as written by this version of the example: start again without --resume",
    };
    let first = text.lines().next().unwrap_or_default();
    if first != header {
        return Err(bad(0, first));
    }
    let columns = header.split(',').count();
    let parse = |(number, line): (usize, &str)| {
        let fields: Vec<_> = line.split(',').collect();
        let parsed = if fields.len() == columns { row(&fields) } else { None };
        parsed.ok_or_else(|| bad(number, line))
    };
    text.lines().enumerate().skip(1).map(parse).collect()
}

/// The result: accuracy before adaptation and after each inner step, two columns per run.
pub fn print_table(record: &Record, runs: &[Run], tasks: &Tasks, settings: &Settings) {
    let &Settings { ways, shots, eval_episodes, .. } = settings;
    println!("\n{ways}-way {shots}-shot accuracy in %, mean of {eval_episodes} episodes with 95 % interval,");
    println!("{} classes never seen in training\n", tasks.test_classes);
    let columns: Vec<_> = runs.iter().map(|run| record.last_evaluation(run.name)).collect();
    print!("{:20}", "");
    runs.iter().for_each(|run| print!("{:>32}", run.title));
    print!("\n{:20}", "");
    runs.iter().for_each(|_| print!("{:>16}{:>16}", "transductive", "inductive"));
    println!();
    let last = columns[0].len();
    for step in 0..last {
        let name = match step {
            0 if last == 1 => "test accuracy".into(),
            0 => "before adaptation".into(),
            1 => "after 1 inner step".into(),
            n => format!("after {n}"),
        };
        print!("{name:20}");
        for row in columns.iter().map(|column| column[step]) {
            print!("{:>16}{:>16}", row.transductive.percent(), row.inductive.percent());
        }
        println!();
    }
    println!(
        "\ntransductive: all queries of an episode are normalised together, as in the published figures"
    );
    println!("inductive: each query by itself, by the statistics of the support set, as a product predicts");
}
