//! The learners by name, each with the settings that it was published with, as far as they fit a short training.

use innerloop::{Adam, Distance, Maml, NormMode, Order, ProtoNet, Result, TrainConfig, Trainable};

use crate::data::Images;
use crate::run::{Row, trained};
use crate::settings::{Network, Settings};

/// A learner that can be asked for.
pub struct Named {
    pub name: &'static str,
    pub about: &'static str,
    pub run: fn(&str, &Settings, &Images) -> Result<Row>,
}

const fn named(
    name: &'static str,
    about: &'static str,
    run: fn(&str, &Settings, &Images) -> Result<Row>,
) -> Named {
    Named { name, about, run }
}

pub const ALL: &[Named] = &[
    named("maml", "MAML, second order", |name, settings, images| {
        let model = settings.network(Network::Strided, Some(settings.ways))?;
        maml(name, settings, images, &Maml::new(model, 0.4, Order::Second, NormMode::Batch).eval_steps(3))
    }),
    named("fomaml", "MAML, first order", |name, settings, images| {
        let model = settings.network(Network::Strided, Some(settings.ways))?;
        maml(name, settings, images, &Maml::new(model, 0.4, Order::First, NormMode::Batch).eval_steps(3))
    }),
    named("anil", "MAML that adapts the head alone", |name, settings, images| {
        let model = settings.network(Network::Strided, Some(settings.ways))?;
        maml(name, settings, images, &Maml::anil(model, 0.4, Order::Second, NormMode::Batch).steps(3))
    }),
    named("boil", "MAML that adapts all but the head", |name, settings, images| {
        let model = settings.network(Network::Strided, Some(settings.ways))?;
        maml(name, settings, images, &Maml::boil(model, 0.4, Order::Second, NormMode::Batch))
    }),
    named("meta-sgd", "MAML with a learned inner rate for each element", |name, settings, images| {
        let model = settings.network(Network::Strided, Some(settings.ways))?;
        maml(name, settings, images, &Maml::meta_sgd(model, NormMode::Batch))
    }),
    named("maml++", "MAML++ with all its parts, 5 steps", |name, settings, images| {
        let model = settings.network(Network::Strided, Some(settings.ways))?;
        maml(name, settings, images, &Maml::plus_plus(model, 0.1, 5))
    }),
    named("protonet", "prototypical networks", |name, settings, images| {
        let model = settings.network(Network::Pooled, None)?;
        protonet(name, settings, images, &ProtoNet::new(model, NormMode::Together))
    }),
    named(
        "protonet-cosine",
        "prototypical networks by cosine, with a learned scale",
        |name, settings, images| {
            let model = settings.network(Network::Pooled, None)?;
            let cosine = Distance::Cosine { scale: 10.0 };
            protonet(name, settings, images, &ProtoNet::new(model, NormMode::Together).distance(cosine))
        },
    ),
];

/// MAML and its relatives: 32 episodes as in the test, with as many queries as shots; Adam at 1e-3.
fn maml(name: &str, settings: &Settings, images: &Images, learner: &dyn Trainable<f32>) -> Result<Row> {
    let tasks = images.train(settings, settings.ways, settings.shots, settings.shots)?;
    let config = TrainConfig::new(32, 1e-3, settings.iterations);
    trained(name, settings, images, learner, &tasks, Box::new(Adam::default()), config)
}

/// Metric learners: an episode of up to 60 ways with 5 queries per class; Adam at 1e-3.
fn protonet(name: &str, settings: &Settings, images: &Images, learner: &dyn Trainable<f32>) -> Result<Row> {
    let ways = 60.min(images.train.len());
    let tasks = images.train(settings, ways, settings.shots, 5)?;
    let config = TrainConfig::new(1, 1e-3, settings.iterations);
    trained(name, settings, images, learner, &tasks, Box::new(Adam::default()), config)
}

/// The names that a list asks for.
pub fn chosen(list: &str) -> Result<Vec<&'static str>, String> {
    if list == "all" {
        return Ok(ALL.iter().map(|learner| learner.name).collect());
    }
    let find = |name: &str| {
        let found = ALL.iter().find(|learner| learner.name == name);
        found.map(|learner| learner.name).ok_or_else(|| {
            let all: Vec<_> = ALL.iter().map(|learner| learner.name).collect();
            format!("there is no learner {name:?}; the names are {}", all.join(", "))
        })
    };
    list.split(',').map(find).collect()
}
