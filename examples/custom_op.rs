//! Operations of your own: value, derivative rule, check, and use in an inner loop. A network of
//! your own is in `own_network`.
//!
//! ```text
//! cargo run --example custom_op
//! ```
//!
//! Takes a second. Prints what the gradient check says of three operations, one of them broken on
//! purpose, and the falling loss of a meta-learned network whose activation is one of them.

use innerloop::ndarray::{Array1, ArrayD};
use innerloop::{
    Adam, Emit, Episode, Mlp, Model, Op, Optimizer, Point, Real, Rule, Sinusoids, Tape, Tasks, Var,
    check_grads, check_grads_at, grad, grad_values, task_loss,
};

// An operation is a struct with a rule. Rules are written with `Var` methods, so they are
// differentiated like everything else and the operation works at any order.

/// `y = x·σ(x)` (Ramachandran et al. 2017). `σ(x)` is a second output, there for the rule
/// alone: what the value needs and the derivative needs again is computed once.
#[derive(Debug)]
struct Swish;

impl<T: Real> Rule<T> for Swish {
    /// `g·(σ + y·(1 − σ))` for `y`, `g·σ·(1 − σ)` for `σ`, which higher orders need.
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        let (y, s) = (at.output(), at.output_number(1));
        emit.zero(0); // what follows is added
        if let Some(g) = gs[0] {
            emit.cotangent(0, g * (s + y * (1.0 - s)));
        }
        if let Some(g) = gs[1] {
            emit.cotangent(0, g * s * (1.0 - s));
        }
    }
}

// An operation with a single output has a shorter form: the cotangent of one input at a time.

// Bilinear operations come in closed families: the adjoint of one is another of them.

/// Circular convolution, `yₖ = Σᵢ aᵢ·bₖ₋ᵢ`.
#[derive(Debug)]
struct Convolve;

impl<T: Real> Op<T> for Convolve {
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        g.correlate(at.input(1 - wrt)) // symmetric in its inputs
    }
}

/// Circular correlation, `yᵢ = Σₖ aₖ·bₖ₋ᵢ`.
#[derive(Debug)]
struct Correlate;

impl<T: Real> Op<T> for Correlate {
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        if wrt == 0 { g.convolve(at.input(1)) } else { at.input(0).correlate(g) }
    }
}

/// The bug to look for: the right number, cut off from what it depends on.
#[derive(Debug)]
struct Forgetful;

impl<T: Real> Op<T> for Forgetful {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let (s, y) = (at.input(0).sigmoid(), at.output().detach());
        g * (s + y * (1.0 - s))
    }
}

/// The methods: compute the value, record it with its rule. An extension trait makes them read like
/// the crate's own.
trait VarExt<'t, T: Real> {
    fn swish(self) -> Var<'t, T>;
    fn forgetful_swish(self) -> Var<'t, T>;
    fn convolve(self, other: Var<'t, T>) -> Var<'t, T>;
    fn correlate(self, other: Var<'t, T>) -> Var<'t, T>;
}

impl<'t, T: Real> VarExt<'t, T> for Var<'t, T> {
    fn swish(self) -> Var<'t, T> {
        let s = self.sigmoid().to_array();
        let y = self.with_value(|x| &x * &s);
        self.tape().record_all(vec![y, s], Swish, &[self])[0]
    }

    fn forgetful_swish(self) -> Var<'t, T> {
        self.tape().record((self * self.sigmoid()).to_array(), Forgetful, &[self])
    }

    fn convolve(self, other: Var<'t, T>) -> Var<'t, T> {
        let value = circular(self, other, |y, a, b, [i, k, d]| y[k] += a[i] * b[d]);
        self.tape().record(value, Convolve, &[self, other])
    }

    fn correlate(self, other: Var<'t, T>) -> Var<'t, T> {
        let value = circular(self, other, |y, a, b, [i, k, d]| y[i] += a[k] * b[d]);
        self.tape().record(value, Correlate, &[self, other])
    }
}

/// Adds up `term(y, a, b, [i, k, d])` over all `i` and `k` with `d = k − i` around the circle.
fn circular<T: Real>(
    a: Var<'_, T>,
    b: Var<'_, T>,
    term: impl Fn(&mut ArrayD<T>, &ArrayD<T>, &ArrayD<T>, [usize; 3]),
) -> ArrayD<T> {
    let (a, b) = (a.to_array(), b.to_array());
    assert!(a.ndim() == 1 && a.shape() == b.shape(), "circular: shapes {:?}, {:?}", a.shape(), b.shape());
    let (n, mut y) = (a.len(), ArrayD::zeros(a.raw_dim()));
    for i in 0..n {
        for k in 0..n {
            term(&mut y, &a, &b, [i, k, (n + k - i) % n]);
        }
    }
    y
}

fn main() -> Result<(), innerloop::Error> {
    // Against finite differences in f64; panics if a rule is wrong, so it goes into a test as it is.
    check_grads(&[&[2, 3]], 2, |x| x[0].swish());
    println!("swish: gradients correct to order 2");
    check_grads(&[&[5], &[5]], 3, |x| x[0].convolve(x[1]));
    check_grads(&[&[5], &[5]], 3, |x| x[0].correlate(x[1]));
    println!("convolve and correlate: gradients correct to order 3");

    // The planted bug passes every first-order check; only order 2 sees it.
    let x = [Array1::from(vec![-1.5, -0.3, 0.4, 2.0]).into_dyn()];
    for order in [1, 2] {
        match check_grads_at(&x, order, |x| x[0].forgetful_swish()) {
            Ok(()) => println!("forgetful swish: gradients correct to order {order}"),
            Err(mismatch) => println!("forgetful swish: {mismatch}"),
        }
    }

    // In an inner loop, where second order is what matters.
    println!("\nMAML on sinusoids with swish:");
    let tasks = Sinusoids::new(10, 10, 0);
    let mut params: Vec<ArrayD<f32>> = Mlp::new(&[1, 40, 40, 1])?.init(0);
    let mut optimizer = Adam::default().init(&params);
    let rates = vec![1e-3; params.len()]; // one outer rate per parameter
    let mut recent = 0.0;
    for step in 1..=5000 {
        let (loss, gradient) = task(&params, &tasks.task(step));
        Adam::default().update(&rates, &mut params, &gradient, &mut optimizer);
        recent += loss;
        if step % 1000 == 0 {
            println!("  task {step}: squared error after one inner step {:.2}, mean of 1000", recent / 1e3);
            recent = 0.0;
        }
    }
    Ok(())
}

/// Query loss after one inner step, and its gradient in `params`.
fn task(params: &[ArrayD<f32>], episode: &Episode<f32>) -> (f32, Vec<ArrayD<f32>>) {
    let tape = Tape::new();
    let theta = tape.leaves(params);
    let g = grad(task_loss(network(&theta, tape.leaf(&episode.support.x)), &episode.support.y), &theta);
    let phi: Vec<_> = theta.iter().zip(g).map(|(&p, g)| p - 0.01 * g).collect();
    let query_loss = task_loss(network(&phi, tape.leaf(&episode.query.x)), &episode.query.y);
    (query_loss.item(), grad_values(query_loss, &theta))
}

/// Three layers with swish between them, `[n, 1] → [n, 1]`.
fn network<'t>(p: &[Var<'t, f32>], x: Var<'t, f32>) -> Var<'t, f32> {
    x.linear(p[0], p[1]).swish().linear(p[2], p[3]).swish().linear(p[4], p[5])
}
