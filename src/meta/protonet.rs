//! Prototypical networks.

use ndarray::{ArrayD, arr0};

use super::adapted::Adapted;
use super::embed::{both, class_means, embedded, embedding, seen_sets, squared_distances};
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::score::Query;
use super::task::{check_adapt, check_examples, finite_outputs};
use super::tracking::{absorb, state_specs};
use crate::data::{Episode, Examples};
use crate::error::{Error, Result};
use crate::nn::{Init, Model, NormMode, ParamSpec};
use crate::ops::cosine_similarity;
use crate::real::Real;
use crate::tape::Tape;
use crate::var::Var;

/// How a prototypical network compares embeddings.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Distance {
    /// The logit of a class is `−‖z − c‖²`.
    SquaredEuclidean,
    /// The logit of a class is `scale·cos(z, c)`; the scale is learned.
    Cosine {
        /// What the scale begins with, such as 10.
        scale: f64,
    },
}

/// ProtoNet (Snell, Swersky and Zemel 2017, algorithm 1): a class is the mean embedding of its support examples, its
/// prototype, and a query belongs to the nearest.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProtoNet<M> {
    /// The embedding, usually a [`Conv4`](crate::Conv4) without its head.
    pub model: M,
    /// Which statistics batch norm uses.
    pub norm: NormMode,
    /// How embeddings are compared.
    pub distance: Distance,
}

impl<M> ProtoNet<M> {
    /// With squared Euclidean distances, as published.
    pub fn new(model: M, norm: NormMode) -> ProtoNet<M> {
        ProtoNet { model, norm, distance: Distance::SquaredEuclidean }
    }

    /// With another distance.
    #[must_use]
    pub fn distance(self, distance: Distance) -> ProtoNet<M> {
        ProtoNet { distance, ..self }
    }
}

impl<T: Real, M: Model<T>> Learner<T> for ProtoNet<M> {
    fn specs(&self) -> Vec<ParamSpec> {
        let mut specs = self.model.specs();
        if let Distance::Cosine { scale } = self.distance {
            specs.push(ParamSpec::new("scale", &[], Init::Constant(scale)));
        }
        specs
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        let mut params = self.model.init(seed);
        if let Distance::Cosine { scale } = self.distance {
            params.push(arr0(T::of(scale)).into_dyn());
        }
        params
    }

    fn state(&self) -> Vec<ParamSpec> {
        state_specs(&self.model, &self.norm, 1)
    }

    fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
        check_labelled(examples)?;
        self.norm.check(&self.model)?;
        check_examples(&self.model, usize::MAX, set, examples)
    }

    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        check_adapt(self, learned, support)?;
        let tape = Tape::new();
        let theta = tape.leaves(&learned.params);
        let (z, moments) = embedding(&self.model, &self.norm, &theta, &support.x, &learned.state)?;
        let prototypes = class_means(z, &support.y).value();
        let adapted = Adapted::of_params(&Learner::<T>::specs(self), learned.params.clone());
        Ok(adapted.with_moments(&moments).with("prototypes", prototypes))
    }

    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.logits_of(adapted, x, false)
    }

    fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.logits_of(adapted, x, true)
    }
}

impl<M> ProtoNet<M> {
    fn logits_of<T: Real>(&self, adapted: &Adapted<T>, x: &ArrayD<T>, batch: bool) -> Result<ArrayD<T>>
    where
        M: Model<T>,
    {
        let tape = Tape::new();
        let theta = tape.leaves(&adapted.params(&Learner::<T>::specs(self))?);
        let z = embedded(&self.model, &self.norm, &theta, adapted, x, batch)?;
        finite_outputs(logits(&self.distance, &theta, z, tape.leaf(adapted.array("prototypes")?)).value())
    }
}

impl<T: Real, M: Model<T>> Trainable<T> for ProtoNet<M> {
    fn lesson(&self, learned: &Learned<T>, episode: &Episode<T>, _: &Progress) -> Result<Lesson<T>> {
        let lesson = Lesson::of_query(&learned.params, &episode.query.y, &|theta| {
            let [support, query] = both(&self.model, &self.norm, theta, episode);
            let prototypes = class_means(support, &episode.support.y);
            Ok(Query::new(logits(&self.distance, theta, query, prototypes), &episode.query.y))
        })?;
        Ok(lesson.with_seen(seen_sets(&self.model, &self.norm, &learned.params, episode)))
    }

    fn absorb(&self, state: &mut [ArrayD<T>], seen: &[Vec<ArrayD<T>>]) {
        absorb(&self.norm, state, seen);
    }
}

/// Logits `[n, ways]` of embeddings `z: [n, d]`.
fn logits<'t, T: Real>(
    distance: &Distance,
    theta: &[Var<'t, T>],
    z: Var<'t, T>,
    prototypes: Var<'t, T>,
) -> Var<'t, T> {
    match distance {
        Distance::SquaredEuclidean => -squared_distances(z, prototypes),
        Distance::Cosine { .. } => cosine_similarity(z, prototypes) * *theta.last().expect("the scale"),
    }
}

/// Refuses values where classes are needed.
pub(super) fn check_labelled<T: Real>(examples: &Examples<T>) -> Result<()> {
    match examples.y.ways() {
        Some(_) => Ok(()),
        None => {
            let need = "a number of classes: this learner needs labels, not values";
            Err(Error::Setting { name: "ways", value: "none".into(), need })
        }
    }
}
