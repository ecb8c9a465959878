//! Short trainings end far from chance: the parts work together.

mod tasks;

use innerloop::{
    Adam, Conv4, Downsample, EpisodeSampler, EpisodeShape, Episodes, Glyphs, Learner, Maml, NormMode,
    ProtoNet, Schedule, Sinusoids, Split, StepReport, TrainConfig, Trainer, evaluate,
};
use tasks::{maml, sinusoid_mlp};

/// Trains for `iterations` and evaluates on other tasks, before and after.
fn reports<L: Learner<f32>, E: Episodes<f32>>(
    learner: &L,
    config: TrainConfig,
    iterations: u64,
    train: &E,
    test: &E,
) -> [Vec<StepReport>; 2] {
    let mut trainer = Trainer::new(learner, Adam::default(), config, 0).unwrap();
    let report = |trainer: &Trainer<f32, L, Adam>| evaluate(learner, trainer.params(), test, 100).unwrap();
    let untrained = report(&trainer);
    for _ in 0..iterations {
        trainer.step(train).unwrap();
    }
    [untrained, report(&trainer)]
}

#[test]
fn maml_learns_to_fit_a_sinusoid_from_ten_points() {
    let learner = Maml { inner_lr: 0.01, inner_steps: 5, eval_steps: 5, ..maml(sinusoid_mlp()) };
    let schedule = Schedule::Cosine { iterations: 800, floor: 0.01 };
    let config = TrainConfig { meta_batch: 10, outer_lr: 5e-3, schedule, clip_norm: Some(10.0) };
    let tasks = |seed| Sinusoids { shots: 10, queries: 10, seed };
    let [untrained, trained] = reports(&learner, config, 800, &tasks(0), &tasks(1));
    let losses = |r: &[StepReport]| r.iter().map(|s| s.loss.mean).collect::<Vec<_>>();
    println!("untrained {:?}, trained {:?}", losses(&untrained), losses(&trained));
    let (before, after) = (trained[0].loss.mean, trained[5].loss.mean);
    assert!(after < 0.25 * before, "squared error {before} before adaptation, {after} after");
}

/// 5-way 1-shot on characters held out from training.
fn glyphs() -> [EpisodeSampler; 2] {
    let images = Glyphs { alphabets: 10, ..Glyphs::default() }.generate().unwrap();
    let split = Split::random(&images, 150, 50, false, 0).unwrap();
    let shape = EpisodeShape { ways: 5, shots: 1, queries: 5 };
    [split.train, split.test].map(|classes| EpisodeSampler::new(&images, &classes, shape, 0).unwrap())
}

const CLASSIFY: TrainConfig =
    TrainConfig { meta_batch: 8, outer_lr: 5e-3, schedule: Schedule::Constant, clip_norm: Some(10.0) };

fn last_accuracy(report: &[StepReport]) -> f64 {
    report.last().unwrap().accuracy.unwrap().mean
}

#[test]
fn maml_learns_to_tell_five_new_characters_apart_from_one_drawing_each() {
    let model = Conv4::new([28, 28, 1], 16, Downsample::Stride, Some(5)).unwrap();
    let learner = Maml { inner_lr: 0.4, inner_steps: 1, eval_steps: 3, ..maml(model) };
    let [train, test] = glyphs();
    let reports = reports(&learner, CLASSIFY, 150, &train, &test);
    let [untrained, trained] = reports.each_ref().map(|r| last_accuracy(r));
    println!("untrained {untrained:.3}, trained {trained:.3}");
    let unadapted = reports[1][0].accuracy.unwrap().mean;
    assert!((0.1..0.3).contains(&unadapted), "without adaptation labels are a guess: {unadapted}");
    assert!(untrained < 0.45, "untrained: {untrained}");
    assert!(trained > 0.5, "trained: {trained}");
}

#[test]
fn prototypes_learn_to_tell_five_new_characters_apart_from_one_drawing_each() {
    let model = Conv4::new([28, 28, 1], 16, Downsample::Stride, None).unwrap();
    let learner = ProtoNet { model, norm: NormMode::Batch };
    let [train, test] = glyphs();
    let reports = reports(&learner, CLASSIFY, 100, &train, &test);
    let [untrained, trained] = reports.each_ref().map(|r| last_accuracy(r));
    println!("untrained {untrained:.3}, trained {trained:.3}");
    assert!(trained > untrained + 0.1 && trained > 0.5, "{trained} after {untrained}");
}
