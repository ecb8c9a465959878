//! A strip of columns of a block of weights, copied to lie next to each other.
//!
//! Rows of a wide matrix lie a round number of cache lines apart, so that all of them fall into a few sets of the
//! first-level cache and drive each other out. A copy stays there while rows of the result go by.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::plan::DEPTH;

/// Most columns of a tile on any instruction set.
const WIDTH: usize = 64;

/// Room for one strip, at the start of a cache line.
#[repr(align(64))]
pub(super) struct Panel<T>([MaybeUninit<T>; DEPTH * WIDTH]);

impl<T: Copy> Panel<T> {
    pub(super) fn new() -> Panel<T> {
        Panel([MaybeUninit::uninit(); DEPTH * WIDTH])
    }

    /// Whether copies of strips of `width` columns, of `n` columns in all, pay for so many rows of the result in tiles of this
    /// height: measured, from rows of 1 KiB on. For few rows the copy costs more than the misses, which the first tile takes.
    pub(super) fn pays(n: usize, width: usize, rows: usize, height: usize) -> bool {
        n > width && n * size_of::<T>() >= 1024 && rows >= 32 * height
    }

    /// Copies the columns of the rows `block` of `w: [_, n]`, to rows that are `width` elements apart.
    pub(super) fn pack(
        &mut self,
        w: &[T],
        n: usize,
        block: Range<usize>,
        columns: Range<usize>,
        width: usize,
    ) -> *const T {
        assert!(columns.len() <= width && block.len() * width <= self.0.len(), "product: a panel too small");
        for (row, to) in block.zip(self.0.chunks_exact_mut(width)) {
            for (to, &from) in to.iter_mut().zip(&w[row * n..][columns.clone()]) {
                to.write(from);
            }
        }
        self.0.as_ptr().cast()
    }
}
