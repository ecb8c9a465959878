//! Embeddings of a whole data set: what a learner compares, computed once.

use innerloop::{
    Adam, Baseline, ClassRef, Conv4, Distance, Downsample, Episode, EpisodeSampler, EpisodeShape, Error,
    Glyphs, ImageSet, Learned, Learner, MatchingNet, MetaOptNet, Model, Network, NormMode, ParamSpec,
    ProtoNet, R2d2, Scaled, Tasks, TrainConfig, Trainer, check_specs, embed,
};

fn network() -> Conv4 {
    Conv4::new([16, 16, 1], 4, Downsample::MaxPool, None).unwrap()
}

fn images() -> ImageSet {
    Glyphs::default().alphabets(1).characters_per_alphabet(5).drawers(20).size(16).generate().unwrap()
}

/// Upright classes, then turned ones.
fn classes(images: &ImageSet) -> Vec<ClassRef> {
    [0, 1]
        .into_iter()
        .flat_map(|turns| images.all().into_iter().map(move |c| ClassRef { turns, ..c }))
        .collect()
}

fn learner() -> R2d2<Conv4> {
    R2d2::new(network(), NormMode::TrackedTogether { momentum: 0.3 }).lambda(0.5)
}

/// After a few meta-steps, so that parameters and statistics are not those of the beginning.
fn learned(images: &ImageSet) -> Learned<f32> {
    let learner = learner();
    let tasks = EpisodeSampler::new(images, &classes(images), EpisodeShape::new(4, 1, 3), 0).unwrap();
    let mut trainer = Trainer::new(&learner, Adam::default(), TrainConfig::new(2, 1e-2, 5)).unwrap();
    for _ in 0..5 {
        trainer.step(&tasks).unwrap();
    }
    trainer.learned().clone()
}

#[test]
fn a_head_on_embeddings_answers_as_the_learner_does() {
    let images = images();
    let (learned, classes) = (learned(&images), classes(&images));
    let features = embed(&network(), &learned, &images, &classes).unwrap();
    assert_eq!((features.classes(), features.len(), features.width()), (10, 200, 4));
    assert_eq!(features.class_name(7), format!("{}, 90°", features.class_name(2)));
    let shape = EpisodeShape::new(3, 2, 4);
    let of_images = EpisodeSampler::new(&images, &classes, shape, 7).unwrap();
    let of_features = EpisodeSampler::new(&features, &features.all(), shape, 7).unwrap();
    let head = R2d2::new(Scaled::new(4).unwrap(), NormMode::Batch);
    let own = network().specs().len();
    let mut params = head.model.init(0);
    params.extend_from_slice(&learned.params[own..]);
    for i in 0..5 {
        let (episode, embedded): (Episode<f32>, Episode<f32>) = (of_images.task(i), of_features.task(i));
        let adapted = learner().adapt(&learned, &episode.support).unwrap();
        let want = learner().predict(&adapted, &episode.query.x).unwrap();
        let adapted = head.adapt(&params.clone().into(), &embedded.support).unwrap();
        let found = head.predict(&adapted, &embedded.query.x).unwrap();
        assert_eq!(embedded.query.y, episode.query.y);
        let largest = want.iter().fold(0.0, |m: f32, v| m.max(v.abs()));
        for (a, b) in found.iter().zip(&want) {
            assert!((a - b).abs() < 1e-5 * largest, "episode {i}: {found} {want}");
        }
    }
}

/// Names of parameters are unique: those of a head are not that of the network.
#[test]
fn every_head_takes_embeddings() {
    let (model, norm) = (Scaled::new(4).unwrap(), NormMode::Batch);
    let (scaled, cosine) = (Distance::Scaled { scale: 0.1 }, Distance::Cosine { scale: 10.0 });
    let heads: [(&str, Vec<ParamSpec>); 8] = [
        ("prototypes", Learner::<f32>::specs(&ProtoNet::new(model.clone(), norm.clone()).distance(scaled))),
        ("cosines", Learner::<f32>::specs(&ProtoNet::new(model.clone(), norm.clone()).distance(cosine))),
        ("matching", Learner::<f32>::specs(&MatchingNet::new(model.clone(), norm.clone()))),
        ("contexts", Learner::<f32>::specs(&MatchingNet::new(model.clone(), norm.clone()).full_context(2))),
        ("ridge", Learner::<f32>::specs(&R2d2::new(model.clone(), norm.clone()))),
        ("machine", Learner::<f32>::specs(&MetaOptNet::svm(model.clone(), norm.clone()))),
        ("linear", Learner::<f32>::specs(&Baseline::new(model.clone(), 9, norm.clone()))),
        ("cosine", Learner::<f32>::specs(&Baseline::plus_plus(model, 9, norm))),
    ];
    for (name, specs) in heads {
        check_specs(&specs).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let images = images();
    let learned = learned(&images);
    let (model, all) = (network(), images.all());
    let stateless: Learned<f32> = learned.params.clone().into();
    let error = embed(&model, &stateless, &images, &all).unwrap_err();
    assert!(matches!(error, Error::Setting { name: "norm", .. }), "{error}");
    let fewer = Learned { params: learned.params[..3].to_vec(), ..learned.clone() };
    assert!(matches!(embed(&model, &fewer, &images, &all), Err(Error::Shape { .. })));
    let fewer = Learned { state: learned.state[..3].to_vec(), ..learned.clone() };
    assert!(matches!(embed(&model, &fewer, &images, &all), Err(Error::Shape { .. })));
    let other = Conv4::new([28, 28, 1], 4, Downsample::MaxPool, None).unwrap();
    let error = embed(&other, &learned, &images, &all).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    let twice = [all[0], all[0]];
    assert!(matches!(embed(&model, &learned, &images, &twice), Err(Error::RepeatedClass { .. })));
    let mut broken = learned.clone();
    broken.params[3].fill(f32::MAX);
    broken.state[1].fill(0.0);
    let error = embed(&model, &broken, &images, &all).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
}
