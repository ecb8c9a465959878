//! Panels side by side in an SVG picture.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::fit::Line;

/// Times over one quantity.
pub struct Panel {
    pub title: String,
    pub x_name: &'static str,
    pub growth: Growth,
    pub x: Vec<usize>,
    pub series: Vec<Series>,
}

/// How `x` goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// 1, 2, 4, …: on a logarithmic axis, points joined.
    Doubling,
    /// 1, 2, 3, …: with a straight line through the points.
    Counting,
}

/// Times with one number of threads.
pub struct Series {
    pub name: String,
    /// Milliseconds per task, one for each `x`.
    pub ms: Vec<f64>,
}

impl Panel {
    /// The line through a series, where one is meant and there are points enough to judge it.
    pub fn fit(&self, series: &Series) -> Option<Line> {
        (self.growth == Growth::Counting && self.x.len() > 2).then(|| Line::through(&self.x, &series.ms))
    }

    /// Where `x` lies along the axis.
    fn place(&self, x: usize) -> f64 {
        match self.growth {
            Growth::Doubling => (x as f64).log2(),
            Growth::Counting => x as f64,
        }
    }

    fn x_label(&self, place: f64) -> String {
        match self.growth {
            Growth::Doubling => format!("{:.0}", place.exp2()),
            Growth::Counting => format!("{place:.0}"),
        }
    }
}

/// Told apart by colour-blind readers too (Okabe and Ito).
const COLORS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

/// The picture's source.
pub fn draw(title: &str, panels: &[Panel; 2]) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (1240, 560)).into_drawing_area();
        root.fill(&WHITE)?;
        let below = root.margin(12, 0, 0, 0).titled(title, ("sans-serif", 24))?;
        for (panel, area) in panels.iter().zip(below.split_evenly((1, 2))) {
            paint(panel, &area)?;
        }
        root.present()?;
    }
    Ok(svg)
}

fn paint(panel: &Panel, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn Error>> {
    let last = panel.place(panel.x.iter().copied().max().unwrap_or(1));
    let high = panel.series.iter().flat_map(|s| &s.ms).copied().fold(0.0, f64::max);
    let first = if panel.growth == Growth::Counting { 0.0 } else { -0.3 };
    let mut chart = ChartBuilder::on(area)
        .margin(18)
        .caption(&panel.title, ("sans-serif", 20))
        .x_label_area_size(55)
        .y_label_area_size(75)
        .build_cartesian_2d(first..last + 0.3, 0.0..1.3 * high)?; // the key is above the points
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .label_style(("sans-serif", 17))
        .axis_desc_style(("sans-serif", 19))
        .x_desc(panel.x_name)
        .y_desc("time, ms per task")
        .x_labels(11)
        .x_label_formatter(&|&place| panel.x_label(place))
        .draw()?;
    for (series, color) in panel.series.iter().zip(COLORS.into_iter().cycle()) {
        let points: Vec<_> = panel.x.iter().zip(&series.ms).map(|(&x, &ms)| (panel.place(x), ms)).collect();
        let (label, line) = match panel.fit(series) {
            None => (series.name.clone(), points.clone()),
            Some(Line { at_zero, slope, .. }) => (
                format!("{}: {at_zero:.3} ms + {slope:.3} ms per step", series.name),
                [0.0, last].map(|x| (x, at_zero + slope * x)).to_vec(),
            ),
        };
        chart.draw_series(LineSeries::new(line, color.stroke_width(2)))?;
        chart
            .draw_series(points.iter().map(|&at| Circle::new(at, 4, color.filled())))?
            .label(label)
            .legend(move |(x, y)| Circle::new((x + 10, y), 5, color.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 17))
        .legend_area_size(26)
        .margin(12)
        .background_style(WHITE)
        .border_style(RGBColor(190, 190, 190))
        .draw()?;
    Ok(())
}
