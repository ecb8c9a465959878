//! The learning curve as an SVG picture. Accuracy on unseen classes is the transductive one, as published.

use std::error::Error as StdError;

use innerloop::{Error, History, Result, StepPoint, ValidationPoint};
use plotters::prelude::*;

use crate::runs::Run;

/// Told apart by colour-blind readers too (Okabe and Ito).
const COLORS: [RGBColor; 2] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0)];

/// Training accuracy of each run that has begun, smoothed, and accuracy on unseen classes with its interval.
pub fn draw(runs: &[Run], histories: &[History]) -> Result<String> {
    let mut svg = String::new();
    let drawn = paint(runs, histories, &mut svg);
    drawn
        .map_err(|e| Error::BadFile { path: "curve.svg".into(), reason: format!("cannot be drawn: {e}") })?;
    Ok(svg)
}

fn paint(runs: &[Run], histories: &[History], svg: &mut String) -> Result<(), Box<dyn StdError>> {
    let last =
        histories.iter().flat_map(|history| &history.steps).map(|point| point.iteration).max().unwrap_or(1);
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
    for ((run, history), color) in runs.iter().zip(histories).zip(COLORS) {
        let line = LineSeries::new(smoothed(&history.steps), color.stroke_width(2));
        let key = move |(x, y)| PathElement::new(vec![(x, y), (x + 26, y)], color.stroke_width(2));
        chart.draw_series(line)?.label(format!("{}: training classes", run.title)).legend(key);

        let accuracies = || history.validations.iter().filter_map(accuracy);
        let whisker = |(x, accuracy, interval)| {
            PathElement::new(vec![(x, accuracy - interval), (x, accuracy + interval)], color.stroke_width(2))
        };
        chart.draw_series(accuracies().map(whisker))?;
        let dot = |(x, accuracy, _)| Circle::new((x, accuracy), 6, color.filled());
        let key = move |(x, y)| Circle::new((x + 13, y), 6, color.filled());
        chart.draw_series(accuracies().map(dot))?.label(format!("{}: unseen classes", run.title)).legend(key);
    }
    let high = |history: &History| {
        history
            .validations
            .iter()
            .filter_map(accuracy)
            .next_back()
            .is_none_or(|(_, accuracy, _)| accuracy > 50.0)
    };
    let high = histories.iter().all(high); // then there is room below
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

/// Meta-steps made, and transductive accuracy with its interval in per cent.
fn accuracy(point: &ValidationPoint) -> Option<(f64, f64, f64)> {
    let [accuracy, interval, _] = point.transductive;
    Some((point.iteration as f64, 100.0 * accuracy?, 100.0 * interval?))
}

/// Means over windows of a twentieth of the run: at most a few hundred points, whatever its length.
fn smoothed(steps: &[StepPoint]) -> Vec<(f64, f64)> {
    let window = (steps.len() / 20).max(1);
    let mean = |rows: &[StepPoint]| {
        let n = rows.len() as f64;
        let x = rows.iter().map(|row| row.iteration as f64).sum::<f64>() / n;
        (x, 100.0 * rows.iter().filter_map(|row| row.accuracy).sum::<f64>() / n)
    };
    let stride = (window / 4).max(1);
    steps.windows(window).step_by(stride).map(mean).collect()
}
