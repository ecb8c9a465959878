//! Progress on the standard error.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use super::event::{RunEnd, TrainEvent};
use super::watch::Watch;
use crate::clock::Moment;
use crate::error::Result;
use crate::train::StepLog;

/// Shows how far a run is on the standard error: on a terminal a bar in one line that changes, otherwise a line every ten
/// seconds; validations in lines of their own.
///
/// Loss, accuracy and speed are running means over about twenty meta-steps. The time left is that to the iterations or to the
/// seconds that it was told of, whichever comes first.
///
/// ```text
/// second order [=========>          ]  47 %, meta-step 235, loss 0.921, accuracy 62.4 %, 171 tasks/s, 0:50 left
/// ```
///
/// ```
/// use innerloop::{Adam, Maml, Mlp, NormMode, Order, ProgressLines, Run, Sinusoids, TrainConfig, Trainer};
///
/// let maml = Maml::new(Mlp::new(&[1, 8, 1])?, 0.01, Order::Second, NormMode::Batch);
/// let mut trainer = Trainer::<f32, _, _>::new(&maml, Adam::default(), TrainConfig::new(4, 1e-3, 20))?;
/// let mut progress = ProgressLines::new("sinusoids").iterations(20);
/// trainer.run(&Sinusoids::new(10, 10, 0), &Run::new(), &mut progress)?;
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug)]
pub struct ProgressLines {
    title: String,
    iterations: u64,
    seconds: f64,
    terminal: bool,
    /// Whether the last line of the terminal is a bar, to be written over.
    open: bool,
    shown: Option<Moment>,
    means: Option<Means>,
    /// Tasks left out since the run began.
    skipped: usize,
}

/// Running means of what steps did.
#[derive(Debug, Clone, Copy)]
struct Means {
    loss: f64,
    accuracy: Option<f64>,
    step_seconds: f64,
}

/// Share of the newest step in the running means.
const NEWEST: f64 = 0.05;
const BETWEEN_LINES: Duration = Duration::from_secs(10);
const BETWEEN_BARS: Duration = Duration::from_millis(100);
const WIDTH: usize = 20;

impl ProgressLines {
    /// Of a run with a title. How far it is can be shown if it is also told when the run ends.
    pub fn new(title: impl Into<String>) -> ProgressLines {
        ProgressLines {
            title: title.into(),
            iterations: u64::MAX,
            seconds: f64::INFINITY,
            // where TERM is not set, as on Windows, nothing is known of how to write over a line
            terminal: stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb"),
            open: false,
            shown: None,
            means: None,
            skipped: 0,
        }
    }

    /// The run ends after so many meta-steps in all.
    #[must_use]
    pub fn iterations(self, iterations: u64) -> ProgressLines {
        ProgressLines { iterations, ..self }
    }

    /// The run ends after so many seconds of training in all.
    #[must_use]
    pub fn seconds(self, seconds: f64) -> ProgressLines {
        ProgressLines { seconds, ..self }
    }

    fn mean(&self, log: &StepLog) -> Means {
        let Some(old) = self.means else {
            return Means { loss: log.loss, accuracy: log.accuracy, step_seconds: log.seconds };
        };
        let mean = |old: f64, new: f64| old + NEWEST * (new - old);
        Means {
            loss: mean(old.loss, log.loss),
            accuracy: old.accuracy.zip(log.accuracy).map(|(old, new)| mean(old, new)),
            step_seconds: mean(old.step_seconds, log.seconds),
        }
    }

    /// The share of the run that is done, in `0..=1`.
    fn share(&self, iteration: u64, seconds: f64) -> f64 {
        (iteration as f64 / self.iterations as f64).max(seconds / self.seconds).min(1.0)
    }

    /// What follows the title; `tasks` is the number of a meta-step.
    fn figures(&self, means: Means, tasks: f64, iteration: u64, seconds: f64) -> String {
        let Means { loss, accuracy, step_seconds } = means;
        let accuracy = accuracy.map_or(String::new(), |a| format!(", accuracy {:.1} %", 100.0 * a));
        let skipped = match self.skipped {
            0 => String::new(),
            1 => ", 1 task left out".into(),
            n => format!(", {n} tasks left out"),
        };
        let done = format!("meta-step {iteration}, loss {loss:.3}{accuracy}{skipped}");
        if step_seconds <= 0.0 {
            return done; // nothing is known of the time
        }
        let speed = tasks / step_seconds;
        let to_make = self.iterations.saturating_sub(iteration) as f64 * step_seconds;
        let left = to_make.min(self.seconds - seconds).max(0.0);
        let left = match left {
            left if left < 1e7 => format!(", {} left", clock(left)),
            _ => String::new(),
        };
        format!("{done}, {speed:.0} tasks/s{left}")
    }

    /// Writes a line; a bar is one that the next is written over. That nobody reads it must not end a training.
    fn write(&mut self, line: &str, bar: bool) {
        let mut err = stderr().lock();
        let _ = match (self.terminal, bar) {
            // without the terminal's line wrap, or a bar in a narrow window could not be written over
            (true, true) => write!(err, "\r\x1b[?7l{line}\x1b[K\x1b[?7h"),
            (true, false) if self.open => writeln!(err, "\r{line}\x1b[K"),
            _ => writeln!(err, "{line}"),
        };
        let _ = err.flush();
        self.open = self.terminal && bar;
    }

