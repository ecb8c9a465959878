//! Ridge regression on sentences whose words are weighted by distributional signatures.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::closed_form::{self, ClosedForm, Conditioned, Solution, Support, closed_form_learner};
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::r2d2::ridge;
use super::tracking::{absorb, state_specs};
use crate::data::{Episode, Examples, Targets, WordVectors, WordWeights};
use crate::error::Result;
use crate::nn::{Init, Model, Network, Norm, NormMode, ParamSpec, SignatureAttention};
use crate::real::Real;
use crate::tape::Tape;
use crate::var::Var;

/// Few-shot text classification with distributional signatures (Bao, Wu, Chang and Barzilay 2020).
///
/// For each task `W = Xᵀ·(X·Xᵀ + I)⁻¹·Y` is fitted to the plain mean vectors `X` of the support sentences and their one-hot classes
/// `Y`; the importance of a word with vector `v` is its largest `|v·W|` over the classes, a constant. (The authors' code takes
/// this for the inverse entropy of equation 2; it has no gradient there either.) [`SignatureAttention`] then embeds both sets, and the head
/// is ridge regression on the embeddings `Z` of the support set, `W = Zᵀ·(Z·Zᵀ + λI)⁻¹·Y`, with logits
/// `alpha·z·W + beta`. `λ = 10^log10_lambda`, `alpha = 10^log10_alpha` and `beta` are meta-parameters, which begin with 0.1, 1 and 1 as
/// in the authors' code; the gradient flows through the solution of the head.
///
/// The rarity of words is that of all training classes; the authors leave out the classes of the episode at hand while
/// they train.
///
/// What [`adapt`](Learner::adapt) returns holds the `importance` of each word `[words]`, and the head's `weights` `[width, ways]`.
///
/// ```
/// use innerloop::{Learner, Signatures, TextSet, WordVectors, WordWeights};
/// let text = TextSet::from_classes(vec![("a".into(), vec!["red car".into()])])?;
/// let vectors = vec![("red".to_string(), vec![1.0, 0.0]), ("car".to_string(), vec![0.0, 3.0])];
/// let vectors = WordVectors::from_words(vectors)?;
/// let rarity = WordWeights::inverse_frequency(vectors.vocabulary(), &text, &text.all())?;
/// let learner = Signatures::new(&vectors, &rarity)?;
/// assert_eq!(Learner::<f32>::specs(&learner).last().unwrap().name, "beta");
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Signatures {
    /// The embedding.
    pub model: SignatureAttention,
    /// Nothing is normalised.
    norm: NormMode,
}

impl Signatures {
    /// Over vectors of words, and the rarity of each: [`WordWeights::inverse_frequency`] of the training classes.
    ///
    /// # Errors
    /// As [`SignatureAttention::new`].
    pub fn new(vectors: &WordVectors, rarity: &WordWeights) -> Result<Signatures> {
        Ok(Signatures { model: SignatureAttention::new(vectors, rarity)?, norm: NormMode::Batch })
    }
}

closed_form_learner!(Signatures,);

impl<T: Real> ClosedForm<T> for Signatures {
    fn body(&self) -> (&dyn Model<T>, &NormMode) {
        (&self.model, &self.norm)
    }

    fn own(&self) -> Vec<ParamSpec> {
        let number = |name, value| ParamSpec::new(name, &[], Init::Constant(value));
        vec![number("log10_lambda", -1.0), number("log10_alpha", 0.0), number("beta", 1.0)]
    }

    fn conditioned<'t>(
        &self,
        theta: &[Var<'t, T>],
        support: &Examples<T>,
    ) -> Result<Option<Conditioned<'t, T>>> {
        let mut theta = theta.to_vec();
        theta[0] = theta[0].tape().constant(&importance(&self.model, support)?);
        Ok(Some(Conditioned { theta, shown: Vec::new() }))
    }

    fn name(&self) -> &'static str {
        "weights"
    }

    fn shape(&self, ways: usize, features: usize) -> [usize; 2] {
        [features, ways]
    }

    fn fit<'t>(&self, own: &[Var<'t, T>], support: &Support<'t, '_, T>) -> Result<Solution<'t, T>> {
        let y = one_hot(support.z.tape(), support.y);
        Ok(Solution::new(ridge(support.z, y, power_of_ten(own[0]))?))
    }

    fn logits<'t>(&self, own: &[Var<'t, T>], weights: Var<'t, T>, z: Var<'t, T>, _: Norm<'_>) -> Var<'t, T> {
        power_of_ten(own[1]) * z.matmul(weights) + own[2]
    }
}

fn power_of_ten<T: Real>(exponent: Var<'_, T>) -> Var<'_, T> {
    (std::f64::consts::LN_10 * exponent).exp()
}

fn one_hot<'t, T: Real>(tape: &'t Tape<T>, y: &Targets<T>) -> Var<'t, T> {
    tape.one_hot(y.labels().expect("checked: labels"), y.ways().expect("checked: labels"))
}

/// The importance of each word for the classes of a support set, `[words]`.
#[inline(never)]
fn importance<T: Real>(model: &SignatureAttention, support: &Examples<T>) -> Result<ArrayD<T>> {
    let tape = Tape::new();
    let x = tape.constant(&model.means(&support.x));
    let weights = ridge(x, one_hot(&tape, &support.y), tape.scalar(1.0))?;
    Ok(tape.constant(&model.table()).matmul(weights).abs().max_axis(1).to_array())
}

compiled_here!(T: importance::<T>);
