//! Every public operation, checked in one list: against finite differences, and every way
//! to take its derivative against the others. A test fails if an operation is missing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use innerloop::{
    ConvBlock, Key, Positions, Var, check_grads_all, cosine_similarity, cross_entropy, lstm_cell, mse, where_,
};

type Function = for<'t> fn(&[Var<'t, f64>]) -> Vec<Var<'t, f64>>;

/// An operation's name, the shapes of its inputs, the highest order to check, and its use.
struct Row(&'static str, &'static [&'static [usize]], usize, Function);

const BLOCK: ConvBlock = ConvBlock { stride: [1, 1], pad: [1, 1], eps: 1e-5, window: [2, 2] };

/// `m·mᵀ + I`, whatever `m` is.
fn positive<'t>(m: Var<'t, f64>) -> Var<'t, f64> {
    m.matmul_t(m) + identity(m)
}

fn identity<'t>(m: Var<'t, f64>) -> Var<'t, f64> {
    let n = m.shape()[0];
    m.tape().one_hot(&(0..n).collect::<Vec<_>>(), n)
}

#[rustfmt::skip] // a row per operation
const OPERATIONS: &[Row] = &[
    Row("add", &[&[3, 5], &[5]], 2, |x| vec![(x[0] + x[1] + 2.0).tanh()]),
    Row("sub", &[&[3, 5], &[3, 1]], 2, |x| vec![(3.0 - (x[0] - x[1])).tanh()]),
    Row("mul", &[&[3, 5], &[5]], 3, |x| vec![x[0] * x[1] * 0.7]),
    Row("div", &[&[3, 5], &[5]], 2, |x| vec![2.0 / x[0] + x[0] / (x[1] * 3.0)]),
    Row("neg", &[&[3, 5]], 2, |x| vec![(-x[0]).tanh()]),
    Row("minus_scaled", &[&[3, 5], &[3, 5]], 2, |x| vec![x[0].minus_scaled(0.3, x[1]).tanh()]),
    Row("alias", &[&[3]], 2, |x| vec![x[0].alias() * x[0]]),
    Row("broadcast_to", &[&[3, 1]], 2, |x| vec![x[0].broadcast_to(&[2, 3, 5]).tanh()]),
    Row("sum_to", &[&[2, 3, 5]], 2, |x| vec![x[0].sum_to(&[3, 1]).tanh()]),
    Row("exp", &[&[3, 5]], 3, |x| vec![x[0].exp()]),
    Row("ln", &[&[3, 5]], 3, |x| vec![(x[0] * x[0] + 0.3).ln()]),
    Row("sqrt", &[&[3, 5]], 3, |x| vec![(x[0] * x[0] + 0.3).sqrt()]),
    Row("tanh", &[&[3, 5]], 3, |x| vec![x[0].tanh()]),
    Row("sigmoid", &[&[3, 5]], 3, |x| vec![x[0].sigmoid()]),
    Row("softplus", &[&[3, 5]], 3, |x| vec![x[0].softplus()]),
    Row("abs", &[&[3, 5]], 2, |x| vec![(x[0] * x[0].abs()).tanh()]),
    Row("relu", &[&[3, 5]], 2, |x| vec![x[0].relu().tanh()]),
    Row("leaky_relu", &[&[3, 5]], 2, |x| vec![x[0].leaky_relu(0.1).tanh()]),
    Row("clamp", &[&[3, 5]], 2, |x| vec![(x[0] * x[0].tanh()).clamp(-0.1, 0.6)]),
    Row("powf", &[&[3, 5]], 3, |x| vec![(x[0] * x[0] + 0.3).powf(-1.7)]),
    Row("powi", &[&[3, 5]], 3, |x| vec![x[0].powi(3)]),
    Row("maximum", &[&[3, 5], &[5]], 2, |x| vec![x[0].maximum(x[1]).tanh()]),
    Row("minimum", &[&[3, 5], &[5]], 2, |x| vec![x[0].minimum(x[1]).tanh()]),
    Row("where_", &[&[3, 5], &[3, 5]], 2, |x| vec![where_(&x[0].gt(x[1]), x[0], x[1] * x[0]).tanh()]),
    Row("sum", &[&[3, 5]], 2, |x| vec![x[0].sum().tanh()]),
    Row("mean", &[&[3, 5]], 2, |x| vec![x[0].mean().tanh()]),
    Row("sum_axes", &[&[3, 2, 5]], 2, |x| vec![x[0].sum_axes(&[0, 2]).tanh()]),
    Row("mean_axes", &[&[3, 2, 5]], 2, |x| vec![x[0].mean_axes(&[1]).tanh()]),
    Row("var_axes", &[&[3, 2, 5]], 2, |x| vec![x[0].var_axes(&[0, 1]).tanh()]),
    Row("sum_axes_kept", &[&[3, 2, 5]], 2, |x| vec![x[0].sum_axes_kept(&[0, 2]).tanh()]),
    Row("mean_axes_kept", &[&[3, 2, 5]], 2, |x| vec![x[0].mean_axes_kept(&[1]).tanh()]),
    Row("var_axes_kept", &[&[3, 2, 5]], 2, |x| vec![x[0].var_axes_kept(&[0, 1]).tanh()]),
    Row("max_axis", &[&[3, 2, 5]], 2, |x| vec![x[0].max_axis(1).tanh()]),
    Row("max_axis_kept", &[&[3, 2, 5]], 2, |x| vec![x[0].max_axis_kept(2).tanh()]),
    Row("min_axis", &[&[3, 2, 5]], 2, |x| vec![x[0].min_axis(0).tanh()]),
    Row("min_axis_kept", &[&[3, 2, 5]], 2, |x| vec![x[0].min_axis_kept(1).tanh()]),
    Row("logsumexp", &[&[3, 5]], 3, |x| vec![x[0].logsumexp(1)]),
    Row("norm", &[&[3, 5]], 2, |x| vec![x[0].norm(&[1]).tanh()]),
    Row("norm_kept", &[&[3, 5]], 2, |x| vec![x[0].norm_kept(&[0]).tanh()]),
    Row("cosine_similarity", &[&[3, 5], &[2, 5]], 2, |x| vec![cosine_similarity(x[0], x[1])]),
    Row("reshape", &[&[2, 3, 5]], 2, |x| vec![x[0].reshape(&[5, 6]).tanh()]),
    Row("permute", &[&[2, 3, 5]], 2, |x| vec![x[0].permute(&[2, 0, 1]).tanh()]),
    Row("transpose", &[&[2, 3, 5]], 2, |x| vec![x[0].transpose().tanh()]),
    Row("slice", &[&[5, 3]], 2, |x| vec![x[0].slice(&[1..4, 0..2]).tanh()]),
    Row("pad", &[&[5, 3]], 2, |x| vec![(x[0].pad(&[(1, 0), (2, 3)]) + 0.5).tanh()]),
    Row("concat", &[&[2, 3], &[2, 1]], 2, |x| vec![Var::concat(x, 1).tanh()]),
    Row("stack", &[&[2, 3], &[2, 3]], 2, |x| vec![Var::stack(x, 1).tanh()]),
    Row("split", &[&[5, 3]], 2, |x| x[0].tanh().split(0, &[2, 3])),
    Row("gather", &[&[2, 3]], 3, |x| vec![x[0].gather(&Positions::from([3, 0, 3, 5]), &[2, 2]).tanh()]),
    Row("scatter_add", &[&[4]], 3, |x| vec![x[0].scatter_add(&Positions::from([3, 0, 3, 5]), &[2, 3]).sigmoid()]),
    Row("index_select", &[&[3, 2]], 2, |x| vec![x[0].index_select(&[2, 0, 2, 1]).tanh()]),
    Row("matmul", &[&[3, 5], &[5, 2]], 3, |x| vec![x[0].matmul(x[1])]),
    Row("matmul_t", &[&[4, 3, 5], &[4, 2, 5]], 2, |x| vec![x[0].matmul_t(x[1]).tanh()]),
    Row("matmul_with", &[&[5, 3], &[2, 5]], 3, |x| vec![x[0].matmul_with(x[1], true, true)]),
    Row("linear", &[&[3, 5], &[5, 2], &[2]], 2, |x| vec![x[0].linear(x[1], x[2]).tanh()]),
    Row("linear_relu", &[&[3, 5], &[5, 2], &[2]], 2, |x| vec![x[0].linear_relu(x[1], x[2]).tanh()]),
    Row("solve", &[&[3, 3], &[3, 2]], 2, |x| vec![(x[0] + 3.0 * identity(x[0])).solve(x[1]).unwrap()]),
    Row("solve_spd", &[&[3, 3], &[3, 2]], 2, |x| vec![positive(x[0]).solve_spd(x[1]).unwrap()]),
    Row("cholesky", &[&[3, 3]], 2, |x| vec![positive(x[0]).cholesky().unwrap()]),
    Row("solve_triangular", &[&[3, 3], &[3, 2]], 2, |x| {
        vec![(x[0] + 3.0 * identity(x[0])).solve_triangular(x[1], false).unwrap()]
    }),
    Row("tril", &[&[3, 3]], 2, |x| vec![x[0].tril().tanh()]),
    Row("conv1d", &[&[2, 7, 3], &[3, 3, 2]], 2, |x| vec![x[0].conv1d(x[1], 2, 1).tanh()]),
    Row("conv2d", &[&[2, 5, 4, 3], &[3, 3, 3, 2]], 3, |x| vec![x[0].conv2d(x[1], [2, 1], [1, 1])]),
    Row("drop_block", &[&[2, 5, 5, 3]], 3, |x| vec![x[0].drop_block(0.3, 2, Key::new(1)).tanh()]),
    Row("conv_block", &[&[2, 4, 4, 2], &[3, 3, 2, 3], &[3], &[3]], 3, |x| {
        vec![x[0].conv_block(x[1], x[2], x[3], BLOCK).tanh()]
    }),
    Row("max_pool2d", &[&[2, 7, 7, 3]], 2, |x| vec![x[0].max_pool2d([2, 2], [2, 2]).tanh()]),
    Row("avg_pool2d", &[&[2, 5, 7, 2]], 2, |x| vec![x[0].avg_pool2d([3, 2], [1, 2]).tanh()]),
    Row("global_mean2d", &[&[2, 3, 5, 2]], 2, |x| vec![x[0].global_mean2d().tanh()]),
    Row("scale_channels", &[&[2, 3, 5], &[5]], 3, |x| vec![x[0].scale_channels(x[1])]),
    Row("dot_channels", &[&[2, 3, 5], &[2, 3, 5]], 3, |x| vec![x[0].dot_channels(x[1])]),
    Row("affine_channels", &[&[2, 3, 5], &[5], &[5]], 2, |x| vec![x[0].affine_channels(x[1], x[2]).tanh()]),
    Row("standardize", &[&[3, 2, 2, 3]], 3, |x| vec![x[0].standardize(1e-5).tanh()]),
    Row("batch_norm", &[&[4, 3], &[3], &[3]], 2, |x| vec![x[0].batch_norm(x[1], x[2], 1e-5).tanh()]),
    Row("batch_norm_with", &[&[4, 3], &[3], &[3], &[3], &[3]], 2, |x| {
        vec![x[0].batch_norm_with(x[1], x[2], x[3], x[4] * x[4], 1e-5).tanh()]
    }),
    Row("layer_norm", &[&[4, 5], &[5], &[5]], 2, |x| vec![x[0].layer_norm(x[1], x[2], 1e-5).tanh()]),
    Row("conv_norm_pool", &[&[2, 4, 4, 2], &[3, 3, 2, 3], &[3], &[3]], 3, |x| {
        vec![x[0].conv_norm_pool(x[1], x[2], x[3], BLOCK).tanh()]
    }),
    Row("batch_norm_pool", &[&[2, 4, 4, 3], &[3], &[3]], 3, |x| {
        vec![x[0].batch_norm_pool(x[1], x[2], 1e-5, [2, 2]).tanh()]
    }),
    Row("batch_norm_relu_pool", &[&[2, 4, 4, 3], &[3], &[3]], 3, |x| {
        vec![x[0].batch_norm_relu_pool(x[1], x[2], 1e-5, [2, 2]).tanh()]
    }),
    Row("affine_relu_pool", &[&[2, 5, 4, 3], &[3], &[3]], 2, |x| {
        vec![x[0].affine_relu_pool(x[1], x[2], [2, 2]).tanh()]
    }),
    Row("softmax", &[&[3, 5]], 3, |x| vec![x[0].softmax()]),
    Row("log_softmax", &[&[3, 5]], 3, |x| vec![x[0].log_softmax()]),
    Row("cross_entropy", &[&[4, 3]], 3, |x| vec![cross_entropy(x[0], &[2, 0, 1, 1])]),
    Row("mse", &[&[4, 3], &[4, 3]], 3, |x| vec![mse(x[0].tanh(), x[1])]),
    Row("dropout", &[&[7, 5]], 2, |x| vec![x[0].dropout(0.4, Key::new(3)).tanh()]),
    Row("lstm_cell", &[&[2, 3], &[2, 2], &[2, 2], &[3, 8], &[2, 8], &[8]], 2, |x| {
        lstm_cell(x[0], [x[1], x[2]], x[3], x[4], x[5]).to_vec()
    }),
];

