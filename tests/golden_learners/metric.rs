//! Learners that compare embeddings.

use innerloop::{Distance, Learner, NormMode, Progress, ProtoNet, meta_grad};

use crate::case::Case;

pub fn check(name: &str) -> Option<fn(Case)> {
    match name {
        "protonet" => Some(|case| protonet(case, Distance::SquaredEuclidean)),
        "protonet_cosine" => Some(|case| protonet(case, Distance::Cosine { scale: 1.0 })),
        _ => None,
    }
}

fn protonet(mut case: Case, distance: Distance) {
    let (model, episodes) = (case.conv4(false), case.episodes());
    for (prefix, norm) in [("", NormMode::Batch), ("together/", NormMode::Together)] {
        if !prefix.is_empty() && !case.npz.has("together/meta_loss") {
            continue;
        }
        let learner = ProtoNet::new(&model, norm).distance(distance);
        let learned = case.init(&learner);
        let meta = meta_grad(&learner, &learned, &episodes, &Progress::default()).unwrap();
        case.assert_number(&format!("{prefix}meta_loss"), meta.loss);
        case.assert_gradient(prefix, &learner, &meta.grads);
        if prefix.is_empty() {
            let prototypes = case.npz.array::<f64>("prototypes");
            let logits = case.npz.array::<f64>("logits");
            for (i, episode) in episodes.iter().enumerate() {
                let adapted = learner.adapt(&learned, &episode.support).unwrap();
                let task = |a: &innerloop::ndarray::ArrayD<f64>| a.outer_iter().nth(i).unwrap().to_owned();
                case.assert_equal("prototypes", adapted.array("prototypes").unwrap(), &task(&prototypes));
                let found = learner.predict_together(&adapted, &episode.query.x).unwrap();
                case.assert_equal("logits", &found, &task(&logits));
            }
        }
    }
}
