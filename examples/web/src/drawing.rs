//! Drawings as those of Omniglot are.
//!
//! Measured on 1500 of its drawings (105 x 105 pixels, black and white): lines are those of a square pen, 5 pixels wide and
//! high (runs of ink along an axis: 5 in 45 % of all cases, less in 3 %); the longer side of a drawing's box is 69 pixels in the
//! median (43 to 88 in nine of ten); the middle of the box is 1.9 pixels above that of the paper and 1.3 left of it, with
//! standard deviations of 5.3 and 5.6. Ink is 1 and paper 0, and 28 x 28 pixels are taken from the 105 x 105 by nearest neighbour.

/// Height and width of the paper in pixels.
pub const SIDE: usize = 105;

/// Height and width of what the network sees.
pub const SIZE: usize = 28;

/// Width and height of the pen.
const PEN: f32 = 5.0;

/// The longer side of a drawing, the pen's width included.
const LONGER_SIDE: f32 = 69.0;

/// Where the middle of a drawing is, as x and y.
const MIDDLE: [f32; 2] = [51.2, 50.6];

/// A drawing that is smaller than its box on the page by more than this is meant to be small, such as a dot.
const MOST_ZOOM: f32 = 2.5;

/// The side of a box on the page, in the unit of its points.
const BOX: f32 = 105.0;

/// A stroke: the points where the pen was, x to the right and y down.
pub type Stroke = Vec<[f32; 2]>;

/// Draws strokes on paper with Omniglot's pen, in the size and at the place that are usual there: `SIDE * SIDE` times 0 or 255.
/// A box on the page is 105 wide. `None` if there is not one point.
pub fn prepare(strokes: &[Stroke]) -> Option<Vec<u8>> {
    let points = || strokes.iter().flatten();
    points().next()?;
    let side = |axis: usize| {
        let low = points().fold(f32::INFINITY, |m, p| m.min(p[axis]));
        let high = points().fold(f32::NEG_INFINITY, |m, p| m.max(p[axis]));
        [low, high]
    };
    let sides = [side(0), side(1)];
    let longer = sides.iter().fold(0.0f32, |m, [low, high]| m.max(high - low));
    let zoom = ((LONGER_SIDE - PEN) / longer).min(MOST_ZOOM * SIDE as f32 / BOX);
    let place = |p: &[f32; 2]| {
        [0, 1].map(|axis| (p[axis] - (sides[axis][0] + sides[axis][1]) / 2.0) * zoom + MIDDLE[axis])
    };
    let mut paper = vec![0; SIDE * SIDE];
    for stroke in strokes {
        let placed: Vec<_> = stroke.iter().map(place).collect();
        match &placed[..] {
            [point] => stamp(&mut paper, *point),
            points => points.windows(2).for_each(|pair| line(&mut paper, pair[0], pair[1])),
        }
    }
    Some(paper)
}

/// Moves the pen from one point to another, in steps of less than a pixel.
fn line(paper: &mut [u8], from: [f32; 2], to: [f32; 2]) {
    let longer = (to[0] - from[0]).abs().max((to[1] - from[1]).abs());
    let steps = (longer.ceil() as usize).clamp(1, 4 * SIDE);
    for step in 0..=steps {
        let t = step as f32 / steps as f32;
        stamp(paper, [0, 1].map(|axis| from[axis] + t * (to[axis] - from[axis])));
    }
}

/// Puts the pen down at a point.
fn stamp(paper: &mut [u8], [x, y]: [f32; 2]) {
    let pixels = |middle: f32| {
        let first = (middle - PEN / 2.0 + 0.5).floor().max(0.0);
        let end = (middle + PEN / 2.0 + 0.5).floor().clamp(0.0, SIDE as f32);
        first as usize..end as usize
    };
    for row in pixels(y) {
        for column in pixels(x) {
            paper[row * SIDE + column] = 255;
        }
    }
}

/// Shrinks paper to what the network sees, as `Omniglot::load` does.
pub fn shrink(paper: &[u8]) -> Vec<u8> {
    let nearest = |i: usize| (2 * i + 1) * SIDE / (2 * SIZE);
    (0..SIZE * SIZE).map(|at| paper[nearest(at / SIZE) * SIDE + nearest(at % SIZE)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(paper: &[u8]) -> [usize; 4] {
        let ink: Vec<_> =
            (0..SIDE * SIDE).filter(|&at| paper[at] == 255).map(|at| (at / SIDE, at % SIDE)).collect();
        let (rows, columns): (Vec<_>, Vec<_>) = ink.into_iter().unzip();
        let ends = |v: &[usize]| [*v.iter().min().unwrap(), *v.iter().max().unwrap()];
        let [[top, bottom], [left, right]] = [ends(&rows), ends(&columns)];
        [top, bottom, left, right]
    }

    #[test]
    fn a_drawing_is_as_large_and_where_those_of_omniglot_are_wherever_it_was_drawn() {
        for (x, y, size) in [(0.0, 0.0, 100.0), (60.0, 5.0, 30.0), (-7.0, 90.0, 50.0)] {
            let strokes = vec![vec![[x, y], [x + size, y + size / 2.0]], vec![[x, y + size / 2.0], [x, y]]];
            let [top, bottom, left, right] = sides(&prepare(&strokes).unwrap());
            assert!((68..=70).contains(&(right - left + 1)), "{left} to {right}");
            assert!((36..=38).contains(&(bottom - top + 1)), "{top} to {bottom}");
            assert!((left + right).abs_diff(102) <= 2 && (top + bottom).abs_diff(101) <= 2);
        }
    }

    #[test]
    fn lines_have_the_width_of_omniglots_pen() {
        let paper = prepare(&[vec![[10.0, 50.0], [90.0, 50.0]]]).unwrap();
        let [top, bottom, ..] = sides(&paper);
        assert_eq!(bottom - top + 1, 5);
    }

    #[test]
    fn a_dot_stays_a_dot_and_nothing_stays_nothing() {
        let [top, bottom, left, right] = sides(&prepare(&[vec![[3.0, 4.0]]]).unwrap());
        assert_eq!((bottom - top + 1, right - left + 1), (5, 5));
        let [top, bottom, ..] = sides(&prepare(&[vec![[3.0, 4.0], [4.0, 8.0]]]).unwrap());
        assert!(bottom - top < 20);
        assert_eq!((prepare(&[]), prepare(&[vec![]])), (None, None));
    }

    #[test]
    fn far_points_and_numbers_that_are_none_do_not_panic() {
        for p in [[1e30, 0.0], [f32::NAN, 1.0], [f32::INFINITY, -1.0]] {
            let _ = prepare(&[vec![[0.0, 0.0], p, [5.0, 5.0]]]);
        }
    }
}
