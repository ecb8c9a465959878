//! Wrong data and settings come back as errors that name them; misuse of the engine panics with
//! the operation and the shapes.

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

mod diverging;
mod episodes;
mod panics;
mod settings;
mod states;

use crate::tasks::{
    labelled, maml, maml_at, noise, random_episode, sinusoid_mlp, small_conv4, start, with_norm,
};
use innerloop::ndarray::{ArrayD, array};
use innerloop::{
    Adam, Adapted, Adapts, Conv4, Downsample, Episode, Error, Examples, Learned, Learner, Maml, Mlp, Moments,
    NormMode, Progress, ProtoNet, Sgd, Sinusoids, Tape, Targets, Tasks, TrainConfig, TrainState, Trainer,
    evaluate, grad, init_params, meta_grad,
};

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
