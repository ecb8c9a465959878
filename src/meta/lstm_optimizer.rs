//! The learned optimizer of Meta-LSTM: one cell for each parameter of a network, with shared weights.

use ndarray::{Array2, ArrayD};

use crate::nn::{Init, ParamSpec};
use crate::ops::lstm_cell;
use crate::real::Real;
use crate::var::Var;

/// So many numbers describe loss and gradient to a cell.
const INPUTS: usize = 4;

/// The weights of the cells: gates that keep the parameter and subtract about `rate` times the gradient, a hundredth of it with the
/// authors, whose initial values the others are.
pub(super) fn cell_specs(hidden: usize, rate: f64) -> Vec<ParamSpec> {
    let input = (rate / (1.0 - rate)).ln();
    let small = || Init::Uniform { low: -0.01, high: 0.01 };
    let linear = |name: &str, inputs| ParamSpec::linear(name, inputs, 4 * hidden).with_init(small());
    let gate = |name: &str, low, high| {
        [
            ParamSpec::new(format!("{name}_w"), &[hidden + 2], small()),
            ParamSpec::new(format!("{name}_b"), &[], Init::Uniform { low, high }),
        ]
    };
    let mut specs = vec![linear("lstm_w_ih", INPUTS), linear("lstm_w_hh", hidden)];
    specs.push(ParamSpec::bias("lstm_b", 4 * hidden).with_init(small()));
    specs.extend(gate("forget", 4.0, 5.0));
    specs.extend(gate("input", input - 0.5, input + 0.5));
    specs
}

/// How many arrays [`cell_specs`] has.
pub(super) const CELL: usize = 7;

/// How many arrays the state of the cells has: the parameters `c: [p, 1]`, the LSTM's `h` and `s: [p, hidden]`, and the gates
/// `f` and `i: [p, 1]` that are fed back.
pub(super) const STATE: usize = 5;

/// Cells that are computed together: so many that what they hold stays in the cache.
const BLOCK: usize = 1024;

/// The states before the first step, for each block of cells around the network's parameters.
pub(super) fn start<'t, T: Real>(params: &[Var<'t, T>], hidden: usize) -> Vec<Vec<Var<'t, T>>> {
    let columns: Vec<_> = params.iter().map(|p| p.reshape(&[p.shape().size(), 1])).collect();
    let c = Var::concat(&columns, 0);
    let cells = c.shape()[0];
    let sizes: Vec<_> = (0..cells).step_by(BLOCK).map(|start| BLOCK.min(cells - start)).collect();
    let around = |c: Var<'t, T>| {
        let zeros = |width| c.tape().full(&[c.shape()[0], width], 0.0);
        vec![c, zeros(hidden), zeros(hidden), zeros(1), zeros(1)]
    };
    c.split(0, &sizes).into_iter().map(around).collect()
}

/// One step: the cells see `u: [p, 4]`, what [`described`] made of loss and gradient `d: [p, 1]`.
///
/// `(h, s) = LSTM(u, h, s)`; `f = w_f·[h, c, f] + b_f` and `i` likewise; `c ← σ(f)·c − σ(i)·d` (Ravi and Larochelle 2017,
/// section 3.2). What is fed back is the gate before its σ, as in the authors' code, or after it, as in the paper.
#[inline(never)]
pub(super) fn step<'t, T: Real>(
    own: &[Var<'t, T>],
    state: &[Var<'t, T>],
    [u, d]: [Var<'t, T>; 2],
    feeds_gates: bool,
) -> Vec<Var<'t, T>> {
    let [c, h, s, f, i] = *state else { panic!("the state of the cells has {STATE} arrays") };
    let [h, s] = lstm_cell(u, [h, s], own[0], own[1], own[2]);
    let gate = |w: Var<'t, T>, b: Var<'t, T>, back: Var<'t, T>| {
        let width = w.shape()[0];
        Var::concat(&[h, c, back], 1).matmul(w.reshape(&[width, 1])) + b
    };
    let (f, i) = (gate(own[3], own[4], f), gate(own[5], own[6], i));
    let c = f.sigmoid() * c - i.sigmoid() * d;
    let back = |gate: Var<'t, T>| if feeds_gates { gate.sigmoid() } else { gate };
    vec![c, h, s, back(f), back(i)]
}

