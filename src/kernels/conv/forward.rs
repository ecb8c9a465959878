//! 2-d convolution, channels last.
//!
//! An indirect matrix product whose rows are output pixels and whose summands
//! are (tap, input channel), read from the images as they lie. Pixels that have
//! the same taps inside the image form one sum; padding is never multiplied.

use super::shape::ConvShape;
use super::windows::add_windows;
use crate::kernels::element::{Element, Workspace};
use crate::kernels::plans::Task;
use crate::kernels::product::{DEPTH, Plan};
use crate::kernels::simd::Simd;
use crate::kernels::threads::{for_chunks, threads_for};
use crate::kernels::winograd::WindowSum;

/// See [`Kernels::conv2d`](crate::kernels::Kernels::conv2d).
pub(in crate::kernels) fn forward<T: Element>(simd: Simd, s: &ConvShape, x: &[T], w: &[T], y: &mut [T]) {
    s.assert_lens("conv2d", x, w, y);
    if y.is_empty() {
        return;
    }
    let axes = s.axes();
    let winograd = WindowSum::of(s);
    if winograd.pays() {
        return winograd.run(simd, s.n, |n, rows| Task::ForwardPatches(s.with_images(n), rows), x, w, y);
    }
    let (from_image, to_image) = (s.h * s.w * s.c_in, s.oh() * s.ow() * s.c_out);
    let threads = threads_for(s.products());
    let block = s.block::<T>(threads);
    for_chunks(threads, y, block * to_image, |at, y| {
        let count = y.len() / to_image;
        let x = &x[at / to_image * from_image..][..count * from_image];
        T::with_workspace(|Workspace { plans, .. }| {
            let plan = plans.of(Task::Forward(s.with_images(count)), Plan::size, || {
                let mut plan = Plan::new(1);
                let depth = add_windows(&mut plan, count, &axes, [s.oh(), s.ow()], [s.c_in, s.c_out], 0);
                plan.share_weights(1, depth, DEPTH);
                plan
            });
            plan.run(T::tiles(simd), x, w, s.c_out, y, false);
        });
    });
}
