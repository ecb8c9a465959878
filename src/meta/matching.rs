//! Matching networks.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::closed_form::{self, ClosedForm, Solution, Support, closed_form_learner};
use super::embed::squared_distances;
use super::full_context::{context_specs, query_context, support_context};
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

/// How a matching network compares a query with a support example.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Similarity {
    /// `cos(f, g)`, as in the paper. Between −1 and 1, it leaves the attention nearly even: with one support example per class
    /// it does not reach the published accuracy.
    Cosine,
    /// `scale·cos(f, g)`; the scale is learned.
    ScaledCosine {
        /// What the scale begins with, such as 10.
        scale: f64,
    },
    /// `−‖f − g‖²`. With one support example per class this is ProtoNet.
    SquaredEuclidean,
}

/// Matching networks (Vinyals et al. 2016, equations 1 and 2): a query takes the labels of the support examples, each
/// by its share of an attention.
///
/// With embeddings `f` of the query and `gᵢ` of support example `i`, `aᵢ = softmaxᵢ(similarity(f, gᵢ))` and
/// `P(y = k) = Σ aᵢ` over the support examples of class `k`. Outputs are `log P`, so that their cross-entropy is
/// `−log P(y)`.
///
/// [`full_context`](MatchingNet::full_context) adds the paper's full context embeddings (appendix A): then `g` is read in
/// the light of the whole support set, in its order, and `f` in that of `g`.
///
/// What [`adapt`](Learner::adapt) returns holds `memory`, `[n, d + ways]`: embedding and label of each support example.
///
/// ```
/// use innerloop::{Conv4, Downsample, Learner, MatchingNet, NormMode, Similarity};
/// let body = Conv4::new([28, 28, 1], 8, Downsample::MaxPool, None)?;
/// let learner = MatchingNet::new(body, NormMode::Together).full_context(5);
/// assert_eq!(Learner::<f32>::specs(&learner).len(), 16 + 1 + 9);
/// let literal = learner.similarity(Similarity::Cosine);
/// assert_eq!(Learner::<f32>::specs(&literal).len(), 16 + 9);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MatchingNet<M> {
    /// The embedding, usually a [`Conv4`](crate::Conv4) without its head.
    pub model: M,
    /// Which statistics batch norm uses.
    pub norm: NormMode,
    /// How a query is compared with a support example.
    pub similarity: Similarity,
    /// How often a query reads the support set in full context embeddings; `None` for plain embeddings.
    pub reads: Option<usize>,
}

impl<M> MatchingNet<M> {
    /// With a learned multiple of the cosine, which begins at 10, and plain embeddings.
    pub fn new(model: M, norm: NormMode) -> MatchingNet<M> {
        MatchingNet { model, norm, similarity: Similarity::ScaledCosine { scale: 10.0 }, reads: None }
    }

    /// With another similarity.
    #[must_use]
    pub fn similarity(self, similarity: Similarity) -> MatchingNet<M> {
        MatchingNet { similarity, ..self }
    }

    /// With full context embeddings, in which a query reads the support set so often. The paper leaves the number open; 5 is
    /// usual.
    #[must_use]
    pub fn full_context(self, reads: usize) -> MatchingNet<M> {
        MatchingNet { reads: Some(reads), ..self }
    }

    /// How many of the own parameters belong to the similarity; those of the context follow.
    fn scales(&self) -> usize {
        usize::from(matches!(self.similarity, Similarity::ScaledCosine { .. }))
    }
}

closed_form_learner!(MatchingNet);

impl<T: Real, M: Model<T>> ClosedForm<T> for MatchingNet<M> {
    fn body(&self) -> (&dyn Model<T>, &NormMode) {
        (&self.model, &self.norm)
    }

    fn own(&self) -> Vec<ParamSpec> {
        let scale = match self.similarity {
            Similarity::ScaledCosine { scale } => vec![ParamSpec::new("scale", &[], Init::Constant(scale))],
            _ => Vec::new(),
        };
        let context = self.reads.map_or_else(Vec::new, |_| context_specs(self.model.outputs()));
        [scale, context].concat()
    }

