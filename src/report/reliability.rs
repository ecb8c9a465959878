//! A reliability diagram as SVG: accuracy against confidence, a bar per bin.

use std::fmt::Write;

use crate::evaluation::Reliability;

const W: f64 = 260.0;
const H: f64 = 250.0;
const LEFT: f64 = 40.0;
const TOP: f64 = 8.0;
const SIDE: f64 = 202.0;

/// The bars are accuracies, as dark as the bin has queries; the diagonal is perfect calibration.
pub(super) fn diagram(reliability: &Reliability, color: usize) -> String {
    let most = reliability.bins.iter().map(|bin| bin.queries).max().unwrap_or(0).max(1) as f64;
    let bottom = TOP + SIDE;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {W} {H}\" role=\"img\" aria-label=\"reliability diagram\" class=\"square\">"
    );
    for tick in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
        let (x, y) = (LEFT + tick * SIDE, bottom - tick * SIDE);
        let percent = 100.0 * tick;
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}h{SIDE}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{percent:.0}</text>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{percent:.0}</text>",
            LEFT - 5.0,
            y + 4.0,
            bottom + 16.0
        );
    }
    for bin in reliability.bins.iter().filter(|bin| bin.queries > 0) {
        let (x, width) = (LEFT + bin.low * SIDE + 0.7, (bin.high - bin.low) * SIDE - 1.4);
        let height = bin.accuracy * SIDE;
        let shade = 0.25 + 0.75 * (bin.queries as f64 / most).sqrt();
        let _ = write!(
            svg,
            "<rect class=\"bar s{color}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             opacity=\"{shade:.2}\"><title>{} queries, confidence {:.1} %, accuracy {:.1} %</title></rect>",
            bottom - height,
            bin.queries,
            100.0 * bin.confidence,
            100.0 * bin.accuracy
        );
    }
    let _ = write!(
        svg,
        "<path class=\"axis\" d=\"M{LEFT} {TOP}V{bottom}h{SIDE}\"/>\
         <path class=\"axis dashed\" d=\"M{LEFT} {bottom}L{} {TOP}\"/>\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">confidence, %</text>\
         <text transform=\"translate(10 {}) rotate(-90)\" text-anchor=\"middle\">accuracy, %</text></svg>",
        LEFT + SIDE,
        LEFT + SIDE / 2.0,
        H - 5.0,
        TOP + SIDE / 2.0
    );
    svg
}
