//! Wrong data and settings come back as errors that name them; misuse of the engine panics with
//! the operation and the shapes.

mod tasks;

use innerloop::ndarray::{ArrayD, array};
use innerloop::{
    Adam, Conv4, Downsample, Episode, Episodes, Error, Examples, Learner, Maml, Mlp, Model, Moments,
    NormMode, ProtoNet, Schedule, Sgd, Sinusoids, Tape, Targets, TrainConfig, Trainer, evaluate, grad,
    meta_grad,
};
use tasks::{labelled, maml, noise, random_episode, sinusoid_mlp, small_conv4};

/// Checks an error's variant and that its message names what is wrong.
macro_rules! assert_error {
    ($result:expr, $variant:pat, $($word:expr),+) => {{
        let error = $result.map(drop).unwrap_err();
        assert!(matches!(error, $variant), "{error:?}");
        let message = error.to_string();
        $(assert!(message.contains($word), "{message:?} does not name {:?}", $word);)+
    }};
}

/// The same episode whatever the number.
struct Always(Episode<f32>);

impl Episodes<f32> for Always {
    fn episode(&self, _i: u64) -> Episode<f32> {
        self.0.clone()
    }
}

const CONFIG: TrainConfig =
    TrainConfig { meta_batch: 2, outer_lr: 1e-3, schedule: Schedule::Constant, clip_norm: None };

const SINUSOIDS: Sinusoids = Sinusoids { shots: 5, queries: 5, seed: 0 };

fn conv4() -> (Maml<Conv4>, Vec<ArrayD<f32>>) {
    let learner = maml(small_conv4(Downsample::MaxPool));
    let params = learner.model.init(0);
    (learner, params)
}

fn regression() -> (Maml<Mlp>, Vec<ArrayD<f32>>) {
    let learner = Maml { inner_lr: 0.01, ..maml(sinusoid_mlp()) };
    let params = learner.model.init(0);
    (learner, params)
}

#[test]
fn a_pixel_that_is_not_a_number_is_refused_with_its_set_and_place() {
    let mut query = labelled::<f32>(&[16, 16, 1], 3, 1, 0);
    query.x[[1, 0, 2, 0]] = f32::NAN;
    let episode = Episode::new(3, labelled(&[16, 16, 1], 3, 1, 1), query);
    assert_error!(episode, Error::NotFinite { .. }, "query inputs", "element 258");
}

#[test]
fn images_of_the_wrong_size_are_refused_wherever_they_enter() {
    let (learner, params) = conv4();
    let episode = random_episode::<f32>(&[16, 15, 1], 3, 0);
    let expected = "[3, 16, 16, 1], but it is [3, 16, 15, 1]";
    assert_error!(learner.adapt(&params, &episode.support, 1), Error::Shape { .. }, "Conv4", expected);
    assert_error!(learner.adapt_scored(&params, &episode, 1), Error::Shape { .. }, "Conv4", expected);
    assert_error!(
        meta_grad(&learner, &params, std::slice::from_ref(&episode)),
        Error::Shape { .. },
        "Conv4",
        expected
    );
    let result = learner.predict(&params, &episode.support.x);
    assert_error!(result, Error::Shape { .. }, "Conv4", expected);
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), CONFIG, 0).unwrap();
    let source = Always(episode);
    assert_error!(evaluate(&learner, &params, &source, 3), Error::Shape { .. }, "Conv4", expected);
    assert_error!(trainer.step(&source), Error::Shape { .. }, "Conv4", expected);
}

#[test]
fn inputs_to_predict_for_must_be_finite() {
    let (learner, params) = regression();
    let x = array![[0.0], [f32::INFINITY]].into_dyn();
    assert_error!(learner.predict(&params, &x), Error::NotFinite { .. }, "inputs");
}

#[test]
fn more_ways_than_outputs_are_refused() {
    let (learner, params) = conv4();
    let episode = random_episode::<f32>(&[16, 16, 1], 4, 0);
    let wrong = "setting `ways` is 4";
    assert_error!(learner.adapt(&params, &episode.support, 1), Error::Setting { name: "ways", .. }, wrong);
    assert_error!(
        meta_grad(&learner, &params, std::slice::from_ref(&episode)),
        Error::Setting { name: "ways", .. },
        wrong
    );
    assert_error!(
        evaluate(&learner, &params, &Always(episode), 1),
        Error::Setting { name: "ways", .. },
        wrong
    );
}

