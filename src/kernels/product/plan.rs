//! An indirect matrix product: planned once, then run as tiles.
//!
//! `y[out[p] + j] = Σ x[rows[p] + ..] · w[.., j]`, where rows of the result that
//! have their summands in common form a sum.

use std::ops::Range;

use super::panel::Panel;
use super::tile::{Run, Tile, TileFn, TileKernels};

/// Most summands in one pass where `w` holds weights: 144 rows of 64 are 36 KiB.
pub(in crate::kernels) const DEPTH: usize = 144;

/// Which products to form, in which order.
#[derive(Debug, Default)]
pub(in crate::kernels) struct Plan {
    /// Where in `x` each row of the result starts reading.
    rows: Vec<usize>,
    /// Where in `y` each row of the result is written.
    out: Vec<usize>,
    runs: Vec<Run>,
    /// Rows with their runs.
    sums: Vec<(Range<usize>, Range<usize>)>,
    passes: Vec<Pass>,
    x_step: usize,
    /// Lengths that `x` and `w` (in rows) must have, and the farthest `out`.
    reach: [usize; 3],
}

/// Part of a sum.
#[derive(Clone, Debug)]
struct Pass {
    /// The rows of `w` that it may read.
    block: Range<usize>,
    rows: Range<usize>,
    runs: Range<usize>,
    /// Whether an earlier pass has written these rows.
    add: bool,
}

impl Plan {
    /// A plan without sums; the factors of a run lie `x_step` apart in `x`.
    pub(in crate::kernels) fn new(x_step: usize) -> Plan {
        Plan { x_step, ..Plan::default() }
    }

    /// How many offsets it holds.
    pub(in crate::kernels) fn size(&self) -> usize {
        self.rows.len() + self.out.len() + 3 * self.runs.len() + 5 * self.passes.len()
    }

    /// Adds a sum: rows as (start in `x`, start in `y`), and its runs, which go
    /// up in `w`.
    pub(in crate::kernels) fn sum(
        &mut self,
        rows: impl Iterator<Item = (usize, usize)>,
        runs: impl Iterator<Item = Run>,
    ) {
        let (first_row, first_run) = (self.rows.len(), self.runs.len());
        for (row, out) in rows {
            self.rows.push(row);
            self.out.push(out);
        }
        for run in runs.filter(|run| run.len > 0) {
            match self.runs[first_run..].last_mut() {
                Some(last) if last.w + last.len == run.w && last.x + last.len * self.x_step == run.x => {
                    last.len += run.len;
                }
                _ => self.runs.push(run),
            }
        }
        let (rows, runs) = (first_row..self.rows.len(), first_run..self.runs.len());
        if rows.is_empty() {
            return;
        }
        let last_row = self.rows[rows.clone()].iter().fold(0, |a, &b| a.max(b));
        let last_out = self.out[rows.clone()].iter().fold(0, |a, &b| a.max(b));
        let [x, w, y] = &mut self.reach;
        for run in &self.runs[runs.clone()] {
            *x = (*x).max(last_row + run.x + (run.len - 1) * self.x_step + 1);
            *w = (*w).max(run.w + run.len);
        }
        *y = (*y).max(last_out);
        self.sums.push((rows, runs));
    }

    /// Cuts the sums into passes that share blocks of `w`, which are to stay in the
    /// first-level cache while rows of the result go by: `w` has `matrices` matrices of
    /// `depth` rows, and each is cut into even blocks of at most `most` rows.
    ///
    /// Part of the result's bits: the sums of the passes are added in order. Where a matrix
    /// is cut depends on `depth` and `most` alone, not on how many there are: threads share
    /// matrices.
    pub(in crate::kernels) fn share_weights(&mut self, matrices: usize, depth: usize, most: usize) {
        let mut begun = vec![false; self.sums.len()];
        let blocks: Vec<Range<usize>> = (0..matrices)
            .flat_map(|k| even_parts(depth, most).map(move |b| k * depth + b.start..k * depth + b.end))
            .collect();
        for (nth, block) in blocks.into_iter().enumerate() {
            let Range { start: from, end: to } = block;
            for (sum, begun) in self.sums.iter().zip(&mut begun) {
                let first = self.runs.len();
                for r in sum.1.clone() {
                    let run = self.runs[r];
                    let (start, end) = (run.w.max(from), (run.w + run.len).min(to));
                    if start < end {
                        let x = run.x + (start - run.w) * self.x_step;
                        self.runs.push(Run { x, w: start, len: end - start });
                    }
                }
                let runs = first..self.runs.len();
                // a sum of nothing is written too
                if !runs.is_empty() || (nth == 0 && sum.1.is_empty()) {
                    self.passes.push(Pass { block: block.clone(), rows: sum.0.clone(), runs, add: *begun });
                    *begun = true;
                }
            }
        }
    }

