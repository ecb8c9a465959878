//! Functions of each element, a row each.
//!
//! Functions with a kink choose a side by comparing, and a NaN is on neither: it comes through in value and
//! gradient. A side where the function is constant gives exactly 0, whatever the cotangent, so it selects and
//! does not multiply.

use super::mask::Mask;
use crate::op::{Op, Point};
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

/// One row per operation: name, method, its doc, forward, cotangent at `x` with `y = op(x)`.
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
            #[inline(never)]
            pub fn $method(self) -> Var<'t, T> {
                let forward: fn(T) -> T = $forward;
                self.tape().push(self.read(|x| x.map(forward)), $Op, &[self])
            }
        )*}

        compiled_here!(T: $(Var::<T>::$method),*);
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
        if self.0 == 0.0 {
            return at.tape.full(&g.shape(), 0.0); // x⁰ is constant, at x = 0 too
        }
        self.0 * g * at.input(0).powf(self.0 - 1.0)
    }
}

/// `y = x^p` for a whole number, defined for negative `x` too.
#[derive(Debug)]
struct Powi(i32);

impl<T: Real> Op<T> for Powi {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        match self.0 {
            0 => at.tape.full(&g.shape(), 0.0), // x⁰ is constant, at x = 0 too
            p => f64::from(p) * g * at.input(0).powi(p - 1),
        }
    }
}

/// `y = slope·g` where `x ≤ 0`, else `g`: linear in `g`, its own adjoint, and
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

/// Gates on the output, which is positive or NaN exactly where the input is: the input's
/// buffer is not needed for it.
#[derive(Debug)]
struct Relu;

impl<T: Real> Op<T> for Relu {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        g.gate(&at.output().val(), 0.0)
    }
}

/// `y = x` between `low` and `high`, constant outside; a NaN is not outside.
#[derive(Debug)]
struct Clamp {
    low: f64,
    high: f64,
}

impl<T: Real> Op<T> for Clamp {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let (low, high) = (T::of(self.low), T::of(self.high));
        let x = at.input(0).val();
        let outside = |i: usize| x.data()[i] <= low || x.data()[i] >= high;
        g.keep(&Mask::from_fn(&x.shape(), |i| !outside(i)), 1.0)
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// `x^p`, elementwise, for a real exponent. NaN for negative `x` unless `p` is whole. `x⁰` is 1 and has
    /// derivative 0 at every `x`.
    #[inline(never)]
    pub fn powf(self, p: f64) -> Var<'t, T> {
        let exponent = T::of(p);
        self.tape().push(self.val().map(|x| x.powf(exponent)), Powf(p), &[self])
    }

    /// `x^p`, elementwise, for a whole exponent.
    ///
    /// # Panics
    /// If the exponent is within 64 of the lowest `i32`: its derivatives would need lower ones.
    #[track_caller]
    #[inline(never)]
    pub fn powi(self, p: i32) -> Var<'t, T> {
        assert!(p >= i32::MIN + 64, "powi: an exponent of {p} has no derivative, that needs lower exponents");
        self.tape().push(self.val().map(|x| x.powi(p)), Powi(p), &[self])
    }

    /// `max(x, 0)`, elementwise; its derivative at 0 is taken as 0. A NaN stays a NaN.
    #[inline(never)]
    pub fn relu(self) -> Var<'t, T> {
        let relu = |x| if x <= T::zero() { T::zero() } else { x };
        self.tape().push(self.read(|x| x.map(relu)), Relu, &[self])
    }

    /// `x` where `x > 0`, else `slope·x`, elementwise; its derivative at 0 is `slope`. A NaN stays a NaN. With a
    /// slope of 0, minus infinity gives 0.
    #[inline(never)]
    pub fn leaky_relu(self, slope: f64) -> Var<'t, T> {
        let x = self.val();
        self.tape().push(gated(&x, &x, slope), LeakyRelu(slope), &[self])
    }

    /// Restricts each element to `low..=high`; the derivative is 0 outside and at the ends. A NaN stays a NaN.
    ///
    /// # Panics
    /// If `low > high` or one of them is NaN.
    #[track_caller]
    #[inline(never)]
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

    /// `slope` times itself where `x ≤ 0`, else itself; `x` is a constant. A NaN in `x` stands for a result that
    /// is NaN too, so the cotangent passes.
    pub(super) fn gate(self, x: &Value<T>, slope: f64) -> Var<'t, T> {
        let value = self.read(|g| gated(g, x, slope));
        self.tape().push(value, Gate { x: x.clone(), slope }, &[self])
    }
}