    fn check_own(&self) -> Result<()> {
        match self.reads {
            Some(0) => Err(Error::Setting { name: "reads", value: "0".into(), need: "at least 1" }),
            _ => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        "memory"
    }

    fn shape(&self, ways: usize, features: usize) -> [usize; 2] {
        [ways, features + ways]
    }

    fn fits(&self, head: &[usize], features: usize) -> bool {
        matches!(head, [n, width] if *n > 0 && *width > features)
    }

    fn fit<'t>(&self, own: &[Var<'t, T>], support: &Support<'t, '_, T>) -> Result<Solution<'t, T>> {
        let (labels, ways) = (support.y.labels().expect("checked"), support.y.ways().expect("checked"));
        let g = match self.reads {
            Some(_) => support_context(&own[self.scales()..], support.z),
            None => support.z,
        };
        Ok(Solution::new(Var::concat(&[g, g.tape().one_hot(labels, ways)], 1)))
    }

    fn logits<'t>(&self, own: &[Var<'t, T>], memory: Var<'t, T>, z: Var<'t, T>, _: Norm<'_>) -> Var<'t, T> {
        let d = z.shape()[1];
        let parts = memory.split(1, &[d, memory.shape()[1] - d]);
        let (g, labels) = (parts[0], parts[1]);
        let f = match self.reads {
            Some(reads) => query_context(&own[self.scales()..], z, g, reads),
            None => z,
        };
        log_shares(
            match self.similarity {
                Similarity::Cosine => cosine_similarity(f, g),
                Similarity::ScaledCosine { .. } => cosine_similarity(f, g) * own[0],
                Similarity::SquaredEuclidean => -squared_distances(f, g),
            },
            labels,
        )
    }
}

/// The logarithm of the share of each class in `softmax(s)` for `s: [q, n]` and one-hot labels `[n, ways]`: `[q, ways]`.
/// No share is rounded to 0 on the way.
#[inline(never)]
fn log_shares<'t, T: Real>(s: Var<'t, T>, labels: Var<'t, T>) -> Var<'t, T> {
    let (q, n, ways) = (s.shape()[0], s.shape()[1], labels.shape()[1]);
    // far below every similarity, and finite, so that its gradient is 0 and not NaN
    let outside = (labels - 1.0) * 1e30;
    let of_class = (s.reshape(&[q, n, 1]) + outside.reshape(&[1, n, ways])).logsumexp(1);
    of_class - s.logsumexp(1).reshape(&[q, 1])
}

compiled_here!(T: log_shares::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;
    use crate::tape::Tape;

    fn labels<'t>(tape: &'t Tape<f64>) -> Var<'t, f64> {
        tape.one_hot(&[0, 1, 0, 2], 3)
    }

    #[test]
    fn shares_add_up_to_one_and_have_correct_grads() {
        check_grads(&[&[2, 4]], 2, |x| log_shares(3.0 * x[0], x[0].tape().one_hot(&[0, 1, 0, 2], 3)));
        let tape = Tape::<f64>::new();
        let s = tape.leaf(&ndarray::arr2(&[[0.1, -2.0, 900.0, 3.0]]).into_dyn());
        let shares = log_shares(s, labels(&tape)).exp();
        assert!((shares.sum().item() - 1.0).abs() < 1e-12);
        assert!(log_shares(s, labels(&tape)).to_array().iter().all(|v| v.is_finite()));
    }

    #[test]
    fn a_second_example_of_a_class_adds_its_share() {
        let tape = Tape::<f64>::new();
        let s = tape.full(&[1, 4], 0.3);
        let shares = log_shares(s, labels(&tape)).exp().to_array();
        for (found, want) in shares.iter().zip([0.5, 0.25, 0.25]) {
            assert!((found - want).abs() < 1e-12, "{shares}");
        }
    }
}
