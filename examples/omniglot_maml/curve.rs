//! The learning curve as an SVG picture. Accuracy on unseen classes is the transductive one, as published.

use std::error::Error as StdError;

use innerloop::{Error, Result};
use plotters::prelude::*;

use crate::report::{EvalRow, Figure, Record, StepRow};
use crate::runs::Run;

/// Told apart by colour-blind readers too (Okabe and Ito).
const COLORS: [RGBColor; 2] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0)];

/// Training accuracy, smoothed, and accuracy on unseen classes with its interval.
pub fn draw(record: &Record, runs: &[Run]) -> Result<String> {
    let mut svg = String::new();
    let drawn = paint(record, runs, &mut svg);
    drawn
        .map_err(|e| Error::BadFile { path: "curve.svg".into(), reason: format!("cannot be drawn: {e}") })?;
    Ok(svg)
}

fn paint(record: &Record, runs: &[Run], svg: &mut String) -> Result<(), Box<dyn StdError>> {
    let last = record.steps.iter().map(|row| row.iteration).max().unwrap_or(1);
    let root = SVGBackend::with_string(svg, (900, 560)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(18)
        .margin_right(30)
        .x_label_area_size(55)
        .y_label_area_size(65)
        .build_cartesian_2d(0.0..1.02 * last as f64, 0.0..100.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .label_style(("sans-serif", 17))
        .axis_desc_style(("sans-serif", 19))
        .x_desc("meta-steps")
        .y_desc("accuracy, %")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .draw()?;
    for (run, color) in runs.iter().zip(COLORS) {
        let steps: Vec<_> = record.steps.iter().filter(|row| row.run == run.name).collect();
        let line = LineSeries::new(smoothed(&steps), color.stroke_width(2));
        let key = move |(x, y)| PathElement::new(vec![(x, y), (x + 26, y)], color.stroke_width(2));
        chart.draw_series(line)?.label(format!("{}: training classes", run.title)).legend(key);

        let rows = evaluations(record, run);
        let whisker = |row: &EvalRow| {
            let (x, Figure { accuracy, interval, .. }) = (row.iteration as f64, row.transductive);
            let (low, high) = (accuracy - interval, accuracy + interval);
            PathElement::new(vec![(x, 100.0 * low), (x, 100.0 * high)], color.stroke_width(2))
        };
        chart.draw_series(rows.iter().map(whisker))?;
        let dot = |row: &EvalRow| {
            Circle::new((row.iteration as f64, 100.0 * row.transductive.accuracy), 6, color.filled())
        };
        let key = move |(x, y)| Circle::new((x + 13, y), 6, color.filled());
        chart.draw_series(rows.iter().map(dot))?.label(format!("{}: unseen classes", run.title)).legend(key);
    }
    let is_high =
        |run: &Run| record.last_evaluation(run.name).last().is_none_or(|row| row.transductive.accuracy > 0.5);
    let high = runs.iter().all(is_high); // then there is room below
    let place = if high { SeriesLabelPosition::LowerRight } else { SeriesLabelPosition::UpperRight };
    chart
        .configure_series_labels()
        .position(place)
        .label_font(("sans-serif", 17))
        .legend_area_size(36)
        .margin(16)
        .background_style(WHITE)
        .border_style(RGBColor(190, 190, 190))
        .draw()?;
    root.present()?;
    Ok(())
}

/// Means over windows of a twentieth of the run: at most a few hundred points, whatever its length.
fn smoothed(steps: &[&StepRow]) -> Vec<(f64, f64)> {
    let window = (steps.len() / 20).max(1);
    let mean = |rows: &[&StepRow]| {
        let n = rows.len() as f64;
        let x = rows.iter().map(|row| row.iteration as f64).sum::<f64>() / n;
        (x, 100.0 * rows.iter().map(|row| row.accuracy).sum::<f64>() / n)
    };
    let stride = (window / 4).max(1);
    steps.windows(window).step_by(stride).map(mean).collect()
}

/// A run's evaluations, each after its last inner step.
fn evaluations(record: &Record, run: &Run) -> Vec<EvalRow> {
    let of_run: Vec<_> = record.evaluations.iter().filter(|row| row.run == run.name).collect();
    let is_last = |row: &EvalRow| !of_run.iter().any(|o| o.iteration == row.iteration && o.steps > row.steps);
    of_run.iter().filter(|row| is_last(row)).map(|&row| row.clone()).collect()
}
