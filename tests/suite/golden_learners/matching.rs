//! Matching networks.

use innerloop::ndarray::{Axis, Slice};
use innerloop::{Learner, MatchingNet, Similarity};

use super::case::Case;
use super::metric::{hold, hold_embeddings, mode};

pub fn check(name: &str) -> Option<fn(Case)> {
    match name {
        "matching" | "matching_fce" => Some(matching),
        _ => None,
    }
}

fn matching(mut case: Case) {
    let (model, episodes) = (case.conv4(false), case.episodes());
    for prefix in ["", "together/"] {
        let plain = MatchingNet::new(&model, mode(prefix)).similarity(Similarity::Cosine);
        let context = case.npz.has("reads");
        let learner = if context { plain.full_context(case.npz.number("reads")) } else { plain };
        hold_embeddings(&mut case, prefix, &model, &episodes);
        hold(&mut case, prefix, &learner, &episodes, &[]);
        // in one batch with the queries the support set has embeddings of its own
        if !context || prefix == "together/" {
            continue;
        }
        let learned = case.init(&learner);
        for (i, episode) in episodes.iter().enumerate() {
            let want = case.npz.array::<f64>("g_support").index_axis_move(Axis(0), i);
            let memory = learner.adapt(&learned, &episode.support).unwrap().array("memory").unwrap().clone();
            let found = memory.slice_axis(Axis(1), Slice::from(..want.shape()[1])).to_owned();
            case.assert_equal("g_support", &found, &want);
        }
    }
}
