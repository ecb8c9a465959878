//! Images turned, stretched, sheared and shifted by a random affine map.

use rand::rngs::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::random::{below, between};

/// A random affine map of an image about its centre: mirrored, stretched, sheared, turned, shifted, in this order. Nothing
/// changes unless it is asked for. Values between pixels are interpolated linearly, what lies outside of the image is 0.
///
/// [`Augment::warp`](crate::Augment::warp) draws a map for each image: the hand of a drawer or a camera.
/// [`Augment::warp_classes`](crate::Augment::warp_classes) draws one for each class of an episode: other classes.
///
/// ```
/// use innerloop::{Augment, Warp};
/// let hand = Warp::new().rotate(8.0).stretch(0.1).shear(0.1).shift(1.5);
/// let class = Warp::new().mirror().stretch(0.2).shear(0.4);
/// let augment = Augment::new().warp(hand).warp_classes(class);
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Warp {
    /// Degrees: turned by an angle uniform in `±rotate`.
    pub rotate: f64,
    /// Height and width are multiplied by numbers uniform in `1 ± stretch`, each by its own.
    pub stretch: f64,
    /// A row that lies `y` pixels from the centre is moved by a number uniform in `±shear` times `y`.
    pub shear: f64,
    /// Pixels: moved down and right by numbers uniform in `±shift`.
    pub shift: f64,
    /// Whether half of the images are mirrored, left to right.
    pub mirror: bool,
}

impl Warp {
    /// Nothing changes.
    pub fn new() -> Warp {
        Warp::default()
    }

    /// Turned by up to so many degrees either way, at most 180.
    #[must_use]
    pub fn rotate(self, rotate: f64) -> Warp {
        Warp { rotate, ..self }
    }

    /// With height and width multiplied by `1 ± stretch`, from 0 to 0.9.
    #[must_use]
    pub fn stretch(self, stretch: f64) -> Warp {
        Warp { stretch, ..self }
    }

    /// Sheared by up to so many pixels per row either way, at most 2.
    #[must_use]
    pub fn shear(self, shear: f64) -> Warp {
        Warp { shear, ..self }
    }

    /// Moved by up to so many pixels, at most the shorter side.
    #[must_use]
    pub fn shift(self, shift: f64) -> Warp {
        Warp { shift, ..self }
    }

    /// With half of the images mirrored.
    #[must_use]
    pub fn mirror(self) -> Warp {
        Warp { mirror: true, ..self }
    }

    /// Whether images `[h, w, c]` can be changed so.
    pub(super) fn check(&self, [h, w, _]: [usize; 3]) -> Result<()> {
        for (name, value, most, need) in [
            ("rotate", self.rotate, 180.0, "from 0 to 180 degrees"),
            ("stretch", self.stretch, 0.9, "from 0 to 0.9"),
            ("shear", self.shear, 2.0, "from 0 to 2"),
            ("shift", self.shift, h.min(w) as f64, "at most the shorter side of the images"),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(Error::Setting { name, value: value.to_string(), need });
            }
        }
        Ok(())
    }

    /// Draws a map.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> Map {
        let mut within = |by: f64| between(rng, -by, by);
        let (sin, cos) = sin_cos(within(self.rotate).to_radians());
        let (tall, wide) = (1.0 / (1.0 + within(self.stretch)), 1.0 / (1.0 + within(self.stretch)));
        let shear = within(self.shear);
        let shift = [within(self.shift), within(self.shift)];
        let wide = if self.mirror && below(rng, 2) == 1 { -wide } else { wide };
        // back from the changed image: turn back, then shear back, then stretch and mirror back
        let [down, right] = [[cos, -sin], [sin, cos]];
        let right = [right[0] - shear * down[0], right[1] - shear * down[1]];
        Map { rows: [down.map(|v| v * tall), right.map(|v| v * wide)], shift }
    }
}

/// Where a pixel of the changed image comes from: `rows · (place − shift)`, places counted from the centre.
#[derive(Debug, Clone, Copy)]
pub(super) struct Map {
    rows: [[f64; 2]; 2],
    shift: [f64; 2],
}

impl Map {
    fn source(&self, [y, x]: [f64; 2]) -> [f64; 2] {
        let (y, x) = (y - self.shift[0], x - self.shift[1]);
        self.rows.map(|[down, right]| down * y + right * x)
    }
}

/// Writes an image `[h, w, c]`, changed by `maps` one after the other, to `out`; what was in `out` is lost.
pub(super) fn warped(image: &[u8], [h, w, c]: [usize; 3], maps: &[Map], out: &mut Vec<u8>) {
    out.clear();
    let centre = [(h - 1) as f64 / 2.0, (w - 1) as f64 / 2.0];
    for row in 0..h {
        for col in 0..w {
            let place = [row as f64 - centre[0], col as f64 - centre[1]];
            let from = maps.iter().rev().fold(place, |place, map| map.source(place));
            let [y, x] = [from[0] + centre[0], from[1] + centre[1]];
            let (above, left) = (y.floor(), x.floor());
            let (low, right) = (y - above, x - left);
            let corners = [
                (0.0, 0.0, (1.0 - low) * (1.0 - right)),
                (0.0, 1.0, (1.0 - low) * right),
                (1.0, 0.0, low * (1.0 - right)),
                (1.0, 1.0, low * right),
            ]
            .map(|(down, across, share)| (inside(above + down, h), inside(left + across, w), share));
            for channel in 0..c {
                let value = |(row, col, share): (Option<usize>, Option<usize>, f64)| match (row, col) {
                    (Some(row), Some(col)) => share * f64::from(image[(row * w + col) * c + channel]),
                    _ => 0.0,
                };
                out.push(corners.into_iter().map(value).sum::<f64>().round() as u8);
            }
        }
    }
}

