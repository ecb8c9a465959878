//! An evaluation as a printed table.

use std::fmt;

use super::calibration::{Calibration, Reliability};
use super::evaluator::Evaluation;
use super::figures::Figures;
use crate::meta::{Mean, Report};

/// So many of the worst classes are printed.
const CLASSES: usize = 5;

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Evaluation { episodes, queries, curve, inductive, transductive, times } = self;
        let both = [inductive, transductive];
        writeln!(
            f,
            "{episodes} episodes, {queries} queries; each query by itself (inductive), all together (transductive)\n"
        )?;
        writeln!(f, "{:34}{:>18}{:>18}", "", "inductive", "transductive")?;
        if curve.len() > 1 {
            for (step, report) in curve.iter().enumerate() {
                let cells = [report.inductive, report.transductive].map(|report| main(&report));
                row(f, &after(step), cells)?;
            }
        } else {
            let cells = curve.first().map(|r| [r.inductive, r.transductive].map(|r| main(&r)));
            row(
                f,
                if inductive.accuracy.is_some() { "accuracy, %" } else { "loss" },
                cells.unwrap_or_default(),
            )?;
        }
        let percent = inductive.accuracy.is_some();
        let name = if percent { "worst tenth of episodes, %" } else { "worst tenth of episodes, loss" };
        row(f, name, both.map(|x| if percent { per_cent(x.worst.decile) } else { number(x.worst.decile) }))?;
        if percent {
            row(f, "loss", both.map(|figures| with_interval(figures.loss, 1.0)))?;
            calibration(f, both)?;
        }
        writeln!(
            f,
            "\nmilliseconds: {:.2} to adapt, {:.2} to predict for one query, {:.2} for an episode's, {:.2} together",
            times.adapt, times.predict_one, times.predict, times.predict_together
        )?;
        for (name, figures) in ["inductive", "transductive"].iter().zip(both) {
            if !figures.classes.is_empty() {
                write!(f, "worst classes, {name}:")?;
                for class in figures.classes.iter().take(CLASSES) {
                    write!(f, " {} {} % of {};", class.class, per_cent(class.accuracy), class.queries)?;
                }
                writeln!(f)?;
            }
            if let Some(confusion) = &figures.confusion {
                writeln!(f, "\nanswers in % where both classes were there, {name}\n{confusion}")?;
            }
        }
        Ok(())
    }
}

fn calibration(f: &mut fmt::Formatter<'_>, both: [&Figures; 2]) -> fmt::Result {
    let of = |figures: &Figures, show: &dyn Fn(&Reliability) -> String| match &figures.calibration {
        Some(Calibration { before, after: Some(after), .. }) => format!("{} → {}", show(before), show(after)),
        Some(Calibration { before, .. }) => show(before),
        None => "-".into(),
    };
    row(f, "calibration error (ECE), %", both.map(|x| of(x, &|r| per_cent(r.ece))))?;
    row(f, "negative log-likelihood", both.map(|x| of(x, &|r| format!("{:.3}", r.nll))))?;
    row(f, "Brier score", both.map(|x| of(x, &|r| format!("{:.3}", r.brier))))?;
    let temperatures = both.map(|x| x.calibration.as_ref().and_then(|c| c.temperature));
    if temperatures.iter().any(Option::is_some) {
        let shown = |t: Option<f64>| t.map_or("-".into(), |t| format!("{t:.3}"));
        row(f, "temperature (before → after it)", temperatures.map(shown))?;
    }
    Ok(())
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, cells: [String; 2]) -> fmt::Result {
    writeln!(f, "{name:34}{:>18}{:>18}", cells[0], cells[1])
}

fn after(step: usize) -> String {
    match step {
        0 => "before adaptation".into(),
        1 => "after 1 inner step".into(),
        n => format!("after {n} inner steps"),
    }
}

/// Accuracy in per cent, or the loss for regression.
fn main(report: &Report) -> String {
    report.accuracy.map_or_else(|| with_interval(report.loss, 1.0), |accuracy| with_interval(accuracy, 100.0))
}

fn with_interval(mean: Mean, unit: f64) -> String {
    let digits = if unit > 1.0 { 2 } else { 4 };
    format!("{:.digits$} ± {:.digits$}", unit * mean.mean, unit * mean.interval)
}

fn per_cent(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

fn number(value: f64) -> String {
    format!("{value:.4}")
}
