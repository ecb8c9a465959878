//! Drawing strokes with a round pen.
//!
//! Additions, products, quotients and square roots only: IEEE 754 fixes their last bit, so a drawing
//! is the same on every platform. (Sines are not so fixed, and no sine is needed.)

/// A point of the plane, x to the right and y down; the sheet is the unit square.
pub(super) type Point = [f64; 2];

/// A movement of the pen through some points.
#[derive(Debug, Clone)]
pub(super) struct Stroke {
    pub(super) points: Vec<Point>,
    /// Smoothly through the points, or straight from one to the next.
    pub(super) smooth: bool,
}

/// A rotation about the origin, from the tangent of half its angle: no sine, so portable.
pub(super) struct Turn {
    cos: f64,
    sin: f64,
}

impl Turn {
    pub(super) fn new(half_tangent: f64) -> Self {
        let square = half_tangent * half_tangent;
        Self { cos: (1.0 - square) / (1.0 + square), sin: 2.0 * half_tangent / (1.0 + square) }
    }

    pub(super) fn of(&self, [x, y]: Point) -> Point {
        [self.cos * x - self.sin * y, self.sin * x + self.cos * y]
    }
}

/// Straight pieces that stand for a smooth one between two points.
const PIECES: usize = 5;

impl Stroke {
    /// The stroke as the corners of a line.
    fn line(&self) -> Vec<Point> {
        let points = &self.points;
        let last = points.len() - 1;
        if !self.smooth || last < 2 {
            return points.clone();
        }
        let closed = points[0] == points[last];
        let before = if closed { points[last - 1] } else { points[0] };
        let after = if closed { points[1] } else { points[last] };
        let mut line = vec![points[0]];
        for at in 0..last {
            let p0 = if at == 0 { before } else { points[at - 1] };
            let p3 = if at + 2 > last { after } else { points[at + 2] };
            for piece in 1..=PIECES {
                let t = piece as f64 / PIECES as f64;
                line.push(catmull_rom([p0, points[at], points[at + 1], p3], t));
            }
        }
        line
    }
}

/// The Catmull-Rom curve from `p[1]` (t = 0) to `p[2]` (t = 1); its slope there is that of the chords
/// `p[0] p[2]` and `p[1] p[3]`.
fn catmull_rom(p: [Point; 4], t: f64) -> Point {
    std::array::from_fn(|axis| {
        let [a, b, c, d] = p.map(|point| point[axis]);
        let (m0, m1) = (0.5 * (c - a), 0.5 * (d - b));
        let (square, cube) = (t * t, t * t * t);
        b * (2.0 * cube - 3.0 * square + 1.0)
            + m0 * (cube - 2.0 * square + t)
            + c * (3.0 * square - 2.0 * cube)
            + m1 * (cube - square)
    })
}

/// Draws `strokes` on a sheet of `size` x `size` pixels: ink 255, paper 0.
///
/// `pen` is half the width of the pen and `soft` the width of the grey edge, both in pixels.
pub(super) fn draw(strokes: &[Stroke], pen: f64, soft: f64, size: usize, sheet: &mut [u8]) {
    let reach = pen + soft;
    let mut nearest = vec![reach * reach; size * size];
    for stroke in strokes {
        let line: Vec<Point> = stroke.line().iter().map(|p| p.map(|v| v * size as f64)).collect();
        for ends in line.windows(2) {
            approach(ends[0], ends[1], reach, size, &mut nearest);
        }
    }
    for (pixel, square) in sheet.iter_mut().zip(nearest) {
        let ink = ((pen - square.sqrt()) / soft + 0.5).clamp(0.0, 1.0);
        *pixel = (255.0 * ink + 0.5) as u8;
    }
}

/// Lowers squared distances from the pixel centres to the line from `a` to `b`, where below `reach`.
fn approach(a: Point, b: Point, reach: f64, size: usize, nearest: &mut [f64]) {
    let along = [b[0] - a[0], b[1] - a[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    // a cast to usize takes what lies left of the sheet to 0
    let range = |axis: usize| {
        let low = (a[axis].min(b[axis]) - reach) as usize;
        let high = (a[axis].max(b[axis]) + reach + 1.0) as usize;
        low..high.min(size)
    };
    for row in range(1) {
        for col in range(0) {
            let from = [col as f64 + 0.5 - a[0], row as f64 + 0.5 - a[1]];
            let t = (from[0] * along[0] + from[1] * along[1]) / length.max(1e-12);
            let t = t.clamp(0.0, 1.0);
            let off = [from[0] - t * along[0], from[1] - t * along[1]];
            let square = off[0] * off[0] + off[1] * off[1];
            let cell = &mut nearest[row * size + col];
            *cell = cell.min(square);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(points: &[Point], smooth: bool) -> Stroke {
        Stroke { points: points.to_vec(), smooth }
    }

    #[test]
    fn a_bar_is_as_long_and_as_wide_as_the_pen_says() {
        let mut sheet = [0; 100];
        draw(&[bar(&[[0.2, 0.45], [0.8, 0.45]], false)], 0.5, 0.01, 10, &mut sheet);
        let inked: Vec<usize> = (0..100).filter(|&at| sheet[at] == 255).collect();
        assert_eq!(inked, [42, 43, 44, 45, 46, 47]);
    }

    #[test]
    fn a_smooth_stroke_passes_through_its_points() {
        let points = [[0.1, 0.1], [0.5, 0.3], [0.2, 0.9], [0.8, 0.8]];
        let line = bar(&points, true).line();
        assert_eq!(line.len(), 1 + 3 * PIECES);
        for (at, point) in points.iter().enumerate() {
            let near = line[at * PIECES];
            assert!((near[0] - point[0]).abs() + (near[1] - point[1]).abs() < 1e-12);
        }
    }

    #[test]
    fn a_turn_keeps_lengths_and_has_the_tangent_asked_for() {
        // tan(45°) = 1 is a quarter turn: x goes to y, which points down
        let [x, y] = Turn::new(1.0).of([2.0, 0.0]);
        assert!(x.abs() < 1e-12 && (y - 2.0).abs() < 1e-12);
        let [x, y] = Turn::new(0.3).of([3.0, 4.0]);
        assert!((x * x + y * y - 25.0).abs() < 1e-12);
    }

    #[test]
    fn strokes_may_leave_the_sheet() {
        let mut sheet = [0; 100];
        draw(&[bar(&[[-3.0, 0.5], [4.0, 0.5]], false)], 0.6, 0.1, 10, &mut sheet);
        assert!(sheet[40..60].iter().all(|&pixel| pixel > 0));
    }
}
