//! A chart of lines and points as SVG. Colours are classes `s0`, `s1`, … of the page's style.

use std::fmt::Write;

use super::ticks::{label, ticks};

/// A curve: `(x, y, half the width of the interval)`.
pub(super) struct Series {
    pub(super) color: usize,
    pub(super) points: Vec<(f64, f64, f64)>,
    /// Points with intervals, or a line alone.
    pub(super) marked: bool,
    pub(super) dashed: bool,
}

pub(super) struct Chart {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) series: Vec<Series>,
    /// Whether y is a percentage, and the axis ends at 100.
    pub(super) percent: bool,
    /// Whether only whole numbers of x have a meaning.
    pub(super) whole: bool,
}

const W: f64 = 360.0;
const H: f64 = 240.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 40.0;

impl Chart {
    /// The chart, or an empty text if it has no points.
    pub(super) fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|s| &s.points).filter(|p| p.1.is_finite());
        if points().next().is_none() {
            return String::new();
        }
        let over = |f: &dyn Fn(&(f64, f64, f64)) -> f64, max: bool| {
            let values = points().map(f);
            if max { values.fold(f64::NEG_INFINITY, f64::max) } else { values.fold(f64::INFINITY, f64::min) }
        };
        let (x0, mut x1) = (over(&|p| p.0, false).min(0.0), over(&|p| p.0, true));
        let (mut y0, mut y1) = (over(&|p| p.1 - p.2, false), over(&|p| p.1 + p.2, true));
        if x1 <= x0 {
            x1 = x0 + 1.0;
        }
        // equal values have room too, however large they are
        let least = if self.percent { 10.0 } else { 1e-3 * y0.abs().max(y1.abs()).max(1e-3) };
        let room = 0.06 * (y1 - y0).max(least);
        (y0, y1) = if self.percent {
            ((y0 - room).max(0.0), (y1 + room).min(100.0))
        } else {
            (y0 - room, y1 + room)
        };
        let x = |v: f64| LEFT + (v - x0) / (x1 - x0) * (W - LEFT - RIGHT);
        let y = |v: f64| H - BOTTOM - (v - y0) / (y1 - y0) * (H - TOP - BOTTOM);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {W} {H}\" role=\"img\" aria-label=\"{} against {}\">",
            self.y, self.x
        );
        self.axes(&mut svg, [x0, x1, y0, y1], &x, &y);
        for series in &self.series {
            series.draw(&mut svg, &x, &y);
        }
        svg + "</svg>"
    }

    fn axes(
        &self,
        svg: &mut String,
        [x0, x1, y0, y1]: [f64; 4],
        x: &dyn Fn(f64) -> f64,
        y: &dyn Fn(f64) -> f64,
    ) {
        let step = |ticks: &[f64]| ticks.get(1).map_or(1.0, |t| t - ticks[0]);
        let ys = ticks(y0, y1, 5);
        for &t in &ys {
            let (at, text) = (y(t), label(t, step(&ys)));
            let (right, before) = (W - RIGHT, LEFT - 6.0);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>\
                 <text x=\"{before}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                at + 4.0
            );
        }
        let mut xs = ticks(x0, x1, 5);
        if self.whole {
            xs.retain(|t| t.fract() == 0.0);
        }
        for &t in &xs {
            let (at, text) = (x(t), label(t, step(&xs)));
            let _ = write!(
                svg,
                "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
                H - BOTTOM + 17.0
            );
        }
        let (middle, bottom, end) = ((LEFT + W - RIGHT) / 2.0, H - BOTTOM, W - RIGHT);
        let _ = write!(
            svg,
            "<path class=\"axis\" d=\"M{LEFT} {TOP}V{bottom}H{end}\"/>\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <text transform=\"translate(12 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            H - 6.0,
            self.x,
            (TOP + bottom) / 2.0,
            self.y
        );
    }
}

impl Series {
    fn draw(&self, svg: &mut String, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) {
        let color = self.color;
        let points: Vec<_> = self.points.iter().filter(|p| p.1.is_finite()).collect();
        let place = |p: &&(f64, f64, f64)| format!("{:.1} {:.1}", x(p.0), y(p.1));
        let line: Vec<String> = points.iter().map(place).collect();
        let dashed = if self.dashed { " dashed" } else { "" };
        let _ = write!(svg, "<path class=\"line s{color}{dashed}\" d=\"M{}\"/>", line.join("L"));
        if !self.marked {
            return;
        }
        for &&(px, py, half) in &points {
            let (cx, cy, low, high) = (x(px), y(py), y(py - half), y(py + half));
            let _ = write!(
                svg,
                "<path class=\"line s{color}\" d=\"M{cx:.1} {low:.1}V{high:.1}\"/>\
                 <circle class=\"dot s{color}\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3.2\"/>"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_finite_values_give_a_chart_with_finite_places() {
        for (value, percent) in [(0.0, false), (1e30, false), (-2.5, false), (0.0, true), (100.0, true)] {
            for points in [vec![(0.0, value, 0.0)], vec![(1.0, value, 0.0), (2.0, value, 0.1)]] {
                let series = vec![Series { color: 0, points, marked: true, dashed: false }];
                let chart = Chart { x: "x".into(), y: "y".into(), series, percent, whole: true };
                let svg = chart.svg();
                assert!(
                    svg.contains("<circle") && !svg.contains("NaN") && !svg.contains("inf"),
                    "{value}: {svg}"
                );
            }
        }
        let series =
            vec![Series { color: 0, points: vec![(0.0, f64::NAN, 0.0)], marked: true, dashed: false }];
        assert_eq!(Chart { x: "x".into(), y: "y".into(), series, percent: false, whole: false }.svg(), "");
    }
}
