//! The learners behind the handles. One more is a line in each table.

use std::path::Path;

use innerloop::ndarray::ArrayD;
use innerloop::{Adapted, Conv4, Episode, Examples, GradientDescent, Learned, Learner, Maml, Network};
use innerloop::{ParamSpec, PixelRange, ProtoNet, Result, Score, Scores, SlowBody, Targets};
use serde::{Deserialize, Serialize};

use crate::boundary::Failure;
use crate::images::Shape;

/// Any learner that C may hold. A file says which by its settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a file needs a MAML by gradient descent, with a slow body or without, or a prototypical network, with a Conv4"
)]
enum Any {
    Maml(Maml<Conv4>),
    SlowMaml(Maml<Conv4, SlowBody<GradientDescent>>),
    ProtoNet(ProtoNet<Conv4>),
}

impl Any {
    fn learner(&self) -> &dyn Learner<f32> {
        match self {
            Any::Maml(maml) => maml,
            Any::SlowMaml(maml) => maml,
            Any::ProtoNet(protonet) => protonet,
        }
    }

    /// Its network, and the most classes that it can tell apart; 0 for any number.
    fn network(&self) -> (&Conv4, usize) {
        match self {
            Any::Maml(Maml { model, .. }) | Any::SlowMaml(Maml { model, .. }) => (model, model.outputs()),
            Any::ProtoNet(protonet) => (&protonet.model, 0),
        }
    }
}

/// A meta-trained learner: load it, adapt it as often as you like, free it.
#[derive(Debug)]
pub struct Pretrained(innerloop::Pretrained<Any>);

impl Pretrained {
    pub(crate) fn load(path: &Path) -> Result<Pretrained> {
        innerloop::Pretrained::load(path).map(Pretrained)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Pretrained> {
        innerloop::Pretrained::from_bytes(bytes).map(Pretrained)
    }

    pub(crate) fn shape(&self) -> Shape {
        let (network, ways) = self.0.learner.network();
        let [h, w, c] = network.image();
        Shape { h, w, c, ways }
    }

    pub(crate) fn pixels(&self) -> &PixelRange {
        &self.0.pixels
    }

    pub(crate) fn adapt(&self, support: &Examples<f32>) -> Result<Classifier, Failure> {
        support.check_support()?; // before there is a name for each of very many ways
        let names: Vec<_> = (0..support.y.ways().unwrap_or(0)).collect();
        Ok(Classifier(self.0.clone().adapt(support, &names)?))
    }
}

/// A learner that was adapted to a support set: ask it as often as you like, save it, free it.
#[derive(Debug)]
pub struct Classifier(innerloop::Classifier<Any>);

impl Classifier {
    pub(crate) fn load(path: &Path) -> Result<Classifier> {
        innerloop::Classifier::load(path).map(Classifier)
    }

    pub(crate) fn save(&self, path: &Path) -> Result<(), Failure> {
        Ok(self.0.save(path)?)
    }

    pub(crate) fn shape(&self) -> Shape {
        let [h, w, c] = self.0.learner.network().0.image();
        Shape { h, w, c, ways: self.0.classes.len() }
    }

    pub(crate) fn pixels(&self) -> &PixelRange {
        &self.0.pixels
    }

    /// `[n, ways]`, row by row.
    pub(crate) fn probabilities(&self, x: &ArrayD<f32>) -> Result<Vec<f32>> {
        Ok(self.0.probabilities(x)?.iter().copied().collect())
    }
}

impl Learner<f32> for Any {
    fn specs(&self) -> Vec<ParamSpec> {
        self.learner().specs()
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<f32>> {
        self.learner().init(seed)
    }

    fn state(&self) -> Vec<ParamSpec> {
        self.learner().state()
    }

    fn check_settings(&self) -> Result<()> {
        self.learner().check_settings()
    }

    fn check(&self, set: &'static str, examples: &Examples<f32>) -> Result<()> {
        self.learner().check(set, examples)
    }

    fn adapt(&self, learned: &Learned<f32>, support: &Examples<f32>) -> Result<Adapted<f32>> {
        self.learner().adapt(learned, support)
    }

    fn predict(&self, adapted: &Adapted<f32>, x: &ArrayD<f32>) -> Result<ArrayD<f32>> {
        self.learner().predict(adapted, x)
    }

    fn predict_together(&self, adapted: &Adapted<f32>, x: &ArrayD<f32>) -> Result<ArrayD<f32>> {
        self.learner().predict_together(adapted, x)
    }

    fn score(&self, outputs: &ArrayD<f32>, targets: &Targets<f32>) -> Score {
        self.learner().score(outputs, targets)
    }

    fn scores(&self, learned: &Learned<f32>, episode: &Episode<f32>) -> Result<Vec<Scores>> {
        self.learner().scores(learned, episode)
    }
}
