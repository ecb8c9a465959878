//! Functions of each element, a row each.

use crate::op::{Op, Point};
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

/// One row an operation: name, method, its doc, forward, cotangent at `x` with `y = op(x)`.
macro_rules! elementwise {
    ($($Op:ident, $method:ident, $doc:literal, $forward:expr, |$g:ident, $x:ident, $y:ident| $pull:expr;)*) => {
        $(
            #[derive(Debug)]
            struct $Op;

            impl<T: Real> Op<T> for $Op {
                #[allow(unused_variables)]
                fn vjp<'t>(&self, _wrt: usize, $g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
                    let ($x, $y) = (at.input(0), at.output());
                    $pull
                }
            }
        )*

        impl<'t, T: Real> Var<'t, T> {$(
            #[doc = $doc]
            pub fn $method(self) -> Var<'t, T> {
                let forward: fn(T) -> T = $forward;
                self.tape().push(self.read(|x| x.map(forward)), $Op, &[self])
            }
        )*}
    };
}

elementwise! {
    // op    method   doc                           forward             pullback of g at x, where y = op(x)
    Exp,     exp,     "`eˣ`, elementwise.",          |x| x.exp(),        |g, x, y| g * y;
    Ln,      ln,      "`ln x`, elementwise.",        |x| x.ln(),         |g, x, y| g / x;
    Sqrt,    sqrt,    "`√x`, elementwise.",          |x| x.sqrt(),       |g, x, y| 0.5 * g / y;
    Tanh,    tanh,    "`tanh x`, elementwise.",      |x| x.tanh(),       |g, x, y| g * (1.0 - y * y);
    Sigmoid, sigmoid, "`1/(1 + e⁻ˣ)`, elementwise.", sigmoid,            |g, x, y| g * y * (1.0 - y);
    Softplus, softplus, "`ln(1 + eˣ)`, elementwise, without overflow.", softplus, |g, x, y| g * x.sigmoid();
    Abs,     abs,     "`|x|`, elementwise; its derivative at 0 is taken as 0.", |x| x.abs(), |g, x, y| g * x.sign();
}

fn sigmoid<T: Real>(x: T) -> T {
    let e = (-x.abs()).exp(); // at most 1, so nothing overflows
    if x >= T::zero() { T::one() / (T::one() + e) } else { e / (T::one() + e) }
}

fn softplus<T: Real>(x: T) -> T {
    x.max(T::zero()) + (-x.abs()).exp().ln_1p()
}

/// `y = x^p`.
#[derive(Debug)]
struct Powf(f64);

impl<T: Real> Op<T> for Powf {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        self.0 * g * at.input(0).powf(self.0 - 1.0)
    }
}

/// `y = x^p` for a whole number, defined for negative `x` too.
#[derive(Debug)]
struct Powi(i32);

impl<T: Real> Op<T> for Powi {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        match self.0 {
            0 => at.tape.full(&at.input(0).shape(), 0.0), // x⁰ is constant, at x = 0 too
            p => f64::from(p) * g * at.input(0).powi(p - 1),
        }
    }
}

/// `y = g` where `x > 0`, else `slope·g`: linear in `g`, its own adjoint, and
/// constant in `x` wherever it has a derivative. Holds `x` itself, no mask is stored.
#[derive(Debug)]
struct Gate<T: Real> {
    x: Value<T>,
    slope: f64,
}

impl<T: Real> Op<T> for Gate<T> {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, _at: Point<'t, '_, T>) -> Var<'t, T> {
        g.gate(&self.x, self.slope)
    }
}

#[derive(Debug)]
struct LeakyRelu(f64);

impl<T: Real> Op<T> for LeakyRelu {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        g.gate(&at.input(0).val(), self.0)
    }
}

/// Gates on the output, which is positive just where the input is: the input's
/// buffer need not outlive its other uses.
#[derive(Debug)]
struct Relu;

impl<T: Real> Op<T> for Relu {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        g.gate(&at.output().val(), 0.0)
    }
}

/// `y = g` where `low < x < high`, else 0.
#[derive(Debug)]
struct Clamp {
    low: f64,
    high: f64,
}

