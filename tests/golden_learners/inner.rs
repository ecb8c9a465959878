//! Learners that adapt by an inner loop.

use innerloop::ndarray::ArrayD;
use innerloop::{Adapts, Learner, Maml, NormMode, Order, Progress, Route, Trainable, meta_grad};

use crate::case::Case;

pub fn check(name: &str) -> Option<fn(Case)> {
    match name {
        "anil" => Some(|case| head_or_body(case, Adapts::Head)),
        "boil" => Some(|case| head_or_body(case, Adapts::Body)),
        _ => None,
    }
}

/// Holds a learner made for an order and a route to the file, by all that there are.
fn hold<L: Trainable<f64>>(case: &mut Case, learner: &dyn Fn(Order, Route) -> L) {
    let episodes = case.episodes();
    let exact = [Route::Unrolled, Route::Sweep].map(|route| ("", Order::Second, route));
    for (prefix, order, route) in exact.into_iter().chain([("first_order/", Order::First, Route::Unrolled)]) {
        let learner = learner(order, route);
        let learned = case.init(&learner);
        let meta = meta_grad(&learner, &learned, &episodes, &Progress::default()).unwrap();
        case.assert_number("meta_loss", meta.loss);
        if prefix.is_empty()
            || !learner.specs().is_empty() && case.npz.has(&format!("{prefix}gradient/conv1_w"))
        {
            case.assert_gradient(prefix, &learner, &meta.grads);
        }
        let logits = case.npz.array::<f64>("logits");
        for (i, episode) in episodes.iter().enumerate() {
            let adapted = learner.adapt(&learned, &episode.support).unwrap();
            let found = learner.predict_together(&adapted, &episode.query.x).unwrap();
            let want: ArrayD<f64> = logits.outer_iter().nth(i).unwrap().to_owned();
            case.assert_equal("logits", &found, &want);
        }
    }
}

fn head_or_body(mut case: Case, adapts: Adapts) {
    let (model, lr, steps) = (case.conv4(true), case.npz.rate("lr"), case.npz.number("steps"));
    hold(&mut case, &|order, route| {
        Maml::new(&model, lr, order, NormMode::Batch).steps(steps).route(route).adapting(adapts.clone())
    });
}
