//! Relation networks.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::closed_form::{self, ClosedForm, Solution, Support, closed_form_learner};
use super::embed::class_means;
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::relation_module::Module;
use super::score::Query;
use super::tracking::{absorb, state_specs};
use crate::data::{Episode, Examples, Targets};
use crate::error::{Error, Result};
use crate::nn::{MapConv4, Model, Norm, NormMode, ParamSpec};
use crate::real::Real;
use crate::var::Var;

/// Relation networks (Sung et al. 2018): a network compares the maps of a query with those of a class, and says in 0..1 how
/// well they go together.
///
/// The maps of a class are the sum over its support examples ([`mean`](RelationNet::mean): their mean, as other
/// implementations have it). The loss is the mean over all pairs of `(score − [same class])²`; outputs, and
/// [`Score::loss`](crate::Score::loss), are these scores and this loss, and not logits and nats.
///
/// The relation module has two batch norms of its own. In training and in
/// [`predict_together`](Learner::predict_together) they use the statistics of all pairs, as the published figures do. For
/// [`predict`](Learner::predict), [`adapt`](Learner::adapt) watches them on the pairs of the support set with itself, the
/// only pairs that it has; so an answer does not depend on other queries.
///
/// What `adapt` returns holds `classes`, `[ways, h·w·c]`, the maps of each class.
///
/// ```
/// use innerloop::{Learner, MapConv4, NormMode, RelationNet};
/// let learner = RelationNet::new(MapConv4::new([28, 28, 1], 8)?.unpadded()?, NormMode::Batch);
/// assert_eq!(Learner::<f32>::specs(&learner).len(), 16 + 12);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RelationNet<M = MapConv4> {
    /// The embedding, whose features are maps.
    pub model: M,
    /// Which statistics its batch norms use; the published code has [`NormMode::Batch`].
    pub norm: NormMode,
    /// Height, width and channels of the maps.
    pub map: [usize; 3],
    /// Width of the layer before the score.
    pub hidden: usize,
    /// Zeros around the maps in the relation module's convolutions: 1, or 0 for the authors' miniImageNet network.
    pub pad: usize,
    /// Whether the maps of a class are the mean of its examples' and not their sum.
    pub mean: bool,
}

impl RelationNet {
    /// With the published module: 8 units before the score.
    pub fn new(model: MapConv4, norm: NormMode) -> RelationNet {
        let map = model.map();
        RelationNet::over(model, map, norm)
    }
}

impl<M> RelationNet<M> {
    /// Over an embedding of one's own, whose features are maps `[h, w, c]`, flat and channels last.
    pub fn over(model: M, map: [usize; 3], norm: NormMode) -> RelationNet<M> {
        RelationNet { model, norm, map, hidden: 8, pad: 1, mean: false }
    }

    /// With another width of the layer before the score.
    #[must_use]
    pub fn hidden(self, hidden: usize) -> RelationNet<M> {
        RelationNet { hidden, ..self }
    }

    /// With other zeros around the maps in the relation module.
    #[must_use]
    pub fn pad(self, pad: usize) -> RelationNet<M> {
        RelationNet { pad, ..self }
    }

    /// With the mean of the support examples' maps.
    #[must_use]
    pub fn mean(self) -> RelationNet<M> {
        RelationNet { mean: true, ..self }
    }

    fn module(&self) -> Module {
        Module { map: self.map, hidden: self.hidden, pad: self.pad }
    }
}

closed_form_learner!(RelationNet);

impl<T: Real, M: Model<T>> ClosedForm<T> for RelationNet<M> {
    fn body(&self) -> (&dyn Model<T>, &NormMode) {
        (&self.model, &self.norm)
    }

    fn own(&self) -> Vec<ParamSpec> {
        self.module().specs()
    }

    fn check_own(&self) -> Result<()> {
        let refuse = |name, value: String, need| Err(Error::Setting { name, value, need });
        if !(1..=u32::MAX as usize).contains(&self.hidden) {
            return refuse("hidden", self.hidden.to_string(), "from 1 to 4294967295");
        }
        if self.pad > 1 {
            return refuse("pad", self.pad.to_string(), "0 or 1");
        }
        let product = self.map.iter().try_fold(1usize, |product, &d| product.checked_mul(d));
        if product != Some(self.model.outputs()) || self.module().last().is_none() {
            let need = "the shape of the model's features, and large enough to be halved twice";
            return refuse("map", format!("{:?}", self.map), need);
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        "classes"
    }

    fn shape(&self, ways: usize, features: usize) -> [usize; 2] {
        [ways, features]
    }

    fn head_norms(&self) -> Vec<usize> {
        vec![self.map[2]; 2]
    }

    fn fit<'t>(&self, _: &[Var<'t, T>], support: &Support<'t, '_, T>) -> Result<Solution<'t, T>> {
        let (labels, ways) = (support.y.labels().expect("checked"), support.y.ways().expect("checked"));
        Ok(Solution::new(if self.mean {
            class_means(support.z, support.y)
        } else {
            support.z.tape().one_hot(labels, ways).matmul_with(support.z, true, false)
        }))
    }

    fn logits<'t>(
        &self,
        own: &[Var<'t, T>],
        classes: Var<'t, T>,
        z: Var<'t, T>,
        norm: Norm<'_>,
    ) -> Var<'t, T> {
        self.module().scores(own, classes, z, norm)
    }

    fn query<'t>(&self, scores: Var<'t, T>, y: &Targets<T>) -> Query<'t, T> {
        let same = scores.tape().one_hot(y.labels().expect("checked"), scores.shape()[1]);
        Query { loss: (scores - same).powi(2).mean(), outputs: scores }
    }
}
