//! A photographed or scanned drawing, made to look like those of Omniglot.
//!
//! 1. The picture is shrunk to at most [`MOST_SIDE`] pixels a side.
//! 2. Ink is what is darker than its surroundings: below 85 % of the mean of a window around it (Bradley and Roth 2007), so
//!    that shadows and the colour of the paper do not count.
//! 3. Specks, and what touches the edge of the picture (a table beside the paper), are left out.
//! 4. The box around the ink is brought to the middle of a field of 105x105 pixels, [`LONGEST`] pixels long.
//! 5. Strokes are thinned to lines (Zhang and Suen 1984) and drawn again [`PEN`] pixels wide.
//! 6. The field is shrunk by nearest neighbour, as Omniglot's drawings are. Ink is 255, paper 0.

use std::collections::BTreeMap;

use image::GrayImage;
use image::imageops::{FilterType, resize};

/// The side of a drawing of Omniglot.
const FIELD: usize = 105;
/// The longer side of the box around the ink: the median of 1,500 drawings of Omniglot's background set is 69.
const LONGEST: usize = 69;
/// Pixels of a stroke's width in that field.
const PEN: usize = 3;
/// The longest side that is worked on; more only shows the grain of the paper.
const MOST_SIDE: u32 = 640;

/// Prepares a drawing: `out` is `size` x `size` bytes.
///
/// # Errors
/// If no ink is found, in words.
pub(super) fn drawing(picture: &GrayImage, size: usize, out: &mut [u8]) -> Result<(), String> {
    let longest = picture.width().max(picture.height());
    let shrunk = |side: u32| (u64::from(side) * u64::from(MOST_SIDE) / u64::from(longest)).max(1) as u32;
    let smaller = (longest > MOST_SIDE)
        .then(|| resize(picture, shrunk(picture.width()), shrunk(picture.height()), FilterType::Triangle));
    let mut ink = darker_than_around(smaller.as_ref().unwrap_or(picture));
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

fn darker_than_around(picture: &GrayImage) -> Mask {
    let (h, w) = (picture.height() as usize, picture.width() as usize);
    // sums[y][x] is the sum over the rows above y and the columns left of x
    let mut sums = vec![0u64; (h + 1) * (w + 1)];
    for y in 0..h {
        let mut row = 0;
        for x in 0..w {
            row += u64::from(picture.as_raw()[y * w + x]);
            sums[(y + 1) * (w + 1) + x + 1] = sums[y * (w + 1) + x + 1] + row;
        }
    }
    let reach = h.max(w) / 8 + 1;
    let ink = |i: usize| {
        let (y, x) = (i / w, i % w);
        let (top, bottom) = (y.saturating_sub(reach), (y + reach + 1).min(h));
        let (left, right) = (x.saturating_sub(reach), (x + reach + 1).min(w));
        let at = |y: usize, x: usize| sums[y * (w + 1) + x];
        let sum = at(bottom, right) + at(top, left) - at(top, right) - at(bottom, left);
        let pixels = ((bottom - top) * (right - left)) as u64;
        u64::from(picture.as_raw()[i]) * pixels * 100 < sum * 85
    };
    Mask { h, w, ink: (0..h * w).map(ink).collect() }
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
                // the pixels that a pixel of the field covers, at least one
                let cover = |at: usize, from: usize, length: usize, parts: usize| {
                    let start = at * length / parts;
                    from + start..from + ((at + 1) * length / parts).max(start + 1)
                };
                let (rows, cols) = (cover(y, top, bottom - top, tall), cover(x, left, right - left, wide));
                let any = rows.flat_map(|y| cols.clone().map(move |x| (y, x))).any(|(y, x)| self.at(y, x));
                field.ink[(down + y) * FIELD + across + x] = any;
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
    use image::Luma;

    /// A cross of dark strokes, `thick` pixels wide, on paper that gets darker to the right, with a speck, and with a dark
    /// table at the left edge.
    fn photo(side: u32, thick: u32) -> GrayImage {
        GrayImage::from_fn(side, side, |x, y| {
            let light = 230 - 120 * x / side;
            let (from, to) = (side / 4, side / 4 * 3);
            let stroke = |a: u32, b: u32| a.abs_diff(side / 2) * 2 <= thick && (from..to).contains(&b);
            let speck = x == side / 8 * 7 && y == side / 8;
            let table = x < side / 40 && y > side / 2;
            let ink = stroke(x, y) || stroke(y, x) || speck || table;
            Luma([if ink { light / 3 } else { light } as u8])
        })
    }

    fn prepared(picture: &GrayImage) -> Vec<u8> {
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
        for (side, thick) in [(150, 5), (400, 25), (1500, 21)] {
            let other = prepared(&photo(side, thick));
            let differ = cross.iter().zip(&other).filter(|(a, b)| a != b).count();
            assert!(differ <= 12, "{side} {thick}: {differ}");
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
        for paper in [GrayImage::from_pixel(50, 40, Luma([200])), GrayImage::from_pixel(1, 1, Luma([0]))] {
            assert!(drawing(&paper, 28, &mut out).unwrap_err().contains("no ink was found"));
        }
    }
}
