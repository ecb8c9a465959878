//! Shows the progress of training: a bar on a terminal, otherwise a line every few seconds.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use innerloop::StepLog;

use crate::settings::Settings;

/// Shows one run's training.
pub struct Progress<'s> {
    settings: &'s Settings,
    title: &'static str,
    /// `None` if the output is not a terminal.
    bar: Option<ProgressBar>,
    said: Instant,
    /// Running means, so that the figures can be read.
    loss: Option<f64>,
    accuracy: f64,
    seconds_per_step: f64,
}

const BETWEEN_LINES: Duration = Duration::from_secs(10);
/// Share of the newest step in the running means.
const NEWEST: f64 = 0.05;

impl<'s> Progress<'s> {
    pub fn new(settings: &'s Settings, title: &'static str) -> Progress<'s> {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = "{prefix} [{bar:30}] {percent:>3} %  {msg}, {eta} left";
            let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(1000).with_style(style.progress_chars("=> ")).with_prefix(title)
        });
        let said = Instant::now();
        Progress { settings, title, bar, said, loss: None, accuracy: 0.0, seconds_per_step: 0.0 }
    }

    /// After a meta-step; `seconds` of training in all.
    pub fn stepped(&mut self, log: &StepLog, seconds: f64) {
        let newest = if self.loss.is_none() { 1.0 } else { NEWEST };
        let mean = |old: f64, new: f64| old + newest * (new - old);
        let loss = mean(self.loss.unwrap_or(0.0), log.loss);
        self.loss = Some(loss);
        self.accuracy = mean(self.accuracy, log.accuracy.unwrap_or(f64::NAN));
        self.seconds_per_step = mean(self.seconds_per_step, log.seconds);

        let tasks_per_second = self.settings.meta_batch as f64 / self.seconds_per_step;
        let accuracy = 100.0 * self.accuracy;
        let figures = format!(
            "meta-step {}, loss {loss:.3}, accuracy {accuracy:.1} %, {tasks_per_second:.0} tasks/s",
            log.iteration
        );
        let share = (log.iteration as f64 / self.settings.last_iteration() as f64)
            .max(seconds / self.settings.last_second());
        match &self.bar {
            Some(bar) => {
                bar.set_position((1000.0 * share) as u64);
                bar.set_message(figures);
            }
            None if log.iteration == 1 || share >= 1.0 || self.said.elapsed() >= BETWEEN_LINES => {
                eprintln!("{}: {figures}", self.title);
                self.said = Instant::now();
            }
            None => {}
        }
    }

    /// Prints a line without disturbing the bar.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}
