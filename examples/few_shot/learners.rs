//! The learners by name, each with the settings that it was published with, as far as they fit a short training.

use innerloop::{
    Adam, Adapts, Baseline, ClassBatches, CurvatureRule, Distance, Examples, FilmConv4, Imaml, Learner, Maml,
    MapConv4, MatchingNet, MetaLstm, MetaOptNet, Nearest, Nearness, NormMode, Order, ProtoNet, R2d2,
    Refinement, RelationNet, Reptile, Result, SemiProtoNet, Sgd, Signatures, Tadam, TrainConfig, Trainable,
    WordWeights,
};

use crate::data::{Inputs, Sentences, Source};
use crate::network::{Net, Network};
use crate::run::{Row, evaluated, trained};
use crate::settings::Settings;

/// A learner that can be asked for.
pub struct Named {
    pub name: &'static str,
    pub about: &'static str,
    pub needs: Needs,
    pub run: Run,
}

/// What a learner cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    Images,
    WordVectors,
}

type Run = fn(&str, &Settings, &Source) -> Result<Row>;

const fn named(name: &'static str, about: &'static str, run: Run) -> Named {
    Named { name, about, needs: Needs::Nothing, run }
}

const fn of_images(name: &'static str, about: &'static str, run: Run) -> Named {
    Named { name, about, needs: Needs::Images, run }
}

/// The learners of a list of names, or all that fit the data.
pub fn chosen(settings: &Settings) -> Result<Vec<&'static str>, String> {
    let fits = |learner: &&Named| match learner.needs {
        Needs::Nothing => true,
        Needs::Images => settings.data.holds_images(),
        Needs::WordVectors => settings.data.holds_sentences() && settings.vectors.is_some(),
    };
    let fitting: Vec<_> = ALL.iter().filter(fits).map(|learner| learner.name).collect();
    if settings.learner == "all" {
        return Ok(fitting);
    }
    let find = |name: &str| {
        if let Some(name) = fitting.iter().find(|fitting| **fitting == name) {
            return Ok(*name);
        }
        let why = match ALL.iter().find(|learner| learner.name == name).map(|learner| learner.needs) {
            None | Some(Needs::Nothing) => "is no learner",
            Some(Needs::Images) => "takes images only",
            Some(Needs::WordVectors) => "takes sentences and --vectors only",
        };
        Err(format!("{name:?} {why}; with these data there are {}", fitting.join(", ")))
    };
    settings.learner.split(',').map(find).collect()
}

