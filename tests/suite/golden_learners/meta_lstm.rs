//! Meta-LSTM.

use innerloop::ndarray::Axis;
use innerloop::{Follows, Learner, MetaLstm, Network, NormMode, Progress, meta_grad};

use super::case::Case;

pub fn check(name: &str) -> Option<fn(Case)> {
    (name == "meta_lstm").then_some(meta_lstm)
}

fn meta_lstm(mut case: Case) {
    let (model, episodes) = (case.conv4(true), case.episodes());
    let learner =
        MetaLstm::new(&model, case.npz.number("steps"), NormMode::Batch).hidden(case.npz.number("hidden"));
    for (prefix, follows) in [("", Follows::Code), ("sigmoid_feedback/", Follows::Paper)] {
        let learner = learner.clone().follows(follows);
        let learned = case.init(&learner);
        let meta = meta_grad(&learner, &learned, &episodes, &Progress::default()).unwrap();
        let loss = case.name(prefix, "meta_loss");
        case.assert_number(&loss, meta.loss);
        case.assert_gradient(prefix, &learner, &meta.grads);
        for (i, episode) in episodes.iter().enumerate() {
            let adapted = learner.adapt(&learned, &episode.support).unwrap();
            let found = learner.predict_together(&adapted, &episode.query.x).unwrap();
            let logits = case.name(prefix, "logits");
            let want = case.npz.array::<f64>(&logits).index_axis_move(Axis(0), i);
            case.assert_equal(&logits, &found, &want);
            if i == 0 {
                let specs = model.specs();
                let want = case.arrays(&format!("{prefix}task0_adapted/"), &specs);
                for (spec, want) in specs.iter().zip(&want) {
                    case.assert_equal(&spec.name, adapted.array(&spec.name).unwrap(), want);
                }
            }
        }
    }
}