/// Public functions of `ops` that return no variable with a derivative.
const PLAIN: &[&str] = &[
    "accuracy", "argmax", "one_hot", // results without a derivative
    "gt", "ge", "lt", "le", "eq", "bitand", "bitor", "shape", "to_vec", "count", // masks
    "new", "with", // keys
];

#[test]
fn every_operation_has_correct_derivatives_under_every_sweep() {
    for Row(name, shapes, order, f) in OPERATIONS {
        println!("{name}"); // shown if it fails
        check_grads_all(shapes, *order, f);
    }
}

/// The names of all public functions in `src/ops`, those that macros make included.
fn public_operations() -> BTreeSet<String> {
    fn texts(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                texts(&path, found);
            } else {
                found.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut all = Vec::new();
    texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops"), &mut all);
    let mut names = BTreeSet::new();
    for text in all {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for line in code.lines().map(str::trim) {
            let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if let Some(rest) = line.strip_prefix("pub fn ") {
                names.insert(word(rest));
            }
            // a row of a table: `Name, method, ...;` or `Name, Trait, method, ...;`
            let columns: Vec<_> = line.split(',').map(str::trim).collect();
            let is = |c: &str, first: fn(&char) -> bool| c.chars().next().is_some_and(|f| first(&f));
            let plain = |c: &str| !c.is_empty() && c.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let upper = |c: &str| plain(c) && is(c, char::is_ascii_uppercase);
            let lower = |c: &str| plain(c) && is(c, char::is_ascii_lowercase);
            match columns[..] {
                [a, b, _, ..] if upper(a) && lower(b) && line.ends_with(';') => names.insert(b.into()),
                [a, b, c, _, ..] if upper(a) && upper(b) && lower(c) && line.ends_with(';') => {
                    names.insert(c.into())
                }
                _ => false,
            };
        }
    }
    names.remove(""); // `pub fn $method`
    names
}

#[test]
fn no_operation_is_missing_from_the_list() {
    let mut listed: BTreeSet<String> = OPERATIONS.iter().map(|row| row.0.to_string()).collect();
    listed.extend(PLAIN.iter().map(|name| name.to_string()));
    let found = public_operations();
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?} have no row in tests/operations.rs");
    assert!(found.len() > 80 && found.contains("tanh") && found.contains("add"), "{found:?}");
}
