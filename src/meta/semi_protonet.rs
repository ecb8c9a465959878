//! Prototypical networks that use unlabelled images.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::closed_form::{self, ClosedForm, Solution, Support, closed_form_learner};
use super::embed::{class_means, squared_distances};
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::refine::{densities, distractor, mask_specs, masked, soft_k_means};
use super::tracking::{absorb, state_specs};
use crate::data::{Episode, Examples};
use crate::error::Result;
use crate::nn::{Init, Model, Norm, NormMode, ParamSpec};
use crate::real::Real;
use crate::var::Var;

/// How prototypes are refined with unlabelled embeddings `z̃ⱼ` (Ren et al. 2018, sections 3.1.1 to 3.1.3). In each,
/// `c̃ₖ = (Σ_support z + Σⱼ wⱼₖ·z̃ⱼ)/(|Sₖ| + Σⱼ wⱼₖ)`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Refinement {
    /// `wⱼ = softmaxₖ(−‖z̃ⱼ − cₖ‖²)`: all unlabelled images are of the episode's classes.
    SoftKMeans,
    /// One more cluster, at 0 and with a radius that is learned as `log_radius`, takes what is far from all classes.
    Distractor {
        /// What the radius begins with, above 0; the authors use 100.
        radius: f64,
    },
    /// `wⱼₖ` is multiplied by a soft mask of the distance. A network of one hidden layer (`mask1_w`, `mask1_b`,
    /// `mask2_w`, `mask2_b`) makes its threshold and slope from five statistics of the class's distances.
    Masked {
        /// The hidden units of that network; the authors use 20.
        hidden: usize,
    },
}

/// Whose equations count where the authors' paper and their code differ.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Follows {
    /// The paper: gradients flow through everything; the density of a cluster is `exp(−‖·‖²/r²)/(√(2π)·r)`; the mask
    /// is applied once.
    Paper,
    /// The code. Soft k-means: the assignment is a constant. Distractor: the density has `2r²` for `r²` in it, and
    /// logits are the logarithms of densities, **one column more than there are classes**; the last one is that of
    /// the distractor cluster, which takes part in the loss and may win. Masked: the statistics are constants, and
    /// the mask is applied twice.
    Code,
}

/// Semi-supervised ProtoNet (Ren et al. 2018): prototypes as in [`ProtoNet`](crate::ProtoNet), refined once with the
/// unlabelled inputs that come with a support set ([`Examples::with_unlabelled`]). Without any it is ProtoNet,
/// bit for bit; only the densities of [`Follows::Code`] remain what they are.
///
/// What [`adapt`](Learner::adapt) returns holds the refined `prototypes`, and for the user to see `assignment`, `[m, ways]`,
/// the weights `wⱼₖ` (with a last column for the distractor cluster), `mask`, `[m, ways]`, and `statistics`, `[ways, 5]`.
///
/// ```
/// use innerloop::{Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape, Glyphs, Learner, Tasks};
/// use innerloop::{NormMode, Refinement, SemiProtoNet};
///
/// let images = Glyphs::default().alphabets(1).characters_per_alphabet(8).generate()?;
/// let shape = EpisodeShape::new(5, 1, 1);
/// let sampler = EpisodeSampler::new(&images, &images.all(), shape, 42)?.unlabelled(3, 2, 3)?;
/// let episode: Episode<f32> = sampler.task(0);
///
/// let body = Conv4::new([28, 28, 1], 8, Downsample::MaxPool, None)?;
/// let learner = SemiProtoNet::new(body, NormMode::Batch, Refinement::Distractor { radius: 100.0 });
/// let adapted = learner.adapt(&Learner::<f32>::init(&learner, 0).into(), &episode.support)?;
/// // 5 classes of 3 images, 2 others of 3 images; 5 classes and the distractor cluster
/// assert_eq!(adapted.array("assignment")?.shape(), [21, 6]);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SemiProtoNet<M> {
    /// The embedding, usually a [`Conv4`](crate::Conv4) without its head.
    pub model: M,
    /// Which statistics batch norm uses; the published code has [`NormMode::TrackedTogether`], for support set,
    /// unlabelled and query images.
    pub norm: NormMode,
    /// How prototypes are refined.
    pub refinement: Refinement,
    /// Whose equations count.
    pub follows: Follows,
}

impl<M> SemiProtoNet<M> {
    /// With the paper's equations.
    pub fn new(model: M, norm: NormMode, refinement: Refinement) -> SemiProtoNet<M> {
        SemiProtoNet { model, norm, refinement, follows: Follows::Paper }
    }

    /// With the equations of the paper or of the authors' code.
    #[must_use]
    pub fn follows(self, follows: Follows) -> SemiProtoNet<M> {
        SemiProtoNet { follows, ..self }
    }

    fn as_code(&self) -> bool {
        self.follows == Follows::Code
    }
}

closed_form_learner!(SemiProtoNet);

impl<T: Real, M: Model<T>> ClosedForm<T> for SemiProtoNet<M> {
    fn body(&self) -> (&dyn Model<T>, &NormMode) {
        (&self.model, &self.norm)
    }

    fn own(&self) -> Vec<ParamSpec> {
        match self.refinement {
            Refinement::SoftKMeans => Vec::new(),
            Refinement::Distractor { radius } => {
                vec![ParamSpec::new("log_radius", &[], Init::Constant(radius.ln()))]
            }
            Refinement::Masked { hidden } => mask_specs(hidden),
        }
    }

    fn name(&self) -> &'static str {
        "prototypes"
    }

    fn shape(&self, ways: usize, features: usize) -> [usize; 2] {
        [ways, features]
    }

    fn fit<'t>(&self, own: &[Var<'t, T>], support: &Support<'t, '_, T>) -> Result<Solution<'t, T>> {
        let means = class_means(support.z, support.y);
        let Some(unlabelled) = support.unlabelled else { return Ok(Solution::new(means)) };
        let (weights, shown) = match self.refinement {
            Refinement::SoftKMeans => soft_k_means(unlabelled, means, self.as_code()),
            Refinement::Distractor { .. } => distractor(unlabelled, means, own[0], self.as_code()),
            Refinement::Masked { .. } => masked(unlabelled, means, own, self.as_code()),
        };
        Ok(Solution { head: refined(support, unlabelled, weights), shown })
    }

    fn logits<'t>(
        &self,
        own: &[Var<'t, T>],
        prototypes: Var<'t, T>,
        z: Var<'t, T>,
        _: Norm<'_>,
    ) -> Var<'t, T> {
        match self.refinement {
            Refinement::Distractor { .. } if self.as_code() => densities(z, prototypes, own[0], true),
            _ => -squared_distances(z, prototypes),
        }
    }
}

/// The means of classes of the support set and of `unlabelled: [m, d]`, which belong to them by `weights: [m, ways]`.
fn refined<'t, T: Real>(
    support: &Support<'t, '_, T>,
    unlabelled: Var<'t, T>,
    weights: Var<'t, T>,
) -> Var<'t, T> {
    let (labels, ways) = (support.y.labels().expect("checked"), weights.shape()[1]);
    let one_hot = weights.tape().one_hot(labels, ways);
    let sums = one_hot.matmul_with(support.z, true, false) + weights.matmul_with(unlabelled, true, false);
    let counts = one_hot.sum_axes(&[0]) + weights.sum_axes(&[0]);
    sums / counts.reshape(&[ways, 1])
}
