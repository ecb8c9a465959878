//! An indirect matrix product: cuts the work into tiles.

use super::tile::{Tile, Tiles};

/// Most summands in one pass: 96 rows of 64 weights are 24 KiB and stay in the
/// first-level cache while all rows of the result go by. Part of the result's
/// bits: the sums of the passes are added in order.
const STEPS: usize = 96;

/// `y[out[p] + j] = bias[j] + Σ_i x[rows[p] + steps[i]] · w[i, j]`, `j < n`.
pub(super) struct Product<'a, T> {
    pub x: &'a [T],
    /// Where in `x` each row of the result starts reading.
    pub rows: &'a [usize],
    /// How far from there each summand's factor lies.
    pub steps: &'a [usize],
    /// `[steps, n]`.
    pub w: &'a [T],
    pub bias: Option<&'a [T]>,
    pub n: usize,
    /// Where in `y` each row of the result is written.
    pub out: &'a [usize],
}

impl<T: Copy> Product<'_, T> {
    /// Writes the product to `y`.
    pub(super) fn write(&self, tiles: &Tiles<T>, y: &mut [T]) {
        self.run(tiles, y, false);
    }

    /// Adds the product to `y`.
    pub(super) fn add(&self, tiles: &Tiles<T>, y: &mut [T]) {
        self.run(tiles, y, true);
    }

    fn run(&self, tiles: &Tiles<T>, y: &mut [T], add: bool) {
        let (n, depth) = (self.n, self.steps.len());
        self.check(y);
        if self.rows.is_empty() || n == 0 {
            return;
        }
        // blocks of even length; without summands one empty block, for the bias
        let blocks = depth.div_ceil(STEPS).max(1);
        let (width, lanes) = (tiles.lanes * tiles.vectors, tiles.lanes);
        for block in 0..blocks {
            let (from, to) = (depth * block / blocks, depth * (block + 1) / blocks);
            let first = block == 0 && !add;
            for column in (0..n).step_by(width) {
                let columns = width.min(n - column);
                let vectors = columns.div_ceil(lanes);
                let kernels = if columns == width { &tiles.whole } else { &tiles.part[vectors - 1] };
                let start = self.bias.filter(|_| first);
                // tiles of even height, so that none is short of work
                let parts = self.rows.len().div_ceil(tiles.height);
                let (height, taller) = (self.rows.len() / parts, self.rows.len() % parts);
                let middle = taller * (height + 1);
                for (height, rows) in [(height + 1, 0..middle), (height, middle..self.rows.len())] {
                    if rows.is_empty() {
                        continue;
                    }
                    let tile = Tile {
                        x: self.x.as_ptr(),
                        rows: &self.rows[rows.clone()],
                        steps: &self.steps[from..to],
                        w: self.w[from * n..].as_ptr().wrapping_add(column),
                        w_row: n,
                        y: y.as_mut_ptr().wrapping_add(column),
                        out: &self.out[rows],
                        last: columns - (vectors - 1) * lanes,
                        bias: start.map_or(std::ptr::null(), |b| b[column..].as_ptr()),
                        add: !first,
                    };
                    // SAFETY: `check` saw that every offset stays inside its
                    // slice; `tiles` only exists for instructions at hand.
                    unsafe { kernels[height - 1](&tile) };
                }
            }
        }
    }

    /// Panics unless all that a tile will touch lies inside the slices.
    fn check(&self, y: &[T]) {
        let farthest = |offsets: &[usize]| offsets.iter().copied().fold(0, usize::max);
        assert_eq!(self.rows.len(), self.out.len(), "product: one output per row");
        assert_eq!(self.w.len(), self.steps.len().saturating_mul(self.n), "product: length of w");
        assert!(self.bias.is_none_or(|b| b.len() == self.n), "product: length of bias");
        if !self.rows.is_empty() {
            let reads = farthest(self.rows).saturating_add(farthest(self.steps));
            assert!(self.steps.is_empty() || reads < self.x.len(), "product: reads past x");
            assert!(farthest(self.out).saturating_add(self.n) <= y.len(), "product: writes past y");
        }
    }
}
