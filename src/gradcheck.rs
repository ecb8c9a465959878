//! Derivative rules against finite differences, at any order and under every sweep.

use std::fmt;

use ndarray::{ArrayD, Zip};

use crate::grad::{grad, grad_values, hvp, last_vjp_values, vjp, vjp_values};
use crate::tape::Tape;
use crate::var::Var;

/// Half the distance of the central difference. With values near 1 its error is
/// about 1e-10, so [`TOLERANCE`] leaves room for steep functions.
const STEP: f64 = 1e-5;
/// Largest difference between rule and finite difference, relative to their size (at least 1).
const TOLERANCE: f64 = 2e-6;
/// Largest difference between two ways to take one derivative, relative to the largest
/// element (at least 1): they differ in rounding only.
const ROUNDING: f64 = 1e-9;
/// Random directions tried for each input at each order.
const DIRECTIONS: usize = 2;

/// A derivative that disagrees with a finite difference, or with the same derivative
/// taken in another way.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GradMismatch {
    /// 1: the gradient is wrong; 2: the gradient of the gradient; and so on.
    pub order: usize,
    /// Which input; past the function's own inputs come the cotangents of each order.
    pub input: usize,
    /// How the derivative was taken: `"vjp"`, which is compared with a central difference
    /// along a random direction; or `"vjp_values"`, `"grad_values"`, `"the sweep that frees
    /// values"` or `"hvp"`, which are compared with `vjp` element by element.
    pub way: &'static str,
    /// What this way gives.
    pub found: f64,
    /// What it should give.
    pub expected: f64,
}

impl fmt::Display for GradMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GradMismatch { order, input, way, found, expected } = self;
        let other = if *way == "vjp" { "a central difference" } else { "vjp" };
        write!(f, "order {order}, input {input}: {way} gives {found:e}, {other} gives {expected:e}")
    }
}

impl std::error::Error for GradMismatch {}

/// Checks the derivative rules behind `f` in `f64` against central differences:
/// gradients for `order` 1, gradients of gradients for 2, and so on.
///
/// At each order every way to take a derivative must give the same numbers: recorded
/// ([`vjp`]), as plain arrays ([`vjp_values`], [`grad_values`]), as the last sweep over
/// a tape, which frees values on its way, and below the last order [`hvp`].
///
/// Inputs of the given shapes are drawn with absolute values in 0.25..1.25, so a
/// kink at zero is not near; the draw is the same every time. Each order treats
/// the vjp of the one below as a function of its inputs and cotangents.
///
/// ```
/// innerloop::check_grads(&[&[2, 3], &[3]], 2, |x| (x[0] * x[1]).tanh());
/// ```
///
/// # Panics
/// If a derivative differs; says at which order, for which input and in which way.
#[track_caller]
pub fn check_grads<F>(shapes: &[&[usize]], order: usize, f: F)
where
    F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    let mut noise = Noise(7);
    let inputs: Vec<_> = shapes.iter().map(|s| noise.away_from_zero(s)).collect();
    if let Err(mismatch) = check_grads_at(&inputs, order, f) {
        panic!("check_grads, {mismatch}");
    }
}

/// As [`check_grads`], at inputs of your choice, and returns what disagrees.
///
/// # Errors
/// The first derivative that differs.
pub fn check_grads_at<F>(inputs: &[ArrayD<f64>], order: usize, f: F) -> Result<(), GradMismatch>
where
    F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
{
    check_order(&|x| vec![f(x)], inputs.to_vec(), 1, order, &mut Noise(11))
}

/// As [`check_grads`], for a function with several results.
///
/// # Panics
/// As [`check_grads`].
#[track_caller]
pub fn check_grads_all<F>(shapes: &[&[usize]], order: usize, f: F)
where
    F: for<'t> Fn(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>,
{
    let mut noise = Noise(7);
    let inputs: Vec<_> = shapes.iter().map(|s| noise.away_from_zero(s)).collect();
    if let Err(mismatch) = check_order(&f, inputs, 1, order, &mut Noise(11)) {
        panic!("check_grads_all, {mismatch}");
    }
}

type Map<'f> = &'f dyn for<'t> Fn(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>;

fn check_order(
    f: Map<'_>,
    inputs: Vec<ArrayD<f64>>,
    order: usize,
    last: usize,
    noise: &mut Noise,
) -> Result<(), GradMismatch> {
    let tape = Tape::new();
    let x = tape.leaves(&inputs);
    let y = f(&x);
    let cotangents: Vec<_> = y.iter().map(|y| noise.away_from_zero(&y.shape())).collect();
    let grads: Vec<_> = vjp(&y, &tape.leaves(&cotangents), &x).into_iter().map(|g| g.to_array()).collect();
    for (input, grad) in grads.iter().enumerate() {
        for _ in 0..DIRECTIONS {
            let u = noise.away_from_zero(grad.shape());
            let at = |h: f64| {
                let mut moved = inputs.clone();
                moved[input].scaled_add(h, &u);
                inner(&values(f, &moved), &cotangents)
            };
            let expected = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let found = inner(std::slice::from_ref(grad), &[u]);
            let size = found.abs().max(expected.abs()).max(1.0);
            let agrees = (found - expected).abs() <= TOLERANCE * size; // a NaN never does
            if !agrees {
                return Err(GradMismatch { order, input, way: "vjp", found, expected });
            }
        }
    }
    check_ways(f, &inputs, &cotangents, &grads, order)?;
    if order == last {
        return Ok(());
    }
    check_hvp(f, &inputs, &cotangents, order, noise)?;
    let count = inputs.len();
    let all = inputs.into_iter().chain(cotangents).collect();
    check_order(&Pulled { f, count }.map(), all, order + 1, last, noise)
}

