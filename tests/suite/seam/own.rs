//! Learners of a program's own: what training tells them and what becomes of their errors.

use std::fmt;

use innerloop::ndarray::{ArrayD, arr1};
use innerloop::{
    Adam, Adapted, Downsample, Episode, Error, Examples, Learned, Learner, Lesson, Maml, NormMode, Order,
    ParamSpec, Progress, ProtoNet, Query, Result, Score, Sgd, Sinusoids, Tasks, TrainConfig, TrainState,
    Trainable, Trainer, evaluate, meta_grad,
};

use super::{embedding, glyphs};
use crate::tasks::{small_conv4, start};

/// Curves `y = w·x`: a lesson drops some of the inputs at random; some tasks fail.
#[derive(Debug)]
struct Dropping {
    fails_at: Option<u64>,
}

/// An error type of a program's own.
#[derive(Debug, PartialEq)]
struct Unwell(&'static str);

impl fmt::Display for Unwell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the learner is unwell: {}", self.0)
    }
}

impl std::error::Error for Unwell {}

impl Learner<f64> for Dropping {
    fn specs(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::scale("w", 1)]
    }

    fn check(&self, set: &'static str, examples: &Examples<f64>) -> Result<()> {
        examples.check(set)
    }

    fn adapt(&self, learned: &Learned<f64>, support: &Examples<f64>) -> Result<Adapted<f64>> {
        if support.x[[0, 0]] < 0.0 && self.fails_at.is_some() {
            return Err(Error::own(Unwell("it cannot adapt")));
        }
        Ok(Adapted::of_params(&self.specs(), learned.params.clone()))
    }

    fn predict(&self, adapted: &Adapted<f64>, x: &ArrayD<f64>) -> Result<ArrayD<f64>> {
        Ok(x * adapted.array("w")?)
    }
}

impl Trainable<f64> for Dropping {
    fn lesson(&self, learned: &Learned<f64>, episode: &Episode<f64>, here: &Progress) -> Result<Lesson<f64>> {
        if self.fails_at == Some(here.task) {
            return Err(Error::own(Unwell("it fell asleep")));
        }
        Lesson::of_query(&learned.params, &episode.query.y, &|theta| {
            let x = theta[0].tape().leaf(&episode.query.x).dropout(0.5, here.key(0));
            Ok(Query::new(x * theta[0], &episode.query.y))
        })
    }
}

const CURVES: Sinusoids = Sinusoids::new(4, 20, 0);

fn config(seed: u64) -> TrainConfig {
    TrainConfig::new(3, 1e-2, 6).seed(seed)
}

fn run(learner: &Dropping, seed: u64, state: Option<TrainState<f64>>, steps: usize) -> TrainState<f64> {
    let mut trainer = match state {
        Some(state) => Trainer::resume(learner, Adam::default(), config(seed), state).unwrap(),
        None => Trainer::new(learner, Adam::default(), config(seed)).unwrap(),
    };
    (0..steps).for_each(|_| assert!(trainer.step(&CURVES).unwrap().loss.is_finite()));
    trainer.state().clone()
}

#[test]
fn a_learner_that_draws_in_its_lessons_gives_the_same_run_after_a_resume() {
    let learner = Dropping { fails_at: None };
    let whole = run(&learner, 1, None, 6);
    let half = run(&learner, 1, None, 2);
    assert_eq!(run(&learner, 1, Some(half), 4), whole);
    // the seed decides the draws: everything else of the two runs is the same
    assert_ne!(run(&learner, 2, None, 6).learned, whole.learned);
}

#[test]
fn every_task_of_every_meta_step_has_a_key_of_its_own() {
    let learner = Dropping { fails_at: None };
    let learned = learner.init(0).into();
    let grads = |here: Progress| learner.lesson(&learned, &CURVES.task(0), &here).unwrap().grads[0][[0]];
    let here = Progress::new(1, 6);
    let draws = [here, here.of_task(1), here.at(1), Progress::new(2, 6)].map(grads);
    for (i, draw) in draws.iter().enumerate() {
        assert!(draws[..i].iter().all(|other| other != draw), "{draws:?}");
    }
    // `meta_grad` counts the tasks on from the first
    let tasks = [CURVES.task(0), CURVES.task(0)];
    let mean = meta_grad(&learner, &learned, &tasks, &here).unwrap().grads[0][[0]];
    assert!((mean / (0.5 * (draws[0] + draws[1])) - 1.0).abs() < 1e-12);
}

/// Holds an error to a task's number and the learner's own error in it.
fn assert_own(error: Error, number: u64, want: Unwell) {
    let message = error.to_string();
    let Error::Task { task, source } = error else { panic!("{error:?}") };
    let Error::Own(own) = *source else { panic!("{source:?}") };
    assert_eq!(task, number);
    assert_eq!(message, format!("task {number}: {want}"));
    assert_eq!(own.downcast_ref::<Unwell>(), Some(&want));
}