pub const ALL: &[Named] = &[
    named("maml", "MAML, second order", |name, settings, source| {
        maml(name, settings, source, &plain_maml(settings, source, Order::Second)?)
    }),
    named("fomaml", "MAML, first order", |name, settings, source| {
        maml(name, settings, source, &plain_maml(settings, source, Order::First)?)
    }),
    named("anil", "MAML that adapts the head alone", |name, settings, source| {
        let (model, inner) = adapted(settings, source, Inner { lr: 0.4, steps: 3, eval_steps: 3 })?;
        let learner = Maml::anil(model, inner.lr, Order::Second, NormMode::Batch);
        maml(name, settings, source, &learner.steps(inner.steps).eval_steps(inner.eval_steps))
    }),
    named("boil", "MAML that adapts all but the head", |name, settings, source| {
        let (model, inner) = adapted(settings, source, Inner { lr: 0.4, steps: 1, eval_steps: 1 })?;
        let learner = Maml::boil(model, inner.lr, Order::Second, NormMode::Batch);
        maml(name, settings, source, &learner.steps(inner.steps).eval_steps(inner.eval_steps))
    }),
    named("meta-sgd", "MAML with a learned inner rate for each element", |name, settings, source| {
        let (model, _) = adapted(settings, source, Inner::ONE)?;
        maml(name, settings, source, &Maml::meta_sgd(model, NormMode::Batch))
    }),
    named("meta-curvature", "MAML with a learned linear map of each gradient", |name, settings, source| {
        let (model, inner) = adapted(settings, source, Inner { lr: 0.4, ..Inner::ONE })?;
        let learner = Maml::new(model, inner.lr, Order::Second, NormMode::Batch);
        let learner = learner.steps(inner.steps).rule(CurvatureRule { lr: inner.lr });
        maml(name, settings, source, &learner.eval_steps(inner.eval_steps))
    }),
    named("imaml", "MAML with implicit gradients, 16 inner steps", |name, settings, source| {
        let (model, _) = adapted(settings, source, Inner::ONE)?;
        let lr = settings.inner_lr.unwrap_or(0.5);
        maml(name, settings, source, &Imaml::new(model, 2.0, NormMode::Batch).inner_lr(lr))
    }),
    of_images("cavia", "only a context of 100 numbers adapts, 2 steps (images)", |name, settings, source| {
        let model = FilmConv4::new(source.image(), settings.filters.unwrap_or(64), settings.ways, 100)?;
        let lr = settings.inner_lr.unwrap_or(1.0);
        maml(name, settings, source, &Maml::cavia(model, lr, Order::Second, NormMode::Batch).steps(2))
    }),
    named("meta-lstm", "a learned optimizer, 8 steps", |name, settings, source| {
        // a cell for each parameter: 64 filters take four times as long
        let fewer = Settings { filters: settings.filters.or(Some(32)), ..settings.clone() };
        let (model, _) = adapted(&fewer, source, Inner::ONE)?;
        let tasks = source.train(settings, settings.ways, settings.shots, 5)?;
        let config = TrainConfig::new(4, 1e-3, settings.iterations).clip_norm(0.25);
        let (learner, adam) = (MetaLstm::new(model, 8, NormMode::Batch), Box::new(Adam::default()));
        trained(name, settings, &learner, &tasks, &source.test(settings)?, adam, config)
    }),
    named("maml++", "MAML++ with all its parts, 5 steps", |name, settings, source| {
        let (model, _) = adapted(settings, source, Inner::ONE)?;
        let learner = Maml::plus_plus(model, settings.inner_lr.unwrap_or(0.1), 5);
        episodic(name, settings, source, &learner, [settings.ways, settings.shots, 8])
    }),
    named("protonet", "prototypical networks", |name, settings, source| {
        let model = source.network(settings, Network::Pooled, None)?;
        protonet(name, settings, source, &ProtoNet::new(model, NormMode::Together))
    }),
    named(
        "protonet-cosine",
        "prototypical networks by cosine, with a learned scale",
        |name, settings, source| {
            let model = source.network(settings, Network::Pooled, None)?;
            let cosine = Distance::Cosine { scale: 10.0 };
            protonet(name, settings, source, &ProtoNet::new(model, NormMode::Together).distance(cosine))
        },
    ),
    named("matching", "matching networks, by a learned multiple of the cosine", |name, settings, source| {
        let model = source.network(settings, Network::Pooled, None)?;
        protonet(name, settings, source, &MatchingNet::new(model, NormMode::Together))
    }),
    named("matching-fce", "matching networks with full context embeddings", |name, settings, source| {
        let model = source.network(settings, Network::Pooled, None)?;
        let learner = MatchingNet::new(model, NormMode::Together).full_context(5);
        episodic(name, settings, source, &learner, [settings.ways, 15, 4])
    }),
    of_images(
        "relation",
        "relation networks: a learned comparison of maps (images)",
        |name, settings, source| {
            let model = MapConv4::new(source.image(), settings.filters.unwrap_or(64))?.unpadded()?;
            episodic(
                name,
                settings,
                source,
                &RelationNet::new(model, NormMode::Batch),
                [settings.ways, 15, 1],
            )
        },
    ),
    named("tadam", "prototypes in an embedding that is conditioned on the task", |name, settings, source| {
        let model = source.network(settings, Network::Pooled, None)?;
        episodic(name, settings, source, &Tadam::new(model, NormMode::Batch), [20, 5, 2])
    }),
    named("meta-opt-net", "a support vector machine on learned embeddings", |name, settings, source| {
        let model = source.network(settings, Network::Pooled, None)?;
        episodic(name, settings, source, &MetaOptNet::svm(model, NormMode::Together), [settings.ways, 6, 8])
    }),
    named(
        "semi-protonet",
        "prototypes refined by unlabelled examples, soft k-means",
        |name, settings, source| {
            let model = source.network(settings, Network::Pooled, None)?;
            let learner = SemiProtoNet::new(model, NormMode::Together, Refinement::SoftKMeans);
            // 5 unlabelled images of each class and of 5 other classes, in the test too
            let tasks = source.train(settings, settings.ways, settings.shots, 5)?.unlabelled(5, 5, 5)?;
            let test =
                source.test(&Settings { eval_queries: 10, ..settings.clone() })?.unlabelled(5, 5, 5)?;
            let (config, adam) = (TrainConfig::new(4, 1e-3, settings.iterations), Box::new(Adam::default()));
            trained(name, settings, &learner, &tasks, &test, adam, config)
        },
    ),
    named("r2d2", "ridge regression on learned embeddings", |name, settings, source| {
        let model = source.network(settings, Network::Pooled, None)?;
        episodic(name, settings, source, &R2d2::new(model, NormMode::Together), [20, 5, 2])
    }),
    named("reptile", "Reptile, 5 inner steps of 10 images by Adam", |name, settings, source| {
        let (model, _) = adapted(settings, source, Inner::ONE)?;
        let learner = Reptile::new(model, 1e-3).carried();
        let tasks = source.train(settings, settings.ways, 10, 1)?;
        let config = TrainConfig::new(5, 1.0, settings.iterations);
        let sgd = Box::new(Sgd::new(0.0));
        trained(name, settings, &learner, &tasks, &source.test(settings)?, sgd, config)
    }),
    named(
        "baseline",
        "a classifier of all training classes, then a linear head for each task",
        |name, settings, source| {
            let tracked = NormMode::Tracked { momentum: 0.1 };
            let model = source.network(settings, Network::Pooled, None)?;
            baseline(name, settings, source, &Baseline::new(model, source.train.len(), tracked))
        },
    ),
    named(
        "baseline++",
        "a classifier of all training classes, then a cosine head for each task",
        |name, settings, source| {
            let tracked = NormMode::Tracked { momentum: 0.1 };
            let model = source.network(settings, Network::Pooled, None)?;
            baseline(name, settings, source, &Baseline::plus_plus(model, source.train.len(), tracked))
        },
    ),
    Named {
        needs: Needs::WordVectors,
        ..named(
            "signatures",
            "words weighted by their distribution, then ridge (--vectors)",
            |name, settings, source| {
                let Some(Sentences { text, vectors: Some(vectors) }) = &source.sentences else {
                    unreachable!("checked: with vectors of words only")
                };
                let rarity = WordWeights::inverse_frequency(vectors.vocabulary(), text, &source.train)?;
                episodic(name, settings, source, &Signatures::new(vectors, &rarity)?, [settings.ways, 15, 1])
            },
        )
    },
    named("untrained", "prototypes in the initial network, without training", |name, settings, source| {
        let learner = ProtoNet::new(source.network(settings, Network::Pooled, None)?, NormMode::Together);
        evaluated(name, settings, &source.test(settings)?, &learner, &learner.init(settings.seed).into())
    }),
    named(
        "nearest-neighbour",
        "the nearest support example, by the cosine of pixels, vectors or TF-IDF; nothing is learned",
        |name, settings, source| nearest(name, settings, source, &Nearest::neighbour(Nearness::Cosine)),
    ),
    named(
        "nearest-centroid",
        "the nearest mean of support examples, by the cosine of pixels, vectors or TF-IDF; nothing is learned",
        |name, settings, source| nearest(name, settings, source, &Nearest::centroid(Nearness::Cosine)),
    ),
];

