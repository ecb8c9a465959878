//! iMAML.

use innerloop::ndarray::{Array1, ArrayD, Axis};
use innerloop::{
    Activation, Framework, Imaml, Mlp, Network, NormMode, ParamSpec, export_params, import_params,
};

use super::case::Case;

pub fn check(name: &str) -> Option<fn(Case)> {
    (name == "imaml").then_some(imaml)
}

/// Our arrays as the file has them: one after the other, in PyTorch's layout, row by row.
fn flat(specs: &[ParamSpec], arrays: &[ArrayD<f64>]) -> ArrayD<f64> {
    let theirs = export_params(Framework::PyTorch, specs, arrays).unwrap();
    Array1::from_iter(theirs.iter().flatten().copied()).into_dyn()
}

fn imaml(mut case: Case) {
    let hidden = case.npz.number("hidden");
    let model = Mlp::new(&[1, hidden, hidden, 1]).unwrap().activation(Activation::Tanh);
    let (specs, episodes) = (model.specs(), case.episodes());
    let learner =
        Imaml::new(&model, case.npz.rate("lam"), NormMode::Batch).cg_steps(case.npz.number("cg_steps"));
    // far more iterations than unknowns: as exact as rounding lets it be
    let exact = learner.clone().cg_steps(400);
    let mut sums = [ArrayD::zeros(vec![0]), ArrayD::zeros(vec![0])];
    for (i, episode) in episodes.iter().enumerate() {
        let of_task = |case: &mut Case, name: &str| case.npz.array::<f64>(name).index_axis_move(Axis(0), i);
        let phi: Vec<_> =
            specs.iter().map(|spec| of_task(&mut case, &format!("adapted/{}", spec.name))).collect();
        let phi = import_params(Framework::PyTorch, &specs, &phi).unwrap();
        let [found, few] = [&exact, &learner].map(|learner| learner.implicit(&phi, episode).unwrap());
        let loss = of_task(&mut case, "query_loss").sum();
        assert!((found.score.loss / loss - 1.0).abs() < 1e-9, "{} for {loss}", found.score.loss);
        let exact = flat(&specs, &found.solved.x);
        let few_x = flat(&specs, &few.solved.x);
        for (name, found) in
            [("query_gradient", &flat(&specs, &found.query_gradient)), ("exact", &exact), ("cg", &few_x)]
        {
            let want = of_task(&mut case, name);
            case.assert_equal(name, found, &want);
        }
        let residual = of_task(&mut case, "cg_residual").sum();
        assert!(
            (few.solved.residual / residual - 1.0).abs() < 1e-9,
            "{} for {residual}",
            few.solved.residual
        );
        assert_eq!(few.solved.iterations, learner.cg_steps);
        for (sum, x) in sums.iter_mut().zip([exact, few_x]) {
            *sum = if i == 0 { x } else { &*sum + &x };
        }
    }
    for (prefix, sum) in ["gradient/", "cg_gradient/"].iter().zip(sums) {
        let want = case.arrays(prefix, &specs);
        case.assert_equal(prefix, &(sum / episodes.len() as f64), &flat(&specs, &want));
    }
}
