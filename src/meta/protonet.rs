//! Prototypical networks.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::closed_form::{self, ClosedForm, Solution, Support, closed_form_learner};
use super::embed::{class_means, squared_distances};
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::tracking::{absorb, state_specs};
use crate::data::{Episode, Examples};
use crate::error::{Error, Result};
use crate::nn::{Init, Model, Norm, NormMode, ParamSpec};
use crate::ops::cosine_similarity;
use crate::real::Real;
use crate::var::Var;

/// How a prototypical network compares embeddings.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Distance {
    /// The logit of a class is `−‖z − c‖²`.
    SquaredEuclidean,
    /// The logit of a class is `−scale·‖z − c‖²`; the logarithm of the scale is learned (the metric scaling of Oreshkin et al. 2018, who
    /// learn the scale itself). For
    /// wide embeddings, whose squared distances are in the hundreds when training begins, so that all of an episode's probability lies
    /// on one class.
    Scaled {
        /// What the scale begins with, such as 1 / numbers of an embedding.
        scale: f64,
    },
    /// The logit of a class is `scale·cos(z, c)`; the scale is learned.
    Cosine {
        /// What the scale begins with, such as 10.
        scale: f64,
    },
}

/// ProtoNet (Snell, Swersky and Zemel 2017, algorithm 1): a class is the mean embedding of its support examples, its
/// prototype, and a query belongs to the nearest.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProtoNet<M> {
    /// The embedding, usually a [`Conv4`](crate::Conv4) without its head.
    pub model: M,
    /// Which statistics batch norm uses; the published code has [`NormMode::TrackedTogether`].
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

closed_form_learner!(ProtoNet);

impl<T: Real, M: Model<T>> ClosedForm<T> for ProtoNet<M> {
    fn body(&self) -> (&dyn Model<T>, &NormMode) {
        (&self.model, &self.norm)
    }

    fn own(&self) -> Vec<ParamSpec> {
        match self.distance {
            Distance::SquaredEuclidean => Vec::new(),
            Distance::Scaled { scale } => {
                vec![ParamSpec::new("log_scale", &[], Init::Constant(scale.ln()))]
            }
            Distance::Cosine { scale } => vec![ParamSpec::new("scale", &[], Init::Constant(scale))],
        }
    }

    fn name(&self) -> &'static str {
        "prototypes"
    }

    fn shape(&self, ways: usize, features: usize) -> [usize; 2] {
        [ways, features]
    }

    fn fit<'t>(&self, _: &[Var<'t, T>], support: &Support<'t, '_, T>) -> Result<Solution<'t, T>> {
        Ok(Solution::new(class_means(support.z, support.y)))
    }

    fn logits<'t>(
        &self,
        own: &[Var<'t, T>],
        prototypes: Var<'t, T>,
        z: Var<'t, T>,
        _: Norm<'_>,
    ) -> Var<'t, T> {
        match self.distance {
            Distance::SquaredEuclidean => -squared_distances(z, prototypes),
            Distance::Scaled { .. } => -squared_distances(z, prototypes) * own[0].exp(),
            Distance::Cosine { .. } => cosine_similarity(z, prototypes) * own[0],
        }
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
