//! Models, learners and sources that a program chooses at run time or writes itself.

use crate::tasks::{maml, maml_at, random_episode, small_conv4, start};
use innerloop::ndarray::ArrayD;
use innerloop::{
    Adam, Adapted, Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape, Error, Examples, Glyphs, Init,
    Learned, Learner, Lesson, Mlp, Model, Network, Norm, NormMode, Optimizer, Order, ParamSpec, Progress,
    ProtoNet, Real, Result, Scores, Sgd, Sinusoids, Tasks, TrainConfig, TrainState, Trainable, Trainer, Var,
    evaluate, meta_grad,
};

fn config(seed: u64) -> TrainConfig {
    TrainConfig::new(2, 1e-2, 10).seed(seed)
}

const SINUSOIDS: Sinusoids = Sinusoids::new(5, 5, 0);

fn glyphs() -> EpisodeSampler {
    let glyphs = Glyphs::default().alphabets(1).characters_per_alphabet(8).drawers(6).size(16);
    let images = glyphs.generate().unwrap();
    let shape = EpisodeShape::new(3, 1, 2);
    EpisodeSampler::new(&images, &images.all(), shape, 4).unwrap()
}

/// Trained one step and evaluated: everything that the outer loop does with a learner.
fn trained<L: Trainable<f32> + ?Sized>(
    learner: &L,
    tasks: &dyn Tasks<Episode<f32>>,
) -> (TrainState<f32>, Vec<innerloop::StepReport>) {
    let mut trainer = Trainer::new(learner, Adam::default(), config(3)).unwrap();
    trainer.step(tasks).unwrap();
    let reports = evaluate(learner, trainer.learned(), tasks, 3).unwrap();
    (trainer.state().clone(), reports)
}

#[test]
fn a_network_chosen_at_run_time_is_trained_evaluated_and_adapted_with_the_same_bits() {
    let tasks = glyphs();
    let networks: [(Box<dyn Model<f32>>, _); 2] = [
        (
            Box::new(small_conv4(Downsample::MaxPool)),
            trained(&maml(small_conv4(Downsample::MaxPool)), &tasks),
        ),
        (Box::new(small_conv4(Downsample::Stride)), trained(&maml(small_conv4(Downsample::Stride)), &tasks)),
    ];
    for (model, want) in networks {
        let learner = maml(model);
        let got = trained(&learner, &tasks);
        assert_eq!(got, want);
        let episode: Episode<f32> = tasks.task(9);
        let adapted = learner.adapt(&got.0.learned, &episode.support).unwrap();
        let score =
            innerloop::Score::of(&learner.predict(&adapted, &episode.query.x).unwrap(), &episode.query.y);
        assert_eq!(learner.scores(&got.0.learned, &episode).unwrap()[2].inductive, score);
        assert_eq!(learner.predict(&adapted, &episode.query.x).unwrap().shape(), [6, 3]);
    }
}

#[test]
fn learner_optimizer_and_source_may_all_be_chosen_at_run_time() {
    let learners: [Box<dyn Trainable<f32>>; 2] = [
        Box::new(maml(small_conv4(Downsample::Stride))),
        Box::new(ProtoNet::new(small_conv4(Downsample::Stride).embedding(), NormMode::Batch)),
    ];
    let optimizers: [Box<dyn Optimizer<f32>>; 2] = [Box::new(Adam::default()), Box::new(Sgd::new(0.9))];
    let tasks: Box<dyn Tasks<Episode<f32>>> = Box::new(glyphs());
    for (learner, optimizer) in learners.iter().zip(optimizers) {
        let mut trainer = Trainer::new(learner, optimizer, config(3)).unwrap();
        let log = trainer.step(&tasks).unwrap();
        assert!(log.loss.is_finite() && log.grad_norm > 0.0);
        // the box is only a way to hold it
        let learned = learner.init(3).into();
        let episodes = [tasks.task(0), tasks.task(1)];
        let progress = Progress::new(3, 10);
        let direct = meta_grad(&**learner, &learned, &episodes, &progress).unwrap();
        assert_eq!(meta_grad(learner, &learned, &episodes, &progress).unwrap(), direct);
        assert_eq!(log.loss, direct.loss);
    }
}

