//! A picture of four unseen tasks and what was predicted.

use innerloop::ndarray::{Array, ArrayD};
use innerloop::{Episode, Learned, Learner, Result, Tasks};
use plotters::prelude::*;

use crate::learners;
use crate::settings::Settings;
use crate::tasks::Regression;

pub type Points = Vec<(f64, f64)>;

/// One unseen task and what the network made of it.
pub struct Panel {
    title: String,
    truth: Points,
    support: Points,
    /// Predictions before adaptation, after one step, and after the last.
    predictions: [Points; 3],
}

impl Panel {
    pub fn new(settings: &Settings, learned: &Learned<f32>, unseen: &Regression, i: u64) -> Result<Panel> {
        let episode: Episode<f32> = unseen.task(i);
        let grid = Array::linspace(-5.0f32, 5.0, 201).into_dyn();
        let x = grid.insert_axis(innerloop::ndarray::Axis(1));
        let predict = |steps| -> Result<Points> {
            let learner = learners::new(settings, steps)?;
            let adapted = learner.adapt(learned, &episode.support)?;
            Ok(points(&x, &learner.predict(&adapted, &x)?))
        };
        let values = episode.support.y.values().expect("a regression task");
        let (title, truth) = unseen.curve(i, &x);
        Ok(Panel {
            title,
            truth,
            support: points(&episode.support.x, values),
            predictions: [predict(0)?, predict(1)?, predict(settings.eval_steps)?],
        })
    }
}

pub fn points(x: &ArrayD<f32>, y: &ArrayD<f32>) -> Points {
    x.iter().zip(y).map(|(&x, &y)| (x.into(), y.into())).collect()
}

/// The panels as an SVG picture, two in a row, with a legend on top.
pub fn draw(panels: &[Panel], eval_steps: usize) -> String {
    let mut svg = String::new();
    paint(panels, eval_steps, &mut svg).expect("a string takes any drawing");
    svg
}

const GREY: RGBColor = RGBColor(150, 150, 150);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const BLUE: RGBColor = RGBColor(0, 114, 178);

fn paint(panels: &[Panel], eval_steps: usize, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, (960, 720)).into_drawing_area();
    root.fill(&WHITE)?;
    let (legend, rest) = root.split_vertically(50);
    let last = format!("after {eval_steps} steps");
    let lines = [
        (60, "true curve", BLACK.stroke_width(2)),
        (215, "before adaptation", GREY.stroke_width(2)),
        (410, "after 1 step", ORANGE.stroke_width(2)),
        (565, last.as_str(), BLUE.stroke_width(2)),
    ];
    for (x, name, style) in lines {
        legend.draw(&PathElement::new(vec![(x, 28), (x + 30, 28)], style))?;
        legend.draw(&Text::new(name, (x + 38, 20), ("sans-serif", 17)))?;
    }
    legend.draw(&Circle::new((745, 28), 5, BLACK.filled()))?;
    legend.draw(&Text::new("support points", (757, 20), ("sans-serif", 17)))?;

    for (panel, area) in panels.iter().zip(rest.split_evenly((2, 2))) {
        let mut chart = ChartBuilder::on(&area)
            .caption(&panel.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(30)
            .y_label_area_size(40)
            .build_cartesian_2d(-5.0..5.0, -6.0..6.0)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(225, 225, 225))
            .label_style(("sans-serif", 16))
            .x_labels(6)
            .y_labels(7)
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.0}"))
            .draw()?;
        let [before, one, last] = &panel.predictions;
        let curves = [&panel.truth, before, one, last];
        for (curve, (.., style)) in curves.into_iter().zip(lines) {
            chart.draw_series(LineSeries::new(curve.iter().copied(), style))?;
        }
        let dot = |&at: &(f64, f64)| Circle::new(at, 5, BLACK.filled());
        chart.draw_series(panel.support.iter().map(dot))?;
    }
    root.present()?;
    drop((legend, rest));
    Ok(())
}
