//! A photographed or scanned drawing, made to look like those of Omniglot.
//!
//! 1. The picture is shrunk to at most [`MOST_SIDE`] pixels a side, by means over areas.
//! 2. Ink is what is darker than its surroundings: below 85 % of the mean of a window around it (Bradley and Roth 2007), so
//!    that shadows and the colour of the paper do not count.
//! 3. Specks, and what touches the edge of the picture (a table beside the paper), are left out.
//! 4. The box around the ink is brought to the middle of a field of 105x105 pixels, [`LONGEST`] pixels long.
//! 5. Strokes are thinned to lines (Zhang and Suen 1984) and drawn again [`PEN`] pixels wide.
//! 6. The field is shrunk by nearest neighbour, as Omniglot's drawings are. Ink is 255, paper 0.

use std::collections::BTreeMap;
use std::ops::Range;

/// The side of a drawing of Omniglot.
const FIELD: usize = 105;
/// The longer side of the box around the ink: the median of 1,500 drawings of Omniglot's background set is 69.
const LONGEST: usize = 69;
/// Pixels of a stroke's width in that field. Of 200 of those drawings, thinned and drawn again, pens of 3, 4, 5 and 6 pixels give
/// back 0.62, 0.80, 0.88 and 0.75 (intersection over union).
const PEN: usize = 5;
/// The longest side that is worked on; more only shows the grain of the paper.
const MOST_SIDE: usize = 640;

/// A picture of grey bytes, `[h, w]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grey {
    pub(super) h: usize,
    pub(super) w: usize,
    pub(super) bytes: Vec<u8>,
}

/// Prepares a drawing: `out` is `size` x `size` bytes.
///
/// # Errors
/// If no ink is found, in words.
pub(super) fn drawing(picture: &Grey, size: usize, out: &mut [u8]) -> Result<(), String> {
    let longest = picture.h.max(picture.w);
    let mut ink = if longest > MOST_SIDE {
        let shrunk = |side: usize| (side * MOST_SIDE / longest).max(1);
        picture.shrunk(shrunk(picture.h), shrunk(picture.w)).darker_than_around()
    } else {
        picture.darker_than_around()
    };
    ink.keep_strokes();
    let mut field = ink.centred().ok_or(
        "no ink was found: it must be darker than the paper, and the paper must fill the picture; photograph the drawing \
         from nearer, in even light",
    )?;
    field.thin();
    field.draw_again();
    let nearest = |i: usize| (2 * i + 1) * FIELD / (2 * size);
    for (i, pixel) in out.iter_mut().enumerate() {
        *pixel = if field.at(nearest(i / size), nearest(i % size)) { 255 } else { 0 };
    }
    Ok(())
}

/// Which pixels are ink.
#[derive(Debug, Clone, PartialEq)]
struct Mask {
    h: usize,
    w: usize,
    ink: Vec<bool>,
}

/// Sums over areas that begin at the first pixel.
struct Sums {
    w: usize,
    sums: Vec<u64>,
}

impl Sums {
    fn of(picture: &Grey) -> Sums {
        let (h, w) = (picture.h, picture.w);
        let mut sums = vec![0u64; (h + 1) * (w + 1)];
        for y in 0..h {
            let mut row = 0;
            for x in 0..w {
                row += u64::from(picture.bytes[y * w + x]);
                sums[(y + 1) * (w + 1) + x + 1] = sums[y * (w + 1) + x + 1] + row;
            }
        }
        Sums { w, sums }
    }

    /// The sum over an area and its pixels.
    fn over(&self, rows: Range<usize>, cols: Range<usize>) -> (u64, u64) {
        let at = |y: usize, x: usize| self.sums[y * (self.w + 1) + x];
        let sum = at(rows.end, cols.end) + at(rows.start, cols.start)
            - at(rows.start, cols.end)
            - at(rows.end, cols.start);
        (sum, (rows.len() * cols.len()) as u64)
    }
}

/// The pixels that part `at` of `parts` covers of `length`, at least one.
fn covered(at: usize, length: usize, parts: usize) -> Range<usize> {
    let start = at * length / parts;
    start..((at + 1) * length / parts).max(start + 1)
}

impl Grey {
    fn shrunk(&self, h: usize, w: usize) -> Grey {
        let sums = Sums::of(self);
        let mean = |i: usize| {
            let (sum, pixels) = sums.over(covered(i / w, self.h, h), covered(i % w, self.w, w));
            ((sum + pixels / 2) / pixels) as u8
        };
        Grey { h, w, bytes: (0..h * w).map(mean).collect() }
    }

