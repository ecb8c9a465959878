//! What one episode's outputs say about its queries.

use ndarray::{ArrayD, Axis};

use super::calibration::ReliabilitySums;
use super::temperature::TemperatureSums;
use crate::data::Targets;
use crate::error::{Error, Result};
use crate::meta::Score;
use crate::real::{Real, all_finite};

/// The answers to one episode's queries by one way of normalising them.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    pub(super) score: Score,
    /// The label and the answer of each query; empty for regression.
    pub(super) chosen: Vec<[usize; 2]>,
    /// Sums over queries, before the temperature and after it.
    pub(super) sums: [Option<ReliabilitySums>; 2],
}

impl Answers {
    /// Of logits `[n, outputs]` at an inverse temperature, or of values.
    pub(super) fn of<T: Real>(
        score: Score,
        outputs: &ArrayD<T>,
        targets: &Targets<T>,
        beta: Option<f64>,
    ) -> Answers {
        let mut answers = Answers { score, chosen: Vec::new(), sums: [None, None] };
        let Some(labels) = targets.labels() else { return answers };
        let (mut before, mut after) = (ReliabilitySums::default(), ReliabilitySums::default());
        each_row(outputs, labels, |logits, label| {
            answers.chosen.push([label, before.add(logits, label, 1.0)]);
            if let Some(beta) = beta {
                after.add(logits, label, beta);
            }
        });
        answers.sums = [Some(before), beta.map(|_| after)];
        answers
    }
}

/// What one episode says about the temperature.
pub(super) fn temperature_sums<T: Real>(outputs: &ArrayD<T>, targets: &Targets<T>) -> TemperatureSums {
    let mut sums = TemperatureSums::default();
    each_row(outputs, targets.labels().unwrap_or_default(), |logits, label| sums.add(logits, label));
    sums
}

/// Calls `with` with each row of outputs and its label.
pub(super) fn each_row<T: Real>(outputs: &ArrayD<T>, labels: &[usize], mut with: impl FnMut(&[f64], usize)) {
    let mut logits = Vec::new();
    for (row, &label) in outputs.axis_iter(Axis(0)).zip(labels) {
        logits.clear();
        logits.extend(row.iter().map(|v| v.as_f64()));
        with(&logits, label);
    }
}

/// Refuses outputs that cannot be an answer to queries: for labels, a row of at least `ways` finite numbers for each.
pub(super) fn check_outputs<T: Real>(outputs: &ArrayD<T>, targets: &Targets<T>) -> Result<()> {
    let found = outputs.shape();
    let fits = match targets {
        Targets::Labels { labels, ways } => matches!(found, [n, m] if *n == labels.len() && m >= ways),
        Targets::Values(values) => found == values.shape(),
    };
    if !fits {
        let expected = match targets {
            Targets::Labels { labels, ways } => vec![labels.len(), *ways],
            Targets::Values(values) => values.shape().to_vec(),
        };
        return Err(Error::Shape { what: "a prediction".into(), expected, found: found.to_vec() });
    }
    match all_finite(outputs) {
        true => Ok(()),
        false => Err(Error::NotFinite { what: "a prediction".into() }),
    }
}
