//! Arithmetic of two arrays, with broadcasting, and of an array and a number.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::broadcast::{broadcast_shape, is_suffix, steps_within, walk};
use crate::kernels::each;
use crate::op::{Op, Point};
use crate::pool::{Buf, Pooled};
use crate::real::Real;
use crate::value::{Shape, Value};
use crate::var::Var;

/// One row per binary operation: name, method, forward, cotangents of `a` and `b`.
macro_rules! binary {
    ($($Op:ident, $Trait:ident, $method:ident, $f:expr,
       |$g:ident, $a:ident, $b:ident, $y:ident| $da:expr, $db:expr;)*) => {$(
        #[derive(Debug)]
        struct $Op;

        impl<T: Real> Op<T> for $Op {
            #[allow(unused_variables)]
            fn vjp<'t>(&self, wrt: usize, $g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
                let ($a, $b, $y) = (at.input(0), at.input(1), at.output());
                let cotangent = if wrt == 0 { $da } else { $db };
                cotangent.sum_to(&at.input(wrt).shape()) // itself, if nothing was repeated
            }
        }

        /// Elementwise, broadcasting. Panics if the shapes do not broadcast.
        impl<'t, T: Real> $Trait for Var<'t, T> {
            type Output = Var<'t, T>;
            #[track_caller]
            #[inline(never)]
            fn $method(self, other: Var<'t, T>) -> Var<'t, T> {
                let value =
                    self.read(|a| other.read(|b| zip_broadcast(stringify!($method), a, b, $f)));
                self.tape().push(value, $Op, &[self, other])
            }
        }

        compiled_here!(T: <Var<'_, T> as $Trait>::$method);
    )*};
}

binary! {
    // op  trait  method  forward  |g, a, b, y = a op b| cotangent of a, cotangent of b
    AddOp, Add, add, |a, b| a + b, |g, a, b, y| g,     g;
    SubOp, Sub, sub, |a, b| a - b, |g, a, b, y| g,     -g;
    MulOp, Mul, mul, |a, b| a * b, |g, a, b, y| g * b, g * a;
    DivOp, Div, div, |a, b| a / b, |g, a, b, y| g / b, -(g * y / b);
}

#[track_caller]
fn zip_broadcast<T: Real>(name: &str, a: &Value<T>, b: &Value<T>, f: impl Fn(T, T) -> T) -> Value<T> {
    let (sa, sb) = (a.shape(), b.shape());
    if a.has_shape(&sb) {
        return a.zip(b, f);
    }
    let (shape, y) = zip_repeated(name, (sa, a.data()), (sb, b.data()), f);
    Value::new(&shape, y)
}

/// Elementwise function of two arrays of any element types, broadcasting.
#[track_caller]
pub(super) fn zip_repeated<A: Copy, B: Copy, Y: Pooled>(
    name: &str,
    (sa, a): (Shape, &[A]),
    (sb, b): (Shape, &[B]),
    f: impl Fn(A, B) -> Y,
) -> (Shape, Buf<Y>) {
    let shape = broadcast_shape(&sa, &sb)
        .unwrap_or_else(|| panic!("{name}: shapes {sa:?} and {sb:?} do not broadcast"));
    let mut y = Buf::dirty(shape.size());
    if y.is_empty() {
        return (shape, y);
    }
    if sa == shape && is_suffix(&sb, &shape) {
        for (y, a) in y.chunks_exact_mut(b.len()).zip(a.chunks_exact(b.len())) {
            each::zip_to(y, a, b, &f);
        }
    } else {
        let (ta, tb) = (steps_within(&sa, &shape), steps_within(&sb, &shape));
        walk(&shape, [&ta, &tb], |to, [ia, ib], len, [da, db]| {
            let y = &mut y[to..to + len];
            for i in 0..len {
                y[i] = f(a[ia + i * da], b[ib + i * db]);
            }
        });
    }
    (shape, y)
}

/// The operations that hold one number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scaled {
    /// `y = a − rate·b`.
    Minus(f64),
    /// `y = scale·x + shift`, the arithmetic of an array and two numbers.
    Shifted(f64),
}

impl<T: Real> Op<T> for Scaled {
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, _at: Point<'t, '_, T>) -> Var<'t, T> {
        match *self {
            Scaled::Minus(_) if wrt == 0 => g,
            Scaled::Minus(rate) => -rate * g,
            Scaled::Shifted(scale) => g.scale_shift(scale, 0.0),
        }
    }

    fn reads_output(&self) -> bool {
        false
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// `self − rate·other` in one pass: a step of gradient descent if `other` is the gradient.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    #[inline(never)]
    pub fn minus_scaled(self, rate: f64, other: Var<'t, T>) -> Var<'t, T> {
        let r = T::from_f64(rate);
        let value = self.read(|a| {
            other.read(|b| {
                let (sa, sb) = (a.shape(), b.shape());
                assert!(a.has_shape(&sb), "minus_scaled: shapes {sa:?} and {sb:?} differ");
                a.zip(b, |a, b| a - r * b)
            })
        });
        self.tape().push_scaled(value, Scaled::Minus(rate), &[self, other])
    }

    fn scale_shift(self, scale: f64, shift: f64) -> Var<'t, T> {
        let (a, b) = (T::from_f64(scale), T::from_f64(shift));
        let value = self.read(|x| match (scale, shift) {
            (_, 0.0) => x.map(|x| x * a), // adding a zero would turn -0 into 0
            (1.0, _) => x.map(|x| x + b),
            _ => x.map(|x| x * a + b),
        });
        self.tape().push_scaled(value, Scaled::Shifted(scale), &[self])
    }
}

