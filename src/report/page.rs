//! The page of one run.

use minijinja::{AutoEscape, Environment, Value};
use serde::Serialize;

use super::charts::{Figure, figures};
use super::gallery::{Gallery, GalleryEpisode};
use super::reliability::diagram;
use super::run_report::RunReport;
use crate::error::{Error, Result};
use crate::evaluation::{Calibration, ClassAccuracy, Evaluation, Figures, Reliability};
use crate::meta::Mean;

/// A number with its name.
#[derive(Debug, Serialize)]
pub(super) struct Tile {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Debug, Serialize)]
struct Page<'r> {
    report: &'r RunReport,
    style: &'static str,
    tiles: Vec<Tile>,
    figures: Vec<Figure>,
    diagrams: Vec<Diagram>,
    calibration: Vec<[String; 5]>,
    classes: Vec<Bar>,
    gallery: Vec<Shown<'r>>,
    worst: Vec<Tile>,
    costs: Vec<Tile>,
}

#[derive(Debug, Serialize)]
struct Diagram {
    title: String,
    svg: String,
}

/// A bar of a class's accuracy.
#[derive(Debug, Serialize)]
struct Bar {
    name: String,
    percent: String,
    queries: u64,
}

/// An episode of the gallery with its figures as text.
#[derive(Debug, Serialize)]
struct Shown<'r> {
    episode: &'r GalleryEpisode,
    accuracy: String,
}

/// So many of the worst classes are shown.
const CLASSES: usize = 12;

/// Fills a template with the style of all pages.
pub(super) fn rendered(template: &str, context: impl Serialize) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let filled = environment.render_named_str("page.html", template, Value::from_serialize(context));
    filled.map_err(|error| Error::own(error.to_string()))
}

pub(super) const STYLE: &str = include_str!("style.css");

pub(super) fn page(report: &RunReport) -> Result<String> {
    let evaluation = report.evaluation.as_ref();
    let page = Page {
        report,
        style: STYLE,
        tiles: tiles(report),
        figures: figures(&[report]),
        diagrams: evaluation.map(diagrams).unwrap_or_default(),
        calibration: evaluation.map(calibration).unwrap_or_default(),
        classes: evaluation.map(|e| bars(&e.inductive.classes)).unwrap_or_default(),
        gallery: report.gallery.as_ref().map(shown).unwrap_or_default(),
        worst: evaluation.map(worst).unwrap_or_default(),
        costs: costs(report),
    };
    rendered(include_str!("page.html"), page)
}

/// The figures that matter most; also what several runs are compared by.
pub(super) fn tiles(report: &RunReport) -> Vec<Tile> {
    let Some(evaluation) = &report.evaluation else { return Vec::new() };
    let mut all = Vec::new();
    let mut add = |name: &str, value: String| all.push(Tile { name: name.into(), value });
    let Evaluation { inductive, transductive, .. } = evaluation;
    let main = |figures: &Figures| match figures.accuracy {
        Some(Mean { mean, interval }) => format!("{:.2} ± {:.2} %", 100.0 * mean, 100.0 * interval),
        None => format!("{:.4} ± {:.4}", figures.loss.mean, figures.loss.interval),
    };
    let what = if inductive.accuracy.is_some() { "accuracy" } else { "loss" };
    add(&format!("{what}, each query by itself"), main(inductive));
    add(&format!("{what}, all queries together"), main(transductive));
    let decile = inductive.worst.decile;
    let decile = if inductive.accuracy.is_some() {
        format!("{:.1} %", 100.0 * decile)
    } else {
        format!("{decile:.4}")
    };
    add("worst tenth of episodes", decile);
    if let Some(Calibration { before, after, .. }) = &inductive.calibration {
        let ece = |r: &Reliability| format!("{:.1}", 100.0 * r.ece);
        let after = after.as_ref().map_or(String::new(), |after| format!(" → {}", ece(after)));
        add("calibration error", format!("{}{after} %", ece(before)));
    }
    all
}

