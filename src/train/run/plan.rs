//! The settings of a run.

use std::fmt;
#[cfg(feature = "safetensors")]
use std::path::PathBuf;

use crate::clock;
use crate::data::{Episode, Tasks};
use crate::error::{Error, Result};

/// What [`Trainer::run`](crate::Trainer::run) does besides steps. Without more, it makes steps until the iterations of
/// the [`TrainConfig`](crate::TrainConfig) are made.
///
/// Nothing here changes the bits of a step, and validation takes nothing from training's random streams: runs that are
/// validated, saved or interrupted differently, and then continued, learn the same.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use innerloop::{Adam, Maml, Mlp, NormMode, Order, Run, RunEnd, Sinusoids, TrainConfig, Trainer};
///
/// let maml = Maml::new(Mlp::new(&[1, 8, 1])?, 0.01, Order::Second, NormMode::Batch);
/// let [train, validation] = [0, 1].map(|seed| Sinusoids::new(10, 10, seed));
/// let mut trainer = Trainer::<f32, _, _>::new(&maml, Adam::default(), TrainConfig::new(4, 1e-3, 20))?;
/// let stop = AtomicBool::new(false); // a handler of Ctrl-C sets it
/// let run = Run::new()
///     .validate(&validation, 10, 5)
///     .patience(3)
///     .seconds(60.0)
///     .stop_when(|| stop.load(Ordering::Relaxed));
/// let end = trainer.run(&train, &run, &mut ())?;
/// assert!(matches!(end, RunEnd::Iterations | RunEnd::Patience));
/// let best = trainer.best().unwrap();
/// println!("best after {} meta-steps: loss {}", best.iteration, -best.value);
/// # Ok::<(), innerloop::Error>(())
/// ```
pub struct Run<'r, T> {
    pub(super) validation: Option<Validation<'r, T>>,
    pub(super) patience: Option<u64>,
    pub(super) until: u64,
    pub(super) seconds: f64,
    pub(super) spent: f64,
    pub(super) stop: Option<Box<dyn Fn() -> bool + 'r>>,
    #[cfg(feature = "safetensors")]
    pub(super) checkpoint: Option<Checkpoints>,
}

/// Fixed episodes that the learner is evaluated on.
#[derive(Clone, Copy)]
pub(super) struct Validation<'r, T> {
    pub(super) source: &'r dyn Tasks<Episode<T>>,
    pub(super) episodes: u64,
    pub(super) every: u64,
    pub(super) together: bool,
    pub(super) last_step: bool,
    pub(super) keep: usize,
}

/// Where checkpoints are saved, and how much work may be lost.
#[cfg(feature = "safetensors")]
#[derive(Debug, Clone)]
pub(super) struct Checkpoints {
    pub(super) path: PathBuf,
    pub(super) steps: u64,
    pub(super) seconds: f64,
}

impl<T> Default for Run<'_, T> {
    fn default() -> Self {
        Run {
            validation: None,
            patience: None,
            until: u64::MAX,
            seconds: f64::INFINITY,
            spent: 0.0,
            stop: None,
            #[cfg(feature = "safetensors")]
            checkpoint: None,
        }
    }
}

impl<T> fmt::Debug for Run<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let validation = self.validation.as_ref().map(|v| (v.episodes, v.every));
        f.debug_struct("Run")
            .field("validation", &validation)
            .field("patience", &self.patience)
            .field("seconds", &self.seconds)
            .finish_non_exhaustive()
    }
}