#[test]
fn values_of_another_width_than_the_outputs_are_refused() {
    let (learner, params) = regression();
    let wide = |seed| Examples { x: noise(&[4, 1], seed), y: Targets::Values(noise(&[4, 2], seed)) };
    let episode: Episode<f32> = Episode::new(0, wide(0), wide(1)).unwrap();
    let expected = "[4, 1], but it is [4, 2]";
    assert_error!(learner.adapt(&params, &episode.support, 1), Error::Shape { .. }, "values", expected);
    assert_error!(meta_grad(&learner, &params, &[episode]), Error::Shape { .. }, "support values", expected);
}

#[test]
fn an_empty_meta_batch_is_refused() {
    let (learner, params) = regression();
    assert_error!(
        meta_grad(&learner, &params, &[]),
        Error::Setting { name: "meta_batch", .. },
        "setting `meta_batch` is 0"
    );
    let config = TrainConfig { meta_batch: 0, ..CONFIG };
    let result = Trainer::<f32, _, _>::new(&learner, Adam::default(), config, 0);
    assert_error!(result, Error::Setting { name: "meta_batch", .. }, "setting `meta_batch` is 0");
}

#[test]
fn an_evaluation_without_episodes_is_refused() {
    let (learner, params) = regression();
    assert_error!(
        evaluate(&learner, &params, &SINUSOIDS, 0),
        Error::Setting { name: "episodes", .. },
        "setting `episodes` is 0"
    );
}

#[test]
fn an_outer_rate_must_be_finite_and_above_zero() {
    let (learner, _) = regression();
    for (outer_lr, shown) in [(f64::NAN, "NaN"), (0.0, "0"), (-0.1, "-0.1"), (f64::INFINITY, "inf")] {
        let config = TrainConfig { outer_lr, ..CONFIG };
        let result = Trainer::<f32, _, _>::new(&learner, Adam::default(), config, 0);
        assert_error!(result, Error::Setting { name: "outer_lr", .. }, "`outer_lr`", shown);
    }
}

#[test]
fn a_clipping_norm_must_be_above_zero() {
    let (learner, _) = regression();
    for clip in [f64::NAN, 0.0, -1.0] {
        let config = TrainConfig { clip_norm: Some(clip), ..CONFIG };
        let result = Trainer::<f32, _, _>::new(&learner, Adam::default(), config, 0);
        assert_error!(result, Error::Setting { name: "clip_norm", .. }, "`clip_norm`");
    }
}

#[test]
fn an_inner_rate_must_be_finite_and_not_negative() {
    let (learner, params) = regression();
    for (inner_lr, shown) in [(f64::NAN, "NaN"), (f64::NEG_INFINITY, "-inf"), (-0.1, "-0.1")] {
        let learner = Maml { inner_lr, ..learner.clone() };
        let episode = SINUSOIDS.episode(0);
        let result = meta_grad(&learner, &params, &[episode]);
        assert_error!(result, Error::Setting { name: "inner_lr", .. }, "`inner_lr`", shown);
        let result = evaluate(&learner, &params, &SINUSOIDS, 1);
        assert_error!(result, Error::Setting { name: "inner_lr", .. }, "`inner_lr`", shown);
    }
}

#[test]
fn parameters_that_are_not_the_models_are_refused_by_name() {
    let (learner, params) = conv4();
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    let calls = |params: &[ArrayD<f32>]| {
        [
            learner.adapt(params, &episode.support, 1).map(drop),
            learner.adapt_scored(params, &episode, 1).map(drop),
            learner.predict(params, &episode.query.x).map(drop),
            meta_grad(&learner, params, std::slice::from_ref(&episode)).map(drop),
            evaluate(&learner, params, &Always(episode.clone()), 1).map(drop),
        ]
    };
    for result in calls(&params[..17]) {
        assert_error!(result, Error::Shape { .. }, "list of parameters", "[18], but it is [17]");
    }
    let mut bent = params.clone();
    bent[2] = ArrayD::ones(vec![4]);
    for result in calls(&bent) {
        assert_error!(result, Error::Shape { .. }, "bn1_gamma", "[3], but it is [4]");
    }
    let mut holed = params.clone();
    holed[16][[0, 1]] = f32::NAN;
    for result in calls(&holed) {
        assert_error!(result, Error::NotFinite { .. }, "linear_w");
    }
}