fn gated<T: Real>(g: &Value<T>, x: &Value<T>, slope: f64) -> Value<T> {
    let slope = T::of(slope);
    if slope == T::zero() {
        return g.zip(x, |g, x| if x <= T::zero() { T::zero() } else { g }); // 0·∞ would be NaN
    }
    g.zip(x, |g, x| if x <= T::zero() { slope * g } else { g })
}

compiled_here!(T: Var::<T>::powf, Var::<T>::powi, Var::<T>::relu, Var::<T>::leaky_relu, Var::<T>::clamp);

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

    /// Derivative number `order` of `f` at `x`.
    fn derivative(order: usize, x: f64, f: impl Fn(Var<'_, f64>) -> Var<'_, f64>) -> f64 {
        let tape = Tape::new();
        let x = tape.scalar(x);
        (0..order).fold(f(x), |y, _| crate::grad(y, &[x])[0]).item()
    }

    #[test]
    fn powers_at_zero_have_every_derivative_that_exists() {
        for (p, order, want) in [
            (2.0, 1, 0.0),
            (2.0, 2, 2.0),
            (2.0, 3, 0.0),
            (2.0, 5, 0.0),
            (3.0, 3, 6.0),
            (3.0, 4, 0.0),
            (1.0, 1, 1.0),
            (1.0, 2, 0.0),
            (0.0, 1, 0.0),
            (0.0, 2, 0.0),
            (2.5, 2, 0.0),
        ] {
            assert_eq!(derivative(order, 0.0, |x| x.powf(p)), want, "powf({p}), order {order}");
        }
        for (p, order, want) in [(2, 3, 0.0), (3, 4, 0.0), (1, 2, 0.0), (0, 1, 0.0)] {
            assert_eq!(derivative(order, 0.0, |x| x.powi(p)), want, "powi({p}), order {order}");
        }
    }

    #[test]
    fn functions_with_kinks_pass_a_nan_on_in_value_and_gradient() {
        let ops: [Unary; 6] = [
            |x| x.relu(),
            |x| x.leaky_relu(0.0),
            |x| x.leaky_relu(0.1),
            |x| x.abs(),
            |x| x.clamp(-1.0, 1.0),
            |x| x.linear_relu(x.tape().full(&[1, 1], 1.0), x.tape().full(&[1], 0.0)),
        ];
        for (i, op) in ops.iter().enumerate() {
            let tape = Tape::new();
            let x = tape.full(&[1, 1], f64::NAN);
            let y = op(x);
            assert!(y.item().is_nan(), "value of op {i}");
            let g = crate::grad_values((y * y).sum(), &[x]);
            assert!(g[0][[0, 0]].is_nan(), "gradient of op {i}: {}", g[0]);
        }
    }

    #[test]
    fn a_flat_side_gives_zero_for_infinite_inputs_and_cotangents() {
        for (x, y) in [(f64::NEG_INFINITY, 0.0), (f64::INFINITY, f64::INFINITY)] {
            assert_eq!(derivative(0, x, |x| x.leaky_relu(0.0)), y);
            assert_eq!(derivative(0, x, |x| x.relu()), y);
        }
        let ops: [Unary; 3] = [|x| x.relu(), |x| x.leaky_relu(0.0), |x| x.clamp(-1.0, 1.0)];
        for (i, op) in ops.iter().enumerate() {
            let tape = Tape::new();
            let x = tape.scalar(-2.0);
            let g = crate::vjp(&[op(x)], &[tape.scalar(f64::INFINITY)], &[x]);
            assert_eq!(g[0].item(), 0.0, "op {i}");
        }
    }

    #[test]
    #[should_panic(expected = "powi: an exponent of -2147483648")]
    fn the_lowest_exponent_is_refused_and_does_not_wrap() {
        Tape::<f64>::new().scalar(1.0).powi(i32::MIN);
    }
}
