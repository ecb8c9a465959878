//! Functions of each element with a kink.
//!
//! Functions with a kink choose a side by comparing, and a NaN is on neither: it comes through in value and
//! gradient. A side where the function is constant gives exactly 0, whatever the cotangent, so it selects and
//! does not multiply.

use super::mask::Mask;
use crate::op::{Op, Point};
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

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
        let (low, high) = (T::from_f64(self.low), T::from_f64(self.high));
        let x = at.input(0).val();
        let outside = |i: usize| x.data()[i] <= low || x.data()[i] >= high;
        g.keep(&Mask::from_fn(&x.shape(), |i| !outside(i)), 1.0)
    }
}

impl<'t, T: Real> Var<'t, T> {
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
        let (l, h) = (T::from_f64(low), T::from_f64(high));
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

    /// `slope` times itself where `x ≤ 0`, else itself; `x` is a constant. A NaN in `x` stands for a result that
    /// is NaN too, so the cotangent passes.
    pub(super) fn gate(self, x: &Value<T>, slope: f64) -> Var<'t, T> {
        let value = self.read(|g| gated(g, x, slope));
        self.tape().push(value, Gate { x: x.clone(), slope }, &[self])
    }
}

fn gated<T: Real>(g: &Value<T>, x: &Value<T>, slope: f64) -> Value<T> {
    let slope = T::from_f64(slope);
    if slope == T::zero() {
        return g.zip(x, |g, x| if x <= T::zero() { T::zero() } else { g }); // 0·∞ would be NaN
    }
    // two constants to choose from, not two results: a branch would be predicted wrongly half of the time
    g.zip(x, |g, x| g * if x <= T::zero() { slope } else { T::one() })
}

compiled_here!(T: Var::<T>::relu, Var::<T>::leaky_relu, Var::<T>::clamp);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use crate::var::Var;

    type Unary = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;

    #[test]
    fn functions_with_kinks_have_correct_grads_away_from_them() {
        let ops: [Unary; 4] = [|x| x.relu(), |x| x.leaky_relu(0.1), |x| x.abs(), |x| x.clamp(-0.1, 0.1)];
        for op in ops {
            check_grads(&[&[3, 5]], 2, |x| op(x[0] * x[0].tanh() * x[0]));
        }
    }

    #[test]
    fn relu_and_clamp_pass_a_nan_on() {
        let x = Tape::<f32>::new();
        let x = x.scalar(f64::NAN);
        assert!(x.relu().item().is_nan() && x.clamp(0.0, 1.0).item().is_nan());
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
        let value = |x, f: Unary| f(Tape::new().scalar(x)).item();
        for (x, y) in [(f64::NEG_INFINITY, 0.0), (f64::INFINITY, f64::INFINITY)] {
            assert_eq!(value(x, |x| x.leaky_relu(0.0)), y);
            assert_eq!(value(x, |x| x.relu()), y);
        }
        let ops: [Unary; 3] = [|x| x.relu(), |x| x.leaky_relu(0.0), |x| x.clamp(-1.0, 1.0)];
        for (i, op) in ops.iter().enumerate() {
            let tape = Tape::new();
            let x = tape.scalar(-2.0);
            let g = crate::vjp(&[op(x)], &[tape.scalar(f64::INFINITY)], &[x]);
            assert_eq!(g[0].item(), 0.0, "op {i}");
        }
    }
}
