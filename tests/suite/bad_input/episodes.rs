//! Episodes and inputs that cannot be used.

use super::*;

#[test]
fn a_pixel_that_is_not_a_number_is_refused_with_its_set_and_place() {
    let mut query = labelled::<f32>(&[16, 16, 1], 3, 1, 0);
    query.x[[1, 0, 2, 0]] = f32::NAN;
    let episode = Episode::new(labelled(&[16, 16, 1], 3, 1, 1), query);
    assert_error!(episode, Error::NotFinite { .. }, "query inputs", "element 258");
}

#[test]
fn images_of_the_wrong_size_are_refused_wherever_they_enter() {
    let (learner, learned) = conv4();
    let episode = random_episode::<f32>(&[16, 15, 1], 3, 0);
    let expected = "[3, 16, 16, 1], but it is [3, 16, 15, 1]";
    assert_error!(learner.adapt(&learned, &episode.support), Error::Shape { .. }, "Conv4", expected);
    assert_error!(learner.scores(&learned, &episode), Error::Shape { .. }, "Conv4", expected);
    let result = meta_grad(&learner, &learned, one(&episode), &start());
    assert_error_in!(0, result, Error::Shape { .. }, "Conv4", expected);
    let adapted = learner.adapt(&learned, &random_episode(&[16, 16, 1], 3, 0).support).unwrap();
    for result in [
        learner.predict(&adapted, &episode.support.x),
        learner.predict_together(&adapted, &episode.support.x),
    ] {
        assert_error!(result, Error::Shape { .. }, "Conv4", expected);
    }
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config()).unwrap();
    let source = Always(episode);
    assert_error_in!(0, evaluate(&learner, &learned, &source, 3), Error::Shape { .. }, "Conv4", expected);
    assert_error_in!(0, trainer.step(&source), Error::Shape { .. }, "Conv4", expected);
}

#[test]
fn inputs_to_predict_for_must_be_finite_and_there_must_be_some() {
    let (learner, learned) = regression();
    let adapted = learner.adapt(&learned, &curve(0).support).unwrap();
    let x = array![[0.0], [f32::INFINITY]].into_dyn();
    assert_error!(learner.predict(&adapted, &x), Error::NotFinite { .. }, "inputs");
    assert_error!(learner.predict_together(&adapted, &x), Error::NotFinite { .. }, "inputs");
    let none = ArrayD::zeros(vec![0, 1]);
    assert_error!(learner.predict(&adapted, &none), Error::Shape { .. }, "inputs to predict for", "[0, 1]");
}

#[test]
fn more_ways_than_outputs_are_refused() {
    let (learner, learned) = conv4();
    let episode = random_episode::<f32>(&[16, 16, 1], 4, 0);
    let wrong = "setting `ways` is 4";
    assert_error!(learner.adapt(&learned, &episode.support), Error::Setting { name: "ways", .. }, wrong);
    assert_error!(learner.scores(&learned, &episode), Error::Setting { name: "ways", .. }, wrong);
    let result = meta_grad(&learner, &learned, one(&episode), &start());
    assert_error_in!(0, result, Error::Setting { name: "ways", .. }, wrong);
    let result = evaluate(&learner, &learned, &Always(episode), 1);
    assert_error_in!(0, result, Error::Setting { name: "ways", .. }, wrong);
}

#[test]
fn values_of_another_width_than_the_outputs_are_refused() {
    let (learner, learned) = regression();
    let wide = |seed| Examples::valued(noise(&[4, 1], seed), noise(&[4, 2], seed));
    let episode: Episode<f32> = Episode::new(wide(0), wide(1)).unwrap();
    let expected = "[4, 1], but it is [4, 2]";
    assert_error!(learner.adapt(&learned, &episode.support), Error::Shape { .. }, "values", expected);
    let result = meta_grad(&learner, &learned, &[episode], &start());
    assert_error_in!(0, result, Error::Shape { .. }, "support values", expected);
}

#[test]
fn prototypes_refuse_an_episode_of_regression() {
    let learner = ProtoNet::new(Mlp::new(&[1, 4]).unwrap(), NormMode::Batch);
    let learned: Learned<f32> = learner.init(0).into();
    let result = meta_grad(&learner, &learned, &[curve(0)], &start());
    assert_error_in!(0, result, Error::Setting { name: "ways", .. }, "`ways` is none", "labels");
    let result = evaluate(&learner, &learned, &SINUSOIDS, 1);
    assert_error_in!(0, result, Error::Setting { name: "ways", .. }, "`ways` is none", "labels");
}

#[test]
fn adapting_checks_the_inner_rate_and_the_support_set() {
    let (learner, learned) = conv4();
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    let wild = maml_at(small_conv4(Downsample::MaxPool), f64::NAN);
    assert_error!(wild.adapt(&learned, &episode.support), Error::Setting { .. }, "inner_lr", "NaN");
    assert_error!(wild.scores(&learned, &episode), Error::Setting { .. }, "inner_lr", "NaN");
    let mut support = episode.support.clone();
    support.y = Targets::Labels { labels: vec![0, 1, 3], ways: 4 };
    assert_error!(learner.adapt(&learned, &support), Error::MissingLabel { .. }, "label 2", "ways = 4");
    support.y = Targets::Labels { labels: vec![0, 1, 3], ways: 3 };
    assert_error!(learner.adapt(&learned, &support), Error::Label { .. }, "support", "label 3");
}

#[test]
fn an_episode_spoilt_after_it_was_made_is_refused() {
    let (learner, learned) = conv4();
    let mut episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    episode.query.y = Targets::Labels { labels: vec![0], ways: 3 };
    assert_error!(learner.scores(&learned, &episode), Error::Shape { .. }, "query inputs");
    let prototypes = ProtoNet::new(small_conv4(Downsample::MaxPool), NormMode::Batch);
    assert_error!(prototypes.scores(&learned, &episode), Error::Shape { .. }, "query inputs");
    let result = meta_grad(&learner, &learned, one(&episode), &start());
    assert_error_in!(0, result, Error::Shape { .. }, "query inputs");
    let result = evaluate(&learner, &learned, &Always(episode), 1);
    assert_error_in!(0, result, Error::Shape { .. }, "query inputs");
}
