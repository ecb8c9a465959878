//! Smooth functions of each element, one row each, and powers. Those with a kink are in `kinks`.

use crate::kernels::exponential;
use crate::op::{Op, Point};
use crate::real::Real;
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
                self.tape().push(self.read(|x| x.map($forward)), $Op, &[self])
            }
        )*}

        compiled_here!(T: $(Var::<T>::$method),*);
    };
}

elementwise! {
    // op    method   doc                           forward             pullback of g at x, where y = op(x)
    Exp,     exp,     "`eˣ`, elementwise; 0 where `x` is below −86.5 in `f32` or −707.5 in `f64`, near the smallest normal number.",
                                                  exponential::exp,   |g, x, y| g * y;
    Ln,      ln,      "`ln x`, elementwise.",        |x| x.ln(),         |g, x, y| g / x;
    Sqrt,    sqrt,    "`√x`, elementwise.",          |x| x.sqrt(),       |g, x, y| 0.5 * g / y;
    Tanh,    tanh,    "`tanh x`, elementwise.",      exponential::tanh,  |g, x, y| g * (1.0 - y * y);
    Sigmoid, sigmoid, "`1/(1 + e⁻ˣ)`, elementwise.", exponential::sigmoid, |g, x, y| g * y * (1.0 - y);
    Softplus, softplus, "`ln(1 + eˣ)`, elementwise, without overflow.", softplus, |g, x, y| g * x.sigmoid();
    Abs,     abs,     "`|x|`, elementwise; its derivative at 0 is taken as 0.", |x| x.abs(), |g, x, y| g * x.sign();
}

fn softplus<T: Real>(x: T) -> T {
    x.max(T::zero()) + exponential::exp(-x.abs()).ln_1p()
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

impl<'t, T: Real> Var<'t, T> {
    /// `x^p`, elementwise, for a real exponent. NaN for negative `x` unless `p` is whole. `x⁰` is 1 and has
    /// derivative 0 at every `x`.
    #[inline(never)]
    pub fn powf(self, p: f64) -> Var<'t, T> {
        let exponent = T::from_f64(p);
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

    /// −1, 0 or 1 as a constant: it has no derivative where it is smooth.
    fn sign(self) -> Var<'t, T> {
        let sign = |x: T| if x == T::zero() { x } else { x.signum() };
        self.tape().push_leaf(self.val().map(sign))
    }
}

compiled_here!(T: Var::<T>::powf, Var::<T>::powi);

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
    fn whole_powers_have_correct_grads_at_negative_bases() {
        for p in [-2, -1, 0, 1, 2, 3, 7] {
            check_grads(&[&[7]], 2, |x| x[0].powi(p));
        }
    }

    #[test]
    fn extremes_neither_overflow_nor_turn_into_nan() {
        let tape = Tape::<f32>::new();
        let x = tape.leaf(&arr1(&[-1000.0, 0.0, 1000.0]).into_dyn());
        assert_eq!(x.sigmoid().to_array(), arr1(&[0.0, 0.5, 1.0]).into_dyn());
        assert_eq!(x.tanh().to_array(), arr1(&[-1.0, 0.0, 1.0]).into_dyn());
        assert_eq!(x.softplus().to_array(), arr1(&[0.0, 2f32.ln(), 1000.0]).into_dyn());
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
    #[should_panic(expected = "powi: an exponent of -2147483648")]
    fn the_lowest_exponent_is_refused_and_does_not_wrap() {
        let _ = Tape::<f64>::new().scalar(1.0).powi(i32::MIN);
    }
}
