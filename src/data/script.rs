//! Inventing the characters of an alphabet.

use std::array;

use rand::rngs::ChaCha8Rng;

use super::pen::{Point, Stroke, Turn, draw};
use crate::random::{Purpose, below, between, distinct, normal, stream, stream2, unit};

/// A character: its strokes in the unit square, as meant.
pub(super) type Character = Vec<Stroke>;

/// Stroke shapes that alphabets vary, within -0.5..0.5; smooth or not.
const SHAPES: [(&[Point], bool); 14] = [
    (&[[-0.5, 0.0], [0.5, 0.0]], false),                                  // bar
    (&[[0.0, -0.5], [0.0, 0.5]], false),                                  // post
    (&[[-0.35, -0.5], [-0.35, 0.4], [0.4, 0.4]], false),                  // corner
    (&[[-0.4, 0.45], [0.0, -0.45], [0.4, 0.45]], false),                  // tent
    (&[[-0.4, -0.35], [0.35, -0.35], [-0.35, 0.35], [0.4, 0.35]], false), // zigzag
    (&[[-0.35, 0.45], [-0.35, -0.4], [0.35, -0.4], [0.35, 0.45]], false), // gate
    (&[[-0.5, 0.2], [0.0, -0.25], [0.5, 0.2]], true),                     // arch
    (&[[0.35, -0.4], [-0.15, -0.45], [-0.4, 0.0], [-0.15, 0.45], [0.35, 0.4]], true), // bowl
    (&[[-0.2, -0.5], [-0.2, 0.25], [0.05, 0.5], [0.3, 0.25]], true),      // hook
    (&[[0.3, -0.4], [-0.15, -0.45], [-0.2, -0.1], [0.2, 0.1], [0.15, 0.45], [-0.3, 0.4]], true), // snake
    (&[[-0.5, 0.1], [-0.25, -0.2], [0.0, 0.05], [0.25, 0.2], [0.5, -0.1]], true), // wave
    (&[[0.0, -0.4], [-0.3, -0.2], [-0.3, 0.2], [0.0, 0.4], [0.3, 0.2], [0.3, -0.2], [0.0, -0.4]], true), // ring
    (&[[0.4, 0.1], [0.0, 0.4], [-0.4, 0.0], [0.0, -0.4], [0.2, 0.0]], true), // curl
    (&[[0.0, 0.5], [0.0, 0.1], [-0.25, -0.2], [0.0, -0.5], [0.25, -0.2], [0.0, 0.1]], true), // spoon
];

/// The strokes that the characters of one alphabet are made of.
fn invent_strokes(rng: &mut ChaCha8Rng) -> Vec<Stroke> {
    let shapes = distinct(rng, SHAPES.len(), 6);
    let vary = |shape: usize| {
        let (points, smooth) = SHAPES[shape];
        let turn = Turn::new(if unit(rng) < 0.7 { 0.03 * normal(rng) } else { between(rng, -0.5, 0.5) });
        let stretch = [between(rng, 0.7, 1.1), between(rng, 0.7, 1.1)];
        let vary = |p: &Point| turn.of(array::from_fn(|axis| stretch[axis] * p[axis] + 0.05 * normal(rng)));
        Stroke { points: close(points, points.iter().map(vary).collect()), smooth }
    };
    shapes.into_iter().map(vary).collect()
}

/// The characters of one alphabet; one that looks much like an earlier one is invented again.
pub(super) fn invent_alphabet(seed: u64, alphabet: u64, characters: usize) -> Vec<Character> {
    const ATTEMPTS: usize = 20;
    let strokes = invent_strokes(&mut stream(seed, Purpose::Alphabet, alphabet));
    let mut found: Vec<Character> = Vec::new();
    let mut looks: Vec<[u8; 14 * 14]> = Vec::new();
    for character in 0..characters {
        let mut rng = stream2(seed, Purpose::Character, alphabet, character as u64);
        for attempt in 1..=ATTEMPTS {
            let invented = invent_character(&strokes, &mut rng);
            let mut look = [0; 14 * 14];
            draw(&invented, 1.0, 1.0, 14, &mut look);
            if attempt == ATTEMPTS || looks.iter().all(|other| likeness(&look, other) < 0.85) {
                found.push(invented);
                looks.push(look);
                break;
            }
        }
    }
    found
}

/// Cosine of the angle between two images.
pub(super) fn likeness(a: &[u8], b: &[u8]) -> f64 {
    let dot = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1.0)
}

/// One to four strokes, mostly touching each other, set in the middle of the sheet.
fn invent_character(strokes: &[Stroke], rng: &mut ChaCha8Rng) -> Character {
    let count = [1, 2, 2, 2, 3, 3, 3, 4][below(rng, 8)];
    let mut character = Character::new();
    for _ in 0..count {
        // the alphabet uses strokes near the front of the list more often
        let mut stroke = strokes[below(rng, strokes.len()).min(below(rng, strokes.len()))].clone();
        let size = between(rng, 0.45, 1.0);
        let scale = [size, size].map(|size| if unit(rng) < 0.4 { -size } else { size });
        let own = stroke.points[below(rng, stroke.points.len())];
        let mut at = [between(rng, -0.4, 0.4), between(rng, -0.4, 0.4)];
        if !character.is_empty() && unit(rng) < 0.8 {
            let touched = &character[below(rng, character.len())].points;
            at = touched[below(rng, touched.len())];
        }
        for p in &mut stroke.points {
            *p = array::from_fn(|axis| at[axis] + scale[axis] * (p[axis] - own[axis]));
        }
        character.push(stroke);
    }
    let room = between(rng, 0.4, 0.65) + 0.04 * count as f64;
    fit(&mut character, room);
    character
}

/// Moves a character to the middle and scales its longer side to `room`.
fn fit(character: &mut Character, room: f64) {
    let points = || character.iter().flat_map(|stroke| &stroke.points);
    let low: Point = array::from_fn(|axis| points().map(|p| p[axis]).fold(f64::INFINITY, f64::min));
    let high: Point = array::from_fn(|axis| points().map(|p| p[axis]).fold(f64::NEG_INFINITY, f64::max));
    let scale = room / (high[0] - low[0]).max(high[1] - low[1]);
    for p in character.iter_mut().flat_map(|stroke| &mut stroke.points) {
        *p = array::from_fn(|axis| 0.5 + scale * (p[axis] - 0.5 * (low[axis] + high[axis])));
    }
}

/// Ends a stroke where it began if `shape` does.
fn close(shape: &[Point], mut points: Vec<Point>) -> Vec<Point> {
    let last = shape.len() - 1;
    if shape[0] == shape[last] {
        points[last] = points[0];
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_lies_in_the_middle_of_its_sheet() {
        for character in invent_alphabet(3, 0, 30) {
            let points = character.iter().flat_map(|stroke| &stroke.points);
            for axis in 0..2 {
                let ends = points.clone().map(|p| p[axis]);
                let (low, high) =
                    ends.fold((1.0, 0.0), |(low, high): (f64, f64), v| (low.min(v), high.max(v)));
                assert!((low + high - 1.0).abs() < 1e-9 && high - low <= 0.81, "{low} to {high}");
            }
        }
    }

    #[test]
    fn characters_of_an_alphabet_differ() {
        let looks: Vec<[u8; 196]> = invent_alphabet(0, 1, 20)
            .iter()
            .map(|character| {
                let mut look = [0; 196];
                draw(character, 1.0, 1.0, 14, &mut look);
                look
            })
            .collect();
        for (at, look) in looks.iter().enumerate() {
            assert!(looks[..at].iter().all(|other| likeness(look, other) < 0.95));
        }
    }
}