#[test]
fn a_run_that_diverges_stops_with_the_episode_and_keeps_its_state() {
    let learner = Maml { inner_lr: 1e30, ..regression().0 };
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), CONFIG, 0).unwrap();
    let before = trainer.state().clone();
    assert_error!(trainer.step(&SINUSOIDS), Error::NotFinite { .. }, "episode 0 of the meta-batch");
    assert_eq!(*trainer.state(), before);
}

#[test]
fn the_episode_that_diverges_is_named_by_its_place_in_the_meta_batch() {
    let (learner, params) = regression();
    let mut episodes: Vec<Episode<f32>> = (0..70).map(|i| SINUSOIDS.episode(i)).collect();
    episodes[66].query.x.fill(1e30); // squares of its errors overflow
    let result = meta_grad(&learner, &params, &episodes);
    assert_error!(result, Error::NotFinite { .. }, "episode 66 of the meta-batch");
}

#[test]
fn prototypes_refuse_an_episode_of_regression() {
    let learner = ProtoNet { model: Mlp::new(&[1, 4]).unwrap(), norm: NormMode::Batch };
    let params = Learner::<f32>::init(&learner, 0);
    let result = meta_grad(&learner, &params, &[SINUSOIDS.episode(0)]);
    assert_error!(result, Error::Setting { name: "ways", .. }, "`ways` is 0", "prototypes");
    let result = evaluate(&learner, &params, &SINUSOIDS, 1);
    assert_error!(result, Error::Setting { name: "ways", .. }, "`ways` is 0", "prototypes");
}

#[test]
fn a_state_of_another_model_does_not_resume() {
    let (learner, _) = regression();
    let state = Trainer::<f32, _, _>::new(&learner, Adam::default(), CONFIG, 0).unwrap().state().clone();
    let wide = maml(Mlp::new(&[1, 41, 40, 1]).unwrap());
    let result = Trainer::resume(&wide, Adam::default(), CONFIG, state.clone());
    assert_error!(result, Error::Shape { .. }, "linear1_w", "[1, 41], but it is [1, 40]");
    let deep = maml(Mlp::new(&[1, 40, 40, 40, 1]).unwrap());
    let result = Trainer::resume(&deep, Adam::default(), CONFIG, state);
    assert_error!(result, Error::Shape { .. }, "list of parameters", "[8], but it is [6]");
}

#[test]
fn a_state_of_another_optimizer_does_not_resume() {
    let (learner, _) = regression();
    let state = Trainer::<f32, _, _>::new(&learner, Adam::default(), CONFIG, 0).unwrap().state().clone();
    let result = Trainer::resume(&learner, Sgd { momentum: 0.9 }, CONFIG, state.clone());
    assert_error!(result, Error::Shape { .. }, "optimizer", "[1], but it is [2]");
    let mut holed = state;
    holed.optimizer.slots[1][3][[0]] = f32::INFINITY;
    let result = Trainer::resume(&learner, Adam::default(), CONFIG, holed);
    assert_error!(result, Error::NotFinite { .. }, "linear2_b");
}

#[test]
#[should_panic(expected = "matmul: shapes [2, 3] (transposed: false) and [4, 5] (transposed: false)")]
fn a_product_that_does_not_fit_panics_by_name() {
    let tape = Tape::<f32>::new();
    tape.full(&[2, 3], 1.0).matmul(tape.full(&[4, 5], 1.0));
}

#[test]
#[should_panic(expected = "add: shapes [2, 3] and [2, 4] do not broadcast")]
fn a_sum_that_does_not_broadcast_panics_with_the_shapes() {
    let tape = Tape::<f32>::new();
    let _ = tape.full(&[2, 3], 1.0) + tape.full(&[2, 4], 1.0);
}

#[test]
#[should_panic(expected = "grad: a gradient is of a single number, not of shape [2, 3]")]
fn a_gradient_of_an_array_panics_with_its_shape() {
    let tape = Tape::<f32>::new();
    let x = tape.full(&[2, 3], 1.0);
    grad(x * x, &[x]);
}

#[test]
#[should_panic(expected = "different tapes")]
fn mixing_tapes_panics() {
    let (one, other) = (Tape::<f32>::new(), Tape::<f32>::new());
    let _ = one.scalar(1.0) * other.scalar(2.0);
}