/// `y = s·x`, with a scale that begins at 0.1: by its own `init`, not by its spec.
#[derive(Debug, Clone)]
struct Tenth;

impl Network for Tenth {
    fn specs(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::scale("s", 1)]
    }

    fn check_input(&self, _shape: &[usize]) -> Result<()> {
        Ok(())
    }

    fn outputs(&self) -> usize {
        1
    }
}

impl<T: Real> Model<T> for Tenth {
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, _norm: Norm<'_>) -> Var<'t, T> {
        x * params[0]
    }

    fn init(&self, _seed: u64) -> Vec<ArrayD<T>> {
        vec![ArrayD::from_elem(vec![1], T::from_f64(0.1))]
    }
}

#[test]
fn training_begins_with_the_models_own_initial_parameters() {
    let start = |learner: &dyn Learner<f64>| {
        Trainer::new(learner, Adam::default(), config(0)).unwrap().learned().params[0][[0]]
    };
    assert_eq!(start(&maml(Tenth)), 0.1);
    assert_eq!(start(&ProtoNet::new(Tenth, NormMode::Batch)), 0.1);
    let boxed: Box<dyn Model<f64>> = Box::new(Tenth);
    assert_eq!(start(&maml(&*boxed)), 0.1);
    assert_eq!(start(&maml(boxed)), 0.1);
}

/// Changes an answer into a wrong one.
type Change = fn(&mut Lesson<f64>, &mut Vec<Scores>);

/// A linear regression, some of whose answers are wrong: those on episodes with a negative first query input.
#[derive(Debug)]
struct Faulty {
    specs: Vec<ParamSpec>,
    answer: Change,
}

impl Faulty {
    fn new(answer: Change) -> Faulty {
        Faulty { specs: vec![ParamSpec::linear("w", 1, 3), ParamSpec::linear("v", 3, 1)], answer }
    }

    fn answer(&self, learned: &Learned<f64>, episode: &Episode<f64>) -> Result<(Lesson<f64>, Vec<Scores>)> {
        let right = maml(Mlp::new(&[1, 3, 1]).unwrap());
        let zeros = |n| ArrayD::zeros(vec![n]);
        let all = vec![learned.params[0].clone(), zeros(3), learned.params[1].clone(), zeros(1)].into();
        let mut lesson = right.lesson(&all, episode, &start())?;
        lesson.grads.remove(3);
        lesson.grads.remove(1);
        let mut scores = right.scores(&all, episode)?;
        if episode.query.x[[0, 0]] < 0.0 {
            (self.answer)(&mut lesson, &mut scores);
        }
        Ok((lesson, scores))
    }
}

impl Learner<f64> for Faulty {
    fn specs(&self) -> Vec<ParamSpec> {
        self.specs.clone()
    }

    fn check(&self, _set: &'static str, _examples: &Examples<f64>) -> Result<()> {
        Ok(())
    }

    fn adapt(&self, _learned: &Learned<f64>, _support: &Examples<f64>) -> Result<Adapted<f64>> {
        Err(Error::own("this learner only answers for whole episodes"))
    }

    fn predict(&self, _adapted: &Adapted<f64>, _x: &ArrayD<f64>) -> Result<ArrayD<f64>> {
        Err(Error::own("this learner only answers for whole episodes"))
    }

    fn scores(&self, learned: &Learned<f64>, episode: &Episode<f64>) -> Result<Vec<Scores>> {
        Ok(self.answer(learned, episode)?.1)
    }
}

impl Trainable<f64> for Faulty {
    fn lesson(&self, learned: &Learned<f64>, episode: &Episode<f64>, _: &Progress) -> Result<Lesson<f64>> {
        Ok(self.answer(learned, episode)?.0)
    }
}

