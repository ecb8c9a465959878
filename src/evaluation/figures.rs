//! What is known of one way of normalising queries, over all episodes.

use super::answers::Answers;
use super::calibration::{Calibration, ReliabilitySums};
use super::classes::{ClassAccuracy, ClassSums};
use super::confusion::Confusion;
use super::running::Running;
use super::worst::{Worst, WorstSums};
use crate::error::Result;
use crate::meta::{Mean, Report, Score};

/// All figures of one way of normalising queries, after the last inner step.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Figures {
    /// Query loss, a mean over episodes.
    pub loss: Mean,
    /// Query accuracy in `0..=1`, a mean over episodes; `None` for regression.
    pub accuracy: Option<Mean>,
    /// The worst episodes.
    pub worst: Worst,
    /// Accuracy by class, the worst first; empty for regression, and if the episodes have no names of classes.
    pub classes: Vec<ClassAccuracy>,
    /// Whether confidences can be trusted; `None` for regression.
    pub calibration: Option<Calibration>,
    /// Which of the chosen classes are taken for which; `None` if none were chosen.
    pub confusion: Option<Confusion>,
}

/// Loss and accuracy over episodes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ScoreSums {
    loss: Running,
    accuracy: Running,
    /// Whether an episode has no accuracy.
    valued: bool,
}

impl ScoreSums {
    pub(super) fn add(&mut self, score: Score) {
        self.loss.add(score.loss);
        match score.accuracy {
            Some(accuracy) => self.accuracy.add(accuracy),
            None => self.valued = true,
        }
    }

    pub(super) fn report(&self) -> Report {
        Report { loss: self.loss.mean(), accuracy: (!self.valued).then(|| self.accuracy.mean()) }
    }
}

/// The same over the episodes so far.
#[derive(Debug, Clone)]
pub(super) struct FigureSums {
    scores: ScoreSums,
    worst: WorstSums,
    classes: ClassSums,
    reliability: [Option<ReliabilitySums>; 2],
    confusion: Option<Confusion>,
    temperature: Option<f64>,
}

impl FigureSums {
    pub(super) fn new(confused: &[String], temperature: Option<f64>) -> Result<FigureSums> {
        let confusion = (!confused.is_empty()).then(|| Confusion::new(confused)).transpose()?;
        let (worst, classes) = (WorstSums::default(), ClassSums::default());
        let scores = ScoreSums::default();
        Ok(FigureSums { scores, worst, classes, reliability: [None, None], confusion, temperature })
    }

    pub(super) fn add(&mut self, episode: u64, classes: &[String], answers: &Answers) {
        self.scores.add(answers.score);
        self.worst.add(episode, answers.score.accuracy.map_or(answers.score.loss, |accuracy| -accuracy));
        self.classes.add(classes, &answers.chosen);
        if let Some(confusion) = &mut self.confusion {
            confusion.add(classes, &answers.chosen);
        }
        for (all, sums) in self.reliability.iter_mut().zip(&answers.sums) {
            if let Some(sums) = sums {
                all.get_or_insert_default().merge(sums);
            }
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let Report { loss, accuracy } = self.scores.report();
        let [before, after] = &self.reliability;
        let calibration = before.as_ref().map(|before| Calibration {
            before: before.reliability(),
            temperature: self.temperature,
            after: after.as_ref().map(ReliabilitySums::reliability),
        });
        Figures {
            loss,
            accuracy,
            worst: self.worst.worst(if accuracy.is_some() { -1.0 } else { 1.0 }),
            classes: self.classes.worst_first(),
            calibration,
            confusion: self.confusion.clone(),
        }
    }
}