#[test]
#[should_panic(expected = "Adam: there must be as many gradients as parameters")]
fn gradients_that_do_not_match_the_parameters_panic() {
    use innerloop::Optimizer;
    let mut params = vec![ArrayD::<f32>::zeros(vec![2])];
    let mut state = Adam::default().init(&params);
    Adam::default().update(0.1, &mut params, &[], &mut state);
}

#[test]
fn adapting_checks_the_inner_rate_and_the_support_set() {
    let (learner, params) = conv4();
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    let wild = Maml { inner_lr: f64::NAN, ..learner.clone() };
    assert_error!(wild.adapt(&params, &episode.support, 1), Error::Setting { .. }, "inner_lr", "NaN");
    assert_error!(wild.adapt_scored(&params, &episode, 1), Error::Setting { .. }, "inner_lr", "NaN");
    let mut support = episode.support.clone();
    support.y = Targets::Labels(vec![0, 1, 3]);
    assert_error!(learner.adapt(&params, &support, 1), Error::Setting { .. }, "ways", "4");
}

#[test]
fn an_evaluation_that_diverges_names_the_episode_and_the_step() {
    let (learner, params) = regression();
    let wild = Maml { inner_lr: 1e30, ..learner };
    assert_error!(evaluate(&wild, &params, &SINUSOIDS, 3), Error::NotFinite { .. }, "test episode", "after");
}

#[test]
fn an_outer_rate_that_ruins_the_parameters_changes_nothing() {
    let (learner, _) = regression();
    let config = TrainConfig { outer_lr: 1e39, ..CONFIG };
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config, 0).unwrap();
    let before = trainer.state().clone();
    assert_error!(trainer.step(&SINUSOIDS), Error::NotFinite { .. }, "linear1_w");
    assert_eq!(trainer.state(), &before);
}

#[test]
fn running_statistics_that_do_not_fit_the_model_are_refused() {
    let (learner, params) = conv4();
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    for (norm, word) in [
        (NormMode::Running(vec![Moments::standard(3); 2]), "running statistics"),
        (NormMode::Running(vec![Moments::standard(4); 4]), "layer 0"),
    ] {
        let learner = Maml { norm, ..learner.clone() };
        assert_error!(learner.adapt(&params, &episode.support, 1), Error::Shape { .. }, word);
        assert_error!(
            meta_grad(&learner, &params, std::slice::from_ref(&episode)),
            Error::Shape { .. },
            word
        );
    }
}

#[test]
fn running_statistics_that_give_no_finite_outputs_are_refused_with_the_layer() {
    let (learner, params) = conv4();
    let x = random_episode::<f32>(&[16, 16, 1], 3, 0).query.x;
    for (mean, var) in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (0.0, -1.0)] {
        let mut given = vec![Moments::standard(3); 4];
        (given[2].mean[1], given[2].var[1]) = (mean, var);
        let learner = Maml { norm: NormMode::Running(given), ..learner.clone() };
        assert_error!(learner.predict(&params, &x), Error::NotFinite { .. }, "layer 2");
    }
    let short = Maml { norm: NormMode::Running(vec![Moments::standard(3); 2]), ..learner };
    assert_error!(short.predict(&params, &x), Error::Shape { .. }, "running statistics");
}

#[test]
fn an_episode_spoilt_after_it_was_made_is_refused() {
    let (learner, params) = conv4();
    let mut episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    episode.query.y = Targets::Labels(vec![0]);
    assert_error!(
        meta_grad(&learner, &params, std::slice::from_ref(&episode)),
        Error::Shape { .. },
        "query inputs"
    );
    assert_error!(evaluate(&learner, &params, &Always(episode), 1), Error::Shape { .. }, "query inputs");
}

#[test]
fn an_adaptation_that_diverges_is_an_error_and_no_parameters() {
    let (learner, params) = regression();
    let wild = Maml { inner_lr: 1e30, ..learner };
    let episode: Episode<f32> = SINUSOIDS.episode(0);
    assert_error!(wild.adapt(&params, &episode.support, 5), Error::NotFinite { .. }, "linear1_w");
    assert_error!(wild.adapt_scored(&params, &episode, 5), Error::NotFinite { .. }, "linear1_w");
}
