//! Sums over windows as a plan: what convolution and its input gradient have in common.

use super::axis::Axis;
use crate::kernels::product::{Plan, Run};

/// Adds a sum for each class of targets: from pixels of `count` images with
/// `channels[0]` to those of images `[h, w]` with `channels[1]`, by the weights
/// from row `first` on. Returns the row where these end.
pub(super) fn add_windows(
    plan: &mut Plan,
    count: usize,
    [down, right]: &[Axis; 2],
    [h, w]: [usize; 2],
    channels: [usize; 2],
    first: usize,
) -> usize {
    let c = channels[0];
    let right_classes = right.classes();
    for y in down.classes() {
        for x in &right_classes {
            let rows = (0..count).flat_map(|i| y.targets.clone().map(move |b| (i, b)));
            let rows = rows.flat_map(|(i, b)| {
                let from = (i * down.len + down.source(b, &y.taps)) * right.len;
                let to = (i * h + down.target(b)) * w;
                x.targets.clone().map(move |a| {
                    let from = from + right.source(a, &x.taps);
                    (from * c, (to + right.target(a)) * channels[1])
                })
            });
            // one row of taps is contiguous in the image, and in the weights
            let runs = y.taps.clone().filter(|_| !x.taps.is_empty()).map(|k| Run {
                x: (k - y.taps.start) * right.len * c,
                w: first + (k * right.taps + x.taps.start) * c,
                len: x.taps.len() * c,
            });
            plan.sum(rows, runs);
        }
    }
    first + down.taps * right.taps * c
}