/// The row or column of this number, if there is one.
fn inside(at: f64, size: usize) -> Option<usize> {
    (at >= 0.0 && at < size as f64).then_some(at as usize)
}

/// Sine and cosine by their series: the same bits on every platform, for angles up to half a turn.
fn sin_cos(angle: f64) -> (f64, f64) {
    let series = |first: f64, from: u32| {
        let term = |term: f64, n: u32| -term * angle * angle / f64::from((n + 1) * (n + 2));
        (from..from + 30).step_by(2).fold((0.0, first), |(sum, now), n| (sum + now, term(now, n))).0
    };
    (series(angle, 1), series(1.0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    const SHAPE: [usize; 3] = [5, 5, 2];

    fn image() -> Vec<u8> {
        (0..50).map(|i| (i * 5) as u8).collect()
    }

    fn by(maps: &[Map]) -> Vec<u8> {
        let mut out = vec![9];
        warped(&image(), SHAPE, maps, &mut out);
        out
    }

    fn map(warp: Warp, i: u64) -> Map {
        warp.draw(&mut stream(4, Purpose::Augment, i))
    }

    #[test]
    fn a_map_that_changes_nothing_gives_the_image() {
        assert_eq!(by(&[]), image());
        assert_eq!(by(&[map(Warp::new(), 0), map(Warp::new(), 1)]), image());
    }

    #[test]
    fn half_are_mirrored_and_twice_mirrored_is_as_before() {
        let mirror: Vec<u8> = image()
            .chunks(10)
            .flat_map(|row| row.chunks(2).rev().flatten().copied().collect::<Vec<_>>())
            .collect();
        let all: Vec<_> = (0..1000).map(|i| map(Warp::new().mirror(), i)).collect();
        let mirrored: Vec<_> = all.iter().filter(|map| by(&[**map]) == mirror).collect();
        assert!((400..600).contains(&mirrored.len()));
        assert!(all.iter().all(|map| by(&[*map]) == mirror || by(&[*map]) == image()));
        assert_eq!(by(&[*mirrored[0], *mirrored[1]]), image());
    }

    #[test]
    fn a_quarter_turn_and_a_shift_are_exact() {
        let (sin, cos) = sin_cos(std::f64::consts::FRAC_PI_2);
        let turn = Map { rows: [[cos, -sin], [sin, cos]], shift: [0.0; 2] };
        let shift = Map { rows: [[1.0, 0.0], [0.0, 1.0]], shift: [1.0, -2.0] };
        let at = |row: usize, col: usize, channel: usize| image()[(row * 5 + col) * 2 + channel];
        let (turned, moved, both) = (by(&[turn]), by(&[shift]), by(&[turn, shift]));
        for (row, col, channel) in (0..50).map(|i| (i / 10, i / 2 % 5, i % 2)) {
            let place = (row * 5 + col) * 2 + channel;
            assert_eq!(turned[place], at(4 - col, row, channel));
            let inside = row >= 1 && col <= 2;
            assert_eq!(moved[place], if inside { at(row - 1, col + 2, channel) } else { 0 });
            // the maps are applied in the order of the list
            assert_eq!(both[place], if inside { turned[((row - 1) * 5 + col + 2) * 2 + channel] } else { 0 });
        }
    }

    #[test]
    fn a_place_between_pixels_is_interpolated() {
        let half = Map { rows: [[1.0, 0.0], [0.0, 1.0]], shift: [0.5, 0.0] };
        let out = by(&[half]);
        assert_eq!(out[0], 0); // half of the first pixel, which is 0, and half of what lies outside
        assert_eq!(out[10], 25); // between 0 and 50
    }

    #[test]
    fn what_is_drawn_lies_within_its_bounds() {
        let warp = Warp::new().rotate(20.0).stretch(0.2).shear(0.3).shift(2.0);
        for i in 0..200 {
            let Map { rows: [[a, b], [c, d]], shift } = map(warp, i);
            assert!(shift.iter().all(|by| by.abs() <= 2.0));
            let area = a * d - b * c; // turning and shearing leave areas as they are
            assert!((1.0 / 1.44..=1.0 / 0.64).contains(&area), "{area}");
            let angle = (-b).atan2(a).to_degrees();
            assert!(angle.abs() <= 20.0, "{angle}");
        }
    }

    #[test]
    fn sine_and_cosine_are_those_of_the_library() {
        for degrees in -180..=180 {
            let angle = f64::from(degrees).to_radians();
            let (sin, cos) = sin_cos(angle);
            assert!((sin - angle.sin()).abs() < 1e-14 && (cos - angle.cos()).abs() < 1e-14);
        }
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        assert!(Warp::new().rotate(180.0).stretch(0.9).shear(2.0).shift(5.0).check(SHAPE).is_ok());
        for (name, warp) in [
            ("rotate", Warp::new().rotate(181.0)),
            ("stretch", Warp::new().stretch(1.0)),
            ("shear", Warp::new().shear(-0.1)),
            ("shift", Warp::new().shift(f64::NAN)),
        ] {
            let refused = warp.check(SHAPE);
            assert!(matches!(refused, Err(Error::Setting { name: told, .. }) if told == name), "{name}");
        }
    }
}
