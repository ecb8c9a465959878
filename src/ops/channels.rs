//! Scaling by channel and its companions: three maps that close on themselves.
//!
//! With `a, b: [.., c]` and `s: [c]`: `scale_channels(a, s)` multiplies each channel,
//! `dot_channels(a, b)` is the product of both summed to `[c]`. Each derivative of
//! either is the other, so nothing is ever broadcast into memory.

use crate::kernels::{each, reduce, vectorized};
use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

/// Inputs `x: [.., c]`, `s: [c]`.
#[derive(Debug)]
struct ScaleChannels;

impl<T: Real> Op<T> for ScaleChannels {
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        match wrt {
            0 => g.scale_channels(at.input(1)),
            _ => g.dot_channels(at.input(0)),
        }
    }
}

/// Inputs `a: [.., c]`, `b: [.., c]`.
#[derive(Debug)]
struct DotChannels;

impl<T: Real> Op<T> for DotChannels {
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        at.input(1 - wrt).scale_channels(g)
    }
}

/// Inputs `x: [.., c]`, `s: [c]`, `b: [c]`.
#[derive(Debug)]
struct AffineChannels;

impl<T: Real> Op<T> for AffineChannels {
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        match wrt {
            0 => g.scale_channels(at.input(1)),
            1 => g.dot_channels(at.input(0)),
            _ => g.sum_to(&at.input(2).shape()),
        }
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Multiplies each channel: `y[.., c] = x[.., c]·s[c]`.
    ///
    /// # Panics
    /// If `s` is not `[c]`.
    #[track_caller]
    #[inline(never)]
    pub fn scale_channels(self, s: Var<'t, T>) -> Var<'t, T> {
        let (x, scale) = (self.val(), s.val());
        check_channels("scale_channels", &x, &scale);
        let mut y = Buf::dirty(x.data().len());
        let c = scale.data().len().max(1);
        let (to, from, by) = (&mut y[..], x.data(), scale.data());
        vectorized(
            #[inline(always)]
            || {
                for (y, x) in to.chunks_exact_mut(c).zip(from.chunks_exact(c)) {
                    each::zip_to(y, x, by, |x, s| x * s);
                }
            },
        );
        self.tape().push(Value::new(&x.shape(), y), ScaleChannels, &[self, s])
    }

    /// Product of two arrays summed over all but the last axis:
    /// `y[c] = Σ a[.., c]·b[.., c]`. Returns `[c]`.
    ///
    /// # Panics
    /// If the shapes differ, or have no axis.
    #[track_caller]
    #[inline(never)]
    pub fn dot_channels(self, other: Var<'t, T>) -> Var<'t, T> {
        let (a, b) = (self.val(), other.val());
        let same = a.shape() == b.shape() && !a.shape().is_empty();
        assert!(same, "dot_channels: shapes {:?} and {:?}", a.shape(), b.shape());
        let c = a.shape()[a.shape().len() - 1];
        let mut y = Buf::dirty(c);
        reduce::dot_rows(a.data(), b.data(), &mut y);
        self.tape().push(Value::new(&[c], y), DotChannels, &[self, other])
    }

    /// Scales and shifts each channel in one pass: `y[.., c] = x[.., c]·s[c] + b[c]`.
    ///
    /// # Panics
    /// If `s` or `b` is not `[c]`.
    #[track_caller]
    #[inline(never)]
    pub fn affine_channels(self, s: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
        let (x, scale, shift) = (self.val(), s.val(), b.val());
        check_channels("affine_channels", &x, &scale);
        check_channels("affine_channels", &x, &shift);
        let mut y = Buf::dirty(x.data().len());
        let c = scale.data().len().max(1);
        let (to, from, by, plus) = (&mut y[..], x.data(), scale.data(), shift.data());
        vectorized(
            #[inline(always)]
            || {
                for (y, x) in to.chunks_exact_mut(c).zip(from.chunks_exact(c)) {
                    for i in 0..c {
                        y[i] = x[i] * by[i] + plus[i];
                    }
                }
            },
        );
        self.tape().push(Value::new(&x.shape(), y), AffineChannels, &[self, s, b])
    }
}

#[track_caller]
fn check_channels<T: Real>(name: &str, x: &Value<T>, s: &Value<T>) {
    let fits = s.shape().len() == 1 && x.shape().last() == s.shape().last();
    assert!(fits, "{name}: {:?} is not one number for each channel of {:?}", s.shape(), x.shape());
}

compiled_here!(T: Var::<T>::scale_channels, Var::<T>::dot_channels, Var::<T>::affine_channels);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;

    #[test]
    fn channel_maps_have_correct_grads_to_order_3() {
        check_grads(&[&[2, 3, 5], &[5]], 3, |x| x[0].scale_channels(x[1]));
        check_grads(&[&[2, 3, 5], &[2, 3, 5]], 3, |x| x[0].dot_channels(x[1]));
        check_grads(&[&[2, 3, 5], &[5], &[5]], 3, |x| x[0].affine_channels(x[1], x[2]).tanh());
    }

    #[test]
    #[should_panic(expected = "scale_channels: [2] is not one number for each channel of [2, 3]")]
    fn a_scale_of_another_length_is_named() {
        let tape = Tape::<f32>::new();
        let _ = tape.full(&[2, 3], 0.0).scale_channels(tape.full(&[2], 0.0));
    }
}