impl<'r, T> Run<'r, T> {
    /// Steps until the iterations are made.
    pub fn new() -> Run<'r, T> {
        Run::default()
    }

    /// Evaluates on episodes `0..episodes` of a source after every `every` meta-steps, and keeps what was learned when the
    /// accuracy (for regression, the loss) after the last inner step was best, each query by itself.
    #[must_use]
    pub fn validate(self, source: &'r impl Tasks<Episode<T>>, episodes: u64, every: u64) -> Self {
        Run {
            validation: Some(Validation {
                source,
                episodes,
                every,
                together: false,
                last_step: false,
                keep: 1,
            }),
            ..self
        }
    }

    /// Judges validations by the transductive figure, with all queries of an episode together. Call it after
    /// [`validate`](Run::validate).
    #[must_use]
    pub fn transductive(mut self) -> Self {
        self.validation = self.validation.map(|validation| Validation { together: true, ..validation });
        self
    }

    /// Validates after the last inner step alone, as [`LastStep`](crate::LastStep) does: quicker the more steps there are. Call it after
    /// [`validate`](Run::validate).
    #[must_use]
    pub fn last_step(mut self) -> Self {
        self.validation = self.validation.map(|validation| Validation { last_step: true, ..validation });
        self
    }

    /// Keeps so many of the best validations, where else the best one is kept ([`Validated::best`](crate::Validated::best)): an
    /// [`Ensemble`](crate::Ensemble) of them is what Antoniou et al. (2019) test. Call it after [`validate`](Run::validate).
    #[must_use]
    pub fn keep(mut self, best: usize) -> Self {
        self.validation = self.validation.map(|validation| Validation { keep: best, ..validation });
        self
    }

    /// Ends the run after so many validations in a row that do not improve on the best.
    #[must_use]
    pub fn patience(self, validations: u64) -> Self {
        Run { patience: Some(validations), ..self }
    }

    /// Ends the run when so many meta-steps are made in all, those before it included, if that is before the iterations of the
    /// settings: to do something between two runs of one training. What changes over training, as a schedule does, keeps to the
    /// iterations of the settings.
    #[must_use]
    pub fn until(self, iteration: u64) -> Self {
        Run { until: iteration, ..self }
    }

    /// Ends the run after so many seconds of training; validations and saving are not counted. Refused where there is no
    /// clock, as in a browser.
    #[must_use]
    pub fn seconds(self, seconds: f64) -> Self {
        Run { seconds, ..self }
    }

    /// So many seconds of the budget were spent before, by the run that this one continues. A log that continues says how
    /// many: [`CsvLog::seconds`](crate::CsvLog::seconds).
    #[must_use]
    pub fn spent(self, seconds: f64) -> Self {
        Run { spent: seconds, ..self }
    }

    /// Ends the run after the step in which this becomes true, with everything saved. `stop_on_signals` (feature `signals`) makes
    /// one that becomes true at Ctrl-C and SIGTERM.
    #[must_use]
    pub fn stop_when(self, stop: impl Fn() -> bool + 'r) -> Self {
        Run { stop: Some(Box::new(stop)), ..self }
    }

    /// Saves a checkpoint whenever a sudden end would lose `steps` meta-steps or `seconds` of work, whichever comes first,
    /// and whenever the run ends, with or without an error.
    #[cfg(feature = "safetensors")]
    #[must_use]
    pub fn checkpoint(self, path: impl Into<PathBuf>, steps: u64, seconds: f64) -> Self {
        Run { checkpoint: Some(Checkpoints { path: path.into(), steps, seconds }), ..self }
    }

    pub(super) fn check(&self) -> Result<()> {
        let refuse = |name, value: String, need| Err(Error::Setting { name, value, need });
        if let Some(validation) = &self.validation {
            validation.source.check_evaluation()?;
            let Validation { every, episodes, keep, .. } = *validation;
            for (name, value) in [("validate_every", every), ("validation", episodes), ("keep", keep as u64)]
            {
                if value == 0 {
                    return refuse(name, "0".into(), "at least 1");
                }
            }
        }
        if let Some(patience) = self.patience {
            if patience == 0 {
                return refuse("patience", "0".into(), "at least 1 validation");
            }
            if self.validation.is_none() {
                return refuse(
                    "patience",
                    patience.to_string(),
                    "left out, or used with validation episodes",
                );
            }
        }
        #[cfg(feature = "safetensors")]
        if let Some(Checkpoints { steps, seconds, .. }) = &self.checkpoint {
            check_seconds("checkpoint_seconds", *seconds)?;
            if *steps == 0 {
                return refuse("checkpoint_steps", "0".into(), "at least 1");
            }
        }
        if !clock::IS_HERE && self.seconds < f64::INFINITY {
            let need = "left out: there is no clock here, so the run would not end";
            return refuse("seconds", self.seconds.to_string(), need);
        }
        check_seconds("seconds", self.seconds)?;
        check_seconds("spent", self.spent)
    }
}

fn check_seconds(name: &'static str, seconds: f64) -> Result<()> {
    if seconds.is_nan() || seconds < 0.0 {
        let need = "a number of seconds, 0 or more";
        return Err(Error::Setting { name, value: seconds.to_string(), need });
    }
    Ok(())
}
