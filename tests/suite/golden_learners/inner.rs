//! Learners that adapt by an inner loop.

use innerloop::ndarray::{Array1, ArrayD};
use innerloop::{
    Activation, AdamRule, Adapts, CurvatureRule, ElementRates, GradientDescent, Learner, Maml, Mlp, Model,
    MomentumRule, MultiStep, NormMode, Order, Progress, RmsPropRule, Route, StepRates, UpdateRule, meta_grad,
};

use super::case::Case;

pub fn check(name: &str) -> Option<fn(Case)> {
    match name {
        "anil" => Some(|mut case| {
            let rule = descent(&mut case);
            hold(case, |maml| maml.adapting(Adapts::Head), rule);
        }),
        "boil" => Some(|mut case| {
            let rule = descent(&mut case);
            hold(case, |maml| maml.adapting(Adapts::Body), rule);
        }),
        "meta_sgd" => Some(|case| hold(case, |maml| maml, ElementRates { low: 0.1, high: 0.1 })),
        "maml_pp" => Some(|mut case| {
            let weights: Vec<f64> = case.npz.array::<f64>("loss_weights").into_iter().collect();
            schedule(&mut case);
            hold(
                case,
                |maml| {
                    let multi_step = MultiStep::given(&weights);
                    maml.adapting(Adapts::NoNorms).norms_by_step().multi_step(multi_step)
                },
                StepRates { lr: 0.1 },
            );
        }),
        "inner_momentum" => Some(|mut case| {
            let rule = MomentumRule { lr: case.npz.rate("lr"), momentum: case.npz.rate("momentum") };
            hold(case, |maml| maml, rule);
        }),
        "inner_adam" | "inner_adam_conv" => Some(|mut case| {
            let [lr, beta1, beta2, eps, eps_root] =
                ["lr", "beta1", "beta2", "eps", "eps_root"].map(|name| case.npz.rate(name));
            hold(case, |maml| maml, AdamRule::new(lr).betas(beta1, beta2).eps(eps, eps_root));
        }),
        "inner_rmsprop" => Some(|mut case| {
            let [lr, alpha, eps] = ["lr", "alpha", "eps"].map(|name| case.npz.rate(name));
            hold(case, |maml| maml, RmsPropRule { lr, alpha, eps });
        }),
        "meta_curvature" => Some(|mut case| {
            let rule = CurvatureRule { lr: case.npz.rate("lr") };
            hold(case, |maml| maml, rule);
        }),
        _ => None,
    }
}

fn descent(case: &mut Case) -> GradientDescent {
    GradientDescent { lr: case.npz.rate("lr") }
}

/// The network of the file, pooled or fully connected with `tanh`.
fn model(case: &mut Case) -> Box<dyn Model<f64>> {
    if case.npz.is::<i64>("y_support") {
        return Box::new(case.conv4(true));
    }
    let hidden = case.npz.number("hidden");
    Box::new(Mlp::new(&[1, hidden, hidden, 1]).unwrap().activation(Activation::Tanh))
}

/// MAML++'s annealed weights in the ten epochs in which they are used. The file goes on with the floor; the authors'
/// code, and ours, then takes the last loss alone.
fn schedule(case: &mut Case) {
    let want = case.npz.array::<f64>("schedule/loss_weights");
    let annealed = MultiStep::annealed(10, 500);
    for (epoch, want) in want.outer_iter().enumerate().take(10) {
        let found = annealed.weights(want.len(), 500 * epoch as u64 + 499);
        case.assert_equal("schedule", &Array1::from_vec(found).into_dyn(), &want.to_owned());
    }
    assert_eq!(annealed.weights(3, 5_000), [0.0, 0.0, 1.0]);
}

/// Holds MAML with a rule to the file: both routes of second order, and first order where the file has it.
fn hold<R: UpdateRule<f64> + Clone>(
    mut case: Case,
    choose: impl Fn(Maml<Box<dyn Model<f64>>>) -> Maml<Box<dyn Model<f64>>>,
    rule: R,
) {
    let (episodes, steps) = (case.episodes(), case.npz.number("steps"));
    let mut learner = |order, route| {
        let maml = Maml::new(model(&mut case), 0.0, order, NormMode::Batch).steps(steps).route(route);
        choose(maml).rule(rule.clone())
    };
    let exact = [Route::Unrolled, Route::Sweep].map(|route| ("", learner(Order::Second, route)));
    let first = ("first_order/", learner(Order::First, Route::Unrolled));
    let mut held = 0;
    for (prefix, learner) in exact.into_iter().chain([first]) {
        if !case.npz.names().iter().any(|name| name.starts_with(&format!("{prefix}gradient/"))) {
            continue;
        }
        held += 1;
        let learned = case.init(&learner);
        let meta = meta_grad(&learner, &learned, &episodes, &Progress::default()).unwrap();
        case.assert_number("meta_loss", meta.loss);
        case.assert_gradient(prefix, &learner, &meta.grads);
        let logits = case.npz.array::<f64>("logits");
        for (i, episode) in episodes.iter().enumerate() {
            let adapted = learner.adapt(&learned, &episode.support).unwrap();
            let found = learner.predict_together(&adapted, &episode.query.x).unwrap();
            let want: ArrayD<f64> = logits.outer_iter().nth(i).unwrap().to_owned();
            // where there is a query loss for each step, the last one is that of the adapted parameters
            let want =
                if want.ndim() == 3 { want.outer_iter().next_back().unwrap().to_owned() } else { want };
            case.assert_equal("logits", &found, &want);
        }
    }
    assert!(held >= 2, "{}: no gradient was held to the file", case.npz.name());
}