impl<T: Real> Op<T> for Clamp {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let (low, high) = (T::of(self.low), T::of(self.high));
        let inside = |x| if x > low && x < high { T::one() } else { T::zero() };
        g * at.tape.push_leaf(at.input(0).val().map(inside))
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// `x^p`, elementwise, for a real exponent.
    pub fn powf(self, p: f64) -> Var<'t, T> {
        let exponent = T::of(p);
        self.tape().push(self.val().map(|x| x.powf(exponent)), Powf(p), &[self])
    }

    /// `x^p`, elementwise, for a whole exponent.
    pub fn powi(self, p: i32) -> Var<'t, T> {
        self.tape().push(self.val().map(|x| x.powi(p)), Powi(p), &[self])
    }

    /// `max(x, 0)`, elementwise; its derivative at 0 is taken as 0. A NaN stays a NaN.
    pub fn relu(self) -> Var<'t, T> {
        let relu = |x| if x <= T::zero() { T::zero() } else { x };
        self.tape().push(self.read(|x| x.map(relu)), Relu, &[self])
    }

    /// `x` where `x > 0`, else `slope·x`, elementwise; its derivative at 0 is `slope`.
    pub fn leaky_relu(self, slope: f64) -> Var<'t, T> {
        let x = self.val();
        self.tape().push(gated(&x, &x, slope), LeakyRelu(slope), &[self])
    }

    /// Restricts each element to `low..=high`; the derivative is 0 outside and at the ends.
    ///
    /// # Panics
    /// If `low > high` or one of them is NaN.
    #[track_caller]
    pub fn clamp(self, low: f64, high: f64) -> Var<'t, T> {
        assert!(low <= high, "clamp: nothing lies between {low} and {high}");
        let (l, h) = (T::of(low), T::of(high));
        let value = self.val().map(|x| {
            if x < l {
                l
            } else if x > h {
                h
            } else {
                x
            }
        });
        self.tape().push(value, Clamp { low, high }, &[self])
    }

    /// −1, 0 or 1 as a constant: it has no derivative where it is smooth.
    fn sign(self) -> Var<'t, T> {
        let sign = |x: T| if x == T::zero() { x } else { x.signum() };
        self.tape().push_leaf(self.val().map(sign))
    }

    /// Itself where `x > 0`, else `slope` times itself; `x` is a constant.
    pub(super) fn gate(self, x: &Value<T>, slope: f64) -> Var<'t, T> {
        let value = self.read(|g| gated(g, x, slope));
        self.tape().push(value, Gate { x: x.clone(), slope }, &[self])
    }
}

fn gated<T: Real>(g: &Value<T>, x: &Value<T>, slope: f64) -> Value<T> {
    let slope = T::of(slope);
    if slope == T::zero() {
        return g.zip(x, |g, x| if x > T::zero() { g } else { T::zero() });
    }
    g.zip(x, |g, x| if x > T::zero() { g } else { slope * g })
}

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use crate::var::Var;
    use ndarray::arr1;

    type Unary = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;

    #[test]
    fn smooth_functions_have_correct_grads_to_order_3() {
        let ops: [Unary; 7] = [
            |x| x.exp(),
            |x| (x * x + 0.3).ln(),
            |x| (x * x + 0.3).sqrt(),
            |x| x.tanh(),
            |x| x.sigmoid(),
            |x| x.softplus(),
            |x| (x * x + 0.3).powf(-1.7),
        ];
        for op in ops {
            check_grads(&[&[3, 5]], 3, |x| op(x[0]));
        }
    }

    #[test]
    fn functions_with_kinks_have_correct_grads_away_from_them() {
        let ops: [Unary; 4] = [|x| x.relu(), |x| x.leaky_relu(0.1), |x| x.abs(), |x| x.clamp(-0.1, 0.1)];
        for op in ops {
            check_grads(&[&[3, 5]], 2, |x| op(x[0] * x[0].tanh() * x[0]));
        }
    }

    #[test]
    fn whole_powers_have_correct_grads_at_negative_bases() {
        for p in [-2, -1, 0, 1, 2, 3, 7] {
            check_grads(&[&[7]], 2, |x| x[0].powi(p));
        }
    }

    #[test]
    fn extremes_neither_overflow_nor_turn_into_nan() {
        let tape = Tape::<f32>::new();
        let x = tape.leaf(&arr1(&[-1000.0, 0.0, 1000.0]).into_dyn());
        assert_eq!(x.sigmoid().value(), arr1(&[0.0, 0.5, 1.0]).into_dyn());
        assert_eq!(x.tanh().value(), arr1(&[-1.0, 0.0, 1.0]).into_dyn());
        assert_eq!(x.softplus().value(), arr1(&[0.0, 2f32.ln(), 1000.0]).into_dyn());
    }

    #[test]
    fn relu_and_clamp_pass_a_nan_on() {
        let x = Tape::<f32>::new();
        let x = x.scalar(f64::NAN);
        assert!(x.relu().item().is_nan() && x.clamp(0.0, 1.0).item().is_nan());
    }
}
