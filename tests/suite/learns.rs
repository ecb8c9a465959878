//! Short trainings end far from chance: the parts work together.

use crate::tasks::{maml_at, sinusoid_mlp};
use innerloop::{
    Adam, Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape, Glyphs, NormMode, ProtoNet, Schedule,
    Sinusoids, Split, StepReport, Tasks, TrainConfig, Trainable, Trainer, evaluate,
};

/// Trains to the end and evaluates on other tasks, before and after.
fn reports<L: Trainable<f32>, E: Tasks<Episode<f32>>>(
    learner: &L,
    config: TrainConfig,
    train: &E,
    test: &E,
) -> [Vec<StepReport>; 2] {
    let mut trainer = Trainer::new(learner, Adam::default(), config).unwrap();
    let report = |trainer: &Trainer<f32, L, Adam>| evaluate(learner, trainer.learned(), test, 100).unwrap();
    let untrained = report(&trainer);
    for _ in 0..config.iterations {
        trainer.step(train).unwrap();
    }
    [untrained, report(&trainer)]
}

#[test]
fn maml_learns_to_fit_a_sinusoid_from_ten_points() {
    let learner = maml_at(sinusoid_mlp(), 0.01).steps(5);
    let schedule = Schedule::Cosine { iterations: 800, floor: 0.01 };
    let config = TrainConfig::new(10, 5e-3, 800).schedule(schedule).clip_norm(10.0);
    let tasks = |seed| Sinusoids::new(10, 10, seed);
    let [untrained, trained] = reports(&learner, config, &tasks(0), &tasks(1));
    let losses = |r: &[StepReport]| r.iter().map(|s| s.inductive.loss.mean).collect::<Vec<_>>();
    println!("untrained {:?}, trained {:?}", losses(&untrained), losses(&trained));
    let (before, after) = (trained[0].inductive.loss.mean, trained[5].inductive.loss.mean);
    assert!(after < 0.25 * before, "squared error {before} before adaptation, {after} after");
}

/// 5-way 1-shot on characters held out from training.
fn glyphs() -> [EpisodeSampler; 2] {
    let images = Glyphs::default().alphabets(10).generate().unwrap();
    let split = Split::random(&images, 150, 50, false, 0).unwrap();
    let shape = EpisodeShape::new(5, 1, 5);
    [split.train, split.test].map(|classes| EpisodeSampler::new(&images, &classes, shape, 0).unwrap())
}

fn classify(iterations: u64) -> TrainConfig {
    TrainConfig::new(8, 5e-3, iterations).clip_norm(10.0)
}

fn last_accuracy(report: &[StepReport]) -> f64 {
    report.last().unwrap().transductive.accuracy.unwrap().mean
}

#[test]
fn maml_learns_to_tell_five_new_characters_apart_from_one_drawing_each() {
    let model = Conv4::new([28, 28, 1], 16, Downsample::Stride, Some(5)).unwrap();
    let learner = maml_at(model, 0.4).steps(1).eval_steps(3);
    let [train, test] = glyphs();
    let reports = reports(&learner, classify(150), &train, &test);
    let [untrained, trained] = reports.each_ref().map(|r| last_accuracy(r));
    println!("untrained {untrained:.3}, trained {trained:.3}");
    let unadapted = reports[1][0].transductive.accuracy.unwrap().mean;
    assert!((0.1..0.3).contains(&unadapted), "without adaptation labels are a guess: {unadapted}");
    assert!(untrained < 0.45, "untrained: {untrained}");
    assert!(trained > 0.5, "trained: {trained}");
}

#[test]
fn prototypes_learn_to_tell_five_new_characters_apart_from_one_drawing_each() {
    let model = Conv4::new([28, 28, 1], 16, Downsample::Stride, None).unwrap();
    let learner = ProtoNet::new(model, NormMode::Batch);
    let [train, test] = glyphs();
    let reports = reports(&learner, classify(100), &train, &test);
    let [untrained, trained] = reports.each_ref().map(|r| last_accuracy(r));
    println!("untrained {untrained:.3}, trained {trained:.3}");
    assert!(trained > untrained + 0.1 && trained > 0.5, "{trained} after {untrained}");
}
