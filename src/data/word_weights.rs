//! How much a word says, by how rare it is.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::class::ClassRef;
use super::id_rows::PADDING;
use super::text::TextSet;
use super::vocabulary::Vocabulary;
use crate::error::{Error, Result};

/// A weight for each id of a vocabulary, by how rare the word is in the sentences of given classes. Padding has weight 0.
///
/// Give the training classes alone: a word that these lack is as rare as can be.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "Vec<f32>", from = "Vec<f32>"))]
#[derive(Clone, PartialEq)]
pub struct WordWeights(Arc<[f32]>);

impl From<WordWeights> for Vec<f32> {
    fn from(weights: WordWeights) -> Vec<f32> {
        weights.0.to_vec()
    }
}

impl From<Vec<f32>> for WordWeights {
    /// A weight for each id, from 0 on.
    fn from(weights: Vec<f32>) -> WordWeights {
        WordWeights(weights.into())
    }
}

impl WordWeights {
    /// Inverse document frequency, `ln((1 + n)/(1 + df)) + 1` for a word that is in `df` of `n` sentences: the smooth form
    /// of scikit-learn's `TfidfTransformer`, as if one more sentence held every word.
    ///
    /// # Errors
    /// [`Error::UnknownClass`]; [`Error::TooFewClasses`] without classes.
    pub fn idf(vocabulary: &Vocabulary, text: &TextSet, classes: &[ClassRef]) -> Result<WordWeights> {
        let sentences = some(text, classes)?;
        let mut counts = vec![0usize; vocabulary.size()];
        for sentence in &sentences {
            let ids: HashSet<usize> = vocabulary.ids_of(sentence).collect();
            ids.into_iter().for_each(|id| counts[id] += 1);
        }
        let n = sentences.len() as f64;
        Ok(of_counts(&counts, |count| ((1.0 + n) / (1.0 + count)).ln() + 1.0))
    }

    /// Inverse word frequency, `1e-5/(1e-5 + P(word))` (Bao et al. 2020, equation 1, after Arora et al. 2017), where `P(word)` is
    /// the word's share of all words of the sentences.
    ///
    /// # Errors
    /// [`Error::UnknownClass`]; [`Error::TooFewClasses`] without classes.
    pub fn inverse_frequency(
        vocabulary: &Vocabulary,
        text: &TextSet,
        classes: &[ClassRef],
    ) -> Result<WordWeights> {
        let mut counts = vec![0usize; vocabulary.size()];
        for sentence in some(text, classes)? {
            vocabulary.ids_of(sentence).for_each(|id| counts[id] += 1);
        }
        let all = counts.iter().sum::<usize>().max(1) as f64;
        Ok(of_counts(&counts, |count| 1e-5 / (1e-5 + count / all)))
    }

    /// The weight of an id.
    ///
    /// # Panics
    /// If the vocabulary has no such id.
    #[track_caller]
    pub fn weight(&self, id: usize) -> f32 {
        self.0[id]
    }

    /// Whether there is one for each id of a vocabulary.
    pub(crate) fn check(&self, vocabulary: &Vocabulary) -> Result<()> {
        if self.0.len() == vocabulary.size() {
            return Ok(());
        }
        let what = "weights of words, one for each id of the vocabulary of the word vectors".into();
        Err(Error::Shape { what, expected: vec![vocabulary.size()], found: vec![self.0.len()] })
    }
}

impl fmt::Debug for WordWeights {
    /// A sum over the weights, which tells them from others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sum = crc32fast::Hasher::new();
        self.0.iter().for_each(|v| sum.update(&v.to_le_bytes()));
        let mut out = f.debug_struct("WordWeights");
        out.field("ids", &self.0.len()).field("sum", &format_args!("{:08x}", sum.finalize())).finish()
    }
}

/// The sentences of one class or more.
fn some<'a>(text: &'a TextSet, classes: &[ClassRef]) -> Result<Vec<&'a str>> {
    if classes.is_empty() {
        return Err(Error::TooFewClasses { what: "the weights of words", need: 1, have: 0 });
    }
    text.sentences_of(classes)
}

fn of_counts(counts: &[usize], weight: impl Fn(f64) -> f64) -> WordWeights {
    let of = |(id, &count): (usize, &usize)| if id == PADDING { 0.0 } else { weight(count as f64) as f32 };
    WordWeights(counts.iter().enumerate().map(of).collect())
}
