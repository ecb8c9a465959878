//! Events as lines of JSON.

use std::path::Path;

use serde_json::{Value, json};

use super::event::{RunEnd, TrainEvent};
use super::lines::Lines;
use super::watch::Watch;
use crate::error::Result;
use crate::meta::Report;

/// Writes each event as an object of JSON on a line of its own (feature `safetensors`). The entry `event` says which it is:
/// `step`, `validation`, `saved` or `ended`; each has `iteration`. Accuracies are in `0..=1`; a figure that does
/// not exist is `null`.
#[derive(Debug)]
pub struct JsonLog(Lines);

impl JsonLog {
    /// A new file, in place of an earlier one.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io).
    pub fn create(path: &Path) -> Result<JsonLog> {
        Lines::create(path, "").map(JsonLog)
    }

    /// Continues a file after `iteration`, that of the checkpoint: later lines, which the run will make again, are dropped.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::BadLine`](crate::Error::BadLine) for a file that is not such a log.
    pub fn resume(path: &Path, iteration: u64) -> Result<JsonLog> {
        let at = |line: &str| serde_json::from_str::<Value>(line).ok()?.get("iteration")?.as_u64();
        Lines::resume(path, "", iteration, &at, &mut |_| {}).map(JsonLog)
    }
}

fn figures(report: &Report) -> Value {
    let accuracy = report.accuracy;
    json!({
        "accuracy": accuracy.map(|a| a.mean),
        "interval": accuracy.map(|a| a.interval),
        "loss": report.loss.mean,
        "loss_interval": report.loss.interval,
    })
}

impl Watch for JsonLog {
    fn see(&mut self, event: &TrainEvent) -> Result<()> {
        let value = match event {
            TrainEvent::Stepped { log, seconds, tasks_per_second } => json!({
                "event": "step",
                "iteration": log.iteration,
                "seconds": seconds,
                "loss": log.loss,
                "accuracy": log.accuracy,
                "grad_norm": log.grad_norm,
                "lr": log.lr,
                "skipped": log.skipped,
                "step_seconds": log.seconds,
                "tasks_per_second": tasks_per_second,
            }),
            TrainEvent::Validated { iteration, seconds, reports, best } => {
                let step = |r: &crate::meta::StepReport| json!({ "inductive": figures(&r.inductive), "transductive": figures(&r.transductive) });
                let steps: Vec<Value> = reports.iter().map(step).collect();
                json!({
                    "event": "validation",
                    "iteration": iteration,
                    "seconds": seconds,
                    "best": best,
                    "inner_steps": steps,
                })
            }
            TrainEvent::Saved { iteration, path } => {
                json!({ "event": "saved", "iteration": iteration, "path": path.display().to_string() })
            }
            TrainEvent::Ended { iteration, seconds, end } => {
                let end = match end {
                    RunEnd::Iterations => "iterations",
                    RunEnd::Seconds => "seconds",
                    RunEnd::Patience => "patience",
                    RunEnd::Stopped => "stopped",
                    RunEnd::Failed => "failed",
                };
                json!({ "event": "ended", "iteration": iteration, "seconds": seconds, "end": end })
            }
        };
        self.0.append(&format!("{value}\n"))
    }

    fn flush(&mut self) -> Result<()> {
        self.0.sync()
    }
}
