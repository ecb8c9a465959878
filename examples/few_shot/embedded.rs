//! Learners that fit a head to embeddings, tested on embeddings that are computed once (`--embed-once`).

use innerloop::{
    Adam, Baseline, Error, Learned, Learner, MatchingNet, MetaOptNet, Network, NormMode, ProtoNet, R2d2,
    Result, Scaled, Task, Tasks, TrainConfig, Trainable, embed,
};

use crate::data::{Inputs, Source};
use crate::network::Net;
use crate::run::{Row, evaluated, training};
use crate::settings::Settings;
use crate::unseen::Unseen;

/// A learner whose network may be taken out.
pub trait Headed: Learner<f32> {
    /// The network, and what its norms use.
    fn body(&mut self) -> (&mut Net, &mut NormMode);
}

macro_rules! headed {
    ($($learner:ident),*) => {
        $(impl Headed for $learner<Net> {
            fn body(&mut self) -> (&mut Net, &mut NormMode) {
                (&mut self.model, &mut self.norm)
            }
        })*
    };
}

headed!(Baseline, MatchingNet, MetaOptNet, ProtoNet, R2d2);

/// Trains a learner with Adam, and tests it on the same episodes as without the flag: of embeddings.
pub fn trained_once<K: Task<f32>>(
    name: &str,
    settings: &Settings,
    source: &Source,
    mut learner: impl Headed + Trainable<f32, K>,
    tasks: &dyn Tasks<K>,
    config: TrainConfig,
) -> Result<Row> {
    let (model, norm) = learner.body();
    if !model.norms().is_empty()
        && !matches!(norm, NormMode::Tracked { .. } | NormMode::TrackedTogether { .. })
    {
        let need = "left out, or with --statistics tracked-together: others depend on the episode";
        return Err(Error::Setting { name: "embed_once", value: format!("with {norm:?}"), need });
    }
    let unseen = Unseen::new(settings, source)?;
    let adam = Box::new(Adam::default());
    let trained = training(name, settings, &learner, tasks, &unseen, adam, config)?;
    Ok(trained.row(evaluated_once(name, settings, source, learner, &trained.learned[0])?))
}

fn evaluated_once(
    name: &str,
    settings: &Settings,
    source: &Source,
    mut learner: impl Headed,
    learned: &Learned<f32>,
) -> Result<Row> {
    let (model, norm) = learner.body();
    let unseen = [&source.validation[..], &source.test].concat();
    let features = embed(model, learned, source.data.clone(), &unseen)?;
    let mut validation = features.all();
    let embedded = Source {
        data: (&features).into(),
        inputs: Inputs::Vectors(features.width()),
        train: Vec::new(),
        test: validation.split_off(source.validation.len()),
        validation,
        sentences: None,
    };
    let head = &learned.params[model.count()..];
    *model = Box::new(Scaled::new(features.width())?);
    *norm = NormMode::Batch;
    let params = [model.init(0), head.to_vec()].concat();
    evaluated(name, settings, &Unseen::new(settings, &embedded)?, &learner, &[params.into()])
}