#[test]
fn a_lesson_that_fails_stops_the_meta_step_names_its_task_and_changes_nothing() {
    let learner = Dropping { fails_at: Some(4) };
    let mut trainer = Trainer::<f64, _, _>::new(&learner, Adam::default(), config(0)).unwrap();
    trainer.step(&CURVES).unwrap(); // tasks 0, 1, 2
    let before = trainer.state().clone();
    assert_own(trainer.step(&CURVES).unwrap_err(), 4, Unwell("it fell asleep"));
    assert_eq!(trainer.state(), &before);
    let tasks: Vec<Episode<f64>> = (0..9).map(|i| CURVES.task(i)).collect();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let result = pool.install(|| meta_grad(&learner, trainer.learned(), &tasks, &start()));
        assert_own(result.unwrap_err(), 4, Unwell("it fell asleep"));
    }
}

#[test]
fn an_adaptation_that_fails_stops_the_evaluation_and_names_the_episode() {
    let learner = Dropping { fails_at: Some(0) };
    let negative = |i: &u64| Tasks::<Episode<f64>>::task(&CURVES, *i).support.x[[0, 0]] < 0.0;
    let first = (0..).find(negative).unwrap();
    // one thread: the first error in order
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let result = pool.install(|| evaluate(&learner, &learner.init(0).into(), &CURVES, first + 1));
    assert_own(result.unwrap_err(), first, Unwell("it cannot adapt"));
}

/// Plain batches of examples, for a learner that is not trained on episodes.
struct Batches;

impl Tasks<Examples<f64>> for Batches {
    fn task(&self, i: u64) -> Examples<f64> {
        let x =
            arr1(&[1.0 + (i % 3) as f64, 2.0, -3.0]).into_dyn().into_shape_with_order(vec![3, 1]).unwrap();
        Examples::valued(x.clone(), 2.5 * x)
    }
}

impl Trainable<f64, Examples<f64>> for Dropping {
    fn lesson(&self, learned: &Learned<f64>, batch: &Examples<f64>, _: &Progress) -> Result<Lesson<f64>> {
        Lesson::of_query(&learned.params, &batch.y, &|theta| {
            Ok(Query::new(theta[0].tape().leaf(&batch.x) * theta[0], &batch.y))
        })
    }
}

#[test]
fn a_learner_may_be_trained_on_plain_batches() {
    let learner = Dropping { fails_at: None };
    let config = TrainConfig::new(2, 0.05, 80);
    let mut trainer = Trainer::<f64, _, _>::new(&learner, Sgd::new(0.0), config).unwrap();
    for _ in 0..20 {
        trainer.step::<Examples<f64>>(&Batches).unwrap();
    }
    let w = trainer.learned().params[0][[0]];
    assert!((w - 2.5).abs() < 1e-3, "{w}");
    struct Spoilt;
    impl Tasks<Examples<f64>> for Spoilt {
        fn task(&self, i: u64) -> Examples<f64> {
            let mut batch = Batches.task(i);
            batch.x = ArrayD::zeros(vec![2, 1]);
            batch
        }
    }
    let error = trainer.step::<Examples<f64>>(&Spoilt).unwrap_err();
    let Error::Task { task: 40, source } = &error else { panic!("{error}") };
    assert!(matches!(**source, Error::Shape { .. }) && error.to_string().contains("batch inputs"), "{error}");
}

#[test]
fn a_boxed_learner_is_trained_evaluated_and_adapted_with_the_bits_of_the_learner_itself() {
    type Everything = (TrainState<f32>, Vec<innerloop::StepReport>, Adapted<f32>, ArrayD<f32>, Vec<Score>);
    fn all<L: Trainable<f32> + ?Sized>(learner: &L) -> Everything {
        let config = TrainConfig::new(2, 1e-2, 3);
        let mut trainer = Trainer::<f32, L, _>::new(learner, Adam::default(), config).unwrap();
        (0..3).for_each(|_| assert!(trainer.step(&glyphs()).unwrap().loss.is_finite()));
        let learned = trainer.learned();
        let episode: Episode<f32> = glyphs().task(100);
        let adapted = learner.adapt(learned, &episode.support).unwrap();
        let predicted = learner.predict(&adapted, &episode.query.x).unwrap();
        let scores = learner.scores(learned, &episode).unwrap().iter().map(|s| s.inductive).collect();
        let reports = evaluate(learner, learned, &glyphs(), 5).unwrap();
        (trainer.state().clone(), reports, adapted, predicted, scores)
    }
    let tracked = NormMode::Tracked { momentum: 0.1 };
    let maml =
        || Maml::new(small_conv4(Downsample::MaxPool), 0.1, Order::Second, tracked.clone()).norms_by_step();
    let protonet = || ProtoNet::new(embedding(), NormMode::Together);
    let boxed: [Box<dyn Trainable<f32>>; 2] = [Box::new(maml().steps(2)), Box::new(protonet())];
    let direct = [all(&maml().steps(2)), all(&protonet())];
    for (boxed, direct) in boxed.iter().zip(direct) {
        assert_eq!(all(boxed), direct);
        assert_eq!(all(&**boxed), direct);
    }
}
