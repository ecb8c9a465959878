//! Sums over windows by Winograd's method: convolution, and its input gradient.

use std::ops::Range;

use super::patches::{Patches, at_once, bands, size, stacked};
use crate::kernels::buffer::at_least;
use crate::kernels::conv::{Axis, ConvShape};
use crate::kernels::element::{Element, Workspace};
use crate::kernels::plans::Task;
use crate::kernels::product::Plan;
use crate::kernels::simd::Simd;
use crate::kernels::threads::{for_chunks, images_at_once, threads_for};

/// Sums over windows of images with `c` channels, to images with `d`.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct WindowSum {
    pub axes: [Axis; 2],
    /// `[c, d]`.
    pub channels: [usize; 2],
}

impl WindowSum {
    /// Those of a convolution.
    pub(in crate::kernels) fn of(s: &ConvShape) -> WindowSum {
        WindowSum { axes: s.axes(), channels: [s.c_in, s.c_out] }
    }

    /// Whether these windows can be summed this way, and it is faster: measured, the
    /// maps of a patch cost as much as some 260 products per channel.
    pub(in crate::kernels) fn pays(&self) -> bool {
        let WindowSum { axes: [down, right], channels: [c, d] } = *self;
        let fits = |axis: &Axis| axis.taps == 3 && axis.step == 1 && axis.stride == 1;
        let inside = |axis: &Axis| (0..3).map(|k| axis.targets_with(k).len()).sum::<usize>();
        let patches = down.count.div_ceil(2) * right.count.div_ceil(2);
        let maps = patches.saturating_mul(260 * (c + d));
        fits(&down)
            && fits(&right)
            && c.min(d) >= 16
            && 16 * patches * c * d + maps < (inside(&down) * inside(&right)).saturating_mul(c * d)
    }

    /// Convolution, or its input gradient, of `n` images by `w: [3, 3, c, d]`;
    /// `task` names the plan for some of them, or for some rows of the outputs of one.
    pub(in crate::kernels) fn run<T: Element>(
        &self,
        simd: Simd,
        n: usize,
        task: impl Fn(usize, Range<usize>) -> Task + Sync,
        x: &[T],
        w: &[T],
        y: &mut [T],
    ) {
        let WindowSum { axes, channels: [c, d] } = *self;
        let [down, right] = &axes;
        let (from_image, row) = (down.len * right.len * c, right.count * d);
        let to_image = down.count * row;
        let most = at_once::<T>([c, d]);
        let threads = threads_for(n * to_image * 9 * c);
        let maps = T::maps(simd);
        // taken out of the workspace: a chunk on this thread borrows the workspace again
        let mut buffer = T::with_workspace(|workspace| std::mem::take(&mut workspace.points));
        let turned = at_least(&mut buffer, 16 * c * d);
        let matrices = [9, 16].map(|count| stacked(count, c * d));
        maps.weights.run(c * d, matrices.each_ref(), w, turned, &mut Vec::new());
        let turned = &*turned;
        let block = images_at_once(n, Patches { axes: &axes, n: 1 }.len(), most, threads);
        for_chunks(threads, y, block * to_image, |at, y| {
            let n = y.len() / to_image;
            let x = &x[at / to_image * from_image..][..n * from_image];
            // several images have a single band
            for rows in bands(&axes, most) {
                let y = &mut y[rows.start * row..][..n * rows.len() * row];
                let task = || task(n, rows.clone());
                T::with_workspace(|Workspace { frames, edge, patches, plans, .. }| {
                    let grid = Patches { axes: &[down.part(&rows), *right], n };
                    let plan = plans.of(task(), Plan::size, || grid.window_products([c, d]));
                    let [sources, factors_at, sums_at, targets] =
                        patches.of(task(), size, || grid.window_points([c, d]));
                    let frames = at_least(frames, 16 * grid.len() * (c + d));
                    let (factors, sums) = frames.split_at_mut(16 * grid.len() * c);
                    maps.pixels.run(c, [sources, factors_at], x, factors, edge);
                    plan.run(T::tiles(simd), factors, turned, d, sums, false);
                    maps.outputs.run(d, [sums_at, targets], sums, y, edge);
                });
            }
        });
        T::with_workspace(|workspace| workspace.points = buffer);
    }
}
