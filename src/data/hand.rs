//! The handwriting of a drawer, in which the same character looks a little different every time.

use std::array;

use rand::rngs::ChaCha8Rng;

use super::pen::{Point, Stroke, Turn, draw};
use super::script::Character;
use crate::random::{between, normal};

/// How one drawer draws.
#[derive(Debug)]
pub(super) struct Hand {
    pen: f64,
    slant: f64,
    turn: f64,
    stretch: Point,
    shake: f64,
}

impl Hand {
    pub(super) fn new(rng: &mut ChaCha8Rng) -> Self {
        Self {
            pen: between(rng, 0.5, 0.85),
            slant: 0.12 * normal(rng),
            turn: 0.04 * normal(rng),
            stretch: [between(rng, 0.75, 1.15), between(rng, 0.75, 1.15)],
            shake: between(rng, 0.01, 0.035),
        }
    }

    /// Draws `character` once, on a sheet of `size` x `size` pixels.
    pub(super) fn draw(&self, character: &Character, size: usize, sheet: &mut [u8], rng: &mut ChaCha8Rng) {
        let turn = Turn::new(self.turn + 0.03 * normal(rng));
        let slant = self.slant + 0.06 * normal(rng);
        let stretch: Point = array::from_fn(|axis| self.stretch[axis] * (1.0 + 0.06 * normal(rng)));
        let shift: Point = array::from_fn(|_| 0.5 + 0.055 * normal(rng));
        let drawn = character.iter().map(|stroke| {
            let slip: Point = array::from_fn(|_| 1.5 * self.shake * normal(rng));
            let points = stroke.points.iter().map(|p| {
                let [x, y] = array::from_fn(|axis| p[axis] - 0.5 + slip[axis] + self.shake * normal(rng));
                let [x, y] = turn.of([stretch[0] * (x - slant * y), stretch[1] * y]);
                [x + shift[0], y + shift[1]]
            });
            Stroke { points: points.collect(), smooth: stroke.smooth }
        });
        let drawn: Vec<Stroke> = drawn.collect();
        draw(&drawn, self.pen * size as f64 / 28.0, 0.4, size, sheet);
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::invent_alphabet;
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn a_hand_never_draws_the_same_twice_and_never_nothing() {
        let mut rng = stream(5, Purpose::Drawer, 0);
        let hand = Hand::new(&mut rng);
        for character in invent_alphabet(5, 0, 10) {
            let mut sheets = [[0; 784]; 2];
            sheets.iter_mut().for_each(|sheet| hand.draw(&character, 28, sheet, &mut rng));
            assert_ne!(sheets[0], sheets[1]);
            assert!(sheets.iter().all(|sheet| sheet.contains(&255)));
        }
    }
}