/// Episodes whose first query input is negative from number 5 on.
fn sorted() -> Vec<Episode<f64>> {
    let all: Vec<Episode<f64>> = (0..40).map(|i| SINUSOIDS.task(i)).collect();
    let (negative, positive): (Vec<_>, Vec<_>) = all.into_iter().partition(|e| e.query.x[[0, 0]] < 0.0);
    positive.into_iter().take(5).chain(negative).collect()
}

/// The message for gradients that do not fit, on any number of threads.
fn refused(answer: Change) -> String {
    let (learner, episodes) = (Faulty::new(answer), sorted());
    let learned = learner.init(0).into();
    let message = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let error = pool.install(|| meta_grad(&learner, &learned, &episodes, &start())).unwrap_err();
        let Error::Task { task: 5, source } = &error else { panic!("{error}") };
        assert!(matches!(**source, Error::Shape { .. }), "{error}");
        error.to_string()
    };
    let one = message(1);
    assert_eq!(message(3), one);
    one
}

#[test]
fn a_learner_that_returns_fewer_gradients_for_a_later_task_is_refused_with_the_task() {
    let message = refused(|lesson, _| drop(lesson.grads.pop()));
    assert_eq!(message, "task 5: list of gradients: the shape must be [2], but it is [1]");
}

#[test]
fn a_learner_that_returns_a_gradient_of_another_shape_is_refused_with_task_and_parameter() {
    let message = refused(|lesson, _| lesson.grads[0] = ArrayD::ones(vec![1, 1]));
    assert_eq!(message, "task 5: gradient of parameter w: the shape must be [1, 3], but it is [1, 1]");
}

#[test]
fn scores_that_differ_in_number_or_are_missing_are_refused_with_the_episode() {
    let first = (0..).find(|&i| Tasks::<Episode<f64>>::task(&SINUSOIDS, i).query.x[[0, 0]] < 0.0).unwrap();
    let all = |answer| {
        let learner = Faulty::new(answer);
        evaluate(&learner, &learner.init(0).into(), &SINUSOIDS, 20).unwrap_err().to_string()
    };
    assert_ne!(first, 0, "episode 0 says how many there should be");
    let shorter = all(|_, scores| scores.truncate(scores.len() - 1));
    assert_eq!(shorter, format!("task {first}: list of scores: the shape must be [3], but it is [2]"));
    let longer = all(|_, scores| scores.push(scores[0]));
    assert_eq!(longer, format!("task {first}: list of scores: the shape must be [3], but it is [4]"));
    let none = all(|_, scores| scores.clear());
    assert_eq!(none, format!("task {first}: list of scores: the shape must be [3], but it is [0]"));
}

#[test]
fn a_learner_without_any_score_is_refused() {
    #[derive(Debug)]
    struct Silent(Faulty);
    impl Learner<f64> for Silent {
        fn specs(&self) -> Vec<ParamSpec> {
            self.0.specs()
        }
        fn check(&self, set: &'static str, examples: &Examples<f64>) -> Result<()> {
            self.0.check(set, examples)
        }
        fn adapt(&self, learned: &Learned<f64>, support: &Examples<f64>) -> Result<Adapted<f64>> {
            self.0.adapt(learned, support)
        }
        fn predict(&self, adapted: &Adapted<f64>, x: &ArrayD<f64>) -> Result<ArrayD<f64>> {
            self.0.predict(adapted, x)
        }
        fn scores(&self, _learned: &Learned<f64>, _episode: &Episode<f64>) -> Result<Vec<Scores>> {
            Ok(Vec::new())
        }
    }
    let learner = Silent(Faulty::new(|_, _| {}));
    let error = evaluate(&learner, &learner.init(0).into(), &SINUSOIDS, 2).unwrap_err();
    assert!(error.to_string().starts_with("task 0: list of scores"), "{error}");
}