/// An inner loop: its rate for a mean over examples, its steps in training and in the test.
#[derive(Clone, Copy)]
struct Inner {
    lr: f64,
    steps: usize,
    eval_steps: usize,
}

impl Inner {
    /// By measurement on characters, see docs/results.md.
    const ONE: Inner = Inner { lr: 1.0, steps: 1, eval_steps: 3 };
}

/// The network of MAML and its relatives, and the inner loop: `small` for characters, that of the paper's miniImageNet for
/// larger images, or what the settings say.
fn adapted(settings: &Settings, source: &Source, small: Inner) -> Result<(Net, Inner)> {
    let (usual, filters) = match source.inputs {
        Inputs::Images([height, ..]) if height > 32 => (Inner { lr: 0.05, steps: 5, eval_steps: 10 }, 32),
        Inputs::Images(_) => (small, 64),
        Inputs::Words(_) => (Inner { lr: 3.0, steps: 3, eval_steps: 5 }, 64),
        Inputs::Vectors(_) => (Inner { lr: 0.1, steps: 3, eval_steps: 5 }, 64),
    };
    let steps = settings.inner_steps.unwrap_or(usual.steps);
    let lr = settings.inner_lr.unwrap_or(usual.lr);
    let fitting = Settings { filters: settings.filters.or(Some(filters)), ..settings.clone() };
    let model = source.network(&fitting, Network::Strided, Some(settings.ways))?;
    Ok((model, Inner { lr, steps, eval_steps: steps.max(usual.eval_steps) }))
}

