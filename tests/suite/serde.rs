//! Settings and results as serde data (feature `serde`).
#![cfg(feature = "serde")]

use std::fmt::Debug;

use innerloop::{
    Adam, AdamRule, Adapts, CharNgrams, Conv4, Downsample, EpisodeShape, Glyphs, Mlp, MultiStep, NormMode,
    Order, Route, Schedule, Score, Scores, Sgd, SignatureAttention, Sinusoids, TextConv, TextLstm,
    TrainConfig, WordTable, WordVectors, WordWeights,
};
#[cfg(feature = "safetensors")]
use innerloop::{
    Baseline, Classifier, Episode, EpisodeSampler, Error, GradientDescent, Learned, Learner, Maml, MapConv4,
    MetaOptNet, MomentumRule, PixelRange, Pretrained, ProtoNet, R2d2, Refinement, RelationNet, Reptile,
    SemiProtoNet, SlowBody, StepRates, Tadam, Tasks, init_params,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn comes_back<S: Serialize + DeserializeOwned + PartialEq + Debug>(value: S) {
    let text = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<S>(&text).unwrap(), value, "{text}");
}

#[test]
fn settings_and_results_come_back_from_json() {
    comes_back(TrainConfig::new(32, 1e-3, 60_000).seed(7).clip_norm(10.0).schedule(Schedule::Constant));
    comes_back(Schedule::Linear { iterations: 100, floor: 0.1 });
    comes_back(Adam::default().betas(0.8, 0.99));
    comes_back(Sgd::new(0.9));
    comes_back(EpisodeShape::new(5, 1, 15));
    comes_back(Glyphs::default().seed(3));
    comes_back(Sinusoids::new(5, 10, 1));
    comes_back(Conv4::new([28, 28, 1], 64, Downsample::Stride, Some(5)).unwrap());
    comes_back(Mlp::new(&[1, 40, 40, 1]).unwrap());
    let vectors = [("b", [0.1, -2.5]), ("a", [3.0, 1e-9])].map(|(word, v)| (word.to_string(), v.to_vec()));
    let vectors = WordVectors::from_words(vectors.to_vec()).unwrap();
    comes_back(vectors.vocabulary().clone());
    comes_back(CharNgrams::new(3..=5, 12).unwrap());
    comes_back(TextConv::new(&vectors, &[2, 3], 4, Some(5)).unwrap());
    comes_back(TextLstm::new(WordTable::learned(7, 3).unwrap(), 4, None).unwrap().bidirectional());
    let rarity = WordWeights::from(vec![0.0, 1.0, 0.5, 0.25]);
    comes_back(SignatureAttention::new(&vectors, &rarity).unwrap());
    comes_back((Order::Second, Route::Sweep, Adapts::Only(vec!["linear_w".into()])));
    comes_back(AdamRule::new(0.01).betas(0.9, 0.99));
    comes_back((MultiStep::annealed(10, 500), MultiStep::given(&[0.25, 0.75])));
    comes_back((NormMode::Tracked { momentum: 0.1 }, NormMode::Together));
    comes_back(NormMode::TrackedTogether { momentum: 0.1 });
    let score = Score { loss: 0.25, accuracy: Some(0.9) };
    comes_back(Scores { inductive: score, transductive: Score { accuracy: None, ..score } });
}

/// Saves and loads a learner before and after it adapts, and compares all answers.
#[cfg(feature = "safetensors")]
fn a_file_is_enough<L: Learner<f32> + Serialize + DeserializeOwned + Clone>(learner: L) {
    let folder = tempfile::tempdir().unwrap();
    let [pretrained, classifier] = ["p", "c"].map(|name| folder.path().join(name));
    let images = Glyphs::default()
        .alphabets(1)
        .characters_per_alphabet(5)
        .generate()
        .unwrap()
        .with_range(-1.0, 1.0)
        .unwrap();
    let tasks = EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 2, 2), 0).unwrap();
    let Episode { support, query, classes, .. } = tasks.task(0);
    let learned =
        Learned { params: learner.init(1), state: init_params(&Learner::<f32>::state(&learner), 0) };
    let expected = learner.predict(&learner.adapt(&learned, &support).unwrap(), &query.x).unwrap();
    Pretrained::new(learner, learned, images.range()).save(&pretrained).unwrap();
    let loaded = Pretrained::<L>::load(&pretrained).unwrap();
    assert_eq!(loaded.pixels, PixelRange::new(-1.0, 1.0).unwrap());
    let wrong = Pretrained::<L>::load(&pretrained).unwrap().adapt(&support, &["one"]);
    assert!(matches!(wrong, Err(Error::Shape { .. })));
    loaded.adapt(&support, &classes).unwrap().save(&classifier).unwrap();
    let loaded = Classifier::<L>::load(&classifier).unwrap();
    assert_eq!((&loaded.classes, loaded.predict(&query.x).unwrap()), (&classes, expected));
    assert!(loaded.names(&query.x).unwrap().iter().all(|name| classes.iter().any(|class| class == name)));
    let error = Pretrained::<L>::load(&classifier).map(drop).unwrap_err();
    assert!(error.to_string().contains("it is a classifier"), "{error}");
}

