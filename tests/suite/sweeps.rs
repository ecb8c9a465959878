//! Every way to take a derivative gives the same numbers, whatever the rules do inside.

use innerloop::ndarray::{ArrayD, arr1};
use innerloop::{
    Conv4, Downsample, Emit, Episode, Examples, Model, Norm, Op, Point, Real, Rule, Tape, Var, check_grads,
    cross_entropy, grad, grad_values, hvp, vjp,
};

/// Numbers in -1..1 without pattern, the same for the same shape and seed.
fn waves(shape: &[usize], seed: f64) -> ArrayD<f64> {
    let mut i = seed;
    ArrayD::from_shape_simple_fn(shape, || {
        i += 1.0;
        (i * 12.9898).sin() * 0.8 + (i * 0.37).cos() * 0.2
    })
}

fn inner<T: Real>(a: &[ArrayD<T>], b: &[ArrayD<T>]) -> f64 {
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| a.as_f64() * b.as_f64()).sum()
}

fn episode(ways: usize) -> Episode<f64> {
    let examples = |n: usize, seed| {
        Examples::labelled(waves(&[n, 16, 16, 1], seed), (0..n).map(|i| i % ways).collect(), ways)
    };
    Episode::new(examples(ways, 0.1), examples(2 * ways, 0.7)).unwrap()
}

/// The query loss after `steps` inner steps, each with a penalty on its gradient if asked for.
fn query_loss<'t>(
    model: &Conv4,
    theta: &[Var<'t, f64>],
    episode: &Episode<f64>,
    steps: usize,
    penalty: f64,
) -> Var<'t, f64> {
    let tape = theta[0].tape();
    let loss = |phi: &[Var<'t, f64>], examples: &Examples<f64>| {
        let logits = model.forward(phi, tape.leaf(&examples.x), Norm::Batch);
        cross_entropy(logits, examples.y.labels().unwrap())
    };
    let mut phi = theta.to_vec();
    for _ in 0..steps {
        let mut support = loss(&phi, &episode.support);
        if penalty > 0.0 {
            let slopes = grad(support, &phi);
            let squares = slopes.iter().map(|&g| (g * g).sum()).reduce(|a, b| a + b).unwrap();
            support = support + penalty * squares;
        }
        let g = grad(support, &phi);
        phi = phi.iter().zip(g).map(|(&p, g)| p - 0.3 * g).collect();
    }
    loss(&phi, &episode.query)
}

/// The meta-gradient as plain arrays, and the Hessian's product with `v` in every way.
#[test]
fn a_hessian_product_of_an_adapted_loss_is_the_same_in_every_way() {
    for (downsample, steps) in [(Downsample::Stride, 1), (Downsample::MaxPool, 2)] {
        let model = Conv4::new([16, 16, 1], 3, downsample, Some(3)).unwrap();
        let (params, episode): (Vec<ArrayD<f64>>, _) = (model.init(3), episode(3));
        let v: Vec<_> = params.iter().map(|p| waves(p.shape(), 0.3)).collect();
        let tape = Tape::new();
        let (theta, along) = (tape.leaves(&params), tape.leaves(&v));
        let loss = query_loss(&model, &theta, &episode, steps, 0.0);
        let plain = hvp(loss, &theta, &along);
        let recorded: Vec<_> =
            vjp(&grad(loss, &theta), &along, &theta).iter().map(|h| h.to_array()).collect();
        let size = inner(&recorded, &recorded).sqrt();
        for (a, b) in plain.iter().zip(&recorded) {
            approx::assert_relative_eq!(a / size, b / size, epsilon = 1e-10);
        }
        let gradient = |h: f64| {
            let tape = Tape::new();
            let moved: Vec<_> = params.iter().zip(&v).map(|(p, v)| p + h * v).collect();
            let theta = tape.leaves(&moved);
            grad_values(query_loss(&model, &theta, &episode, steps, 0.0), &theta)
        };
        let (up, down) = (gradient(1e-5), gradient(-1e-5));
        let difference = (inner(&up, &v) - inner(&down, &v)) / 2e-5;
        let slope = inner(&plain, &v);
        assert!((slope - difference).abs() < 1e-6 * slope.abs(), "{downsample:?}: {slope} and {difference}");
    }
}

#[test]
fn a_meta_gradient_through_a_gradient_penalty_agrees_with_differences() {
    let model = Conv4::new([16, 16, 1], 3, Downsample::MaxPool, Some(3)).unwrap();
    let (params, episode): (Vec<ArrayD<f64>>, _) = (model.init(3), episode(3));
    let v: Vec<_> = params.iter().map(|p| waves(p.shape(), 0.9)).collect();
    let at = |h: f64| {
        let tape = Tape::new();
        let moved: Vec<_> = params.iter().zip(&v).map(|(p, v)| p + h * v).collect();
        let theta = tape.leaves(&moved);
        let loss = query_loss(&model, &theta, &episode, 1, 0.05);
        (loss.item(), grad_values(loss, &theta))
    };
    let slope = inner(&at(0.0).1, &v);
    let difference = (at(1e-6).0 - at(-1e-6).0) / 2e-6;
    assert!((slope - difference).abs() < 1e-6 * slope.abs().max(1.0), "{slope} and {difference}");
}