/// The sum of all products of results and cotangents: a number whose gradient is their vjp.
fn weighted_sum<'t>(ys: &[Var<'t, f64>], cotangents: &[ArrayD<f64>]) -> Var<'t, f64> {
    let tape = ys[0].tape();
    let products = ys.iter().zip(cotangents).map(|(&y, c)| (y * tape.leaf(c)).sum());
    products.reduce(|a, b| a + b).expect("a function has a result")
}

/// Whether every way to take the derivative gives what `vjp` gave.
fn check_ways(
    f: Map<'_>,
    inputs: &[ArrayD<f64>],
    cotangents: &[ArrayD<f64>],
    expected: &[ArrayD<f64>],
    order: usize,
) -> Result<(), GradMismatch> {
    type Way<'w> = &'w dyn for<'t> Fn(&[Var<'t, f64>], &[Var<'t, f64>]) -> Vec<ArrayD<f64>>;
    let ways: [(&'static str, Way<'_>); 3] = [
        ("vjp_values", &|y, x| vjp_values(y, &y[0].tape().leaves(cotangents), x)),
        ("grad_values", &|y, x| grad_values(weighted_sum(y, cotangents), x)),
        ("the sweep that frees values", &|y, x| last_vjp_values(y, &y[0].tape().leaves(cotangents), x)),
    ];
    for (way, derivative) in ways {
        let tape = Tape::new();
        let x = tape.leaves(inputs);
        same(&derivative(&f(&x), &x), expected, way, order)?;
    }
    Ok(())
}

/// Whether the Hessian's product with a random vector is that of the recorded gradient.
fn check_hvp(
    f: Map<'_>,
    inputs: &[ArrayD<f64>],
    cotangents: &[ArrayD<f64>],
    order: usize,
    noise: &mut Noise,
) -> Result<(), GradMismatch> {
    let along: Vec<_> = inputs.iter().map(|x| noise.away_from_zero(x.shape())).collect();
    let tape = Tape::new();
    let (x, u) = (tape.leaves(inputs), tape.leaves(&along));
    let y = weighted_sum(&f(&x), cotangents);
    let found = hvp(y, &x, &u);
    let expected: Vec<_> = vjp(&grad(y, &x), &u, &x).iter().map(|v| v.to_array()).collect();
    same(&found, &expected, "hvp", order + 1)
}

fn same(
    found: &[ArrayD<f64>],
    expected: &[ArrayD<f64>],
    way: &'static str,
    order: usize,
) -> Result<(), GradMismatch> {
    for (input, (found, expected)) in found.iter().zip(expected).enumerate() {
        let size = expected.iter().fold(1.0, |size: f64, v| size.max(v.abs()));
        for (&found, &expected) in found.iter().zip(expected) {
            let agrees = (found - expected).abs() <= ROUNDING * size;
            if !agrees {
                return Err(GradMismatch { order, input, way, found, expected });
            }
        }
    }
    Ok(())
}

struct Pulled<'f> {
    f: Map<'f>,
    count: usize,
}

impl Pulled<'_> {
    fn map(&self) -> impl for<'t> Fn(&[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
        move |v| {
            let (x, g) = v.split_at(self.count);
            vjp(&(self.f)(x), g, x)
        }
    }
}

fn values(f: Map<'_>, inputs: &[ArrayD<f64>]) -> Vec<ArrayD<f64>> {
    let tape = Tape::new();
    f(&tape.leaves(inputs)).into_iter().map(|y| y.to_array()).collect()
}

fn inner(a: &[ArrayD<f64>], b: &[ArrayD<f64>]) -> f64 {
    a.iter().zip(b).map(|(a, b)| Zip::from(a).and(b).fold(0.0, |sum, &a, &b| sum + a * b)).sum()
}

/// A small generator, so the check needs no other: splitmix64.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn away_from_zero(&mut self, shape: &[usize]) -> ArrayD<f64> {
        ArrayD::from_shape_simple_fn(shape, || {
            let size = 0.25 + self.next();
            if self.next() < 0.5 { -size } else { size }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Op, Point};

    /// `x²` whose rule takes the value of `x` where it should take the variable:
    /// the bug that a first-order check cannot see.
    #[derive(Debug)]
    struct Planted;

    impl Op<f64> for Planted {
        fn vjp<'t>(&self, _wrt: usize, g: Var<'t, f64>, at: Point<'t, '_, f64>) -> Var<'t, f64> {
            2.0 * g * at.input(0).detach()
        }
    }

    fn planted<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
        x.tape().record(x.to_array().mapv(|x| x * x), Planted, &[x])
    }

    #[test]
    fn a_dropped_second_derivative_passes_order_1_and_fails_order_2() {
        let x = Noise(3).away_from_zero(&[2, 3]);
        assert_eq!(check_grads_at(std::slice::from_ref(&x), 1, |x| planted(x[0])), Ok(()));
        let mismatch = check_grads_at(&[x], 2, |x| planted(x[0])).unwrap_err();
        assert_eq!((mismatch.order, mismatch.input, mismatch.way, mismatch.found), (2, 0, "vjp", 0.0));
    }

    #[test]
    fn a_slope_that_is_not_a_number_is_a_mismatch() {
        let x = ArrayD::from_elem(vec![2], -1.0);
        assert!(check_grads_at(&[x], 1, |x| x[0].ln()).is_err());
    }
}