/// MAML of this order with the inner loop that the settings say.
fn plain_maml(settings: &Settings, source: &Source, order: Order) -> Result<Maml<Net>> {
    // by measurement, see docs/results.md: first order does not bear the rate at which second order learns fastest
    let lr = if order == Order::Second { 1.0 } else { 0.4 };
    let (model, inner) = adapted(settings, source, Inner { lr, ..Inner::ONE })?;
    let maml =
        Maml::new(model, inner.lr, order, NormMode::Batch).steps(inner.steps).eval_steps(inner.eval_steps);
    Ok(if settings.norms_stay { maml.adapting(Adapts::NoNorms) } else { maml })
}

/// Training on episodes, with Adam at 1e-3: so many ways (fewer if there are fewer classes), queries per class, and episodes
/// per meta-step.
fn episodic(
    name: &str,
    settings: &Settings,
    source: &Source,
    learner: &dyn Trainable<f32>,
    [ways, queries, meta_batch]: [usize; 3],
) -> Result<Row> {
    let tasks = source.train(settings, ways, settings.shots, queries)?;
    let (config, adam) = (TrainConfig::new(meta_batch, 1e-3, settings.iterations), Box::new(Adam::default()));
    trained(name, settings, learner, &tasks, &source.test(settings)?, adam, config)
}

/// MAML and its relatives: 32 episodes as in the test with as many queries as shots; or, on photographs, 4 episodes with 15
/// queries per class, as the paper does on miniImageNet.
fn maml(name: &str, settings: &Settings, source: &Source, learner: &dyn Trainable<f32>) -> Result<Row> {
    let (queries, meta_batch) =
        if source.large() { (15, 4) } else { (settings.shots.max(source.least()), 32) };
    episodic(name, settings, source, learner, [settings.ways, queries, meta_batch])
}

/// Metric learners: an episode of 60 ways with 5 queries per class; 20 ways on photographs.
fn protonet(name: &str, settings: &Settings, source: &Source, learner: &dyn Trainable<f32>) -> Result<Row> {
    episodic(name, settings, source, learner, [if source.large() { 20 } else { 60 }, 5, 1])
}

/// Baselines: batches of 64 examples of all training classes; Adam at 1e-3.
fn baseline(name: &str, settings: &Settings, source: &Source, learner: &Baseline<Net>) -> Result<Row> {
    let tasks = ClassBatches::new(source.data.clone(), &source.train, 64, settings.seed)?;
    let config = TrainConfig::new(1, 1e-3, settings.iterations);
    let adam = Box::new(Adam::default());
    trained::<Examples<f32>>(name, settings, learner, &tasks, &source.test(settings)?, adam, config)
}

/// A learner on the inputs themselves: pixels, vectors, or the words of sentences by their weights.
fn nearest(name: &str, settings: &Settings, source: &Source, learner: &Nearest) -> Result<Row> {
    evaluated(name, settings, &source.unlearned(settings)?, learner, &Vec::new().into())
}