impl<'t, T: Real> Neg for Var<'t, T> {
    type Output = Var<'t, T>;
    #[inline(never)]
    fn neg(self) -> Var<'t, T> {
        self.scale_shift(-1.0, 0.0)
    }
}

/// One row per operator with a number: trait, method, `x op c`, `c op x`.
macro_rules! with_number {
    ($($Trait:ident, $method:ident, |$x:ident, $c:ident| $right:expr, $left:expr;)*) => {$(
        impl<'t, T: Real> $Trait<f64> for Var<'t, T> {
            type Output = Var<'t, T>;
            #[inline(never)]
            fn $method(self, $c: f64) -> Var<'t, T> {
                let $x = self;
                $right
            }
        }
        impl<'t, T: Real> $Trait<Var<'t, T>> for f64 {
            type Output = Var<'t, T>;
            #[inline(never)]
            fn $method(self, $x: Var<'t, T>) -> Var<'t, T> {
                let $c = self;
                $left
            }
        }

        compiled_here!(T: <Var<'_, T> as $Trait<f64>>::$method, <f64 as $Trait<Var<'_, T>>>::$method);
    )*};
}

with_number! {
    Add, add, |x, c| x.scale_shift(1.0, c),      x.scale_shift(1.0, c);
    Sub, sub, |x, c| x.scale_shift(1.0, -c),     x.scale_shift(-1.0, c);
    Mul, mul, |x, c| x.scale_shift(c, 0.0),      x.scale_shift(c, 0.0);
    Div, div, |x, c| x.scale_shift(1.0 / c, 0.0), x.tape().scalar(c) / x;
}

compiled_here!(T: Var::<T>::minus_scaled, <Var<'_, T> as Neg>::neg);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use crate::var::Var;
    use ndarray::arr1;

    type Binary = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;

    #[test]
    fn arithmetic_has_correct_grads_in_every_broadcasting_pattern() {
        let ops: [Binary; 4] = [|a, b| a + b, |a, b| a - b, |a, b| a * b, |a, b| a / b];
        for (a, b) in [
            (&[3, 5][..], &[3, 5][..]),
            (&[3, 5], &[5]),
            (&[5], &[3, 5]),
            (&[3, 1], &[1, 5]),
            (&[], &[3, 5]),
            (&[2, 3, 1, 2], &[3, 5, 1]),
        ] {
            for op in ops {
                check_grads(&[a, b], 2, |x| op(x[0], x[1]).tanh());
            }
        }
    }

    #[test]
    fn a_descent_step_is_its_composition_and_has_correct_grads() {
        check_grads(&[&[3, 5], &[3, 5]], 2, |x| x[0].minus_scaled(0.3, x[1]).tanh());
        let tape = Tape::<f64>::new();
        let (p, g) = (tape.full(&[3], 0.7), tape.full(&[3], -1.3));
        assert_eq!(p.minus_scaled(0.1, g).to_array(), (p - 0.1 * g).to_array());
    }

    #[test]
    fn a_product_has_correct_grads_to_order_3() {
        check_grads(&[&[3, 5], &[5]], 3, |x| x[0] * x[1]);
    }

    #[test]
    fn numbers_on_either_side_mean_what_they_say() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr1(&[1.0, -2.0]).into_dyn());
        let rows = [
            (x + 3.0, [4.0, 1.0]),
            (3.0 + x, [4.0, 1.0]),
            (x - 3.0, [-2.0, -5.0]),
            (3.0 - x, [2.0, 5.0]),
            (x * 3.0, [3.0, -6.0]),
            (3.0 * x, [3.0, -6.0]),
            (x / 2.0, [0.5, -1.0]),
            (2.0 / x, [2.0, -1.0]),
            (-x, [-1.0, 2.0]),
        ];
        for (y, want) in rows {
            assert_eq!(y.to_array(), arr1(&want).into_dyn());
        }
        check_grads(&[&[4]], 2, |x| (1.0 - 2.0 * x[0]) / 3.0 + 2.0 / (x[0] - 5.0));
    }

    #[test]
    #[should_panic(expected = "mul: shapes [2, 3] and [4] do not broadcast")]
    fn shapes_that_do_not_broadcast_are_named() {
        let tape = Tape::<f32>::new();
        let _ = tape.full(&[2, 3], 1.0) * tape.full(&[4], 1.0);
    }

    #[test]
    #[should_panic(expected = "different tapes")]
    fn mixing_tapes_is_refused() {
        let (one, two) = (Tape::<f32>::new(), Tape::<f32>::new());
        let _ = one.scalar(1.0) + two.scalar(1.0);
    }
}
