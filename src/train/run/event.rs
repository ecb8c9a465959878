//! What happens in a run.

use std::fmt;
use std::path::PathBuf;

use crate::meta::StepReport;
use crate::train::StepLog;

/// Something that happened in a run. Where there is no clock, as in a browser, all seconds are 0.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TrainEvent {
    /// A meta-step was made.
    Stepped {
        /// What it did.
        log: StepLog,
        /// Seconds of training so far, validation not counted.
        seconds: f64,
        /// Tasks per second of this step; 0 if the clock says that it took no time, or there is none.
        tasks_per_second: f64,
    },
    /// The learner was evaluated on the validation episodes.
    Validated {
        /// Meta-steps made.
        iteration: u64,
        /// Seconds of training so far, validation not counted.
        seconds: f64,
        /// Loss and accuracy before adaptation and after each inner step, as [`evaluate`](crate::evaluate) returns them.
        reports: Vec<StepReport>,
        /// Whether it is the best so far.
        best: bool,
    },
    /// A checkpoint was saved.
    Saved {
        /// Meta-steps that it holds.
        iteration: u64,
        /// Where it is.
        path: PathBuf,
    },
    /// The run is over.
    Ended {
        /// Meta-steps made.
        iteration: u64,
        /// Seconds of training, validation not counted.
        seconds: f64,
        /// Why.
        end: RunEnd,
    },
}

/// Why a run ended.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunEnd {
    /// All iterations of the settings, or as many as the run was to make, were made.
    Iterations,
    /// The budget of seconds is spent.
    Seconds,
    /// So many validations as the patience allows did not improve on the best.
    Patience,
    /// The caller asked for it; the run can continue from its state or checkpoint.
    Stopped,
    /// A step, a validation or a watcher failed; the error is what [`Trainer::run`](crate::Trainer::run) returned.
    Failed,
}

/// As it continues the sentence "the run ended because".
impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RunEnd::Iterations => "all iterations were made",
            RunEnd::Seconds => "the time is spent",
            RunEnd::Patience => "validation has not improved for as long as the patience allows",
            RunEnd::Stopped => "it was asked to stop",
            RunEnd::Failed => "of an error",
        })
    }
}
