//! Moving elements without changing them: each op's adjoint is another of them.
//!
//! `reshape` and `permute` are their own inverses, `slice` and `pad` are each
//! other's transpose, `concat` comes apart with `slice`.

use std::ops::Range;

use super::part::Part;
use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::{Shape, Value};
use crate::var::Var;

#[derive(Debug)]
struct Reshape;

impl<T: Real> Op<T> for Reshape {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        g.reshape(&at.input(0).shape())
    }
}

#[derive(Debug)]
struct Permute(Vec<usize>);

impl<T: Real> Op<T> for Permute {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, _at: Point<'t, '_, T>) -> Var<'t, T> {
        let mut inverse = vec![0; self.0.len()];
        self.0.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
        g.permute(&inverse)
    }
}

#[derive(Debug)]
struct SliceOp(Vec<Range<usize>>);

impl<T: Real> Op<T> for SliceOp {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let shape = at.input(0).shape();
        let around: Vec<_> = self.0.iter().zip(shape.iter()).map(|(r, &d)| (r.start, d - r.end)).collect();
        g.pad(&around)
    }
}

#[derive(Debug)]
struct Pad(Vec<(usize, usize)>);

impl<T: Real> Op<T> for Pad {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let shape = at.input(0).shape();
        let inside: Vec<_> =
            self.0.iter().zip(shape.iter()).map(|(&(before, _), &d)| before..before + d).collect();
        g.slice(&inside)
    }
}

#[derive(Debug)]
struct Concat {
    axis: usize,
    starts: Vec<usize>,
}