#[cfg(feature = "safetensors")]
#[test]
fn a_file_alone_is_enough_to_adapt_and_to_predict() {
    let body = Conv4::new([28, 28, 1], 4, Downsample::MaxPool, None).unwrap();
    let whole = Conv4::new([28, 28, 1], 4, Downsample::Stride, Some(3)).unwrap();
    let tracked = NormMode::Tracked { momentum: 0.1 };
    a_file_is_enough(Maml::new(whole.clone(), 0.1, Order::Second, NormMode::Batch).steps(2));
    a_file_is_enough(Maml::meta_sgd(whole.clone(), tracked.clone()));
    a_file_is_enough(Maml::plus_plus(whole.clone(), 0.1, 2));
    a_file_is_enough(Reptile::new(whole, 1e-3).carried());
    a_file_is_enough(ProtoNet::new(body.clone(), NormMode::Together));
    a_file_is_enough(SemiProtoNet::new(body.clone(), tracked.clone(), Refinement::SoftKMeans));
    a_file_is_enough(R2d2::new(body.clone(), NormMode::Support));
    a_file_is_enough(Tadam::new(body.clone(), NormMode::Batch).alpha(7.5).plain_distance());
    a_file_is_enough(MetaOptNet::svm(body.clone(), NormMode::Together).scale(2.0));
    let maps = MapConv4::new([28, 28, 1], 4).and_then(MapConv4::unpadded).unwrap();
    a_file_is_enough(RelationNet::new(maps, NormMode::Batch).hidden(5).mean());
    a_file_is_enough(Baseline::plus_plus(body, 7, tracked));
}

#[cfg(feature = "safetensors")]
#[test]
fn outputs_beyond_the_classes_have_no_name_and_are_never_chosen() {
    let images = Glyphs::default().alphabets(1).characters_per_alphabet(4).drawers(6).generate().unwrap();
    let tasks = EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(2, 1, 5), 0).unwrap();
    let Episode { support, query, classes, .. } = tasks.task(0);
    let model = Conv4::new([28, 28, 1], 4, Downsample::Stride, Some(5)).unwrap();
    let maml = Maml::new(model, 0.1, Order::Second, NormMode::Batch).steps(0);
    let mut learned: Learned<f32> = Learner::<f32>::init(&maml, 0).into();
    learned.params[17][[4]] = 100.0; // the bias of an output that is no class
    let classifier = Pretrained::new(maml, learned, images.range()).adapt(&support, &classes).unwrap();
    let outputs = classifier.predict(&query.x).unwrap();
    assert_eq!(outputs.shape(), [10, 5]);
    let probabilities = classifier.probabilities(&query.x).unwrap();
    assert_eq!(probabilities.shape(), [10, 2]);
    for (p, z) in probabilities.outer_iter().zip(outputs.outer_iter()) {
        assert!((p.sum() - 1.0).abs() < 1e-6 && p[[0]] > 0.0, "{p}");
        assert!(((p[[0]] / p[[1]]).ln() - (z[[0]] - z[[1]])).abs() < 1e-4, "{p} {z}");
    }
    assert!(classifier.names(&query.x).unwrap().iter().all(|name| classes.iter().any(|class| class == name)));
}

#[cfg(feature = "safetensors")]
#[test]
fn a_file_of_another_learner_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p");
    let learner = Reptile::new(Mlp::new(&[1, 3, 1]).unwrap(), 1e-3);
    let learned = Learner::<f32>::init(&learner, 0).into();
    Pretrained::new(learner, learned, PixelRange::default()).save(&path).unwrap();
    let error = Pretrained::<R2d2<Mlp>>::load(&path).map(drop).unwrap_err();
    assert!(error.to_string().contains("its learner is of another type"), "{error}");
}

#[cfg(feature = "safetensors")]
#[test]
fn settings_or_arrays_that_a_type_has_no_place_for_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p");
    let maml = Maml::new(Mlp::new(&[1, 3, 1]).unwrap(), 0.1, Order::Second, NormMode::Batch);
    // both were once read as plain gradient descent
    let momentum = maml.clone().rule(MomentumRule { lr: 0.1, momentum: 0.9 });
    let by_step = maml.clone().steps(2).rule(StepRates { lr: 0.1 });
    let refused = || Pretrained::<Maml<Mlp>>::load(&path).map(drop).unwrap_err().to_string();
    let learned = Learner::<f32>::init(&momentum, 0).into();
    Pretrained::new(momentum, learned, PixelRange::default()).save(&path).unwrap();
    assert!(refused().ends_with("settings that this type has not"), "{}", refused());
    let learned = Learner::<f32>::init(&by_step, 0).into();
    Pretrained::new(by_step, learned, PixelRange::default()).save(&path).unwrap();
    assert!(refused().ends_with("arrays that this type has not"), "{}", refused());
    let slow = maml.slow_body(0.3);
    let learned = Learner::<f32>::init(&slow, 0).into();
    Pretrained::new(slow.clone(), learned, PixelRange::default()).save(&path).unwrap();
    assert!(refused().contains("its learner is of another type"), "{}", refused());
    let loaded = Pretrained::<Maml<Mlp, SlowBody<GradientDescent>>>::load(&path).unwrap();
    assert_eq!(loaded.learner.rule, slow.rule);
}

#[cfg(feature = "safetensors")]
#[test]
fn bytes_in_memory_are_read_like_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p");
    let learner = Maml::new(Mlp::new(&[1, 3, 1]).unwrap(), 0.1, Order::Second, NormMode::Batch);
    let learned: Learned<f32> = Learner::<f32>::init(&learner, 0).into();
    Pretrained::new(learner, learned.clone(), PixelRange::default()).save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(Pretrained::<Maml<Mlp>>::from_bytes(&bytes).unwrap().learned, learned);
    for cut in [0, 7, 100, bytes.len() - 1] {
        let error = Pretrained::<Maml<Mlp>>::from_bytes(&bytes[..cut]).map(drop).unwrap_err();
        assert!(matches!(error, Error::BadFile { .. }), "cut to {cut} bytes: {error}");
    }
}
