//! The attention of distributional signatures: which words of a sentence say something about its class.

use ndarray::ArrayD;

use super::ids::{Ids, check_shape, check_values};
use super::lstm::{lstm, lstm_specs};
use super::word_table::given;
use crate::data::{PADDING, WordVectors, WordWeights};
use crate::error::Result;
use crate::nn::Init;
use crate::nn::model::Model;
use crate::nn::network::Network;
use crate::nn::norm::Norm;
use crate::nn::spec::ParamSpec;
use crate::real::Real;
use crate::tape::Tape;
use crate::var::Var;

/// The numbers of the LSTM's state in each direction, as published.
const HIDDEN: usize = 25;

/// Subtracted from the score of padding, whose attention is then exactly 0.
const ABSENT: f64 = 1e9;

/// A sentence as a weighted mean of given word vectors, `[n, length] → [n, width]`, where a network sees how rare a word is and
/// how important for the classes of the task, but not the word itself (Bao et al. 2020, "Few-shot Text Classification with
/// Distributional Signatures", section 3.1).
///
/// For word `i` of a sentence `h = biLSTM([s, t])` with its rarity `s` ([`WordWeights::inverse_frequency`] of the training
/// classes) and its importance `t`; `a = softmax(h·score_w + score_b)` over the words, and the sentence is `Σa·v`.
///
/// Parameters: `importance [words]`, zeros which [`Signatures`](crate::Signatures) sets for each task and which training
/// does not change; `forward_w_ih [2, 100]`, `forward_w_hh [25, 100]`, `forward_b [100]`, the same for `backward`;
/// `score_w [50, 1]`, `score_b [1]`. Under other learners the importance stays 0, and the network sees the rarity alone. The authors' dropout of 0.1
/// before the scores is left out.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
pub struct SignatureAttention {
    vectors: WordVectors,
    rarity: WordWeights,
}

impl SignatureAttention {
    /// Over vectors of words, which stay as they are, and the rarity of each.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for weights of another vocabulary than the vectors'.
    pub fn new(vectors: &WordVectors, rarity: &WordWeights) -> Result<SignatureAttention> {
        rarity.check(vectors.vocabulary())?;
        Ok(SignatureAttention { vectors: vectors.clone(), rarity: rarity.clone() })
    }

    /// All vectors, `[words, width]`.
    pub(crate) fn table<T: Real>(&self) -> ArrayD<T> {
        let numbers = self.vectors.numbers().iter().map(|&v| T::from_f64(v.into())).collect();
        let shape = vec![self.words(), self.vectors.width()];
        ArrayD::from_shape_vec(shape, numbers).expect("a vector for each id")
    }

    /// The plain means of the known words of rows of ids `x: [n, length]`, `[n, width]`.
    pub(crate) fn means<T: Real>(&self, x: &ArrayD<T>) -> ArrayD<T> {
        let row = |row: ndarray::ArrayViewD<'_, T>| {
            let ids: Vec<usize> = row.iter().map(|v| v.as_f64() as usize).collect();
            self.vectors.mean_of(ids.into_iter(), None)
        };
        let numbers = x.outer_iter().flat_map(row).map(T::from_f64).collect();
        ArrayD::from_shape_vec(vec![x.shape()[0], self.vectors.width()], numbers)
            .expect("a vector for each row")
    }

    /// The attention on each word of rows of ids, `[n, length]`: not negative, with sum 1 over a row with words.
    ///
    /// # Panics
    /// As [`Model::forward`].
    #[track_caller]
    pub fn attention<'t, T: Real>(&self, params: &[Var<'t, T>], x: Var<'t, T>) -> Var<'t, T> {
        attention(self, params, x.tape(), &Ids::of("SignatureAttention", x, self.words()))
    }

    fn words(&self) -> usize {
        self.vectors.vocabulary().size()
    }
}

impl Network for SignatureAttention {
    fn specs(&self) -> Vec<ParamSpec> {
        let mut specs =
            vec![ParamSpec::new("importance", &[self.words()], Init::Constant(0.0)).with_rate(0.0)];
        specs.extend(lstm_specs("forward", 2, HIDDEN));
        specs.extend(lstm_specs("backward", 2, HIDDEN));
        specs.extend([ParamSpec::linear("score_w", 2 * HIDDEN, 1), ParamSpec::bias("score_b", 1)]);
        specs
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        check_shape("SignatureAttention", shape)
    }

    fn check_values(&self, shape: &[usize], values: &mut dyn Iterator<Item = f64>) -> Result<()> {
        check_values(shape, values, self.words())
    }

    fn outputs(&self) -> usize {
        self.vectors.width()
    }
}

impl<T: Real> Model<T> for SignatureAttention {
    /// # Panics
    /// If an id is no whole number or not below the number of words.
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, _norm: Norm<'_>) -> Var<'t, T> {
        weighted_mean(self, params, x)
    }
}

compiled_here!(T: attention::<T>, weighted_mean::<T>);

#[inline(never)]
fn attention<'t, T: Real>(
    model: &SignatureAttention,
    params: &[Var<'t, T>],
    tape: &'t Tape<T>,
    ids: &Ids,
) -> Var<'t, T> {
    let (n, length) = (ids.n, ids.length);
    let rarity = tape.constant(&ids.each(|id| model.rarity.weight(id).into()));
    let importance = params[0].index_select(&ids.ids).reshape(&[n, length, 1]);
    let x = Var::concat(&[rarity, importance], 2);
    let [forward, backward] = [lstm(x, ids, &params[1..4], false), lstm(x, ids, &params[4..7], true)];
    let states = Var::concat(&[Var::stack(&forward, 1), Var::stack(&backward, 1)], 2);
    let scores = states.reshape(&[n * length, 2 * HIDDEN]).linear(params[7], params[8]).reshape(&[n, length]);
    let absent =
        tape.constant(&ids.each(|id| if id == PADDING { ABSENT } else { 0.0 })).reshape(&[n, length]);
    (scores - absent).softmax()
}

#[track_caller]
#[inline(never)]
fn weighted_mean<'t, T: Real>(
    model: &SignatureAttention,
    params: &[Var<'t, T>],
    x: Var<'t, T>,
) -> Var<'t, T> {
    let (tape, ids) = (x.tape(), Ids::of("SignatureAttention", x, model.words()));
    let weights = attention(model, params, tape, &ids).reshape(&[ids.n, ids.length, 1]);
    (weights * tape.constant(&given(&model.vectors, &ids))).sum_axes(&[1])
}
