//! TADAM.

use innerloop::ndarray::Axis;
use innerloop::{NormMode, Tadam};

use super::case::Case;
use super::metric::hold;

pub fn check(name: &str) -> Option<fn(Case)> {
    (name == "tadam").then_some(tadam)
}

fn tadam(mut case: Case) {
    let (model, episodes) = (case.conv4(false), case.episodes());
    let learner = Tadam::new(&model, NormMode::Batch);
    for (prefix, learner) in [("", learner.clone()), ("root/", learner.plain_distance())] {
        let same = |array| array;
        let row = |array: innerloop::ndarray::ArrayD<f64>| array.insert_axis(Axis(0));
        hold(&mut case, prefix, &learner, &episodes, &[("prototypes", &same), ("encoding", &row)]);
    }
}
