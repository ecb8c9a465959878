//! Computations that diverge.

use super::*;

#[test]
fn a_prediction_that_overflows_is_an_error() {
    let (learner, learned) = regression();
    let adapted = learner.adapt(&learned, &curve(0).support).unwrap();
    let x = array![[f32::MAX]].into_dyn();
    let large = altered(&adapted, "linear1_w", Some(ArrayD::from_elem(vec![1, 40], 9.0)));
    assert_error!(learner.predict(&large, &x), Error::NotFinite { .. }, "a prediction");
    let prototypes = ProtoNet::new(Mlp::new(&[1, 4]).unwrap(), NormMode::Batch);
    let support = labelled(&[1], 3, 1, 0);
    let adapted = prototypes.adapt(&prototypes.init(0).into(), &support).unwrap();
    for result in [prototypes.predict(&adapted, &x), prototypes.predict_together(&adapted, &x)] {
        assert_error!(result, Error::NotFinite { .. }, "a prediction");
    }
}

#[test]
fn a_run_that_diverges_stops_with_the_task_and_keeps_its_state() {
    let learner = regression_at(1e30);
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config()).unwrap();
    let before = trainer.state().clone();
    assert_error_in!(0, trainer.step(&SINUSOIDS), Error::NotFinite { .. }, "inner step 1");
    assert_eq!(*trainer.state(), before);
}

#[test]
fn the_task_that_diverges_is_named_by_its_number() {
    let (learner, learned) = regression();
    let mut episodes: Vec<Episode<f32>> = (0..70).map(curve).collect();
    episodes[66].query.x.fill(1e30); // squares of its errors overflow
    let result = meta_grad(&learner, &learned, &episodes, &start());
    assert_error_in!(66, result, Error::NotFinite { .. }, "loss or meta-gradient");
    let result = meta_grad(&learner, &learned, &episodes, &Progress::new(0, 9).at(3).of_task(210));
    assert_error_in!(276, result, Error::NotFinite { .. }, "loss or meta-gradient");
}

#[test]
fn an_evaluation_that_diverges_names_the_episode_and_the_step() {
    let (learner, learned) = regression();
    let wild = regression_at(1e30);
    let result = evaluate(&wild, &learned, &SINUSOIDS, 3);
    assert_error_in!(0, result, Error::NotFinite { .. }, "before inner step 1");
    let mut episode = curve(0);
    episode.query.x.fill(1e30); // squares of its errors overflow
    let result = evaluate(&learner, &learned, &Always(episode), 3);
    assert_error_in!(0, result, Error::NotFinite { .. }, "query loss after 0 inner steps");
}

#[test]
fn an_outer_rate_that_ruins_the_parameters_changes_nothing() {
    let (learner, _) = regression();
    let config = TrainConfig::new(2, 1e39, 10);
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config).unwrap();
    let before = trainer.state().clone();
    assert_error!(trainer.step(&SINUSOIDS), Error::NotFinite { .. }, "linear1_w");
    assert_eq!(trainer.state(), &before);
}

#[test]
fn an_adaptation_that_diverges_is_an_error_and_no_parameters() {
    let (_, learned) = regression();
    let episode = curve(0);
    let wild = regression_at(1e39).steps(1);
    assert_error!(wild.adapt(&learned, &episode.support), Error::NotFinite { .. }, "linear1_w");
    let wild = regression_at(1e30).steps(5);
    assert_error!(wild.adapt(&learned, &episode.support), Error::NotFinite { .. }, "inner step 1");
    assert_error!(wild.scores(&learned, &episode), Error::NotFinite { .. }, "inner step 1");
}