#[test]
fn specs_that_are_not_sound_are_refused_before_anything_is_drawn() {
    for specs in [
        vec![ParamSpec::scale("w", 2), ParamSpec::scale("w", 2)],
        vec![ParamSpec::scale("slot0/w", 2)],
        vec![ParamSpec::linear("w", 1 << 40, 1 << 40)],
        vec![ParamSpec::scale("w", 2).with_init(Init::Constant(f64::NAN))],
    ] {
        let learner = Faulty { specs, ..Faulty::new(|_, _| {}) };
        let result = Trainer::new(&learner, Adam::default(), config(0));
        assert!(matches!(result, Err(Error::Spec { .. })));
        let learned = vec![ArrayD::zeros(vec![2]); learner.specs.len()].into();
        assert!(matches!(meta_grad(&learner, &learned, &sorted(), &start()), Err(Error::Spec { .. })));
        assert!(matches!(evaluate(&learner, &learned, &SINUSOIDS, 1), Err(Error::Spec { .. })));
    }
}

#[test]
fn an_own_distribution_of_another_shape_or_of_infinite_values_is_refused_by_name() {
    for (init, word) in [
        (Init::own(|_, _| ArrayD::zeros(vec![7])), "[2], but it is [7]"),
        (Init::own(|_, shape| ArrayD::from_elem(shape, f64::INFINITY)), "not finite"),
    ] {
        let learner =
            Faulty { specs: vec![ParamSpec::scale("w", 2).with_init(init)], ..Faulty::new(|_, _| {}) };
        let error = Trainer::new(&learner, Adam::default(), config(0)).map(drop).unwrap_err().to_string();
        assert!(error.contains("parameter w") && error.contains(word), "{error}");
    }
}

#[test]
fn a_source_that_cannot_make_episodes_is_refused_before_the_first() {
    let learner = maml_at(Mlp::new(&[1, 4, 1]).unwrap(), 0.01);
    let huge = SINUSOIDS.shots(usize::MAX);
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config(0)).unwrap();
    assert!(matches!(trainer.step(&huge), Err(Error::Setting { name: "shots", .. })));
    let result = evaluate(&learner, trainer.learned(), &huge, 1);
    assert!(matches!(result, Err(Error::Setting { name: "shots", .. })));
}

#[test]
fn episodes_whose_numbers_exceed_the_counter_are_refused_and_nothing_is_changed() {
    let learner = maml_at(Mlp::new(&[1, 1]).unwrap(), 0.01).order(Order::First);
    let start = Trainer::<f64, _, _>::new(&learner, Sgd::new(0.0), config(0)).unwrap();
    let mut state = start.state().clone();
    state.iteration = u64::MAX / 2 + 1; // twice that wraps around to 0
    state.optimizer.step = state.iteration;
    let mut trainer = Trainer::resume(&learner, Sgd::new(0.0), config(0), state.clone()).unwrap();
    assert!(matches!(trainer.step(&SINUSOIDS), Err(Error::Setting { name: "iteration", .. })));
    assert_eq!(trainer.state(), &state);
}

#[test]
fn sizes_of_networks_and_episodes_that_cannot_be_are_refused() {
    assert!(matches!(Mlp::new(&[1 << 40, 1 << 40]), Err(Error::Setting { name: "widths", .. })));
    let conv4 = Conv4::new([1 << 40, 1 << 40, 1], 8, Downsample::Stride, Some(5));
    assert!(matches!(conv4, Err(Error::Setting { name: "image", .. })));
    let images = Glyphs::default().alphabets(1).characters_per_alphabet(3).drawers(4).size(8);
    let images = images.generate().unwrap();
    let sampler = |ways, shots, queries| {
        EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(ways, shots, queries), 0).unwrap_err()
    };
    assert!(matches!(sampler(usize::MAX, 1, 1), Error::TooFewClasses { .. }));
    assert!(matches!(sampler(2, usize::MAX, 2), Error::TooFewImages { .. }));
    assert!(matches!(sampler(2, 1, usize::MAX), Error::TooFewImages { .. }));
    let episode = random_episode::<f32>(&[16, 16, 1], 3, 0);
    assert_eq!(episode.ways(), Some(3));
}
