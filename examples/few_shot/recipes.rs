//! How a learner is trained: its inner loop, its episodes, its optimizer.

use innerloop::{
    Adam, Adapts, Baseline, Examples, Maml, Nearest, NormMode, Order, Result, TrainConfig, Trainable,
    UpdateRule,
};

use crate::data::{Inputs, Source};
use crate::embedded::{Headed, trained_once};
use crate::network::{Net, Network};
use crate::run::{Row, evaluated, trained};
use crate::settings::Settings;
use crate::unseen::Unseen;

/// An inner loop: its rate for a mean over examples, its steps in training and in the test.
#[derive(Clone, Copy)]
pub struct Inner {
    pub lr: f64,
    pub steps: usize,
    pub eval_steps: usize,
}

impl Inner {
    /// By measurement on characters, see docs/results.md.
    pub const ONE: Inner = Inner { lr: 1.0, steps: 1, eval_steps: 3 };
}

/// The network of MAML and its relatives, and the inner loop: `small` for characters, that of the paper's miniImageNet for
/// larger images, or what the settings say.
pub fn adapted(settings: &Settings, source: &Source, small: Inner) -> Result<(Net, Inner)> {
    let (usual, filters) = match source.inputs {
        Inputs::Images([height, ..]) if height > 32 => (Inner { lr: 0.05, steps: 5, eval_steps: 10 }, 32),
        Inputs::Images(_) => (small, 64),
        Inputs::Words(_) => (Inner { lr: 3.0, steps: 3, eval_steps: 5 }, 64),
        Inputs::Vectors(_) => (Inner { lr: 0.1, steps: 3, eval_steps: 5 }, 64),
    };
    let steps = settings.inner_steps.unwrap_or(usual.steps);
    let eval_steps = settings.eval_steps.unwrap_or(steps.max(usual.eval_steps));
    let lr = settings.inner_lr.unwrap_or(usual.lr);
    let fitting = Settings { filters: settings.filters.or(Some(filters)), ..settings.clone() };
    let model = source.network(&fitting, Network::Strided, Some(settings.ways))?;
    Ok((model, Inner { lr, steps, eval_steps }))
}

/// The network of metric learners, and what its norms use.
pub fn metric(settings: &Settings, source: &Source) -> Result<(Net, NormMode)> {
    Ok((source.network(settings, Network::Pooled, None)?, settings.statistics.mode()))
}

/// MAML of this order with the inner loop that the settings say.
pub fn plain_maml(settings: &Settings, source: &Source, order: Order) -> Result<Box<dyn Trainable<f32>>> {
    // by measurement, see docs/results.md: first order does not bear the rate at which second order learns fastest
    let lr = if order == Order::Second { 1.0 } else { 0.4 };
    let (model, inner) = adapted(settings, source, Inner { lr, ..Inner::ONE })?;
    let maml =
        Maml::new(model, inner.lr, order, NormMode::Batch).steps(inner.steps).eval_steps(inner.eval_steps);
    Ok(slowed(settings, if settings.norms_stay { maml.adapting(Adapts::NoNorms) } else { maml }))
}

/// A learner that adapts body and head, with the factor of the body's gradients that was asked for.
pub fn slowed<R>(settings: &Settings, learner: Maml<Net, R>) -> Box<dyn Trainable<f32>>
where
    R: UpdateRule<f32> + 'static,
{
    match settings.slow_body {
        Some(factor) => Box::new(learner.slow_body(factor)),
        None => Box::new(learner),
    }
}

/// Training on episodes, with Adam at 1e-3: so many ways (fewer if there are fewer classes), queries per class, and episodes
/// per meta-step.
pub fn episodic(
    name: &str,
    settings: &Settings,
    source: &Source,
    learner: &dyn Trainable<f32>,
    [ways, queries, meta_batch]: [usize; 3],
) -> Result<Row> {
    let tasks = source.train(settings, ways, settings.shots, queries)?;
    let (config, adam) = (TrainConfig::new(meta_batch, 1e-3, settings.iterations), Box::new(Adam::default()));
    trained(name, settings, learner, &tasks, &Unseen::new(settings, source)?, adam, config)
}

/// The same for a learner that fits a head to embeddings.
pub fn headed(
    name: &str,
    settings: &Settings,
    source: &Source,
    learner: impl Headed + Trainable<f32>,
    [ways, queries, meta_batch]: [usize; 3],
) -> Result<Row> {
    if !settings.embed_once {
        return episodic(name, settings, source, &learner, [ways, queries, meta_batch]);
    }
    let tasks = source.train(settings, ways, settings.shots, queries)?;
    let config = TrainConfig::new(meta_batch, 1e-3, settings.iterations);
    trained_once(name, settings, source, learner, &tasks, config)
}

/// MAML and its relatives: 32 episodes as in the test with as many queries as shots; or, on photographs, 4 episodes with 15
/// queries per class, as the paper does on miniImageNet.
pub fn maml(name: &str, settings: &Settings, source: &Source, learner: &dyn Trainable<f32>) -> Result<Row> {
    let (queries, meta_batch) =
        if source.large() { (15, 4) } else { (settings.shots.max(source.least()), 32) };
    episodic(name, settings, source, learner, [settings.ways, queries, meta_batch])
}

/// Metric learners: an episode of 60 ways with 5 queries per class; 20 ways on photographs.
pub fn protonet(
    name: &str,
    settings: &Settings,
    source: &Source,
    learner: impl Headed + Trainable<f32>,
) -> Result<Row> {
    headed(name, settings, source, learner, [if source.large() { 20 } else { 60 }, 5, 1])
}

/// Baselines: batches of 64 examples of all training classes; Adam at 1e-3.
pub fn baseline(name: &str, settings: &Settings, source: &Source, learner: Baseline<Net>) -> Result<Row> {
    let tasks = source.batches(settings, 64)?;
    let config = TrainConfig::new(1, 1e-3, settings.iterations);
    if settings.embed_once {
        return trained_once::<Examples<f32>>(name, settings, source, learner, &tasks, config);
    }
    let adam = Box::new(Adam::default());
    trained::<Examples<f32>>(name, settings, &learner, &tasks, &Unseen::new(settings, source)?, adam, config)
}

/// A learner on the inputs themselves: pixels, vectors, or the words of sentences by their weights.
pub fn nearest(name: &str, settings: &Settings, source: &Source, learner: &Nearest) -> Result<Row> {
    evaluated(name, settings, &Unseen::unlearned(settings, source)?, learner, &[Vec::new().into()])
}
