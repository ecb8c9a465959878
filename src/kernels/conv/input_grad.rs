//! The adjoint of convolution in its input.
//!
//! `dx[i] = Σ g[q] · w[k]` over the outputs `q` and taps `k` with
//! `stride · q + k = i + pad`. Inputs with the same remainder of `i + pad` by
//! the stride share their taps, and for neighbours among them `q` differs by
//! one: each such phase is a dense convolution of `g` with the flipped,
//! transposed weights of its taps, and no product with a skipped position is
//! formed. With stride 1 there is one phase.

use super::axis::Axis;
use super::shape::ConvShape;
use super::windows::add_windows;
use crate::kernels::buffer::at_least;
use crate::kernels::element::{Element, Workspace};
use crate::kernels::plans::Task;
use crate::kernels::product::{DEPTH, Plan};
use crate::kernels::simd::Simd;
use crate::kernels::threads::{for_chunks, threads_for};
use crate::kernels::winograd::WindowSum;

/// The inputs of one axis with the same remainder, and their taps from last to
/// first: `remainder, remainder + stride, ...`.
#[derive(Clone, Copy, Debug)]
struct Phase {
    remainder: usize,
    axis: Axis,
}

/// The phases of axis `i` that have inputs.
fn phases(s: &ConvShape, i: usize) -> Vec<Phase> {
    let (len, k, out) = [(s.h, s.kh, s.oh()), (s.w, s.kw, s.ow())][i];
    let (stride, pad) = (s.stride[i], s.pad[i]);
    let phase = |remainder: usize| {
        let taps = k.saturating_sub(remainder).div_ceil(stride);
        let first = (remainder + stride - pad % stride) % stride;
        let count = len.saturating_sub(first).div_ceil(stride);
        // the output that the first input's last tap reads
        let start = ((first + pad) / stride) as isize - taps.saturating_sub(1) as isize;
        Phase { remainder, axis: Axis { len: out, taps, start, step: 1, count, first, stride } }
    };
    (0..stride).map(phase).filter(|p| p.axis.count > 0).collect()
}

/// See [`Kernels::conv2d_input_grad`](crate::kernels::Kernels::conv2d_input_grad).
pub(in crate::kernels) fn input_grad<T: Element>(simd: Simd, s: &ConvShape, g: &[T], w: &[T], dx: &mut [T]) {
    s.assert_lens("conv2d_input_grad", dx, w, g);
    if dx.is_empty() {
        return;
    }
    let phases = [phases(s, 0), phases(s, 1)];
    // taken out of the workspace: a chunk on this thread borrows the workspace again
    let mut buffer = T::with_workspace(|workspace| std::mem::take(&mut workspace.weights));
    let turned = at_least(&mut buffer, w.len());
    turn_weights(simd, s, &phases, w, turned);
    let turned = &*turned;
    let only = [phases[0][0].axis, phases[1][0].axis];
    let winograd = WindowSum { axes: only, channels: [s.c_out, s.c_in] };
    if s.stride == [1; 2] && winograd.pays() {
        winograd.run(simd, s.n, |n, rows| Task::InputGradPatches(s.with_images(n), rows), g, turned, dx);
    } else {
        direct(simd, s, &phases, g, turned, dx);
    }
    T::with_workspace(|workspace| workspace.weights = buffer);
}

/// The phases one by one.
fn direct<T: Element>(
    simd: Simd,
    s: &ConvShape,
    phases: &[Vec<Phase>; 2],
    g: &[T],
    turned: &[T],
    dx: &mut [T],
) {
    let (from_image, to_image) = (s.oh() * s.ow() * s.c_out, s.h * s.w * s.c_in);
    let threads = threads_for(s.products());
    let block = s.block::<T>(threads);
    for_chunks(threads, dx, block * to_image, |at, dx| {
        let count = dx.len() / to_image;
        let g = &g[at / to_image * from_image..][..count * from_image];
        T::with_workspace(|Workspace { plans, .. }| {
            let plan = plans.of(Task::InputGrad(s.with_images(count)), Plan::size, || {
                let mut plan = Plan::new(1);
                let mut first = 0;
                for y in &phases[0] {
                    for x in &phases[1] {
                        let axes = [y.axis, x.axis];
                        first = add_windows(&mut plan, count, &axes, [s.h, s.w], [s.c_out, s.c_in], first);
                    }
                }
                plan.share_weights(1, first, DEPTH);
                plan
            });
            plan.run(T::tiles(simd), g, turned, s.c_in, dx, false);
        });
    });
}

/// The weights phase by phase, in each the taps from last to first, each tap
/// transposed to `[c_out, c_in]`.
fn turn_weights<T: Element>(
    simd: Simd,
    s: &ConvShape,
    [down, right]: &[Vec<Phase>; 2],
    w: &[T],
    turned: &mut [T],
) {
    let tap = s.c_in * s.c_out;
    let mut used = 0;
    for py in down {
        for px in right {
            for a in (0..py.axis.taps).rev() {
                for b in (0..px.axis.taps).rev() {
                    let ky = py.remainder + a * s.stride[0];
                    let kx = px.remainder + b * s.stride[1];
                    let from = (ky * s.kw + kx) * tap;
                    let (from, to) = (&w[from..from + tap], &mut turned[used..used + tap]);
                    T::transpose(simd, s.c_in, s.c_out, from, to);
                    used += tap;
                }
            }
        }
    }
}
