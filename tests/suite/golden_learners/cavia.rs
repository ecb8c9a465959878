//! CAVIA.

use innerloop::ndarray::{ArrayD, Axis};
use innerloop::{
    Contextual, FilmConv4, Learned, Learner, Maml, Mlp, Model, NormMode, Order, Progress, Route, meta_grad,
};

use super::case::{Case, difference, largest};

pub fn check(name: &str) -> Option<fn(Case)> {
    match name {
        "cavia" => Some(|mut case| {
            let (hidden, size) = (case.npz.number("hidden"), case.npz.number("context_size"));
            let mlp = Mlp::new(&[1 + size, hidden, hidden, 1]).unwrap();
            hold(case, &Contextual::new(mlp, size));
        }),
        "cavia_film" => Some(|mut case| {
            let [filters, ways, size] = ["filters", "ways", "context_size"].map(|name| case.npz.number(name));
            let shape = case.npz.array::<f32>("x_support").shape().to_vec();
            hold(case, &FilmConv4::new([shape[3], shape[4], shape[2]], filters, ways, size).unwrap());
        }),
        _ => None,
    }
}

fn hold(mut case: Case, model: &dyn Model<f64>) {
    let (episodes, steps, lr) = (case.episodes(), case.npz.number("steps"), case.npz.rate("lr"));
    for route in [Route::Unrolled, Route::Sweep] {
        let learner = Maml::cavia(model, lr, Order::Second, NormMode::Batch).steps(steps).route(route);
        // the context begins at zeros, which no file holds
        let mut specs = Learner::<f64>::specs(&learner);
        let context = specs.pop().unwrap();
        let mut params = case.arrays("init/", &specs);
        params.push(ArrayD::zeros(context.shape));
        let learned: Learned<f64> = params.into();
        let mut meta = meta_grad(&learner, &learned, &episodes, &Progress::default()).unwrap();
        case.assert_number("meta_loss", meta.loss);
        meta.grads.pop();
        let want = case.arrays("gradient/", &specs);
        let unit = largest(&want);
        for ((spec, found), want) in specs.iter().zip(&meta.grads).zip(&want) {
            let error = difference(found, want) / unit;
            assert!(error <= 1e-9, "{} gradient/{}: {error:e}", case.npz.name(), spec.name);
        }
        for (i, episode) in episodes.iter().enumerate() {
            let adapted = learner.adapt(&learned, &episode.support).unwrap();
            let want = case.npz.array::<f64>("context").index_axis_move(Axis(0), i);
            case.assert_equal("context", adapted.array("context").unwrap(), &want);
            let want = case.npz.array::<f64>("logits").index_axis_move(Axis(0), i);
            case.assert_equal(
                "logits",
                &learner.predict_together(&adapted, &episode.query.x).unwrap(),
                &want,
            );
        }
    }
}
