//! What a page is made of.

use std::path::Path;

use super::compare::compare_page;
use super::gallery::Gallery;
use super::memory::peak_memory;
use super::page::page;
use crate::error::{Error, Result};
use crate::evaluation::Evaluation;
use crate::train::History;
use crate::{read, write};

/// A training and its evaluation, for people to look at: [`save`](RunReport::save) writes one file of HTML, with pictures
/// and everything else in it, that needs no network and reads well on a telephone, in light and in dark.
///
/// The page holds its own data: [`load`](RunReport::load) reads a report from it, to [`compare`](RunReport::compare) it with
/// others.
///
/// ```
/// use innerloop::{Adam, Evaluator, History, Maml, Mlp, NormMode, Order, Run, RunReport, Sinusoids, TrainConfig, Trainer};
/// # let folder = tempfile::tempdir()?;
/// let maml = Maml::new(Mlp::new(&[1, 8, 1])?, 0.01, Order::Second, NormMode::Batch);
/// let [train, test] = [0, 1].map(|seed| Sinusoids::new(10, 10, seed));
/// let mut trainer = Trainer::<f32, _, _>::new(&maml, Adam::default(), TrainConfig::new(4, 1e-3, 20))?;
/// let mut history = History::new();
/// trainer.run(&train, &Run::new().validate(&test, 5, 10), &mut history)?;
/// let evaluation = Evaluator::new(&test, 20).evaluate(&maml, trainer.learned())?;
/// let report = RunReport::new("sinusoids")
///     .settings(&trainer.state().settings)
///     .history(history)
///     .evaluation(evaluation);
/// let path = folder.path().join("report.html");
/// report.save(&path)?;
/// assert_eq!(RunReport::load(&path)?.title, "sinusoids");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct RunReport {
    /// What the run is called.
    pub title: String,
    /// The command that made it.
    pub command: String,
    /// The version of this crate, the system and the number of threads.
    pub versions: String,
    /// The settings, a line each.
    pub settings: String,
    /// The data, a line each.
    pub data: String,
    /// The course of the training.
    pub history: History,
    /// The evaluation on test episodes.
    pub evaluation: Option<Evaluation>,
    /// Test episodes to look at.
    pub gallery: Option<Gallery>,
    /// The largest resident set of the process, in bytes.
    pub memory: Option<u64>,
}

/// Where the data begin and end in a page.
const BEGIN: &str = "<script type=\"application/json\" id=\"innerloop-report\">";
const END: &str = "</script>";

impl RunReport {
    /// A report with a title, the command line and the memory of this process.
    pub fn new(title: impl Into<String>) -> RunReport {
        let command: Vec<_> = std::env::args().collect();
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        let (version, threads) = (env!("CARGO_PKG_VERSION"), rayon::current_num_threads());
        RunReport {
            title: title.into(),
            command: command.join(" "),
            versions: format!("innerloop {version}, {os} on {arch}, {threads} thread(s)"),
            settings: String::new(),
            data: String::new(),
            history: History::new(),
            evaluation: None,
            gallery: None,
            memory: peak_memory(),
        }
    }

    /// Another command than this process's.
    #[must_use]
    pub fn command(self, command: impl Into<String>) -> RunReport {
        RunReport { command: command.into(), ..self }
    }

    /// The settings, a line each: [`TrainState::settings`](crate::TrainState::settings) has those of a training.
    #[must_use]
    pub fn settings(self, settings: &str) -> RunReport {
        RunReport { settings: settings.into(), ..self }
    }

    /// The data, a line each: what [`Tasks::describe`](crate::Tasks::describe) says.
    #[must_use]
    pub fn data(self, data: &str) -> RunReport {
        RunReport { data: data.into(), ..self }
    }

    /// The course of the training.
    #[must_use]
    pub fn history(self, history: History) -> RunReport {
        RunReport { history, ..self }
    }

    /// The evaluation on test episodes.
    #[must_use]
    pub fn evaluation(self, evaluation: Evaluation) -> RunReport {
        RunReport { evaluation: Some(evaluation), ..self }
    }

    /// Test episodes to look at.
    #[must_use]
    pub fn gallery(self, gallery: Gallery) -> RunReport {
        RunReport { gallery: Some(gallery), ..self }
    }

    /// The page.
    ///
    /// # Errors
    /// [`Error::Own`] if it cannot be made.
    pub fn html(&self) -> Result<String> {
        let data = serde_json::to_string(self).map_err(Error::own)?;
        // so that no text can end the element that holds the data
        let data = data.replace('<', "\\u003c");
        Ok(page(self)?.replace("</body>", &format!("{BEGIN}{data}{END}\n</body>")))
    }

    /// Writes the page, usually `report.html`.
    ///
    /// # Errors
    /// As [`html`](RunReport::html); [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        write::whole(path, self.html()?.as_bytes())
    }

    /// Reads a report from its page.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadFile`] for a file that is no page of [`save`](RunReport::save).
    pub fn load(path: &Path) -> Result<RunReport> {
        let text = read::text(path)?;
        let bad = |reason: String| Error::BadFile { path: path.into(), reason };
        let data = text.rsplit_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
        let (data, _) =
            data.ok_or_else(|| bad("it is not a report of this crate, or it was cut off".into()))?;
        serde_json::from_str(data).map_err(|error| bad(format!("its data cannot be read: {error}")))
    }

    /// Writes one page with several runs side by side: their figures, curves, and the settings in which they differ.
    ///
    /// # Errors
    /// [`Error::Setting`] for no runs; as [`save`](RunReport::save).
    pub fn compare(runs: &[&RunReport], path: &Path) -> Result<()> {
        if runs.is_empty() {
            return Err(Error::Setting {
                name: "runs",
                value: "an empty list".into(),
                need: "at least one report",
            });
        }
        write::whole(path, compare_page(runs)?.as_bytes())
    }
}
