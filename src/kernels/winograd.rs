//! 3x3 convolutions of stride 1 in fewer products: Winograd's F(2x2, 3x3)
//! (Lavin and Gray, 2016).
//!
//! A tile of 2x2 outputs is `Aᵀ [(G w Gᵀ) · (Bᵀ d B)] A`, where `d` are the 4x4
//! pixels it reads and the product is taken at each of 16 points, summed over
//! the channels: 16 products in place of 36. The adjoint in `w` is
//! `Gᵀ [(Bᵀ d B) · (A g Aᵀ)] G`, summed over the tiles. The matrices stand in
//! [`winograd_maps`](super::winograd_maps).

use super::axis::Axis;
use super::conv2d::ConvShape;
use super::simd::Simd;
use super::threads::{for_chunks, threads_for};
use super::winograd_tiles::{Tiles, stacked};
use super::workspace::{Element, Task, Workspace, at_least};

/// The factors and sums of a block of images.
const CACHE: usize = 1024 * 1024;

/// Sums over windows of images with `c` channels, to images with `d`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    pub axes: [Axis; 2],
    /// `[c, d]`.
    pub channels: [usize; 2],
}

impl Windows {
    /// Whether these windows can be summed this way, and it is faster: measured, the
    /// maps of a tile cost as much as some 260 products a channel.
    pub(super) fn pays(&self) -> bool {
        let Windows { axes: [down, right], channels: [c, d] } = *self;
        let fits = |axis: &Axis| axis.taps == 3 && axis.step == 1 && axis.stride == 1;
        let inside = |axis: &Axis| (0..3).map(|k| axis.targets_with(k).len()).sum::<usize>();
        let tiles = down.count.div_ceil(2) * right.count.div_ceil(2);
        let maps = tiles.saturating_mul(260 * (c + d));
        fits(&down)
            && fits(&right)
            && c.min(d) >= 16
            && 16 * tiles * c * d + maps < (inside(&down) * inside(&right)).saturating_mul(c * d)
    }

    /// Convolution, or its input gradient, of `n` images by `w: [3, 3, c, d]`;
    /// `task` names the plan for some of them.
    pub(super) fn sum<T: Element>(
        &self,
        simd: Simd,
        n: usize,
        task: impl Fn(usize) -> Task + Sync,
        x: &[T],
        w: &[T],
        y: &mut [T],
    ) {
        let Windows { axes, channels: [c, d] } = *self;
        let axes = &axes;
        let [down, right] = axes;
        let (from_image, to_image) = (down.len * right.len * c, down.count * right.count * d);
        let image = Tiles { axes, n: 1 }.len() * 16 * (c + d);
        let threads = threads_for(n * to_image * 9 * c);
        let maps = T::transforms(simd);
        // not lent across the chunks: their threads' workspaces include this one
        let mut buffer = T::with_workspace(|workspace| std::mem::take(&mut workspace.points));
        let turned = at_least(&mut buffer, 16 * c * d);
        let matrices = [9, 16].map(|count| stacked(count, c * d));
        maps.weights.run(c * d, matrices.each_ref(), w, turned, &mut Vec::new());
        let turned = &*turned;
        for_chunks(threads, y, block::<T>(image, n, threads) * to_image, |at, y| {
            let n = y.len() / to_image;
            let x = &x[at / to_image * from_image..][..n * from_image];
            T::with_workspace(|Workspace { frames, edge, tiles, plans, .. }| {
                let grid = Tiles { axes, n };
                let plan = plans.of(task(n), || grid.window_products([c, d]));
                let [sources, factors_at, sums_at, targets] =
                    tiles.of(task(n), || grid.window_points([c, d]));
                let frames = at_least(frames, 16 * grid.len() * (c + d));
                let (factors, sums) = frames.split_at_mut(16 * grid.len() * c);
                maps.pixels.run(c, [sources, factors_at], x, factors, edge);
                plan.run(T::tiles(simd), factors, turned, d, sums, false);
                maps.outputs.run(d, [sums_at, targets], sums, y, edge);
            });
        });
        T::with_workspace(|workspace| workspace.points = buffer);
    }
}

/// Images at a time, of which each needs `len` elements.
fn block<T>(len: usize, n: usize, threads: usize) -> usize {
    let shared = if threads > 1 { n.div_ceil(4 * threads) } else { n };
    (CACHE / (len * size_of::<T>()).max(1)).min(shared).max(1)
}

/// The weight gradient.
pub(super) fn weight_grad<T: Element>(simd: Simd, s: &ConvShape, x: &[T], g: &[T], dw: &mut [T]) {
    let axes = &s.windows();
    let (c, d) = (s.c_in, s.c_out);
    let (x_image, g_image) = (s.h * s.w * c, s.oh() * s.ow() * d);
    let image = Tiles { axes, n: 1 }.len() * 16 * (c + d);
    let threads = threads_for(s.products());
    let block = block::<T>(image, s.n, 1);
    let maps = T::transforms(simd);
    // not lent across the chunks: their threads' workspaces include this one
    let mut buffer = T::with_workspace(|workspace| std::mem::take(&mut workspace.points));
    let turned = at_least(&mut buffer, 16 * c * d);
    // threads share the points, so that no sum is cut
    for_chunks(threads, turned, 16usize.div_ceil(threads) * c * d, |at, turned| {
        let points = at / (c * d)..(at + turned.len()) / (c * d);
        for from in (0..s.n).step_by(block) {
            let n = block.min(s.n - from);
            let (x, g) = (&x[from * x_image..][..n * x_image], &g[from * g_image..][..n * g_image]);
            let task = || Task::WeightGrad(s.with_images(n), points.clone());
            T::with_workspace(|Workspace { frames, edge, tiles, plans, .. }| {
                let grid = Tiles { axes, n };
                let plan = plans.of(task(), || grid.weight_products(points.len(), [c, d]));
                let [sources, pixels_at, targets, cotangents_at] =
                    tiles.of(task(), || grid.weight_points(&points, [c, d]));
                let frames = at_least(frames, points.len() * grid.len() * (c + d));
                let (pixels, cotangents) = frames.split_at_mut(points.len() * grid.len() * c);
                maps.pixels.run(c, [sources, pixels_at], x, pixels, edge);
                maps.cotangents.run(d, [targets, cotangents_at], g, cotangents, edge);
                plan.run(T::tiles(simd), pixels, cotangents, d, turned, from > 0);
            });
        }
    });
    let matrices = [16, 9].map(|count| stacked(count, c * d));
    maps.weight_grads.run(c * d, matrices.each_ref(), turned, dw, &mut Vec::new());
    T::with_workspace(|workspace| workspace.points = buffer);
}
