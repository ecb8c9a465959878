//! The weight gradient by Winograd's method.

use super::patches::{Patches, at_once, bands, size, stacked};
use crate::kernels::buffer::at_least;
use crate::kernels::conv::ConvShape;
use crate::kernels::element::{Element, Workspace};
use crate::kernels::plans::Task;
use crate::kernels::product::Plan;
use crate::kernels::simd::Simd;
use crate::kernels::threads::{for_chunks, images_at_once, threads_for};

/// The weight gradient; see [`WindowSum::pays`](super::WindowSum::pays).
pub(in crate::kernels) fn weight_grad<T: Element>(simd: Simd, s: &ConvShape, x: &[T], g: &[T], dw: &mut [T]) {
    let axes @ [down, right] = &s.axes();
    let (c, d) = (s.c_in, s.c_out);
    let (x_image, g_row) = (s.h * s.w * c, s.ow() * d);
    let g_image = s.oh() * g_row;
    let most = at_once::<T>([c, d]);
    let threads = threads_for(s.products());
    let block = images_at_once(s.n, Patches { axes, n: 1 }.len(), most, 1);
    let maps = T::maps(simd);
    // taken out of the workspace: a chunk on this thread borrows the workspace again
    let mut buffer = T::with_workspace(|workspace| std::mem::take(&mut workspace.points));
    let turned = at_least(&mut buffer, 16 * c * d);
    // threads share the points, so that no sum is cut
    for_chunks(threads, turned, 16usize.div_ceil(threads) * c * d, |at, turned| {
        let points = at / (c * d)..(at + turned.len()) / (c * d);
        // several images have a single band
        let blocks = (0..s.n).step_by(block).flat_map(|from| bands(axes, most).map(move |rows| (from, rows)));
        for (nth, (from, rows)) in blocks.enumerate() {
            let n = block.min(s.n - from);
            let x = &x[from * x_image..][..n * x_image];
            let g = &g[from * g_image + rows.start * g_row..][..n * rows.len() * g_row];
            let task = || Task::WeightGradPatches(s.with_images(n), points.clone(), rows.clone());
            T::with_workspace(|Workspace { frames, edge, patches, plans, .. }| {
                let grid = Patches { axes: &[down.part(&rows), *right], n };
                let plan = plans.of(task(), Plan::size, || grid.weight_products(points.len(), [c, d]));
                let [sources, pixels_at, targets, cotangents_at] =
                    patches.of(task(), size, || grid.weight_points(&points, [c, d]));
                let frames = at_least(frames, points.len() * grid.len() * (c + d));
                let (pixels, cotangents) = frames.split_at_mut(points.len() * grid.len() * c);
                maps.pixels.run(c, [sources, pixels_at], x, pixels, edge);
                maps.cotangents.run(d, [targets, cotangents_at], g, cotangents, edge);
                plan.run(T::tiles(simd), pixels, cotangents, d, turned, nth > 0);
            });
        }
    });
    let matrices = [16, 9].map(|count| stacked(count, c * d));
    maps.weight_grads.run(c * d, matrices.each_ref(), turned, dw, &mut Vec::new());
    T::with_workspace(|workspace| workspace.points = buffer);
}
