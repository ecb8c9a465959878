//! Learners that are not the derivative of a query loss.

use innerloop::ndarray::{ArrayD, Axis};
use innerloop::{
    Adam, Adapted, Baseline, Conv4, Downsample, Examples, HeadFit, Learned, Learner, Model, Network,
    NormMode, Optimizer, OptimizerState, Progress, Reptile, Score, Sgd, images_from_channels_first,
    meta_grad,
};

use super::case::{Case, difference, largest};

pub fn check(name: &str) -> Option<fn(Case)> {
    match name {
        "baseline_pp" => Some(baseline_pp),
        "reptile" => Some(reptile),
        _ => None,
    }
}

fn labels(y: &ArrayD<i64>) -> Vec<usize> {
    y.iter().map(|&l| usize::try_from(l).unwrap()).collect()
}

fn baseline_pp(mut case: Case) {
    let (body, classes) = (case.conv4(false), case.npz.number("base_classes"));
    let fit = HeadFit::default()
        .lr(case.npz.rate("lr"))
        .momentum(case.npz.rate("momentum"), case.npz.rate("dampening"))
        .weight_decay(case.npz.rate("weight_decay"))
        .epochs(case.npz.number("finetune_steps"), None);
    let learner = Baseline::plus_plus(&body, classes, NormMode::Batch).fit(fit);
    let learned = case.init(&learner);

    let labels_of_base = labels(&case.npz.array::<i64>("y_base"));
    let base = Examples::labelled(case.images("x_base"), labels_of_base, classes);
    let meta = meta_grad(&learner, &learned, std::slice::from_ref(&base), &Progress::default()).unwrap();
    case.assert_number("base_loss", meta.loss);
    case.assert_gradient("", &learner, &meta.grads);

    // the head of training as an adapted learner's gives the logits of training
    let whole = learned.params.iter().zip(Learner::<f64>::specs(&learner));
    let trained = Adapted::new(whole.map(|(array, spec)| (spec.name, array.clone())));
    let found = learner.predict_together(&trained, &base.x).unwrap();
    case.assert_array("base_logits", &found);

    let init_w = case.npz.array::<f32>("finetune_init_w").mapv(f64::from);
    let scale = learned.params.last().unwrap();
    let (z, w, logits, losses) = (
        case.npz.array::<f64>("z_support"),
        case.npz.array::<f64>("finetuned_w"),
        case.npz.array::<f64>("logits"),
        case.npz.array::<f64>("query_loss"),
    );
    for (i, episode) in case.episodes().iter().enumerate() {
        let task = |a: &ArrayD<f64>| a.index_axis(Axis(0), i).to_owned();
        let ways = episode.ways().unwrap();
        let support = episode.support.y.labels().unwrap().to_vec();
        let support = Examples::labelled(task(&z), support, ways);
        let head = learner.fit_head(vec![init_w.clone(), scale.clone()], &support).unwrap();
        case.assert_equal("finetuned_w", &head[0], &task(&w));
        assert_eq!(head[1], *scale);
        // the embedding that `adapt` makes is the file's: the same head fits it
        let adapted = learner.adapt(&learned, &episode.support).unwrap();
        let specs = body.specs();
        let fitted = Adapted::of_params(&specs, adapted.params(&specs).unwrap())
            .with("head_w", head[0].clone())
            .with("scale", head[1].clone());
        let found = learner.predict_together(&fitted, &episode.query.x).unwrap();
        case.assert_equal("logits", &found, &task(&logits));
        let loss = Score::of(&found, &episode.query.y).loss;
        assert!((loss / losses[i] - 1.0).abs() < 1e-9, "query_loss {i}: {loss}");
    }
}

fn reptile(mut case: Case) {
    let adam =
        Adam::default().betas(case.npz.rate("beta1"), case.npz.rate("beta2")).eps(case.npz.rate("eps"));
    let sgd = Sgd::new(0.0);
    let (sgd_lr, adam_lr) = (case.npz.rate("sgd_lr"), case.npz.rate("adam_lr"));
    reptile_kind(&mut case, "sgd", sgd_lr, sgd, false);
    reptile_kind(&mut case, "adam", adam_lr, adam, false);
    reptile_kind(&mut case, "adam_carried", adam_lr, adam, true);
}

fn reptile_kind(case: &mut Case, kind: &str, lr: f64, optimizer: impl Optimizer<f64> + Copy, carried: bool) {
    let (x, y) = (case.npz.array::<f32>("x").mapv(f64::from), case.npz.array::<i64>("y"));
    let (batches, ways) = (case.npz.array::<i64>("batches"), case.npz.number("ways"));
    let [c, h, w] = [3, 4, 5].map(|axis| x.shape()[axis]);
    let model = Conv4::new([h, w, c], case.npz.number("filters"), Downsample::MaxPool, Some(ways)).unwrap();
    let learner = Reptile::new(&model, lr).optimizer(optimizer);
    let learned: Learned<f64> = case.init(&learner);
    let specs = model.specs();

    let mut theta = learned.params;
    let fresh = || optimizer.init(&model.init(0));
    // The file hands the state from task to task: so does this, which is training with meta-batches of one task but
    // for θ, which stands still within an outer step of the file.
    let mut state: OptimizerState<f64> = fresh();
    for outer in 0..case.npz.number("outer_steps") {
        let mut sum: Vec<ArrayD<f64>> = theta.iter().map(|t| ArrayD::zeros(t.raw_dim())).collect();
        let tasks = case.npz.number("tasks");
        for task in 0..tasks {
            let of_task = |a: &ArrayD<i64>| a.index_axis(Axis(0), outer).index_axis(Axis(0), task).to_owned();
            let images = x.index_axis(Axis(0), outer).index_axis(Axis(0), task).to_owned();
            let images = images_from_channels_first(&images).unwrap();
            let examples = Examples::labelled(images, labels(&of_task(&y)), ways);
            let batches: Vec<_> = of_task(&batches).outer_iter().map(|b| labels(&b.to_owned())).collect();
            let from = if carried { state } else { fresh() };
            let fitted = learner.fit(&theta, &examples, &batches, from).unwrap();
            state = fitted.state;
            for (sum, phi) in sum.iter_mut().zip(&fitted.params) {
                *sum += phi;
            }
        }
        let rate = case.npz.rate("meta_step");
        for (theta, sum) in theta.iter_mut().zip(sum) {
            *theta += &((sum / tasks as f64 - &*theta) * rate);
        }
        let want = case.arrays(&format!("{kind}/after{}/", outer + 1), &specs);
        for ((spec, found), want) in specs.iter().zip(&theta).zip(&want) {
            if kind != "sgd" && spec.name.starts_with("conv") && spec.name.ends_with("_b") {
                continue; // their gradient is zero in exact arithmetic: the file holds rounding that Adam magnified
            }
            let unit = largest(std::slice::from_ref(want)).max(1e-3);
            let error = difference(found, want) / unit;
            assert!(error <= 1e-9, "{kind}, outer step {outer}, {}: {error:e}", spec.name);
        }
    }
    let tasks = case.npz.number("outer_steps") * case.npz.number("tasks");
    let steps = case.npz.number("inner_steps") * if carried { tasks } else { 1 };
    assert_eq!(state.step, steps as u64, "{kind}");
}
