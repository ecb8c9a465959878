//! Operations against another framework's: value, gradient and a second derivative, in `f64` to 1e-9.
//!
//! `learners/ops.npz` was computed in float64 by PyTorch 2.15.0. For each operation it holds inputs, the value, a
//! fixed cotangent `u` with the gradient of `⟨u, value⟩`, and fixed directions `v` with the gradient of the sum over
//! inputs of `⟨v, gradient⟩`.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{self, npz::Npz};
use innerloop::ndarray::{Array2, ArrayD};
use innerloop::{Tape, Var, cosine_similarity, grad, grad_values, lstm_cell};

/// What an operation's inputs are called in the file, and how it is computed from them.
type Case = (&'static [&'static str], for<'t> fn(&[Var<'t, f64>]) -> Var<'t, f64>);

fn case(op: &str) -> Option<Case> {
    Some(match op {
        "solve" => (&["a", "b"], |x| x[0].solve(x[1]).unwrap()),
        "solve_spd" => (&["m", "b"], |x| spd(x[0]).solve_spd(x[1]).unwrap()),
        "cholesky" => (&["m"], |x| spd(x[0]).cholesky().unwrap()),
        "logsumexp" => (&["x"], |x| x[0].logsumexp(1)),
        // the file's weights are the transposes of ours
        "lstm_cell" => (&["x", "h", "c", "w_ih", "w_hh", "b"], |x| {
            let state = lstm_cell(x[0], [x[1], x[2]], x[3].transpose(), x[4].transpose(), x[5]);
            Var::concat(&state, 1)
        }),
        "cosine" => (&["a", "b"], |x| cosine_similarity(x[0], x[1])),
        _ => return None,
    })
}

/// `m·mᵀ + I`.
fn spd<'t>(m: Var<'t, f64>) -> Var<'t, f64> {
    m.matmul_t(m) + m.tape().leaf(&Array2::eye(m.shape()[0]).into_dyn())
}

/// The file's arrays of each operation, by what follows the operation's name.
type Golden = BTreeMap<String, BTreeMap<String, ArrayD<f64>>>;

fn read(path: &std::path::Path) -> Golden {
    let mut file = Npz::open(path);
    let mut golden = Golden::new();
    for name in file.names() {
        let (op, rest) = name.split_once('/').unwrap_or_else(|| panic!("array {name:?}"));
        golden.entry(op.into()).or_default().insert(rest.into(), file.array(&name));
    }
    golden
}

fn assert_close(what: &str, found: &ArrayD<f64>, want: &ArrayD<f64>) {
    assert_eq!(found.shape(), want.shape(), "{what}");
    let size = want.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    assert!(size > 0.0, "{what} is all zeros and proves nothing");
    let error = found.iter().zip(want).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
    assert!(error <= 1e-9 * size, "{what} differs by {error:e} where its largest element is {size:e}");
}

#[test]
fn every_operation_of_the_file_agrees_to_order_2() {
    let Some(path) = common::golden() else { return };
    let path = path.join("learners/ops.npz");
    let golden = read(&path);
    assert!(!golden.is_empty(), "{} holds no operation", path.display());
    for (op, arrays) in &golden {
        let (names, f) =
            case(op).unwrap_or_else(|| panic!("the file has operation {op:?}, this test does not"));
        let listed: BTreeSet<_> = arrays.keys().filter_map(|k| k.strip_prefix("input/")).collect();
        assert_eq!(listed, names.iter().copied().collect(), "inputs of {op}");
        let of = |kind: &str, name: &str| &arrays[&format!("{kind}/{name}")];

        let tape = Tape::new();
        let x: Vec<_> = names.iter().map(|name| tape.leaf(of("input", name))).collect();
        let y = f(&x);
        assert_close(&format!("{op}: value"), &y.to_array(), &arrays["value"]);
        let gradient = grad((y * tape.leaf(&arrays["u"])).sum(), &x);
        let along = gradient.iter().zip(names).map(|(&g, name)| (g * tape.leaf(of("v", name))).sum());
        let second = grad_values(along.reduce(|a, b| a + b).unwrap(), &x);
        for ((name, gradient), second) in names.iter().zip(&gradient).zip(&second) {
            assert_close(&format!("{op}: gradient in {name}"), &gradient.to_array(), of("gradient", name));
            assert_close(&format!("{op}: second derivative in {name}"), second, of("second", name));
        }
        println!("{op}: value, gradient and second derivative agree");
    }
}
