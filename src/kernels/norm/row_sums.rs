//! Sums over rows of pixels, added up in blocks so that `f32` stays accurate.

use super::blocks::{add_to, load, store};
use super::rows::Row;
use crate::real::Real;

/// `K` sums per channel. Those of rows go to a block, whose total joins the result after
/// some [`BLOCK`](crate::kernels::reduce::BLOCK) pixels, as in [`reduce`](crate::kernels::reduce).
pub(super) struct RowSums<'a, T, const K: usize> {
    totals: &'a mut [Vec<T>; K],
    block: [Vec<T>; K],
}

impl<'a, T: Real, const K: usize> RowSums<'a, T, K> {
    /// Sums that are added to `totals`.
    pub(super) fn new(totals: &'a mut [Vec<T>; K]) -> Self {
        let block = totals.each_ref().map(|total| vec![T::ZERO; total.len()]);
        RowSums { totals, block }
    }

    /// Adds the sums over a row at `L` channels.
    #[inline(always)] // into code compiled for wider vectors
    pub(super) fn add<const L: usize>(&mut self, row: &Row, channel: usize, sums: [[T; L]; K]) {
        for k in 0..K {
            let block = &mut self.block[k];
            add_to(block, channel, sums[k]);
            if row.ends_block() {
                add_to(&mut self.totals[k], channel, load::<T, L>(block, channel));
                store(block, channel, [T::ZERO; L]);
            }
        }
    }
}
