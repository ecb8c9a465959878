//! What training tells a learner, and how rates and decays of single parameters act.

use std::sync::Mutex;

use innerloop::ndarray::ArrayD;
use innerloop::{
    Adapted, Episode, Error, Examples, Learned, Learner, Lesson, ParamSpec, Progress, Result, Schedule,
    Score, Sgd, Sinusoids, TrainConfig, Trainable, Trainer,
};

/// Four numbers that begin at 1, whose gradients are 1; it writes down where training stood.
struct Told {
    specs: Vec<ParamSpec>,
    seen: Mutex<Vec<Progress>>,
}

impl std::fmt::Debug for Told {
    /// Its settings, of which it has none: what it was told changes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Told")
    }
}

impl Told {
    fn new() -> Told {
        let spec = |name| ParamSpec::scale(name, 1);
        let specs =
            vec![spec("plain"), spec("frozen").with_rate(0.0), spec("slow").with_rate(0.5), spec("decays")];
        let mut told = Told { specs, seen: Mutex::default() };
        told.specs[3] = told.specs[3].clone().with_decay(0.25);
        told
    }
}

impl Learner<f64> for Told {
    fn specs(&self) -> Vec<ParamSpec> {
        self.specs.clone()
    }

    fn check(&self, _: &'static str, _: &Examples<f64>) -> Result<()> {
        Ok(())
    }

    fn adapt(&self, learned: &Learned<f64>, _: &Examples<f64>) -> Result<Adapted<f64>> {
        Ok(Adapted::of_params(&self.specs, learned.params.clone()))
    }

    fn predict(&self, _: &Adapted<f64>, x: &ArrayD<f64>) -> Result<ArrayD<f64>> {
        Ok(x.clone())
    }
}

impl Trainable<f64> for Told {
    fn lesson(&self, learned: &Learned<f64>, _: &Episode<f64>, here: &Progress) -> Result<Lesson<f64>> {
        self.seen.lock().unwrap().push(*here);
        let grads = learned.params.iter().map(|p| ArrayD::ones(p.raw_dim())).collect();
        Ok(Lesson::new(Score { loss: 1.0, accuracy: None }, grads))
    }
}

const CURVES: Sinusoids = Sinusoids::new(2, 2, 0);
const SGD: Sgd = Sgd::new(0.0);

fn numbers(trainer: &Trainer<'_, f64, Told, Sgd>) -> Vec<f64> {
    trainer.learned().params.iter().map(|p| p[[0]]).collect()
}

#[test]
fn each_parameter_moves_at_its_rate_and_decays_by_its_share() {
    let learner = Told::new();
    let mut trainer = Trainer::new(&learner, SGD, TrainConfig::new(2, 0.5, 2)).unwrap();
    trainer.step(&CURVES).unwrap();
    assert_eq!(numbers(&trainer), [0.5, 1.0, 0.75, 1.0 - 0.5 * 1.25]);
}

#[test]
fn a_training_starts_from_what_another_learned() {
    let (learner, config) = (Told::new(), TrainConfig::new(2, 0.5, 2));
    let first_step = |learned| {
        let mut trainer = Trainer::starting_from(&learner, SGD, config, learned).unwrap();
        assert_eq!(trainer.step(&CURVES).unwrap().iteration, 1);
        numbers(&trainer)
    };
    assert_eq!(first_step(learner.init(0).into()), [0.5, 1.0, 0.75, 1.0 - 0.5 * 1.25]);
    let other = vec![ArrayD::from_elem(vec![1], 3.0); 4];
    assert_eq!(first_step(other.into()), [2.5, 3.0, 2.75, 3.0 - 0.5 * (1.0 + 0.25 * 3.0)]);
}

#[test]
fn clipping_is_of_the_meta_gradient_before_the_decay() {
    let learner = Told::new();
    let config = TrainConfig::new(2, 0.5, 2).clip_norm(1.0);
    let mut trainer = Trainer::new(&learner, SGD, config).unwrap();
    let log = trainer.step(&CURVES).unwrap();
    assert_eq!(log.grad_norm, 2.0);
    assert_eq!(numbers(&trainer), [0.75, 1.0, 0.875, 1.0 - 0.5 * (0.5 + 0.25)]);
}

#[test]
fn the_decay_of_the_settings_is_added_to_that_of_each_parameter() {
    let learner = Told::new();
    let config = TrainConfig::new(2, 0.5, 2).weight_decay(0.5);
    let mut trainer = Trainer::new(&learner, SGD, config).unwrap();
    trainer.step(&CURVES).unwrap();
    assert_eq!(numbers(&trainer), [1.0 - 0.5 * 1.5, 1.0, 1.0 - 0.25 * 1.5, 1.0 - 0.5 * 1.75]);
    for bad in [f64::NAN, f64::INFINITY, -0.5] {
        let refused = Trainer::new(&learner, SGD, config.weight_decay(bad)).map(drop).unwrap_err();
        assert!(matches!(refused, Error::Setting { name: "weight_decay", .. }), "{refused}");
    }
}

#[test]
fn rates_and_decays_out_of_range_are_refused_with_the_parameter() {
    for bad in [f64::NAN, f64::INFINITY, -0.5] {
        for spec in [ParamSpec::scale("w", 1).with_rate(bad), ParamSpec::scale("w", 1).with_decay(bad)] {
            let learner = Told { specs: vec![spec], seen: Mutex::default() };
            let error = Trainer::new(&learner, SGD, TrainConfig::new(2, 0.5, 2)).map(drop).unwrap_err();
            assert!(matches!(&error, Error::Spec { name, .. } if name == "\"w\""), "{error}");
        }
    }
}

#[test]
fn a_lesson_is_told_seed_meta_step_and_task_and_the_schedule_counts_meta_steps() {
    let learner = Told::new();
    let schedule = Schedule::Cosine { iterations: 3, floor: 0.0 };
    let config = TrainConfig::new(2, 0.5, 3).seed(9).schedule(schedule);
    let mut trainer = Trainer::new(&learner, SGD, config).unwrap();
    let mut rates = Vec::new();
    for _ in 0..2 {
        rates.push(trainer.step(&CURVES).unwrap().lr);
    }
    let state = trainer.state().clone();
    let mut resumed = Trainer::resume(&learner, SGD, config, state).unwrap();
    rates.push(resumed.step(&CURVES).unwrap().lr);
    let mut seen = learner.seen.into_inner().unwrap();
    seen.sort_by_key(|here| here.task);
    let want: Vec<_> = (0..6).map(|task| Progress::new(9, 3).at(task / 2).of_task(task)).collect();
    assert_eq!(seen, want);
    assert!(rates[0] == 0.5 && rates[0] > rates[1] && rates[1] > rates[2], "{rates:?}");
}
