//! Repeating along axes, and its adjoint, summing over them.
//!
//! `broadcast_to` and `sum_to` are linear and each is the other's transpose, so
//! the pair is right at every order. Shapes follow the usual rule: align at the
//! last axis; an axis of length 1, or a missing one, is repeated.

use crate::kernels::{each, reduce};
use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::{MAX_RANK, Shape, Value};
use crate::var::Var;

#[derive(Debug)]
struct BroadcastTo;

impl<T: Real> Op<T> for BroadcastTo {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        g.sum_to(&at.input(0).shape())
    }
}

#[derive(Debug)]
struct SumTo;

impl<T: Real> Op<T> for SumTo {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        g.broadcast_to(&at.input(0).shape())
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Repeats along missing axes and axes of length 1 until the shape is `shape`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[inline(never)]
    pub fn broadcast_to(self, shape: &[usize]) -> Var<'t, T> {
        if self.read(|x| x.has_shape(shape)) {
            return self;
        }
        let x = self.val();
        assert!(
            broadcast_shape(&x.shape(), shape).is_some_and(|s| *s == *shape),
            "broadcast_to: {:?} cannot be repeated to {shape:?}",
            x.shape()
        );
        let mut y = Buf::dirty(shape.iter().product());
        let steps = steps_within(&x.shape(), shape);
        walk(shape, [&steps, &steps], |to, [from, _], len, [step, _]| {
            let row = &mut y[to..to + len];
            if step == 0 {
                row.fill(x.data()[from]);
            } else {
                row.copy_from_slice(&x.data()[from..from + len]); // an axis that is not repeated is whole
            }
        });
        self.tape().push(Value::new(shape, y), BroadcastTo, &[self])
    }

    /// Sums over the axes along which an array of `shape` would be repeated to
    /// get this one: the adjoint of [`broadcast_to`](Var::broadcast_to).
    ///
    /// # Panics
    /// If `shape` does not broadcast to this shape.
    #[track_caller]
    #[inline(never)]
    pub fn sum_to(self, shape: &[usize]) -> Var<'t, T> {
        if self.read(|x| x.has_shape(shape)) {
            return self;
        }
        let x = self.val();
        assert!(
            broadcast_shape(shape, &x.shape()).is_some_and(|s| s == x.shape()),
            "sum_to: {:?} is not a repetition of {shape:?}",
            x.shape()
        );
        let mut y = Buf::zeros(shape.iter().product());
        if y.len() == 1 {
            y[0] = reduce::sum(x.data());
        } else if is_suffix(shape, &x.shape()) {
            reduce::sum_rows(x.data(), &mut y);
        } else {
            let steps = steps_within(shape, &x.shape());
            walk(&x.shape(), [&steps, &steps], |from, [to, _], len, [step, _]| {
                let row = &x.data()[from..from + len];
                if step == 0 {
                    y[to] += reduce::sum(row);
                } else {
                    each::update(&mut y[to..to + len], row, |y, x| y + x);
                }
            });
        }
        self.tape().push(Value::new(shape, y), SumTo, &[self])
    }
}

/// The common shape of two operands, if they have one.
pub(super) fn broadcast_shape(a: &[usize], b: &[usize]) -> Option<Shape> {
    let rank = a.len().max(b.len());
    let mut out = [0; MAX_RANK];
    for (i, o) in out[..rank].iter_mut().enumerate() {
        let of = |s: &[usize]| (i + s.len()).checked_sub(rank).map_or(1, |at| s[at]);
        *o = match (of(a), of(b)) {
            (x, y) if x == y => x,
            (1, x) | (x, 1) => x,
            _ => return None,
        };
    }
    Some(Shape::new(&out[..rank]))
}

/// Whether `small`, apart from leading ones, is the end of `large`.
pub(super) fn is_suffix(small: &[usize], large: &[usize]) -> bool {
    let first = small.iter().position(|&d| d != 1).unwrap_or(small.len());
    large.ends_with(&small[first..])
}

/// Step in `small`'s elements for each axis of `large`; 0 along repeated axes.
pub(super) fn steps_within(small: &[usize], large: &[usize]) -> [usize; MAX_RANK] {
    let missing = large.len() - small.len();
    let mut steps = [0; MAX_RANK];
    let mut step = 1;
    for i in (0..small.len()).rev() {
        if small[i] != 1 {
            steps[missing + i] = step;
        }
        step *= small[i];
    }
    steps
}

/// Visits the rows (last axis) of an array of `shape`: for each, its offset, the
/// offsets in two operands, the row's length and the operands' steps along it.
pub(super) fn walk(
    shape: &[usize],
    steps: [&[usize; MAX_RANK]; 2],
    mut row: impl FnMut(usize, [usize; 2], usize, [usize; 2]),
) {
    let Some((&len, outer)) = shape.split_last() else {
        return row(0, [0, 0], 1, [0, 0]);
    };
    if shape.contains(&0) {
        return;
    }
    let along = steps.map(|s| s[outer.len()]);
    let mut index = [0; MAX_RANK];
    let (mut at, mut from) = (0, [0, 0]);
    loop {
        row(at, from, len, along);
        at += len;
        let mut axis = outer.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            index[axis] += 1;
            (0..2).for_each(|k| from[k] += steps[k][axis]);
            if index[axis] < outer[axis] {
                break;
            }
            (0..2).for_each(|k| from[k] -= steps[k][axis] * index[axis]);
            index[axis] = 0;
        }
    }
}

compiled_here!(T: Var::<T>::broadcast_to, Var::<T>::sum_to);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::arr2;

    #[test]
    fn broadcast_and_sum_to_are_each_others_adjoint_in_every_pattern() {
        for (small, large) in [
            (&[][..], &[3, 2][..]),
            (&[5], &[3, 4, 5]),
            (&[1, 5], &[3, 5]),
            (&[3, 1], &[3, 5]),
            (&[2, 1, 3, 1], &[2, 4, 3, 5]),
            (&[1], &[7]),
            (&[4, 1], &[2, 4, 3]),
        ] {
            check_grads(&[small], 2, |x| x[0].broadcast_to(large).tanh());
            check_grads(&[large], 2, |x| x[0].sum_to(small).tanh());
        }
    }

    #[test]
    fn broadcast_repeats_and_sum_to_adds() {
        let tape = Tape::<f64>::new();
        let column = tape.leaf(&arr2(&[[1.0], [2.0]]).into_dyn());
        let wide = column.broadcast_to(&[2, 3]);
        assert_eq!(wide.to_array(), arr2(&[[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]).into_dyn());
        assert_eq!(wide.sum_to(&[2, 1]).to_array(), arr2(&[[3.0], [6.0]]).into_dyn());
    }

    #[test]
    #[should_panic(expected = "broadcast_to: [2, 3] cannot be repeated to [2, 4]")]
    fn shapes_that_do_not_broadcast_are_named() {
        let _ = Tape::<f32>::new().full(&[2, 3], 1.0).broadcast_to(&[2, 4]);
    }
}