    fn step(&mut self, log: &StepLog, seconds: f64, tasks_per_second: f64) {
        let means = self.mean(log);
        self.means = Some(means);
        self.skipped += log.skipped;
        let share = self.share(log.iteration, seconds);
        let between = if self.terminal { BETWEEN_BARS } else { BETWEEN_LINES };
        if share < 1.0 && self.shown.is_some_and(|shown| shown.elapsed() < between) {
            return;
        }
        self.shown = Some(Moment::now());
        let tasks = tasks_per_second * log.seconds;
        let figures = self.figures(means, tasks, log.iteration, seconds);
        let title = &self.title;
        let line = match self.terminal {
            true => format!("{title} {} {:3.0} %, {figures}", bar(share), (100.0 * share).floor()),
            false => format!("{title}: {figures}"),
        };
        self.write(&line, true);
    }
}

/// A bar of which a share is filled.
fn bar(share: f64) -> String {
    let full = (share * WIDTH as f64) as usize;
    let head = if full < WIDTH { ">" } else { "" };
    format!("[{:WIDTH$}]", "=".repeat(full) + head)
}

/// Seconds as minutes and seconds, from an hour on with the hours.
fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

impl Watch for ProgressLines {
    fn see(&mut self, event: &TrainEvent) -> Result<()> {
        let title = &self.title;
        match event {
            TrainEvent::Stepped { log, seconds, tasks_per_second } => {
                self.step(log, *seconds, *tasks_per_second);
            }
            TrainEvent::Validated { iteration, reports, best, .. } => {
                let figure = reports.last().map_or(String::new(), |last| {
                    match (last.inductive.accuracy, last.transductive.accuracy) {
                        (Some(accuracy), Some(together)) if accuracy != together => {
                            format!("accuracy {accuracy:#}, queries together {together:#},")
                        }
                        (Some(accuracy), _) => format!("accuracy {accuracy:#}"),
                        _ => format!("loss {}", last.inductive.loss),
                    }
                });
                let best = if *best { ", the best so far" } else { "" };
                let line = format!("{title}: {figure} in validation after meta-step {iteration}{best}");
                self.write(&line, false);
            }
            TrainEvent::Ended { iteration, end, .. } => {
                if self.open {
                    let _ = writeln!(stderr()); // the bar stays where it is
                    self.open = false;
                }
                if !matches!(end, RunEnd::Iterations | RunEnd::Seconds) {
                    let line = format!("{title}: the run ended after meta-step {iteration} because {end}");
                    self.write(&line, false);
                }
            }
            TrainEvent::Saved { .. } => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(iteration: u64, loss: f64) -> StepLog {
        StepLog { iteration, loss, accuracy: Some(0.5), grad_norm: 1.0, lr: 0.1, skipped: 0, seconds: 0.2 }
    }

    #[test]
    fn the_figures_of_a_step_are_means_with_speed_and_time_left() {
        let mut lines = ProgressLines::new("x").iterations(1000).seconds(100.0);
        lines.terminal = false;
        lines.see(&TrainEvent::Stepped { log: log(1, 2.0), seconds: 0.2, tasks_per_second: 40.0 }).unwrap();
        lines.see(&TrainEvent::Stepped { log: log(2, 1.0), seconds: 0.4, tasks_per_second: 40.0 }).unwrap();
        let means = lines.means.unwrap();
        let figures = lines.figures(means, 8.0, 2, 0.4);
        assert_eq!(figures, "meta-step 2, loss 1.950, accuracy 50.0 %, 40 tasks/s, 1:40 left");
        lines.skipped = 3;
        let figures = lines.figures(means, 8.0, 2, 0.4);
        assert_eq!(
            figures,
            "meta-step 2, loss 1.950, accuracy 50.0 %, 3 tasks left out, 40 tasks/s, 1:40 left"
        );
        lines.skipped = 0;
        let regression = Means { accuracy: None, ..means };
        let figures = lines.iterations(100).figures(regression, 8.0, 95, 19.0);
        assert_eq!(figures, "meta-step 95, loss 1.950, 40 tasks/s, 0:01 left");
        let endless = ProgressLines::new("x");
        let timeless = Means { step_seconds: 0.0, ..means };
        assert_eq!(endless.figures(timeless, 0.0, 2, 0.0), "meta-step 2, loss 1.950, accuracy 50.0 %");
        assert!(endless.figures(means, 8.0, 95, 19.0).ends_with("tasks/s"));
        assert!(endless.share(95, 19.0) < 1e-6);
    }

    #[test]
    fn bars_and_clocks_fill() {
        assert_eq!(bar(0.0), "[>                   ]");
        assert_eq!(bar(0.47), "[=========>          ]");
        assert_eq!(bar(1.0), format!("[{}]", "=".repeat(WIDTH)));
        assert_eq!([9.6, 61.0, 3600.0, 36_061.0].map(clock), ["0:10", "1:01", "1:00:00", "10:01:01"]);
    }
}
