//! What is refused.

use super::*;

#[test]
fn what_cannot_be_used_is_refused_by_a_typed_error() {
    let episode: Episode<f64> = episode(2, 15);
    let valued = Examples::valued(episode.support.x.clone(), episode.support.x.clone());
    for learner in learners::<f64>(SMOOTH, &NormMode::Batch) {
        let refused = learner.adapt(&learned(&learner), &valued).unwrap_err();
        assert!(matches!(refused, Error::Setting { name: "ways", .. }), "{refused}");
    }
    for learner in learners::<f64>(SMOOTH, &NormMode::Tracked { momentum: 2.0 }) {
        let refused = learner.adapt(&learned(&learner), &episode.support).unwrap_err();
        assert!(matches!(refused, Error::Setting { name: "momentum", .. }), "{refused}");
    }
    let (model, norm) = (SMOOTH, NormMode::Batch);
    let semi = |refinement| SemiProtoNet::new(model, NormMode::Batch, refinement);
    let bad: Vec<(Box<dyn Trainable<f64>>, &str)> = vec![
        (Box::new(R2d2::new(model, norm.clone()).lambda(0.0)), "log_lambda"),
        (Box::new(R2d2::new(model, norm.clone()).lambda(-1.0)), "log_lambda"),
        (Box::new(R2d2::new(model, norm.clone()).calibration(f64::NAN, 0.0)), "alpha"),
        (
            Box::new(ProtoNet::new(model, norm.clone()).distance(Distance::Cosine { scale: f64::INFINITY })),
            "scale",
        ),
        (Box::new(ProtoNet::new(model, norm.clone()).distance(Distance::Scaled { scale: 0.0 })), "log_scale"),
        (
            Box::new(ProtoNet::new(model, norm.clone()).distance(Distance::Scaled { scale: -1.0 })),
            "log_scale",
        ),
        (Box::new(semi(Refinement::Distractor { radius: 0.0 })), "log_radius"),
        (Box::new(semi(Refinement::Masked { hidden: 0 })), "mask1_w"),
    ];
    for (learner, name) in bad {
        let some = Learned { params: vec![], state: vec![] };
        let refused = [
            learner.adapt(&some, &episode.support).unwrap_err(),
            meta_grad(&learner, &some, std::slice::from_ref(&episode), &Progress::default()).unwrap_err(),
        ];
        for refused in refused {
            assert!(matches!(&refused, Error::Spec { name: n, .. } if n.contains(name)), "{refused}");
        }
    }
}

#[test]
fn a_parameter_of_the_model_that_has_the_name_of_an_adapted_array_is_refused() {
    let episode: Episode<f64> = episode(2, 18);
    for (name, which) in
        [("prototypes", 0), ("scale", 1), ("weights", 2), ("beta", 2), ("assignment", 3), ("mask", 7)]
    {
        let learner = &learners::<f64>(Named(name), &NormMode::Batch)[which];
        let refused = learner.adapt(&learned(learner), &episode.support).unwrap_err();
        assert!(matches!(&refused, Error::Spec { name: n, .. } if n.contains(name)), "{refused}");
    }
}

#[test]
fn what_another_learner_adapted_is_refused() {
    let episode: Episode<f64> = episode(2, 16);
    let (proto, ridge) = (ProtoNet::new(SMOOTH, NormMode::Batch), R2d2::new(SMOOTH, NormMode::Batch));
    let by_proto = adapted(&proto, &episode.support);
    let refused = ridge.predict(&by_proto, &episode.query.x).unwrap_err();
    assert!(matches!(refused, Error::NotAdapted { .. }), "{refused}");
    let arrays = by_proto.arrays().filter(|(name, _)| *name != "prototypes");
    let arrays = arrays.map(|(name, array)| (name.to_owned(), array.clone()));
    let narrow = Adapted::new(arrays).with("prototypes", ArrayD::zeros(vec![3, FEATURES - 1]));
    let refused = proto.predict(&narrow, &episode.query.x).unwrap_err();
    assert!(matches!(refused, Error::Shape { .. }), "{refused}");
}