impl<T: Real> Op<T> for Concat {
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let mut ranges: Vec<_> = g.shape().iter().map(|&d| 0..d).collect();
        let start = self.starts[wrt];
        ranges[self.axis] = start..start + at.input(wrt).shape()[self.axis];
        g.slice(&ranges)
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// The same elements in row-major order under another shape. Nothing is copied.
    ///
    /// # Panics
    /// If the shapes differ in their number of elements.
    #[track_caller]
    #[inline(never)]
    pub fn reshape(self, shape: &[usize]) -> Var<'t, T> {
        let x = self.val();
        let size = Shape::new(shape).size();
        assert!(
            size == x.shape().size(),
            "reshape: {:?} does not have as many elements as {shape:?}",
            x.shape()
        );
        self.tape().push(x.reshaped(shape), Reshape, &[self])
    }

    /// Reorders the axes: axis `i` of the result is axis `axes[i]` of this array.
    ///
    /// # Panics
    /// If `axes` is not a permutation of this array's axes.
    #[track_caller]
    #[inline(never)]
    pub fn permute(self, axes: &[usize]) -> Var<'t, T> {
        let x = self.val();
        let shape = x.shape();
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        let whole = sorted.iter().copied().eq(0..shape.len());
        assert!(whole, "permute: {axes:?} is not an order of the axes of {shape:?}");
        let permuted: Vec<_> = axes.iter().map(|&axis| shape[axis]).collect();
        let value = Value::new(&permuted, Part::reordered(&shape, axes).read(x.data()));
        self.tape().push(value, Permute(axes.to_vec()), &[self])
    }

    /// Cuts out a box, one range per axis.
    ///
    /// # Panics
    /// If there are not as many ranges as axes, or one lies outside its axis.
    #[track_caller]
    #[inline(never)]
    pub fn slice(self, ranges: &[Range<usize>]) -> Var<'t, T> {
        let x = self.val();
        let shape = x.shape();
        let fits = ranges.len() == shape.len()
            && ranges.iter().zip(shape.iter()).all(|(r, &d)| r.start <= r.end && r.end <= d);
        assert!(fits, "slice: {ranges:?} does not lie within {shape:?}");
        let start: Vec<_> = ranges.iter().map(|r| r.start).collect();
        let sliced: Vec<_> = ranges.iter().map(Range::len).collect();
        let value = Value::new(&sliced, Part::inside(&shape, &start, &sliced).read(x.data()));
        self.tape().push(value, SliceOp(ranges.to_vec()), &[self])
    }

    /// Puts zeros around, `(before, after)` for each axis.
    ///
    /// # Panics
    /// If there are not as many pairs as axes, or the result would have too many elements.
    #[track_caller]
    #[inline(never)]
    pub fn pad(self, around: &[(usize, usize)]) -> Var<'t, T> {
        let x = self.val();
        let shape = x.shape();
        assert!(around.len() == shape.len(), "pad: {} pairs for the axes of {shape:?}", around.len());
        let padded = around.iter().zip(shape.iter()).map(|(&(b, a), &d)| b.checked_add(d)?.checked_add(a));
        let padded = padded.collect::<Option<Vec<_>>>().filter(|padded| is_addressable(padded));
        let padded = padded
            .unwrap_or_else(|| panic!("pad: {shape:?} padded by {around:?} would have too many elements"));
        let start: Vec<_> = around.iter().map(|&(before, _)| before).collect();
        let mut y = Buf::zeros(padded.iter().product());
        Part::inside(&padded, &start, &shape).write(x.data(), &mut y);
        self.tape().push(Value::new(&padded, y), Pad(around.to_vec()), &[self])
    }

    /// Joins arrays along `axis`: each `[.., dᵢ, ..]`, together `[.., Σdᵢ, ..]`.
    ///
    /// # Panics
    /// If there are none, there is no such axis, or they differ in another axis than `axis`.
    #[track_caller]
    #[inline(never)]
    pub fn concat(parts: &[Var<'t, T>], axis: usize) -> Var<'t, T> {
        let shapes: Vec<_> = parts.iter().map(|p| p.shape()).collect();
        assert!(!parts.is_empty(), "concat: there are no arrays to join along axis {axis}");
        let refuse = || -> ! { panic!("concat: shapes {shapes:?} cannot be joined along axis {axis}") };
        let fits = |shape: &Shape| {
            let same = |i| i == axis || shape[i] == shapes[0][i];
            axis < shape.len() && shape.len() == shapes[0].len() && (0..shape.len()).all(same)
        };
        if !shapes.iter().all(fits) {
            refuse();
        }
        let (mut starts, mut joined) = (Vec::with_capacity(parts.len()), shapes[0].to_vec());
        joined[axis] = 0;
        for shape in &shapes {
            starts.push(joined[axis]);
            joined[axis] = joined[axis].checked_add(shape[axis]).unwrap_or_else(|| refuse());
        }
        if !is_addressable(&joined) {
            refuse();
        }
        let (mut y, mut start) = (Buf::dirty(joined.iter().product()), vec![0; joined.len()]);
        for ((part, shape), &at) in parts.iter().zip(&shapes).zip(&starts) {
            start[axis] = at;
            part.read(|x| Part::inside(&joined, &start, shape).write(x.data(), &mut y));
        }
        parts[0].tape().push(Value::new(&joined, y), Concat { axis, starts }, parts)
    }
}

/// Whether an array of this shape can be addressed.
pub(super) fn is_addressable(shape: &[usize]) -> bool {
    let size = shape.iter().try_fold(1usize, |size, &d| size.checked_mul(d));
    size.is_some_and(|size| size <= isize::MAX as usize / size_of::<f64>())
}

compiled_here!(T: Var::<T>::reshape, Var::<T>::permute, Var::<T>::slice, Var::<T>::pad, Var::<T>::concat);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use crate::var::Var;

    #[test]
    fn moving_elements_has_correct_grads() {
        check_grads(&[&[2, 3, 5]], 2, |x| x[0].reshape(&[5, 6]).tanh());
        check_grads(&[&[2, 3, 5, 4]], 2, |x| x[0].permute(&[2, 0, 3, 1]).tanh());
        check_grads(&[&[5, 3]], 2, |x| x[0].slice(&[1..4, 0..2]).tanh());
        check_grads(&[&[5, 3]], 2, |x| (x[0].pad(&[(1, 0), (2, 3)]) + 0.5).tanh());
        check_grads(&[&[2, 3], &[2, 1], &[2, 4], &[2, 2]], 2, |x| Var::concat(x, 1).tanh());
    }

    #[test]
    fn one_array_joined_with_itself_gets_both_cotangents() {
        check_grads(&[&[2, 3]], 2, |x| Var::concat(&[x[0], x[0]], 0).powi(3));
    }

    #[test]
    fn permute_moves_axes_as_it_says() {
        let tape = Tape::<f32>::new();
        assert_eq!(*tape.full(&[2, 3, 5], 0.0).permute(&[2, 0, 1]).shape(), [5, 2, 3]);
    }

    #[test]
    #[should_panic(expected = "slice: [0..2, 1..4] does not lie within [2, 3]")]
    fn a_slice_outside_is_named() {
        let _ = Tape::<f32>::new().full(&[2, 3], 0.0).slice(&[0..2, 1..4]);
    }

    fn message(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
        let payload = std::panic::catch_unwind(f).expect_err("it panics");
        let text = payload.downcast_ref::<String>().cloned();
        text.or_else(|| payload.downcast_ref::<&str>().map(|s| s.to_string())).expect("a message")
    }

    #[test]
    fn sizes_that_overflow_and_axes_that_do_not_exist_are_named() {
        let cases: [(fn(), &str); 6] = [
            (
                || {
                    let _ = Tape::<f32>::new().full(&[2], 0.0).pad(&[(usize::MAX, 0)]);
                },
                "pad: [2] padded by [(18446744073709551615, 0)]",
            ),
            (
                || {
                    let _ = Tape::<f32>::new().full(&[2], 0.0).pad(&[(usize::MAX, usize::MAX)]);
                },
                "pad: [2] padded by",
            ),
            (
                || {
                    let _ = Tape::<f32>::new().full(&[2, 2], 0.0).pad(&[(1 << 40, 0), (1 << 40, 0)]);
                },
                "pad: [2, 2] padded by",
            ),
            (
                || {
                    let _ = Var::<f32>::concat(&[], 0);
                },
                "concat: there are no arrays to join",
            ),
            (
                || {
                    let x = Tape::<f32>::new();
                    let _ = Var::concat(&[x.full(&[2, 3], 0.0); 2], 2);
                },
                "concat: shapes [[2, 3], [2, 3]] cannot be joined along axis 2",
            ),
            (
                || {
                    let x = Tape::<f32>::new();
                    let _ = Var::concat(&[x.full(&[2, 3], 0.0), x.full(&[3, 2], 0.0)], 1);
                },
                "concat: shapes [[2, 3], [3, 2]] cannot be joined along axis 1",
            ),
        ];
        for (f, want) in cases {
            let got = message(f);
            assert!(got.contains(want), "{got:?} where {want:?} is wanted");
        }
    }
}
