//! The page of several runs.

use serde::Serialize;

use super::charts::{Figure, figures};
use super::page::{STYLE, Tile, costs, rendered, tiles};
use super::run_report::RunReport;
use crate::error::Result;

#[derive(Debug, Serialize)]
struct Compared<'r> {
    style: &'static str,
    titles: Vec<&'r str>,
    commands: Vec<&'r str>,
    rows: Vec<Row>,
    settings: Vec<Row>,
    figures: Vec<Figure>,
}

/// A figure of each run.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    cells: Vec<String>,
}

pub(super) fn compare_page(runs: &[&RunReport]) -> Result<String> {
    let page = Compared {
        style: STYLE,
        titles: runs.iter().map(|run| run.title.as_str()).collect(),
        commands: runs.iter().map(|run| run.command.as_str()).collect(),
        rows: rows(runs.iter().map(|run| {
            tiles(run).into_iter().chain(costs(run)).map(|Tile { name, value }| (name, value)).collect()
        })),
        settings: differences(runs),
        figures: figures(runs),
    };
    rendered(include_str!("compare.html"), page)
}

/// A row for each name that a run has, in the order in which they first appear.
fn rows(runs: impl Iterator<Item = Vec<(String, String)>>) -> Vec<Row> {
    let runs: Vec<_> = runs.collect();
    let mut rows: Vec<Row> = Vec::new();
    for (name, _) in runs.iter().flatten() {
        if rows.iter().any(|row| row.name == *name) {
            continue;
        }
        let cell = |run: &Vec<(String, String)>| {
            run.iter().find(|(n, _)| n == name).map_or("–".into(), |(_, value)| value.clone())
        };
        rows.push(Row { name: name.clone(), cells: runs.iter().map(cell).collect() });
    }
    rows
}

/// The settings in which the runs differ, by their full name.
fn differences(runs: &[&RunReport]) -> Vec<Row> {
    let all = rows(runs.iter().map(|run| settings(&run.settings)));
    all.into_iter().filter(|row| row.cells.iter().any(|cell| *cell != row.cells[0])).collect()
}

/// Lines `name: value` of a description, each name with those of the structs around it.
fn settings(text: &str) -> Vec<(String, String)> {
    let mut path: Vec<(usize, String)> = Vec::new(); // depths and names of the structs around a line
    let mut all: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let depth = line.len() - line.trim_start().len();
        path.retain(|(d, _)| *d < depth);
        let line = line.trim().trim_end_matches(',');
        let (name, value) = line.split_once(": ").unwrap_or(("", line));
        let value = value.trim_end_matches(['{', '(', '[', ' ']);
        if line.ends_with(['{', '(', '[']) {
            path.push((depth, name.to_string()));
        } else if matches!(line, "}" | ")" | "]" | "") {
            continue;
        }
        let inside = path.iter().filter(|(d, n)| *d < depth && !n.is_empty()).map(|(_, n)| n.as_str());
        let name: Vec<&str> = inside.chain((!name.is_empty()).then_some(name)).collect();
        let name = name.join(".");
        match all.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old += &format!(", {value}"), // elements of a list
            None => all.push((name, value.to_string())),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_settings_that_differ_are_shown_with_their_place() {
        let text = |lr: f64, seed: u64| {
            format!(
                "seed: {seed}\nlearner: Maml {{\n    rule: GradientDescent {{\n        lr: {lr},\n    }},\n    steps: 1,\n}}"
            )
        };
        let runs = [(0.1, 7), (0.4, 7)].map(|(lr, seed)| RunReport::new("run").settings(&text(lr, seed)));
        let rows = differences(&[&runs[0], &runs[1]]);
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].name.as_str(), &rows[0].cells[..]),
            ("learner.rule.lr", &["0.1".into(), "0.4".into()][..])
        );
    }
}
