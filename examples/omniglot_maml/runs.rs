//! The learners to train, each with its files.

use std::path::PathBuf;

use innerloop::{
    Adam, Conv4, Downsample, Learner, Maml, NormMode, Order, ProtoNet, Result, Trainable, Trainer,
    load_checkpoint,
};

use crate::settings::{LearnerKind, Network, OrderKind, Settings};

/// One training run.
pub struct Run {
    /// What its files and table rows are called.
    pub name: &'static str,
    pub title: &'static str,
    pub learner: Box<dyn Trainable<f32>>,
    /// The same learner without inner steps, if it has any.
    pub unadapted: Option<Box<dyn Learner<f32>>>,
}

pub type MetaTrainer<'r> = Trainer<'r, f32, dyn Trainable<f32>, Adam>;

pub const NAMES: [&str; 3] = ["second", "first", "protonet"];

impl Run {
    /// The runs that were asked for, one after the other, for images `[h, w, c]`.
    pub fn all(settings: &Settings, image: [usize; 3]) -> Result<Vec<Run>> {
        let downsample = match settings.network {
            Network::Strided => Downsample::Stride,
            Network::Pooled => Downsample::MaxPool,
        };
        let model = Conv4::new(image, settings.filters, downsample, Some(settings.ways))?;
        let maml = |order| {
            let &Settings { inner_lr, inner_steps, eval_steps, .. } = settings;
            let learner = Maml::new(model.clone(), inner_lr, order, NormMode::Batch)
                .steps(inner_steps)
                .eval_steps(eval_steps);
            let second = order == Order::Second;
            let (name, title) = if second { (NAMES[0], "second order") } else { (NAMES[1], "first order") };
            let unadapted = Box::new(learner.clone().eval_steps(0));
            Run { name, title, learner: Box::new(learner), unadapted: Some(unadapted) }
        };
        Ok(match (settings.learner, settings.order) {
            (LearnerKind::Protonet, _) => {
                let learner = Box::new(ProtoNet::new(model.embedding(), NormMode::Batch));
                vec![Run { name: NAMES[2], title: "ProtoNet", learner, unadapted: None }]
            }
            (LearnerKind::Maml, Some(OrderKind::First)) => vec![maml(Order::First)],
            (LearnerKind::Maml, None) if settings.compare => vec![maml(Order::Second), maml(Order::First)],
            (LearnerKind::Maml, _) => vec![maml(Order::Second)],
        })
    }

    pub fn checkpoint(&self, settings: &Settings) -> PathBuf {
        settings.out.join(format!("checkpoint-{}.safetensors", self.name))
    }

    /// A trainer at the start of the run, or where its checkpoint left it.
    pub fn trainer(&self, settings: &Settings) -> Result<MetaTrainer<'_>> {
        let path = self.checkpoint(settings);
        if !(settings.resume && path.exists()) {
            return Trainer::new(&*self.learner, Adam::default(), settings.outer());
        }
        let state = load_checkpoint(&path, &*self.learner)?;
        Trainer::resume(&*self.learner, Adam::default(), settings.outer(), state)
    }
}
