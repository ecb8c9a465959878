//! Settings out of range.

use super::*;

#[test]
fn an_empty_meta_batch_is_refused() {
    let (learner, learned) = regression();
    assert_error!(
        meta_grad::<f32, Episode<f32>>(&learner, &learned, &[], &start()),
        Error::Setting { name: "meta_batch", .. },
        "setting `meta_batch` is 0"
    );
    let config = TrainConfig::new(0, 1e-3, 10);
    let result = Trainer::<f32, _, _>::new(&learner, Adam::default(), config);
    assert_error!(result, Error::Setting { name: "meta_batch", .. }, "setting `meta_batch` is 0");
}

#[test]
fn an_evaluation_without_episodes_is_refused() {
    let (learner, learned) = regression();
    assert_error!(
        evaluate(&learner, &learned, &SINUSOIDS, 0),
        Error::Setting { name: "episodes", .. },
        "setting `episodes` is 0"
    );
}

#[test]
fn an_outer_rate_must_be_finite_and_above_zero() {
    let (learner, _) = regression();
    for (outer_lr, shown) in [(f64::NAN, "NaN"), (0.0, "0"), (-0.1, "-0.1"), (f64::INFINITY, "inf")] {
        let result = Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(2, outer_lr, 10));
        assert_error!(result, Error::Setting { name: "outer_lr", .. }, "`outer_lr`", shown);
    }
}

#[test]
fn a_training_of_no_meta_steps_is_refused() {
    let (learner, _) = regression();
    let result = Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(2, 1e-3, 0));
    assert_error!(result, Error::Setting { name: "iterations", .. }, "`iterations` is 0");
}

#[test]
fn a_clipping_norm_must_be_above_zero() {
    let (learner, _) = regression();
    for clip in [f64::NAN, 0.0, -1.0] {
        let result = Trainer::<f32, _, _>::new(&learner, Adam::default(), config().clip_norm(clip));
        assert_error!(result, Error::Setting { name: "clip_norm", .. }, "`clip_norm`");
    }
}

#[test]
fn an_inner_rate_must_be_finite_and_not_negative() {
    let (_, learned) = regression();
    for (inner_lr, shown) in [(f64::NAN, "NaN"), (f64::NEG_INFINITY, "-inf"), (-0.1, "-0.1")] {
        let learner = regression_at(inner_lr);
        let result = meta_grad(&learner, &learned, &[curve(0)], &start());
        assert_error!(result, Error::Setting { name: "inner_lr", .. }, "`inner_lr`", shown);
        let result = evaluate(&learner, &learned, &SINUSOIDS, 1);
        assert_error!(result, Error::Setting { name: "inner_lr", .. }, "`inner_lr`", shown);
    }
}

#[test]
fn a_proximal_weight_must_be_finite_and_not_negative() {
    let (learner, learned) = regression();
    for (lambda, shown) in [(f64::NAN, "NaN"), (-0.1, "-0.1")] {
        let learner = learner.clone().proximal(lambda);
        let result = learner.adapt(&learned, &curve(0).support);
        assert_error!(result, Error::Setting { name: "proximal", .. }, "`proximal`", shown);
    }
}

#[test]
fn the_factor_of_a_slow_body_must_be_finite_and_not_negative() {
    let (learner, learned) = regression();
    for (factor, shown) in [(f64::NAN, "NaN"), (-0.1, "-0.1"), (f64::INFINITY, "inf")] {
        let learner = learner.clone().slow_body(factor);
        let result = learner.adapt(&learned, &curve(0).support);
        assert_error!(result, Error::Setting { name: "factor", .. }, "`factor`", shown);
    }
}

#[test]
fn a_choice_of_parameters_to_adapt_must_name_parameters_and_leave_one() {
    let (learner, learned) = regression();
    let only = |names: &[&str]| Adapts::Only(names.iter().map(|n| n.to_string()).collect());
    for (adapts, shown) in [(only(&["linear9_w"]), "linear9_w"), (only(&[]), "Only([])")] {
        let learner = learner.clone().adapting(adapts);
        let result = learner.adapt(&learned, &curve(0).support);
        assert_error!(result, Error::Setting { name: "adapts", .. }, "`adapts`", shown);
        let result = meta_grad(&learner, &learned, &[curve(0)], &start());
        assert_error!(result, Error::Setting { name: "adapts", .. }, "`adapts`", shown);
    }
}

#[test]
fn norms_by_step_must_leave_a_parameter_that_adapts() {
    let (learner, _) = conv4();
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    let learner = learner.adapting(Adapts::Only(vec!["bn2_gamma".into()])).norms_by_step();
    let learned: Learned<f32> = learner.init(0).into();
    let result = learner.adapt(&learned, &episode.support);
    assert_error!(result, Error::Setting { name: "adapts", .. }, "bn2_gamma", "each step");
    let result = meta_grad(&learner, &learned, one(&episode), &start());
    assert_error!(result, Error::Setting { name: "adapts", .. }, "bn2_gamma", "each step");
}

#[test]
fn a_momentum_of_tracked_statistics_must_be_a_share() {
    let (learner, _) = conv4();
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    for (momentum, shown) in [(f64::NAN, "NaN"), (0.0, "0"), (1.5, "1.5")] {
        let learner = with_norm(learner.clone(), NormMode::Tracked { momentum });
        let result = Trainer::<f32, _, _>::new(&learner, Adam::default(), config());
        assert_error!(result, Error::Setting { name: "momentum", .. }, "`momentum`", shown);
        let state = init_params(&Learner::<f32>::state(&learner), 0);
        let learned = Learned { params: learner.init(0), state };
        let result = learner.adapt(&learned, &episode.support);
        assert_error!(result, Error::Setting { name: "momentum", .. }, "`momentum`", shown);
        let learner = ProtoNet::new(learner.model, NormMode::TrackedTogether { momentum });
        let result = Trainer::<f32, _, _>::new(&learner, Adam::default(), config());
        assert_error!(result, Error::Setting { name: "momentum", .. }, "`momentum`", shown);
    }
}

#[test]
fn steps_on_a_support_set_are_not_together_with_the_query_set() {
    let learner = with_norm(conv4().0, NormMode::TrackedTogether { momentum: 0.1 });
    let result = Trainer::<f32, _, _>::new(&learner, Adam::default(), config());
    assert_error!(result, Error::Setting { name: "norm", .. }, "TrackedTogether", "support set");
}
