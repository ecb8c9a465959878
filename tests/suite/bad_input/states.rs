//! Parameters, states and statistics that do not belong together.

use super::*;

#[test]
fn parameters_that_are_not_the_models_are_refused_by_name() {
    let (learner, learned) = conv4();
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    let calls = |params: &[ArrayD<f32>]| {
        let learned = params.to_vec().into();
        [
            learner.adapt(&learned, &episode.support).map(drop),
            learner.scores(&learned, &episode).map(drop),
            meta_grad(&learner, &learned, one(&episode), &start()).map(drop),
            evaluate(&learner, &learned, &Always(episode.clone()), 1).map(drop),
        ]
    };
    for result in calls(&learned.params[..17]) {
        assert_error!(result, Error::Shape { .. }, "list of parameters", "[18], but it is [17]");
    }
    let mut bent = learned.params.clone();
    bent[2] = ArrayD::ones(vec![4]);
    for result in calls(&bent) {
        assert_error!(result, Error::Shape { .. }, "bn1_gamma", "[3], but it is [4]");
    }
    let mut holed = learned.params.clone();
    holed[16][[0, 1]] = f32::NAN;
    for result in calls(&holed) {
        assert_error!(result, Error::NotFinite { .. }, "linear_w");
    }
}

#[test]
fn an_adapted_learner_that_is_not_the_models_is_refused_by_name() {
    let (learner, learned) = conv4();
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    let adapted = learner.adapt(&learned, &episode.support).unwrap();
    let x = &episode.query.x;
    let both = |adapted: &Adapted<f32>| {
        [learner.predict(adapted, x).map(drop), learner.predict_together(adapted, x).map(drop)]
    };
    for result in both(&altered(&adapted, "linear_b", None)) {
        assert_error!(result, Error::NotAdapted { .. }, "linear_b");
    }
    for result in both(&altered(&adapted, "bn1_gamma", Some(ArrayD::ones(vec![4])))) {
        assert_error!(result, Error::Shape { .. }, "bn1_gamma", "[3], but it is [4]");
    }
    for result in both(&altered(&adapted, "linear_w", Some(learned.params[16].mapv(|_| f32::NAN)))) {
        assert_error!(result, Error::NotFinite { .. }, "linear_w");
    }
    let without = learner.predict(&altered(&adapted, "norm2/var", None), x);
    assert_error!(without, Error::NotAdapted { .. }, "norm2/var");
    let wide = learner.predict(&altered(&adapted, "norm2/mean", Some(ArrayD::ones(vec![4]))), x);
    assert_error!(wide, Error::Shape { .. }, "layer 2", "[3], but it is [4]");
    let negative = learner.predict(&altered(&adapted, "norm2/var", Some(-ArrayD::<f32>::ones(vec![3]))), x);
    assert_error!(negative, Error::NotFinite { .. }, "layer 2");
}

#[test]
fn a_state_that_is_not_the_learners_is_refused_by_name() {
    let learner = with_norm(conv4().0, NormMode::Tracked { momentum: 0.1 });
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    let learned: Learned<f32> = learner.init(0).into(); // without the state
    for result in [
        learner.adapt(&learned, &episode.support).map(drop),
        learner.scores(&learned, &episode).map(drop),
        meta_grad(&learner, &learned, one(&episode), &start()).map(drop),
        evaluate(&learner, &learned, &Always(episode.clone()), 1).map(drop),
    ] {
        assert_error!(result, Error::Shape { .. }, "list of parameters", "[8], but it is [0]");
    }
}

#[test]
fn a_state_of_another_model_does_not_resume() {
    let (learner, _) = regression();
    let state = Trainer::<f32, _, _>::new(&learner, Adam::default(), config()).unwrap().state().clone();
    let wide = maml(Mlp::new(&[1, 41, 40, 1]).unwrap());
    let result = Trainer::resume(&wide, Adam::default(), config(), state.clone());
    assert_error!(result, Error::Shape { .. }, "linear1_w", "[1, 41], but it is [1, 40]");
    let deep = maml(Mlp::new(&[1, 40, 40, 40, 1]).unwrap());
    let result = Trainer::resume(&deep, Adam::default(), config(), state);
    assert_error!(result, Error::Shape { .. }, "list of parameters", "[8], but it is [6]");
}

#[test]
fn a_training_does_not_start_from_what_is_not_the_learners() {
    let (learner, learned) = regression();
    let from = |learned: Learned<f32>| Trainer::starting_from(&learner, Adam::default(), config(), learned);
    let short = from(learned.params[..5].to_vec().into());
    assert_error!(short, Error::Shape { .. }, "list of parameters", "[6], but it is [5]");
    let mut bent = learned.clone();
    bent.params[2] = ArrayD::ones(vec![40, 41]);
    assert_error!(from(bent), Error::Shape { .. }, "linear2_w", "[40, 40], but it is [40, 41]");
    let mut holed = learned;
    holed.params[3][[7]] = f32::NAN;
    assert_error!(from(holed), Error::NotFinite { .. }, "linear2_b");
}

#[test]
fn a_state_of_another_optimizer_does_not_resume() {
    let (learner, _) = regression();
    let state = Trainer::<f32, _, _>::new(&learner, Adam::default(), config()).unwrap().state().clone();
    let result = Trainer::resume(&learner, Sgd::new(0.9), config(), state.clone());
    assert_error!(result, Error::Shape { .. }, "optimizer", "[1], but it is [2]");
    let mut holed = state;
    holed.optimizer.slots[1][3][[0]] = f32::INFINITY;
    let result = Trainer::resume(&learner, Adam::default(), config(), holed);
    assert_error!(result, Error::NotFinite { .. }, "linear2_b");
}

