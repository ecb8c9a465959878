//! One axis of a window sum: which taps of each window lie inside the image.
//!
//! Padding is nothing that is stored or multiplied: a window at the border sums
//! over the taps it has. Windows with the same taps form a class.

use std::ops::Range;

/// Target `b` of `count` sums over those taps `k` of `taps` whose source,
/// `start + step · b + k`, lies in `0..len`.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Axis {
    /// Sources.
    pub len: usize,
    pub taps: usize,
    pub start: isize,
    pub step: usize,
    /// Targets, which are stored at `first, first + stride, ...`.
    pub count: usize,
    pub first: usize,
    pub stride: usize,
}

/// Neighbouring targets whose windows have the same taps inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kernels) struct Class {
    pub targets: Range<usize>,
    pub taps: Range<usize>,
}

impl Axis {
    /// Some neighbouring targets alone, stored from the first place on.
    pub(in crate::kernels) fn part(&self, targets: &Range<usize>) -> Axis {
        Axis { start: self.window(targets.start), count: targets.len(), ..*self }
    }

    /// Source of the first tap, which may lie outside.
    fn window(&self, target: usize) -> isize {
        self.start + (self.step * target) as isize
    }

    /// The taps inside, `0..0` if there are none.
    fn taps_inside(&self, target: usize) -> Range<usize> {
        let at = self.window(target);
        let from = (-at).max(0) as usize;
        let to = (self.len as isize - at).clamp(0, self.taps as isize) as usize;
        if from < to { from..to } else { 0..0 }
    }

    /// The targets for which tap `k` is inside.
    pub(in crate::kernels) fn targets_with(&self, k: usize) -> Range<usize> {
        let inside = |b: &usize| self.taps_inside(*b).contains(&k);
        let from = (0..self.count).find(inside).unwrap_or(self.count);
        from..(from..self.count).find(|b| !inside(b)).unwrap_or(self.count)
    }

    /// The classes, in the order of their targets.
    pub(in crate::kernels) fn classes(&self) -> Vec<Class> {
        let mut classes: Vec<Class> = Vec::new();
        for b in 0..self.count {
            let taps = self.taps_inside(b);
            match classes.last_mut() {
                Some(last) if last.taps == taps => last.targets.end = b + 1,
                _ => classes.push(Class { targets: b..b + 1, taps }),
            }
        }
        classes
    }

    /// Where the first of the taps inside a target's window lies; 0 without taps.
    pub(in crate::kernels) fn source(&self, target: usize, taps: &Range<usize>) -> usize {
        if taps.is_empty() {
            return 0;
        }
        let at = self.window(target) + taps.start as isize;
        debug_assert!((0..self.len as isize).contains(&at), "{taps:?} of {target} of {self:?}");
        at as usize
    }

    /// Where a target is stored.
    pub(in crate::kernels) fn target(&self, b: usize) -> usize {
        self.first + self.stride * b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(len: usize, taps: usize, pad: usize, step: usize, count: usize) -> Axis {
        Axis { len, taps, start: -(pad as isize), step, count, first: 0, stride: 1 }
    }

    #[test]
    fn windows_at_the_border_have_classes_of_their_own() {
        let class = |targets, taps| Class { targets, taps };
        assert_eq!(
            padded(5, 3, 1, 1, 5).classes(),
            [class(0..1, 1..3), class(1..4, 0..3), class(4..5, 0..2)]
        );
        assert_eq!(padded(1, 3, 1, 1, 1).classes(), [class(0..1, 1..2)]);
        assert_eq!(padded(4, 3, 0, 1, 2).classes(), [class(0..2, 0..3)]);
        // wholly in the padding: no taps
        assert_eq!(
            padded(1, 1, 2, 2, 3).classes(),
            [class(0..1, 0..0), class(1..2, 0..1), class(2..3, 0..0)]
        );
        assert_eq!(padded(0, 2, 1, 1, 1).classes(), [class(0..1, 0..0)]);
    }

    #[test]
    fn each_tap_knows_the_windows_that_have_it_inside() {
        let axis = padded(5, 3, 1, 1, 5);
        assert_eq!([0, 1, 2].map(|k| axis.targets_with(k)), [1..5, 0..5, 0..4]);
        let strided = padded(7, 3, 1, 2, 4);
        assert_eq!([0, 1, 2].map(|k| strided.targets_with(k)), [1..4, 0..4, 0..3]);
        assert!(padded(1, 4, 3, 5, 1).targets_with(0).is_empty());
    }
}
