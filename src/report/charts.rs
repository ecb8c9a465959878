//! The charts of one run or several.

use super::chart::{Chart, Series};
use super::run_report::RunReport;
use crate::evaluation::Evaluation;
use crate::meta::Report;
use crate::train::{StepPoint, ValidationPoint};

/// A chart with the meaning of its colours.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct Figure {
    pub(super) title: &'static str,
    pub(super) svg: String,
    pub(super) legend: Vec<Key>,
    pub(super) note: &'static str,
}

/// What a colour means.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct Key {
    pub(super) color: usize,
    pub(super) name: String,
}

/// Colours in the style.
const COLORS: usize = 6;

/// The charts that have points.
pub(super) fn figures(runs: &[&RunReport]) -> Vec<Figure> {
    let all = [accuracy(runs), loss(runs), steps(runs)];
    all.into_iter().filter(|figure| !figure.svg.is_empty()).collect()
}

/// The name of a curve, with the number of its run if there are several; a run's colour is its number.
fn key(runs: &[&RunReport], color: usize, what: &str) -> Key {
    let name = if runs.len() == 1 { what.to_string() } else { format!("run {}: {what}", color + 1) };
    Key { color: color % COLORS, name }
}

fn figure(title: &'static str, chart: &Chart, legend: Vec<Key>, note: &'static str) -> Figure {
    Figure { title, svg: chart.svg(), legend, note }
}

/// Over training: a smoothed line of the meta-batches, and validations with their intervals.
fn over_training(
    runs: &[&RunReport],
    unit: f64,
    step: &dyn Fn(&StepPoint) -> Option<f64>,
    validated: &dyn Fn(&ValidationPoint) -> Option<(f64, f64)>,
) -> (Vec<Series>, Vec<Key>) {
    let (mut series, mut legend) = (Vec::new(), Vec::new());
    for (number, run) in runs.iter().enumerate() {
        let (trained, seen) = if runs.len() == 1 { (0, 1) } else { (number, number) };
        let points = smoothed(&run.history.steps, unit, step);
        if !points.is_empty() {
            let dashed = runs.len() > 1;
            series.push(Series { color: trained % COLORS, points, marked: false, dashed });
            legend.push(key(runs, trained, if dashed { "training (dashed)" } else { "training, smoothed" }));
        }
        let point =
            |v: &ValidationPoint| validated(v).map(|(y, half)| (v.iteration as f64, unit * y, unit * half));
        let points: Vec<_> = run.history.validations.iter().filter_map(point).collect();
        if !points.is_empty() {
            series.push(Series { color: seen % COLORS, points, marked: true, dashed: false });
            legend.push(key(runs, seen, "validation, 95 % interval"));
        }
    }
    (series, legend)
}

fn accuracy(runs: &[&RunReport]) -> Figure {
    let validated = |v: &ValidationPoint| Some((v.inductive[0]?, v.inductive[1].unwrap_or(0.0)));
    let (series, legend) = over_training(runs, 100.0, &|s| s.accuracy, &validated);
    let chart = Chart { x: "meta-steps".into(), y: "accuracy, %".into(), series, percent: true, whole: true };
    figure(
        "Accuracy over training",
        &chart,
        legend,
        "Validation: each query by itself, after the last inner step.",
    )
}

fn loss(runs: &[&RunReport]) -> Figure {
    let validated = |v: &ValidationPoint| Some((v.inductive[2]?, 0.0));
    let (series, legend) = over_training(runs, 1.0, &|s| Some(s.loss), &validated);
    let legend =
        legend.into_iter().map(|key| Key { name: key.name.replace(", 95 % interval", ""), ..key }).collect();
    let chart = Chart { x: "meta-steps".into(), y: "query loss".into(), series, percent: false, whole: true };
    figure("Loss over training", &chart, legend, "")
}

/// Test accuracy (or loss) before adaptation and after each inner step.
fn steps(runs: &[&RunReport]) -> Figure {
    let classified =
        runs.iter().filter_map(|run| run.evaluation.as_ref()).all(|e| e.inductive.accuracy.is_some());
    let value = |report: &Report| match report.accuracy.filter(|_| classified) {
        Some(accuracy) => (100.0 * accuracy.mean, 100.0 * accuracy.interval),
        None => (report.loss.mean, report.loss.interval),
    };
    let (mut series, mut legend) = (Vec::new(), Vec::new());
    for (number, run) in runs.iter().enumerate() {
        let Some(Evaluation { curve, .. }) = run.evaluation.as_ref().filter(|e| e.curve.len() > 1) else {
            continue;
        };
        for (way, what) in ["inductive", "transductive"].into_iter().enumerate() {
            let dashed = runs.len() > 1 && way == 1;
            let color = if runs.len() == 1 { way } else { number };
            let report =
                |k: usize| value(if way == 0 { &curve[k].inductive } else { &curve[k].transductive });
            let points = (0..curve.len()).map(|k| (k as f64, report(k).0, report(k).1)).collect();
            series.push(Series { color: color % COLORS, points, marked: true, dashed });
            legend.push(key(runs, color, if dashed { "transductive (dashed)" } else { what }));
        }
    }
    let y = if classified { "test accuracy, %" } else { "test loss" };
    let chart = Chart { x: "inner steps".into(), y: y.into(), series, percent: classified, whole: true };
    figure("After each inner step", &chart, legend, "0 is before adaptation. Bars are 95 % intervals.")
}

/// Means over windows of a fortieth of the points, and of some at least.
fn smoothed(
    steps: &[StepPoint],
    unit: f64,
    value: &dyn Fn(&StepPoint) -> Option<f64>,
) -> Vec<(f64, f64, f64)> {
    let points: Vec<(f64, f64)> =
        steps.iter().filter_map(|s| Some((s.iteration as f64, unit * value(s)?))).collect();
    let window = (points.len() / 40).max((points.len() / 4).min(8)).max(1);
    let mean = |w: &[(f64, f64)]| {
        let n = w.len() as f64;
        (w.iter().map(|p| p.0).sum::<f64>() / n, w.iter().map(|p| p.1).sum::<f64>() / n, 0.0)
    };
    points.windows(window).step_by((window / 3).max(1)).map(mean).collect()
}