/// What a cell is told of the loss and of its element of the gradient `d: [p, 1]`: for each number `(ln|x|/10, sign x)` where
/// `|x| > e⁻¹⁰`, else `(−1, e¹⁰·x)`. Returns `[p, 4]`.
pub(super) fn described<T: Real>(loss: f64, d: &ArrayD<T>) -> ArrayD<T> {
    let pair = |x: f64| {
        let p = 10.0f64;
        if x.abs() > (-p).exp() { [x.abs().ln() / p, x.signum()] } else { [-1.0, p.exp() * x] }
    };
    let [a, b] = pair(loss);
    let mut u = Array2::zeros((d.len(), INPUTS));
    for (mut row, d) in u.outer_iter_mut().zip(d) {
        let [x, y] = pair(d.as_f64());
        row.iter_mut().zip([a, b, x, y]).for_each(|(to, value)| *to = T::from_f64(value));
    }
    u.into_dyn()
}

/// The network's parameters from the columns `[p, 1]` of all blocks.
pub(super) fn params_of<'t, T: Real>(columns: &[Var<'t, T>], specs: &[ParamSpec]) -> Vec<Var<'t, T>> {
    let sizes: Vec<usize> = specs.iter().map(|spec| spec.shape.iter().product()).collect();
    let parts = Var::concat(columns, 0).split(0, &sizes);
    parts.iter().zip(specs).map(|(part, spec)| part.reshape(&spec.shape)).collect()
}

compiled_here!(T: step::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;
    use crate::tape::Tape;

    #[test]
    fn a_step_has_correct_grads_in_weights_and_state() {
        let shapes: [&[usize]; 14] = [
            &[4, 8],
            &[2, 8],
            &[8],
            &[4],
            &[],
            &[4],
            &[], // weights
            &[3, 1],
            &[3, 2],
            &[3, 2],
            &[3, 1],
            &[3, 1], // state
            &[3, 4],
            &[3, 1], // what is seen
        ];
        for feeds_gates in [false, true] {
            check_grads(&shapes, 2, |x| {
                Var::concat(&step(&x[..CELL], &x[CELL..CELL + STATE], [x[12], x[13]], feeds_gates), 1)
            });
        }
    }

    #[test]
    fn constant_gates_are_gradient_descent() {
        let tape = Tape::<f64>::new();
        let rate = 0.03f64;
        let mut own: Vec<_> = cell_specs(2, rate).iter().map(|spec| tape.full(&spec.shape, 0.0)).collect();
        (own[4], own[6]) = (tape.scalar(40.0), tape.scalar((rate / (1.0 - rate)).ln()));
        let c = tape.leaf(&ndarray::arr1(&[0.5, -2.0]).into_dyn());
        let d = tape.leaf(&ndarray::arr2(&[[3.0], [0.1]]).into_dyn());
        let next = step(&own, &start(&[c], 2)[0], [tape.full(&[2, 4], 0.7), d], false)[0].to_array();
        let want = ndarray::arr2(&[[0.5 - 0.09], [-2.0 - 0.003]]).into_dyn();
        assert!((&next - &want).iter().all(|d| d.abs() < 1e-12), "{next}");
    }

    #[test]
    fn small_numbers_are_described_on_another_scale() {
        let u = described(1.0, &ndarray::arr2(&[[-0.5f64], [1e-6], [0.0]]).into_dyn());
        let want =
            [0.0, 1.0, 0.5f64.ln() / 10.0, -1.0, 0.0, 1.0, -1.0, 1e-6 * 10f64.exp(), 0.0, 1.0, -1.0, 0.0];
        assert!(u.iter().zip(want).all(|(u, want)| (u - want).abs() < 1e-12), "{u}");
    }
}