    fn darker_than_around(&self) -> Mask {
        let (h, w, sums) = (self.h, self.w, Sums::of(self));
        let reach = h.max(w) / 8 + 1;
        let around = |at: usize, side: usize| at.saturating_sub(reach)..(at + reach + 1).min(side);
        let ink = |i: usize| {
            let (sum, pixels) = sums.over(around(i / w, h), around(i % w, w));
            u64::from(self.bytes[i]) * pixels * 100 < sum * 85
        };
        Mask { h, w, ink: (0..h * w).map(ink).collect() }
    }
}

impl Mask {
    /// Whether there is ink; outside there is none.
    fn at(&self, y: usize, x: usize) -> bool {
        y < self.h && x < self.w && self.ink[y * self.w + x]
    }

    /// The eight neighbours of a pixel, clockwise from the one above it.
    fn around(&self, i: usize) -> [bool; 8] {
        let (y, x) = ((i / self.w) as isize, (i % self.w) as isize);
        let steps = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)];
        // a step to the left of 0 becomes a place far to the right
        steps.map(|(down, right)| self.at((y + down) as usize, (x + right) as usize))
    }

    /// Leaves out connected pieces with less than a fiftieth of the pixels of the largest, and, unless all of them do, those
    /// that touch the edge.
    fn keep_strokes(&mut self) {
        let (h, w) = (self.h, self.w);
        let mut piece = vec![0usize; h * w];
        // pixels of each piece, and whether it touches the edge
        let mut pieces: BTreeMap<usize, (usize, bool)> = BTreeMap::new();
        for start in 0..h * w {
            if !self.ink[start] || piece[start] > 0 {
                continue;
            }
            let number = pieces.len() + 1;
            let (mut open, mut pixels, mut edge) = (vec![start], 0, false);
            piece[start] = number;
            while let Some(i) = open.pop() {
                let (y, x) = (i / w, i % w);
                pixels += 1;
                edge |= y == 0 || x == 0 || y + 1 == h || x + 1 == w;
                for y in y.saturating_sub(1)..(y + 2).min(h) {
                    for x in x.saturating_sub(1)..(x + 2).min(w) {
                        let i = y * w + x;
                        if self.ink[i] && piece[i] == 0 {
                            piece[i] = number;
                            open.push(i);
                        }
                    }
                }
            }
            pieces.insert(number, (pixels, edge));
        }
        let inner = pieces.values().any(|(_, edge)| !edge);
        pieces.retain(|_, (_, edge)| !(inner && *edge));
        let largest = pieces.values().map(|(pixels, _)| *pixels).max().unwrap_or(0);
        pieces.retain(|_, (pixels, _)| 50 * *pixels >= largest);
        self.ink.iter_mut().zip(piece).for_each(|(ink, piece)| *ink &= pieces.contains_key(&piece));
    }

    /// The box around the ink in the middle of the field; `None` without ink.
    fn centred(&self) -> Option<Mask> {
        let inked = || (0..self.ink.len()).filter(|&i| self.ink[i]);
        let (top, bottom) = (inked().next()? / self.w, inked().next_back()? / self.w + 1);
        let (left, right) = (inked().map(|i| i % self.w).min()?, inked().map(|i| i % self.w).max()? + 1);
        let long = (bottom - top).max(right - left);
        let scaled = |length: usize| (length * LONGEST).div_ceil(long).max(1);
        let (tall, wide) = (scaled(bottom - top), scaled(right - left));
        let (down, across) = ((FIELD - tall) / 2, (FIELD - wide) / 2);
        let mut field = Mask { h: FIELD, w: FIELD, ink: vec![false; FIELD * FIELD] };
        for y in 0..tall {
            for x in 0..wide {
                let (rows, cols) = (covered(y, bottom - top, tall), covered(x, right - left, wide));
                let mut pixels = rows.flat_map(|y| cols.clone().map(move |x| (top + y, left + x)));
                field.ink[(down + y) * FIELD + across + x] = pixels.any(|(y, x)| self.at(y, x));
            }
        }
        Some(field)
    }

    /// Takes pixels off the borders of strokes until lines are left.
    fn thin(&mut self) {
        loop {
            let mut changed = false;
            for first in [true, false] {
                let removable = |i: usize| {
                    let n = self.around(i);
                    let inked = n.iter().filter(|&&ink| ink).count();
                    let turns = (0..8).filter(|&k| !n[k] && n[(k + 1) % 8]).count();
                    let (a, b) = if first {
                        (n[0] && n[2] && n[4], n[2] && n[4] && n[6])
                    } else {
                        (n[0] && n[2] && n[6], n[0] && n[4] && n[6])
                    };
                    self.ink[i] && (2..=6).contains(&inked) && turns == 1 && !a && !b
                };
                let remove: Vec<usize> = (0..self.ink.len()).filter(|&i| removable(i)).collect();
                remove.iter().for_each(|&i| self.ink[i] = false);
                changed |= !remove.is_empty();
            }
            if !changed {
                return;
            }
        }
    }

    /// Draws lines with the pen.
    fn draw_again(&mut self) {
        let line = self.clone();
        for i in (0..line.ink.len()).filter(|&i| line.ink[i]) {
            let (y, x) = (i / self.w, i % self.w);
            for y in y.saturating_sub(PEN / 2)..(y + PEN / 2 + 1).min(self.h) {
                for x in x.saturating_sub(PEN / 2)..(x + PEN / 2 + 1).min(self.w) {
                    self.ink[y * self.w + x] = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    /// A cross of dark strokes, `thick` pixels wide, on paper that gets darker to the right, with a speck, and with a dark
    /// table at the left edge.
    fn photo(side: usize, thick: usize) -> Grey {
        let pixel = |i: usize| {
            let (y, x) = (i / side, i % side);
            let light = 230 - 120 * x / side;
            let stroke = |a: usize, b: usize| {
                a.abs_diff(side / 2) * 2 <= thick && (side / 4..side / 4 * 3).contains(&b)
            };
            let speck = x == side / 8 * 7 && y == side / 8;
            let table = x < side / 40 && y > side / 2;
            let ink = stroke(x, y) || stroke(y, x) || speck || table;
            if ink { (light / 3) as u8 } else { light as u8 }
        };
        Grey { h: side, w: side, bytes: (0..side * side).map(pixel).collect() }
    }

    fn prepared(picture: &Grey) -> Vec<u8> {
        let mut out = vec![7; 28 * 28];
        drawing(picture, 28, &mut out).unwrap();
        out
    }

    #[test]
    fn size_stroke_width_and_light_do_not_count() {
        let cross = prepared(&photo(400, 9));
        assert!(cross.iter().all(|&v| v == 0 || v == 255));
        let rows: Vec<usize> = (0..28).filter(|y| cross[28 * y..][..28].contains(&255)).collect();
        // 69 of 105 pixels, in the middle
        assert!((18..=19).contains(&rows.len()) && (4..=5).contains(&rows[0]), "{rows:?}");
        // no stroke lies farther off than a pixel
        let near = |of: &[u8], i: usize| {
            let (rows, cols) =
                ((i / 28).saturating_sub(1)..(i / 28 + 2).min(28), (i % 28).max(1) - 1..(i % 28 + 2).min(28));
            rows.flat_map(|y| cols.clone().map(move |x| 28 * y + x)).any(|i| of[i] == 255)
        };
        let within = |a: &[u8], b: &[u8]| (0..28 * 28).all(|i| a[i] == 0 || near(b, i));
        for (side, thick) in [(150, 5), (400, 25), (1500, 21)] {
            let other = prepared(&photo(side, thick));
            assert!(within(&cross, &other) && within(&other, &cross), "{side} {thick}");
        }
    }

    #[test]
    fn strokes_become_lines_of_one_pen() {
        let mut bar = Mask { h: FIELD, w: FIELD, ink: vec![false; FIELD * FIELD] };
        (20..80).for_each(|y| (40..51).for_each(|x| bar.ink[y * FIELD + x] = true));
        bar.thin();
        let line = (0..FIELD).filter(|&y| (0..FIELD).filter(|&x| bar.at(y, x)).count() == 1).count();
        assert!((45..=60).contains(&line), "{line}");
        bar.draw_again();
        assert_eq!((0..FIELD).filter(|&x| bar.at(50, x)).count(), PEN);
    }

    #[test]
    fn without_ink_the_error_says_what_to_do() {
        let mut out = vec![0; 28 * 28];
        for (h, w, grey) in [(50, 40, 200), (1, 1, 0)] {
            let paper = Grey { h, w, bytes: vec![grey; h * w] };
            assert!(drawing(&paper, 28, &mut out).unwrap_err().contains("no ink was found"));
        }
    }
}