    /// Forms the products with `w: [_, n]`; writes the rows of `y`, or with `add`
    /// adds to them.
    ///
    /// # Panics
    /// If a row, factor or weight lies outside its slice.
    pub(in crate::kernels) fn run<T: Copy>(
        &self,
        tiles: &TileKernels<T>,
        x: &[T],
        w: &[T],
        n: usize,
        y: &mut [T],
        add: bool,
    ) {
        if self.passes.is_empty() || n == 0 {
            return;
        }
        let [x_len, w_rows, out] = self.reach;
        assert!(x_len <= x.len(), "product: reads past x");
        assert!(w_rows.saturating_mul(n) <= w.len(), "product: reads past w");
        assert!(out.saturating_add(n) <= y.len(), "product: writes past y");
        let width = tiles.lanes * tiles.vectors;
        let mut panel = Panel::new();
        for passes in self.passes.chunk_by(|a, b| a.block == b.block) {
            let block = &passes[0].block;
            let rows = passes.iter().map(|pass| pass.rows.len()).sum();
            let packed = Panel::<T>::pays(n, width, rows, tiles.height);
            for column in (0..n).step_by(width) {
                let columns = column..n.min(column + width);
                let (w, w_row) = if packed {
                    let first = panel.pack(w, n, block.clone(), columns.clone(), width);
                    (first.wrapping_sub(block.start * width), width)
                } else {
                    (w.as_ptr().wrapping_add(column), n)
                };
                for pass in passes {
                    let part = columns.len();
                    for (kernel, rows) in pass.tiles(tiles, part) {
                        let tile = Tile {
                            x: x.as_ptr(),
                            rows: &self.rows[rows.clone()],
                            runs: &self.runs[pass.runs.clone()],
                            x_step: self.x_step,
                            w,
                            w_row,
                            y: y.as_mut_ptr().wrapping_add(column),
                            out: &self.out[rows],
                            last: part - (part - 1) / tiles.lanes * tiles.lanes,
                            add: add || pass.add,
                        };
                        // SAFETY: `reach` bounds every offset of the plan and lies inside the
                        // slices, as asserted above; a panel holds the rows of its block; `tiles`
                        // only exists for instructions at hand.
                        unsafe { kernel(&tile) };
                    }
                }
            }
        }
    }
}

impl Pass {
    /// Its rows in tiles of two heights that differ by one row, so that none is short of work, with their kernels for this
    /// many columns.
    fn tiles<T>(
        &self,
        tiles: &TileKernels<T>,
        columns: usize,
    ) -> impl Iterator<Item = (TileFn<T>, Range<usize>)> {
        let vectors = columns.div_ceil(tiles.lanes);
        let whole = columns == tiles.lanes * tiles.vectors;
        let kernels = if whole { &tiles.whole } else { &tiles.part[vectors - 1] };
        let Range { start, end } = self.rows;
        let parts = (end - start).div_ceil(tiles.height);
        let (height, taller) = ((end - start) / parts, (end - start) % parts);
        let middle = start + taller * (height + 1);
        let both = [(height + 1, start..middle), (height, middle..end)];
        both.into_iter()
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(height, rows)| (kernels[height - 1], rows))
    }
}

/// `0..len` in even parts of at most `most`; one empty part if `len` is 0.
pub(in crate::kernels) fn even_parts(len: usize, most: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let parts = len.div_ceil(most).max(1);
    (0..parts).map(move |i| i * len / parts..(i + 1) * len / parts)
}