#[test]
fn a_state_that_no_training_leaves_does_not_resume() {
    let (learner, _) = regression();
    let state = Trainer::<f32, _, _>::new(&learner, Adam::default(), config()).unwrap().state().clone();
    let refused = |change: &dyn Fn(&mut TrainState<f32>)| {
        let mut state = state.clone();
        change(&mut state);
        Trainer::resume(&learner, Adam::default(), config(), state).map(drop)
    };
    let negative = refused(&|state| state.optimizer.slots[1][3][[0]] = -1.0);
    assert_error!(negative, Error::State { .. }, "squared gradients of parameter 3", "negative");
    let ahead = refused(&|state| state.optimizer.step = 12);
    assert_error!(ahead, Error::State { .. }, "counts 12 updates", "made 0 meta-steps");
    let behind = refused(&|state| state.iteration = u64::MAX);
    assert_error!(behind, Error::State { .. }, "18446744073709551615");
    let mut full = state.clone();
    (full.iteration, full.optimizer.step) = (u64::MAX, u64::MAX);
    let mut trainer = Trainer::resume(&learner, Adam::default(), config(), full).unwrap();
    assert_error!(trainer.step(&SINUSOIDS), Error::Setting { name: "iteration", .. }, "18446744073709551615");
    let mut momentum = Trainer::<f32, _, _>::new(&learner, Sgd::new(0.9), config()).unwrap().state().clone();
    momentum.optimizer.step = 1;
    assert_error!(
        Trainer::resume(&learner, Sgd::new(0.9), config(), momentum),
        Error::State { .. },
        "counts 1 updates"
    );
}

#[test]
fn a_state_of_another_training_does_not_resume() {
    let (learner, _) = regression();
    let state = Trainer::<f32, _, _>::new(&learner, Adam::default(), config()).unwrap().state().clone();
    let result = Trainer::resume(&learner, Adam::default(), config().seed(1), state.clone());
    assert_error!(result, Error::OtherRun { what: "settings", .. }, "\"seed: 1\", which was \"seed: 0\"");
    let result = Trainer::resume(&learner, Adam::default(), TrainConfig::new(3, 1e-3, 10), state.clone());
    assert_error!(result, Error::OtherRun { .. }, "meta_batch: 3", "meta_batch: 2");
    let result = Trainer::resume(&learner, Adam::default().eps(1e-3), config(), state.clone());
    assert_error!(result, Error::OtherRun { .. }, "eps: 0.001 in optimizer: Adam");
    let faster = regression_at(0.5);
    let result = Trainer::resume(&faster, Adam::default(), config(), state.clone());
    assert_error!(result, Error::OtherRun { .. }, "lr: 0.5 in rule: GradientDescent in learner: Maml");
    let mut forgotten = state;
    forgotten.settings.clear();
    assert!(Trainer::resume(&learner, Adam::default(), config().seed(1), forgotten).is_ok());
}

#[test]
fn a_training_does_not_continue_on_other_tasks() {
    let (learner, _) = regression();
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config()).unwrap();
    trainer.step(&SINUSOIDS).unwrap();
    let state = trainer.state().clone();
    let resumed = || Trainer::resume(&learner, Adam::default(), config(), state.clone()).unwrap();
    let mut other = resumed();
    assert_error!(other.step(&Sinusoids::new(5, 5, 1)), Error::OtherRun { what: "tasks", .. }, "seed: 1");
    assert_eq!(*other.state(), state);
    assert!(resumed().step(&SINUSOIDS).is_ok());
}

#[test]
fn running_statistics_that_do_not_fit_the_model_are_refused() {
    let (learner, learned) = conv4();
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    for (norm, word) in [
        (NormMode::Running(vec![Moments::standard(3); 2]), "running statistics"),
        (NormMode::Running(vec![Moments::standard(4); 4]), "layer 0"),
    ] {
        let learner = with_norm(learner.clone(), norm);
        assert_error!(learner.adapt(&learned, &episode.support), Error::Shape { .. }, word);
        let result = meta_grad(&learner, &learned, one(&episode), &start());
        assert_error!(result, Error::Shape { .. }, word);
    }
}

#[test]
fn running_statistics_that_give_no_finite_outputs_are_refused_with_the_layer() {
    let (learner, learned) = conv4();
    let Episode { support, query, .. } = random_episode::<f32>(&[16, 16, 1], 3, 0);
    let adapted = learner.adapt(&learned, &support).unwrap();
    for (mean, var) in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (0.0, -1.0)] {
        let mut given = vec![Moments::standard(3); 4];
        (given[2].mean[1], given[2].var[1]) = (mean, var);
        let learner = with_norm(learner.clone(), NormMode::Running(given));
        assert_error!(learner.adapt(&learned, &support), Error::NotFinite { .. }, "layer 2");
        assert_error!(learner.predict_together(&adapted, &query.x), Error::NotFinite { .. }, "layer 2");
    }
    let short = with_norm(learner, NormMode::Running(vec![Moments::standard(3); 2]));
    assert_error!(short.adapt(&learned, &support), Error::Shape { .. }, "running statistics");
    assert_error!(short.predict_together(&adapted, &query.x), Error::Shape { .. }, "running statistics");
}
