//! The adjoint of convolution in its weights.
//!
//! `dw[k] = Σ x[i]ᵀ · g[q]` over the pixels `i`, `q` that tap `k` connects: an
//! indirect matrix product whose rows are (tap, input channel) and whose
//! summands are output pixels, each tap over those where it lies inside.

use std::ops::Range;

use super::axis::Class;
use super::frame::{pad, padded};
use super::shape::ConvShape;
use crate::kernels::buffer::at_least;
use crate::kernels::element::{Element, Workspace};
use crate::kernels::plans::Task;
use crate::kernels::product::{Plan, Run};
use crate::kernels::simd::Simd;
use crate::kernels::threads::{for_chunks, threads_for};
use crate::kernels::winograd;

/// Fewer input channels would leave tiles of a single tap short of rows: then
/// all taps make up the rows, over images with their padding stored.
const THIN: usize = 16;

/// Most summands in one pass, where they are pixels: 96 rows of 64 cotangents are 24 KiB,
/// beside as much of the images.
const PIXELS: usize = 96;

/// See [`Kernels::conv2d_weight_grad`](crate::kernels::Kernels::conv2d_weight_grad).
pub(in crate::kernels) fn weight_grad<T: Element>(simd: Simd, s: &ConvShape, x: &[T], g: &[T], dw: &mut [T]) {
    s.assert_lens("conv2d_weight_grad", x, dw, g);
    if dw.is_empty() {
        return;
    }
    if s.n == 0 {
        dw.fill(T::default());
    }
    if s.n > 0 && winograd::WindowSum::of(s).pays() {
        return winograd::weight_grad(simd, s, x, g, dw);
    }
    let thin = s.c_in < THIN;
    let threads = if thin { 1 } else { threads_for(s.products()) };
    let block = s.block::<T>(1);
    let (x_image, g_image) = (s.h * s.w * s.c_in, s.oh() * s.ow() * s.c_out);
    let rows = s.kh * s.kw * s.c_in;
    let share = if threads > 1 { rows.div_ceil(4 * threads) } else { rows };
    // threads share the rows, so that no sum is cut
    for_chunks(threads, dw, share * s.c_out, |at, dw| {
        let rows = at / s.c_out..(at + dw.len()) / s.c_out;
        for from in (0..s.n).step_by(block) {
            let s = s.with_images(block.min(s.n - from));
            let x = &x[from * x_image..][..s.n * x_image];
            let g = &g[from * g_image..][..s.n * g_image];
            T::with_workspace(|Workspace { plans, frames, .. }| {
                let (s, x) = if thin && s.pad != [0; 2] {
                    let p = padded(&s);
                    let frames = at_least(frames, p.x_len());
                    pad(&s, x, frames);
                    (p, &*frames)
                } else {
                    (s, x)
                };
                let plan =
                    plans.of(Task::WeightGrad(s, rows.clone()), Plan::size, || plan_rows(&s, &rows, thin));
                plan.run(T::tiles(simd), x, g, s.c_out, dw, from > 0);
            });
        }
    });
}

/// The plan for those rows of the weights; a sum has the rows of one tap, or if
/// `thin` of all.
fn plan_rows(s: &ConvShape, rows: &Range<usize>, thin: bool) -> Plan {
    let mut plan = Plan::new(s.stride[1] * s.c_in);
    let axes = s.axes();
    let [down, right] = axes.each_ref().map(|axis| {
        if thin {
            // nothing is outside
            return vec![Class { targets: 0..axis.count, taps: 0..axis.taps }];
        }
        (0..axis.taps).map(|k| Class { targets: axis.targets_with(k), taps: k..k + 1 }).collect()
    });
    for y in &down {
        for x in &right {
            let taps = y.taps.clone().flat_map(|ky| x.taps.clone().map(move |kx| (ky, kx)));
            let channels = taps.flat_map(|(ky, kx)| {
                let from = ((ky - y.taps.start) * s.w + kx - x.taps.start) * s.c_in;
                let row = (ky * s.kw + kx) * s.c_in;
                (0..s.c_in).map(move |c| (from + c, row + c))
            });
            let channels = channels.filter(|(_, row)| rows.contains(row));
            let lines = (0..s.n).flat_map(|i| y.targets.clone().map(move |b| (i, b)));
            let runs = lines.filter(|_| !x.targets.is_empty()).map(|(i, b)| {
                let line = (i * s.h + axes[0].source(b, &y.taps)) * s.w;
                Run {
                    x: (line + axes[1].source(x.targets.start, &x.taps)) * s.c_in,
                    w: (i * s.oh() + b) * s.ow() + x.targets.start,
                    len: x.targets.len(),
                }
            });
            plan.sum(channels.map(|(from, row)| (from, (row - rows.start) * s.c_out)), runs);
        }
    }
    plan.share_weights(1, s.n * s.oh() * s.ow(), PIXELS);
    plan
}
