//! Relation networks.

use innerloop::{MapConv4, NormMode, RelationNet};

use super::case::Case;
use super::metric::hold;

pub fn check(name: &str) -> Option<fn(Case)> {
    (name == "relation").then_some(relation)
}

fn relation(mut case: Case) {
    let shape = case.npz.array::<f32>("x_support").shape().to_vec();
    let model = MapConv4::new([shape[3], shape[4], shape[2]], case.npz.number("filters")).unwrap();
    let learner = RelationNet::new(model, NormMode::Batch).hidden(case.npz.number("relation_hidden"));
    let episodes = case.episodes();
    for (prefix, learner) in [("", learner.clone()), ("mean/", learner.mean())] {
        hold(&mut case, prefix, &learner, &episodes, &[]);
    }
}
