//! The course of a training in memory, for curves.

use super::event::TrainEvent;
use super::watch::Watch;
use crate::error::Result;
use crate::meta::Report;

/// Keeps the course of a training, in memory that does not grow: once there are 4000 points, each two neighbours become one.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct History {
    /// Meta-steps, or means over neighbouring ones.
    pub steps: Vec<StepPoint>,
    /// Validations, after the last inner step.
    pub validations: Vec<ValidationPoint>,
}

/// A meta-step, or the mean over some.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StepPoint {
    /// Meta-steps made, after the last of them.
    pub iteration: u64,
    /// Seconds of training by then.
    pub seconds: f64,
    /// Query loss.
    pub loss: f64,
    /// Query accuracy in `0..=1`; `None` for regression.
    pub accuracy: Option<f64>,
    /// Norm of the meta-gradient.
    pub grad_norm: f64,
    /// Tasks per second.
    pub tasks_per_second: f64,
}

/// A validation. Each triple is accuracy, half the width of its 95 % interval, and loss.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ValidationPoint {
    /// Meta-steps made.
    pub iteration: u64,
    /// Seconds of training by then.
    pub seconds: f64,
    /// Each query by itself.
    pub inductive: [Option<f64>; 3],
    /// All queries of an episode together.
    pub transductive: [Option<f64>; 3],
}

/// The most points that are kept.
const POINTS: usize = 4000;

impl History {
    /// Nothing yet.
    pub fn new() -> History {
        History::default()
    }

    /// Halves the points until there are not too many.
    pub(super) fn thin(&mut self) {
        while self.steps.len() >= POINTS {
            let mean = |pair: &[StepPoint]| {
                let [a, b] = [pair[0], *pair.last().expect("one or two")];
                StepPoint {
                    loss: 0.5 * (a.loss + b.loss),
                    accuracy: a.accuracy.zip(b.accuracy).map(|(a, b)| 0.5 * (a + b)),
                    grad_norm: 0.5 * (a.grad_norm + b.grad_norm),
                    tasks_per_second: 0.5 * (a.tasks_per_second + b.tasks_per_second),
                    ..b
                }
            };
            self.steps = self.steps.chunks(2).map(mean).collect();
        }
    }
}

impl Watch for History {
    fn see(&mut self, event: &TrainEvent) -> Result<()> {
        match event {
            TrainEvent::Stepped { log, seconds, tasks_per_second } => {
                self.steps.push(StepPoint {
                    iteration: log.iteration,
                    seconds: *seconds,
                    loss: log.loss,
                    accuracy: log.accuracy,
                    grad_norm: log.grad_norm,
                    tasks_per_second: *tasks_per_second,
                });
                self.thin();
            }
            TrainEvent::Validated { iteration, seconds, reports, .. } => {
                let figures = |report: Report| {
                    let accuracy = report.accuracy;
                    [accuracy.map(|a| a.mean), accuracy.map(|a| a.interval), Some(report.loss.mean)]
                };
                let (iteration, seconds) = (*iteration, *seconds);
                self.validations.extend(reports.last().map(|last| {
                    let [inductive, transductive] = [last.inductive, last.transductive].map(figures);
                    ValidationPoint { iteration, seconds, inductive, transductive }
                }));
            }
            _ => {}
        }
        Ok(())
    }
}
