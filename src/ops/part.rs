//! Copies between an array and a part of a larger one, or one with its axes in another order.

use super::broadcast::{steps_within, walk};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::{MAX_RANK, Shape};

/// Elements of an array that form an array of their own: how many along each axis, how far apart, and where the first is.
pub(super) struct Part {
    shape: Shape,
    steps: [usize; MAX_RANK],
    first: usize,
}

impl Part {
    /// The part of `shape` whose first element is at `start`, of an array of shape `whole`.
    pub(super) fn inside(whole: &[usize], start: &[usize], shape: &[usize]) -> Part {
        let steps = steps_within(whole, whole);
        let first = start.iter().zip(steps).map(|(at, step)| at * step).sum();
        Part::joined(shape, &steps[..shape.len()], first)
    }

    /// A whole array of shape `whole` whose axis `axes[i]` is axis `i` of the part.
    pub(super) fn reordered(whole: &[usize], axes: &[usize]) -> Part {
        let apart = steps_within(whole, whole);
        let pick = |of: &[usize]| axes.iter().map(|&axis| of[axis]).collect::<Vec<_>>();
        Part::joined(&pick(whole), &pick(&apart), 0)
    }

    /// Without axes of length 1, and with axes made one where both arrays go on without a gap, so that rows are long.
    fn joined(shape: &[usize], apart: &[usize], first: usize) -> Part {
        let (mut axes, mut steps, mut rank) = ([0; MAX_RANK], [0; MAX_RANK], 0);
        for (&len, &step) in shape.iter().zip(apart).filter(|(len, _)| **len != 1) {
            if rank > 0 && steps[rank - 1] == step * len {
                axes[rank - 1] *= len;
                steps[rank - 1] = step;
            } else {
                (axes[rank], steps[rank]) = (len, step);
                rank += 1;
            }
        }
        Part { shape: Shape::new(&axes[..rank]), steps, first }
    }

    /// Copies the part out of `from`.
    pub(super) fn read<T: Real>(&self, from: &[T]) -> Buf<T> {
        let mut to = Buf::dirty(self.shape.size());
        self.rows(|at, start, len, step| {
            let row = &mut to[at..at + len];
            match step {
                1 => copy(row, &from[start..start + len]),
                _ => (0..len).for_each(|i| row[i] = from[start + i * step]),
            }
        });
        to
    }

    /// Copies `from` into the part of `to`.
    pub(super) fn write<T: Real>(&self, from: &[T], to: &mut [T]) {
        self.rows(|at, start, len, step| {
            let row = &from[at..at + len];
            match step {
                1 => copy(&mut to[start..start + len], row),
                _ => (0..len).for_each(|i| to[start + i * step] = row[i]),
            }
        });
    }

    /// Visits the rows of the part: where each is in the array of its own, where in the other, its length, and its step there.
    fn rows(&self, mut row: impl FnMut(usize, usize, usize, usize)) {
        walk(&self.shape, [&self.steps; 2], |at, [start, _], len, [step, _]| {
            row(at, self.first + start, len, step)
        });
    }
}

/// Short rows by a loop: a call of `memcpy` costs more than they do.
#[inline]
fn copy<T: Copy>(to: &mut [T], from: &[T]) {
    if to.len() > 16 {
        return to.copy_from_slice(from);
    }
    for i in 0..to.len() {
        to[i] = from[i];
    }
}