/// `tanh(x)·x`, recomputed and differentiated in its own rule.
#[derive(Debug)]
struct Recomputed;

impl Recomputed {
    fn body<'t, T: Real>(x: Var<'t, T>) -> Var<'t, T> {
        x.tanh() * x
    }
}

impl<T: Real> Op<T> for Recomputed {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let x = at.input(0);
        vjp(&[Recomputed::body(x)], &[g], &[x])[0]
    }
}

#[test]
fn a_rule_that_differentiates_is_right_under_every_sweep() {
    let recomputed = |x: Var<'_, f64>| -> ArrayD<f64> {
        let y = x.tape().record(Recomputed::body(x).to_array(), Recomputed, &[x]);
        grad_values(y.sum(), &[x]).remove(0)
    };
    let tape = Tape::<f64>::new();
    let x = tape.leaf(&arr1(&[0.3, -1.2]).into_dyn());
    approx::assert_relative_eq!(
        recomputed(x),
        grad_values(Recomputed::body(x).sum(), &[x])[0],
        max_relative = 1e-14
    );
    check_grads(&[&[2, 3]], 3, |x| {
        x[0].tape().record(Recomputed::body(x[0]).to_array(), Recomputed, &[x[0]])
    });
}

/// `2x`, whose rule reads the output although it says that it does not.
#[derive(Debug)]
struct SaysOneThing;

impl<T: Real> Op<T> for SaysOneThing {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        2.0 * g + 0.0 * at.output()
    }

    fn reads_output(&self) -> bool {
        false
    }
}

#[test]
#[should_panic(expected = "SaysOneThing: its rule reads the output, but its `reads_output` returns false")]
fn a_rule_that_reads_what_it_said_it_does_not_is_named() {
    let tape = Tape::<f32>::new();
    let x = tape.full(&[3], 1.0);
    grad_values(tape.record((2.0 * x).to_array(), SaysOneThing, &[x]).sum(), &[x]);
}

/// `(x·w, x + w)`; its rule may forget an input.
#[derive(Debug)]
struct Two {
    forgets: bool,
}

impl<T: Real> Rule<T> for Two {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        for i in (0..2).filter(|&i| at.needs(i) && !(self.forgets && i == 1)) {
            emit.zero(i); // then added to
            if let Some(g) = gs[0] {
                emit.cotangent(i, g * at.input(1 - i));
            }
            if let Some(g) = gs[1] {
                emit.cotangent(i, g);
            }
        }
    }
}

fn two<'t, T: Real>(x: Var<'t, T>, w: Var<'t, T>, forgets: bool) -> Vec<Var<'t, T>> {
    x.tape().record_all(vec![(x * w).to_array(), (x + w).to_array()], Two { forgets }, &[x, w])
}

#[test]
fn an_operation_with_two_outputs_has_correct_grads_in_both() {
    innerloop::check_grads_all(&[&[2, 3], &[2, 3]], 3, |x| two(x[0], x[1], false));
    check_grads(&[&[2, 3], &[2, 3]], 2, |x| two(x[0], x[1], false)[1].tanh()); // one output alone
    check_grads(&[&[2, 3]], 2, |x| {
        let y = two(x[0], x[0].tanh(), false);
        y[0] * y[1]
    });
}

#[test]
#[should_panic(expected = "its rule gave no cotangent of input 1")]
fn a_rule_that_forgets_an_input_is_named() {
    let tape = Tape::<f64>::new();
    let (x, w) = (tape.full(&[3], 1.0), tape.full(&[3], 2.0));
    grad_values(two(x, w, true)[0].sum(), &[x, w]);
}

/// `exp(x)` that keeps a by-product, `exp(x)²`, as a second output for its rule.
#[derive(Debug)]
struct Keeps;

impl<T: Real> Rule<T> for Keeps {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        let (y, square) = (at.output(), at.output_number(1));
        let first = gs[0].map(|g| g * y);
        let second = gs[1].map(|g| 2.0 * g * square);
        match (first, second) {
            (Some(a), Some(b)) => emit.cotangent(0, a + b),
            (Some(g), None) | (None, Some(g)) => emit.cotangent(0, g),
            (None, None) => emit.zero(0),
        }
    }
}

fn keeps(x: Var<'_, f64>) -> Vec<Var<'_, f64>> {
    let y = x.to_array().mapv(f64::exp);
    let square = &y * &y;
    x.tape().record_all(vec![y, square], Keeps, &[x])
}

#[test]
fn what_an_operation_keeps_for_its_rule_survives_the_sweep_that_frees_values() {
    check_grads(&[&[1100]], 1, |x| keeps(x[0])[0].tanh()); // large enough to be freed
    innerloop::check_grads_all(&[&[2, 3]], 3, |x| keeps(x[0]));
}