fn ways(evaluation: &Evaluation) -> [(&'static str, &Figures); 2] {
    [("each query by itself", &evaluation.inductive), ("all together", &evaluation.transductive)]
}

fn diagrams(evaluation: &Evaluation) -> Vec<Diagram> {
    let mut all = Vec::new();
    if let Some(Calibration { before, after, .. }) = &evaluation.inductive.calibration {
        all.push(Diagram { title: "as the learner says".into(), svg: diagram(before, 0) });
        all.extend(
            after
                .as_ref()
                .map(|after| Diagram { title: "with the temperature".into(), svg: diagram(after, 1) }),
        );
    }
    all
}

/// Rows: name, ECE, NLL, Brier score, temperature.
fn calibration(evaluation: &Evaluation) -> Vec<[String; 5]> {
    let row = |name: String, r: &Reliability, temperature: f64| {
        let ece = format!("{:.2} %", 100.0 * r.ece);
        [name, ece, format!("{:.3}", r.nll), format!("{:.3}", r.brier), format!("{temperature:.3}")]
    };
    let mut rows = Vec::new();
    for (name, figures) in ways(evaluation) {
        let Some(Calibration { before, temperature, after }) = &figures.calibration else { continue };
        rows.push(row(name.into(), before, 1.0));
        if let (Some(after), Some(temperature)) = (after, temperature) {
            rows.push(row(format!("{name}, with the temperature"), after, *temperature));
        }
    }
    rows
}

fn bars(classes: &[ClassAccuracy]) -> Vec<Bar> {
    let bar = |c: &ClassAccuracy| Bar {
        name: c.class.clone(),
        percent: format!("{:.1}", 100.0 * c.accuracy),
        queries: c.queries,
    };
    classes.iter().take(CLASSES).map(bar).collect()
}

fn shown<'r>(gallery: &'r Gallery) -> Vec<Shown<'r>> {
    let one = |episode: &'r GalleryEpisode| {
        let GalleryEpisode { before, after, .. } = episode;
        let before = before.map_or(String::new(), |before| format!("{:.0} % → ", 100.0 * before));
        Shown { episode, accuracy: format!("{before}{:.0} %", 100.0 * after) }
    };
    gallery.episodes.iter().map(one).collect()
}

fn worst(evaluation: &Evaluation) -> Vec<Tile> {
    let percent = evaluation.inductive.accuracy.is_some();
    let value = |v: f64| if percent { format!("{:.0} %", 100.0 * v) } else { format!("{v:.3}") };
    let episodes = evaluation.inductive.worst.episodes.iter();
    episodes.map(|w| Tile { name: w.episode.to_string(), value: value(w.value) }).collect()
}

/// Time and memory.
pub(super) fn costs(report: &RunReport) -> Vec<Tile> {
    let mut all = Vec::new();
    let mut add = |name: &str, value: String| all.push(Tile { name: name.into(), value });
    if let Some(last) = report.history.steps.last() {
        add("meta-steps", last.iteration.to_string());
        if last.seconds > 0.0 {
            add("training", duration(last.seconds));
            let tail = &report.history.steps[report.history.steps.len() / 2..];
            let rate = tail.iter().map(|s| s.tasks_per_second).sum::<f64>() / tail.len() as f64;
            add("tasks per second", format!("{rate:.1}"));
        }
    }
    if let Some(Evaluation { times, episodes, queries, .. }) = &report.evaluation {
        add("test episodes", episodes.to_string());
        add("test queries", queries.to_string());
        if times.adapt > 0.0 {
            add("to adapt to one support set", format!("{:.2} ms", times.adapt));
            add("to predict for one query", format!("{:.2} ms", times.predict_one));
            add("to predict for an episode's queries", format!("{:.2} ms", times.predict));
        }
    }
    if report.memory.is_some() {
        add("largest memory of the process", memory(report));
    }
    all
}

fn memory(report: &RunReport) -> String {
    report.memory.map_or(String::new(), |bytes| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20)))
}

/// Seconds as people say them.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
