//! The heads of a classifier: linear, and by cosine.

use super::adapted::Adapted;
use crate::error::Result;
use crate::nn::{Init, ParamSpec};
use crate::ops::cosine_similarity;
use crate::real::Real;
use crate::var::Var;

/// How a head makes logits of embeddings `z: [n, d]`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum BaselineHead {
    /// `z·w + b`, with `head_w: [d, classes]` and `head_b: [classes]`.
    Linear,
    /// `scale·cos(z, w)` for each row of `head_w: [classes, d]`; `scale: []` is learned in training. The head of a new task has
    /// that of [`HeadFit`](crate::HeadFit).
    Cosine {
        /// What the scale begins with in training.
        scale: f64,
    },
}

impl BaselineHead {
    /// The same kind of head, with another scale if it has one.
    pub(super) fn with_scale(self, scale: f64) -> BaselineHead {
        match self {
            BaselineHead::Linear => self,
            BaselineHead::Cosine { .. } => BaselineHead::Cosine { scale },
        }
    }

    /// What a head for embeddings `[n, d]` of so many classes consists of.
    pub(super) fn specs(&self, d: usize, classes: usize) -> Vec<ParamSpec> {
        let bound = 1.0 / (d as f64).sqrt(); // as PyTorch's linear layers begin
        let init = Init::Uniform { low: -bound, high: bound };
        match *self {
            BaselineHead::Linear => vec![
                ParamSpec::linear("head_w", d, classes).with_init(init),
                ParamSpec::bias("head_b", classes),
            ],
            BaselineHead::Cosine { scale } => vec![
                ParamSpec::new("head_w", &[classes, d], init),
                ParamSpec::new("scale", &[], Init::Constant(scale)),
            ],
        }
    }

    /// The specs of the head in an adapted learner, whose number of classes is its own.
    pub(super) fn adapted_specs<T: Real>(&self, d: usize, adapted: &Adapted<T>) -> Result<Vec<ParamSpec>> {
        let shape = adapted.array("head_w")?.shape();
        let classes = match self {
            BaselineHead::Linear => shape.last(),
            BaselineHead::Cosine { .. } => shape.first(),
        };
        Ok(self.specs(d, classes.copied().unwrap_or(1)))
    }

    /// How many of its arrays, from the first, are fitted to a support set: all but a scale.
    pub(super) fn fitted(&self) -> usize {
        match self {
            BaselineHead::Linear => 2,
            BaselineHead::Cosine { .. } => 1,
        }
    }

    /// Logits `[n, classes]` of embeddings `z: [n, d]`.
    #[inline(never)]
    pub(super) fn logits<'t, T: Real>(&self, head: &[Var<'t, T>], z: Var<'t, T>) -> Var<'t, T> {
        match self {
            BaselineHead::Linear => z.linear(head[0], head[1]),
            BaselineHead::Cosine { .. } => cosine_similarity(z, head[0]) * head[1],
        }
    }
}

compiled_here!(T: BaselineHead::logits::<T>);
