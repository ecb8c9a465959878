//! Wrong data and settings come back as errors that name them; misuse of the engine panics with
//! the operation and the shapes.

mod tasks;

use innerloop::ndarray::{ArrayD, array};
use innerloop::{
    Adam, Adapted, Adapts, Conv4, Downsample, Episode, Error, Examples, Learned, Learner, Maml, Mlp, Moments,
    NormMode, Progress, ProtoNet, Sgd, Sinusoids, Tape, Targets, Tasks, TrainConfig, Trainer, evaluate, grad,
    init_params, meta_grad,
};
use tasks::{labelled, maml, maml_at, noise, random_episode, sinusoid_mlp, small_conv4, start, with_norm};

/// Checks an error's variant and that its message names what is wrong.
macro_rules! assert_error {
    ($result:expr, $variant:pat, $($word:expr),+) => {{
        let error = $result.map(drop).unwrap_err();
        assert!(matches!(error, $variant), "{error:?}");
        let message = error.to_string();
        $(assert!(message.contains($word), "{message:?} does not name {:?}", $word);)+
    }};
}

/// The same for an error inside a task, which must have this number.
macro_rules! assert_error_in {
    ($task:expr, $result:expr, $variant:pat, $($word:expr),+) => {{
        let error = $result.map(drop).unwrap_err();
        let message = error.to_string();
        let Error::Task { task, source } = error else { panic!("{error:?}") };
        assert_eq!(task, $task);
        assert!(matches!(*source, $variant), "{source:?}");
        assert!(message.starts_with(&format!("task {task}: ")), "{message}");
        $(assert!(message.contains($word), "{message:?} does not name {:?}", $word);)+
    }};
}

/// The same episode whatever the number.
struct Always(Episode<f32>);

impl Tasks<Episode<f32>> for Always {
    fn task(&self, _i: u64) -> Episode<f32> {
        self.0.clone()
    }
}

fn config() -> TrainConfig {
    TrainConfig::new(2, 1e-3, 10)
}

const SINUSOIDS: Sinusoids = Sinusoids::new(5, 5, 0);

fn conv4() -> (Maml<Conv4>, Learned<f32>) {
    let learner = maml(small_conv4(Downsample::MaxPool));
    let learned = learner.init(0).into();
    (learner, learned)
}

fn regression_at(inner_lr: f64) -> Maml<Mlp> {
    maml_at(sinusoid_mlp(), inner_lr)
}

fn regression() -> (Maml<Mlp>, Learned<f32>) {
    let learner = regression_at(0.01);
    let learned = learner.init(0).into();
    (learner, learned)
}

fn curve(i: u64) -> Episode<f32> {
    SINUSOIDS.task(i)
}

fn one(episode: &Episode<f32>) -> &[Episode<f32>] {
    std::slice::from_ref(episode)
}

/// An adapted learner with one array replaced or left out.
fn altered(adapted: &Adapted<f32>, name: &str, array: Option<ArrayD<f32>>) -> Adapted<f32> {
    let others = adapted.arrays().filter(|(n, _)| *n != name);
    let others = Adapted::new(others.map(|(n, a)| (n.to_owned(), a.clone())));
    array.into_iter().fold(others, |all, array| all.with(name, array))
}

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
    }
}

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
fn prototypes_refuse_an_episode_of_regression() {
    let learner = ProtoNet::new(Mlp::new(&[1, 4]).unwrap(), NormMode::Batch);
    let learned: Learned<f32> = learner.init(0).into();
    let result = meta_grad(&learner, &learned, &[curve(0)], &start());
    assert_error_in!(0, result, Error::Setting { name: "ways", .. }, "`ways` is none", "labels");
    let result = evaluate(&learner, &learned, &SINUSOIDS, 1);
    assert_error_in!(0, result, Error::Setting { name: "ways", .. }, "`ways` is none", "labels");
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
#[should_panic(expected = "matmul: shapes [2, 3] (transposed: false) and [4, 5] (transposed: false)")]
fn a_product_that_does_not_fit_panics_by_name() {
    let tape = Tape::<f32>::new();
    let _ = tape.full(&[2, 3], 1.0).matmul(tape.full(&[4, 5], 1.0));
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
    Adam::default().update(&[0.1], &mut params, &[], &mut state);
}

#[test]
#[should_panic(expected = "rates")]
fn rates_that_do_not_match_the_parameters_panic() {
    use innerloop::Optimizer;
    let mut params = vec![ArrayD::<f32>::zeros(vec![2])];
    let grads = params.clone();
    let mut state = Sgd::new(0.0).init(&params);
    Sgd::new(0.0).update(&[0.1, 0.1], &mut params, &grads, &mut state);
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
