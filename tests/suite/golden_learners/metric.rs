//! Learners that compare embeddings.

use innerloop::ndarray::{ArrayD, Axis};
use innerloop::{
    Conv4, Distance, Episode, Follows, Model, Network, Norm, NormMode, Progress, ProtoNet, R2d2, Refinement,
    SemiProtoNet, Tape, Trainable, Var, meta_grad,
};

use super::case::Case;

pub fn check(name: &str) -> Option<fn(Case)> {
    match name {
        "protonet" => Some(|case| protonet(case, Distance::SquaredEuclidean)),
        "protonet_cosine" => Some(|case| protonet(case, Distance::Cosine { scale: 1.0 })),
        "r2d2" => Some(r2d2),
        "semi_soft" => Some(|case| {
            let runs = [("", Follows::Paper), ("stopped/", Follows::Code), ("together/", Follows::Paper)];
            semi(case, Refinement::SoftKMeans, runs)
        }),
        "semi_distractor" => Some(|case| {
            let runs = [("", Follows::Code), ("paper/", Follows::Paper), ("together/", Follows::Code)];
            semi(case, Refinement::Distractor { radius: 100.0 }, runs)
        }),
        "semi_masked" => Some(|mut case| {
            let runs = [("", Follows::Paper), ("code/", Follows::Code), ("together/", Follows::Paper)];
            let hidden = case.npz.number("mask_hidden");
            semi(case, Refinement::Masked { hidden }, runs)
        }),
        _ => None,
    }
}

/// Arrays of what was adapted that the file has too, and what makes ours of the file's.
pub type Shown<'a> = &'a [(&'a str, &'a dyn Fn(ArrayD<f64>) -> ArrayD<f64>)];

fn same(array: ArrayD<f64>) -> ArrayD<f64> {
    array
}

/// The mode of a run.
pub fn mode(prefix: &str) -> NormMode {
    if prefix == "together/" { NormMode::Together } else { NormMode::Batch }
}

/// Holds one run to the file: loss and gradient, for each task the logits and what was adapted.
pub fn hold(
    case: &mut Case,
    prefix: &str,
    learner: &dyn Trainable<f64>,
    episodes: &[Episode<f64>],
    shown: Shown<'_>,
) {
    let learned = case.init(learner);
    let meta = meta_grad(learner, &learned, episodes, &Progress::default()).unwrap();
    let loss = case.name(prefix, "meta_loss");
    case.assert_number(&loss, meta.loss);
    case.assert_gradient(prefix, learner, &meta.grads);
    let logits = case.name(prefix, "logits");
    for (i, episode) in episodes.iter().enumerate() {
        let want = case.npz.array::<f64>(&logits).index_axis_move(Axis(0), i);
        let adapted = learner.adapt(&learned, &episode.support).unwrap();
        let found = learner.predict_together(&adapted, &episode.query.x).unwrap();
        case.assert_equal(&logits, &found, &want);
        // at test time the queries are not in the support set's batch: no array of the file is that
        for (name, ours) in shown.iter().filter(|_| prefix != "together/") {
            let file = case.name(prefix, name);
            let want = ours(case.npz.array::<f64>(&file).index_axis_move(Axis(0), i));
            case.assert_equal(&file, adapted.array(name).unwrap(), &want);
        }
    }
}

/// Embeddings `[n, d]` of the file, channels first, in our order. Row `d` of ridge weights, the bias, stays last.
fn features(z: &ArrayD<f64>, axis: usize, filters: usize) -> ArrayD<f64> {
    let n = z.shape()[axis];
    let (d, positions) = (n - n % filters, n / filters);
    let order: Vec<_> = (0..d).map(|at| (at % filters) * positions + at / filters).chain(d..n).collect();
    z.select(Axis(axis), &order)
}

/// Holds the embeddings of each set to the file's, apart or in one batch.
pub fn hold_embeddings(case: &mut Case, prefix: &str, model: &Conv4, episodes: &[Episode<f64>]) {
    let (filters, specs) = (case.npz.number("filters"), Network::specs(model));
    let params = case.arrays("init/", &specs);
    for (i, episode) in episodes.iter().enumerate() {
        let tape = Tape::new();
        let theta = tape.leaves(&params);
        let (support, query) = (&episode.support, &episode.query);
        let sets = [
            ("support", Some(&support.x)),
            ("unlabelled", support.unlabelled.as_ref()),
            ("query", Some(&query.x)),
        ];
        let sets =
            sets.iter().filter_map(|&(name, x)| x.map(|x| (name, tape.constant(x)))).collect::<Vec<_>>();
        let leaves: Vec<_> = sets.iter().map(|(_, x)| *x).collect();
        let z = if prefix == "together/" {
            let counts: Vec<_> = leaves.iter().map(|x| x.shape()[0]).collect();
            model.forward(&theta, Var::concat(&leaves, 0), Norm::Batch).split(0, &counts)
        } else {
            leaves.iter().map(|&x| model.forward(&theta, x, Norm::Batch)).collect()
        };
        for ((set, _), z) in sets.iter().zip(z) {
            let name = case.name(prefix, &format!("z_{set}"));
            let want = case.npz.array::<f64>(&name).index_axis_move(Axis(0), i);
            case.assert_equal(&name, &z.to_array(), &features(&want, 1, filters));
        }
    }
}

fn protonet(mut case: Case, distance: Distance) {
    let (model, episodes) = (case.conv4(false), case.episodes());
    let filters = case.npz.number("filters");
    for prefix in ["", "together/"] {
        if !prefix.is_empty() && !case.npz.has("together/meta_loss") {
            continue;
        }
        let learner = ProtoNet::new(&model, mode(prefix)).distance(distance);
        hold_embeddings(&mut case, prefix, &model, &episodes);
        hold(&mut case, prefix, &learner, &episodes, &[("prototypes", &|p| features(&p, 1, filters))]);
    }
}

fn r2d2(mut case: Case) {
    let (model, episodes) = (case.conv4(false), case.episodes());
    let filters = case.npz.number("filters");
    for prefix in ["", "together/"] {
        hold_embeddings(&mut case, prefix, &model, &episodes);
        let learner = R2d2::new(&model, mode(prefix));
        hold(&mut case, prefix, &learner, &episodes, &[("weights", &|w| features(&w, 0, filters))]);
    }
}

fn semi(mut case: Case, refinement: Refinement, runs: [(&str, Follows); 3]) {
    let (model, episodes) = (case.conv4(false), case.episodes());
    assert!(episodes.iter().all(|episode| episode.support.unlabelled.is_some()));
    let filters = case.npz.number("filters");
    let prototypes = |p| features(&p, 1, filters);
    let all: Shown<'_> =
        &[("prototypes", &prototypes), ("assignment", &same), ("mask", &same), ("statistics", &same)];
    let in_file: Vec<_> = all.iter().copied().filter(|(name, _)| case.npz.has(name)).collect();
    assert!(in_file.len() >= 2, "{} arrays are too few", in_file.len());
    for (prefix, follows) in runs {
        hold_embeddings(&mut case, prefix, &model, &episodes);
        let learner = SemiProtoNet::new(&model, mode(prefix), refinement).follows(follows);
        hold(&mut case, prefix, &learner, &episodes, &in_file);
    }
}
