//! Where Winograd's patches lie, and which products they form.
//!
//! A patch is 2x2 outputs and the 4x4 pixels that they read. Patches side by side cover an
//! image's outputs; the last ones of an odd size have outputs to spare.

use std::ops::Range;

use super::transform::{OUTSIDE, Points};
use crate::kernels::conv::Axis;
use crate::kernels::product::{DEPTH, Plan, Run, even_parts};

/// Most patches of images with `[c, d]` channels that are worked on at a time: those of some images, or of a band of one. Their factors
/// and sums take 1 MiB, or a quarter of what the 16 matrices of weights take, which all of them read: fewer would read
/// the matrices too often. A function of the shape alone, as is what follows from it.
pub(super) fn at_once<T>([c, d]: [usize; 2]) -> usize {
    let (patch, matrices) = (16 * (c + d) * size_of::<T>(), 16 * c * d * size_of::<T>());
    (matrices / 4).max(1 << 20) / patch.max(1)
}

/// The targets down of an image in even bands of whole rows of patches, of at most so many patches or one row. Sums over
/// patches are cut here.
pub(super) fn bands([down, right]: &[Axis; 2], patches: usize) -> impl Iterator<Item = Range<usize>> {
    let (rows, count) = (down.count.div_ceil(2), down.count);
    let most = patches / right.count.div_ceil(2).max(1);
    even_parts(rows, most.max(1)).map(move |rows| 2 * rows.start..count.min(2 * rows.end))
}

/// Where both maps of a block of images read and write.
pub(in crate::kernels) type PatchPoints = [Points; 4];

/// How many offsets those are.
pub(super) fn size(points: &PatchPoints) -> usize {
    points.iter().map(Points::len).sum()
}

/// The patches of `n` images: 2x2 targets each, the last ones perhaps fewer.
pub(super) struct Patches<'a> {
    pub axes: &'a [Axis; 2],
    pub n: usize,
}

impl Patches<'_> {
    fn grid(&self) -> [usize; 2] {
        self.axes.each_ref().map(|axis| axis.count.div_ceil(2))
    }

    pub(super) fn len(&self) -> usize {
        self.n * self.grid().iter().product::<usize>()
    }

    /// The `side` x `side` points of each patch, two apart from patch to patch, in
    /// images `[h, w, c]` of which the first patch starts at `start`.
    fn points(&self, side: usize, [h, w]: [usize; 2], c: usize, start: [isize; 2]) -> Points {
        let [rows, cols] = self.grid();
        let patches = (0..self.n)
            .flat_map(move |i| (0..rows).flat_map(move |y| (0..cols).map(move |x| (i, 2 * y, 2 * x))));
        Points::new(patches.flat_map(move |(i, y, x)| {
            (0..side * side).map(move |point| {
                let y = start[0] + (y + point / side) as isize;
                let x = start[1] + (x + point % side) as isize;
                if (0..h as isize).contains(&y) && (0..w as isize).contains(&x) {
                    ((i * h + y as usize) * w + x as usize) * c
                } else {
                    OUTSIDE
                }
            })
        }))
    }

    /// The pixels that the patches read.
    fn sources(&self, c: usize) -> Points {
        let [down, right] = self.axes;
        self.points(4, [down.len, right.len], c, [down.start, right.start])
    }

    /// The outputs that the patches are.
    fn targets(&self, c: usize) -> Points {
        let [down, right] = self.axes;
        self.points(2, [down.count, right.count], c, [0, 0])
    }

    /// All patches' values at each of these of the 16 points: `[points, patches, c]`.
    fn matrices(&self, points: &Range<usize>, c: usize) -> Points {
        let len = self.len();
        Points::new((0..len).flat_map(move |t| {
            (0..16).map(move |k| match points.contains(&k) {
                true => ((k - points.start) * len + t) * c,
                false => OUTSIDE,
            })
        }))
    }

    /// For sums over windows of images with `c` channels: pixels to factors, sums
    /// to outputs with `d`.
    pub(super) fn window_points(&self, [c, d]: [usize; 2]) -> PatchPoints {
        [self.sources(c), self.matrices(&(0..16), c), self.matrices(&(0..16), d), self.targets(d)]
    }

    /// `[patches, c]` factors by `[c, d]` weights, at each point.
    pub(super) fn window_products(&self, [c, d]: [usize; 2]) -> Plan {
        let len = self.len();
        let mut plan = Plan::new(1);
        for k in 0..16 {
            let rows = (k * len..(k + 1) * len).map(|row| (row * c, row * d));
            plan.sum(rows, [Run { x: 0, w: k * c, len: c }].into_iter());
        }
        plan.share_weights(16, c, DEPTH);
        plan
    }

    /// For their weight gradient: pixels and cotangents to factors at these points.
    pub(super) fn weight_points(&self, points: &Range<usize>, [c, d]: [usize; 2]) -> PatchPoints {
        [self.sources(c), self.matrices(points, c), self.targets(d), self.matrices(points, d)]
    }

    /// Transposed `[patches, c]` by `[patches, d]`, at each of `points` points.
    pub(super) fn weight_products(&self, points: usize, [c, d]: [usize; 2]) -> Plan {
        let len = self.len();
        let mut plan = Plan::new(c);
        for k in 0..points {
            let rows = (0..c).map(|row| (k * len * c + row, (k * c + row) * d));
            plan.sum(rows, [Run { x: 0, w: k * len, len }].into_iter());
        }
        plan.share_weights(points, len, DEPTH);
        plan
    }
}

/// The points of `count` matrices one after the other, as a single patch.
pub(super) fn stacked(count: usize, matrix: usize) -> Points {
    Points::new((0..count).map(|k| k * matrix))
}
