//! Training, evaluation and a run of it, whose numbers are the same on every device.

use innerloop::{
    Adam, Conv4, Downsample, EpisodeSampler, EpisodeShape, Evaluator, Glyphs, History, Learner, Maml, Mlp,
    NormMode, Order, ProgressLines, Run, RunEnd, Sinusoids, TrainConfig, Trainer, Watch, evaluate,
};

/// Loss of the fourth meta-step, and accuracy and loss after its last inner step, recorded on x86-64 Linux.
const RECORDED: [f64; 3] = [1.0526354637136213, 0.5714285714285714, 0.7881801538613465];

/// # Panics
/// If something does not work, or gives other numbers than elsewhere.
pub fn check() {
    let clock = !cfg!(all(target_family = "wasm", target_os = "unknown"));
    let glyphs =
        Glyphs::default().alphabets(1).characters_per_alphabet(8).drawers(6).size(16).generate().unwrap();
    let tasks = EpisodeSampler::new(&glyphs, &glyphs.all(), EpisodeShape::new(3, 1, 2), 4).unwrap();
    let model = Conv4::new([16, 16, 1], 4, Downsample::MaxPool, Some(3)).unwrap();
    let maml = Maml::new(model, 0.4, Order::Second, NormMode::Batch).steps(2);
    let mut trainer =
        Trainer::<f64, _, _>::new(&maml, Adam::default(), TrainConfig::new(3, 1e-2, 4)).unwrap();
    let mut log = trainer.step(&tasks).unwrap();
    while trainer.iteration() < 4 {
        log = trainer.step(&tasks).unwrap();
    }
    assert_eq!(log.seconds > 0.0, clock, "{log:?}");
    let curve = evaluate(&maml, trainer.learned(), &tasks, 7).unwrap();
    let last = curve[2].transductive;
    let numbers = [log.loss, last.accuracy.unwrap().mean, last.loss.mean];
    let close = numbers.iter().zip(RECORDED).all(|(number, recorded)| (number - recorded).abs() < 1e-9);
    assert!(close, "{numbers:?}, recorded {RECORDED:?}");
    let evaluation = Evaluator::new(&tasks, 7).evaluate(&maml, trainer.learned()).unwrap();
    let again = evaluation.curve[2].transductive.loss.mean;
    assert!((again - last.loss.mean).abs() < 1e-9, "{again}, evaluate says {}", last.loss.mean);
    assert_eq!(evaluation.times.adapt > 0.0, clock, "{:?}", evaluation.times);

    let regression = Maml::new(Mlp::new(&[1, 8, 1]).unwrap(), 0.01, Order::First, NormMode::Batch);
    let mut trainer =
        Trainer::<f32, _, _>::new(&regression, Adam::default(), TrainConfig::new(4, 1e-3, 20)).unwrap();
    let [train, validation] = [0, 1].map(|seed| Sinusoids::new(5, 5, seed));
    let run = Run::new().validate(&validation, 4, 5).patience(9);
    #[cfg(feature = "full")]
    let run = run.stop_when(innerloop::stop_on_signals().unwrap());
    let (mut history, mut progress) = (History::new(), ProgressLines::new("run").iterations(20));
    let mut watch: Vec<Box<dyn Watch>> = vec![Box::new(&mut history), Box::new(&mut progress)];
    assert_eq!(trainer.run(&train, &run, &mut watch).unwrap(), RunEnd::Iterations);
    drop(watch);
    assert_eq!(history.validations.len(), 4);
    assert!(history.steps.iter().all(|step| step.tasks_per_second.is_finite()));
    // a budget of time that could never be spent is refused
    let budget = trainer.run(&train, &Run::new().seconds(60.0), &mut ());
    assert_eq!(budget.is_ok(), clock, "{budget:?}");
    assert!(regression.adapt(trainer.learned(), &innerloop::Tasks::task(&train, 0).support).is_ok());
}
