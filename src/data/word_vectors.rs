//! Vectors of words that were made elsewhere.

use std::fmt;
use std::sync::Arc;

use super::features::FeatureSet;
use super::id_rows::FIRST;
use super::text::TextSet;
use super::vocabulary::Vocabulary;
use super::word_weights::WordWeights;
use crate::error::{Error, Result};

/// Vectors of words that were made elsewhere: word2vec, GloVe, fastText. Cloning shares the numbers.
///
/// Their words are a [`vocabulary`](WordVectors::vocabulary), whose rows [`TextConv`](crate::TextConv),
/// [`TextLstm`](crate::TextLstm) and [`Signatures`](crate::Signatures) read; padding and unknown words have the vector 0.
/// [`means`](WordVectors::means) makes a vector of each sentence, for an [`Mlp`](crate::Mlp) under any learner. As they do not come from
/// the training classes, words of test classes may be among them.
///
/// ```
/// use innerloop::{TextSet, WordVectors};
/// let vectors = vec![("red".to_string(), vec![1.0, 0.0]), ("car".to_string(), vec![0.0, 3.0])];
/// let vectors = WordVectors::from_words(vectors)?;
/// assert_eq!(vectors.mean("A red car!", None), [0.5, 1.5]);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "List", try_from = "List"))]
#[derive(Clone, PartialEq)]
pub struct WordVectors {
    vocabulary: Vocabulary,
    width: usize,
    /// Row by row; two rows of zeros come first.
    numbers: Arc<[f32]>,
}

/// Words with their vectors.
type List = Vec<(String, Vec<f32>)>;

impl From<WordVectors> for List {
    fn from(vectors: WordVectors) -> List {
        let words = vectors.vocabulary.words().iter().enumerate();
        words.map(|(i, word)| (word.clone(), vectors.row(i + FIRST).to_vec())).collect()
    }
}

impl TryFrom<List> for WordVectors {
    type Error = Error;

    fn try_from(list: List) -> Result<WordVectors> {
        WordVectors::from_words(list)
    }
}

impl WordVectors {
    /// Of `(word, vector)` pairs. Sentences are searched for words in lower case.
    ///
    /// # Errors
    /// [`Error::Shape`] for a vector of another width than the first, or of width 0; [`Error::NotFinite`]; what
    /// [`Vocabulary::from_words`] refuses.
    pub fn from_words(vectors: Vec<(String, Vec<f32>)>) -> Result<WordVectors> {
        let width = vectors.first().map_or(1, |(_, vector)| vector.len()).max(1);
        let (mut words, mut numbers) = (Vec::with_capacity(vectors.len()), vec![0.0; FIRST * width]);
        for (word, vector) in vectors {
            if vector.len() != width {
                let what = format!("vector of the word {word:?}");
                return Err(Error::Shape { what, expected: vec![width], found: vec![vector.len()] });
            }
            if let Some(at) = vector.iter().position(|v| !v.is_finite()) {
                return Err(Error::NotFinite {
                    what: format!("number {at} of the vector of the word {word:?}"),
                });
            }
            numbers.extend(vector);
            words.push(word);
        }
        Ok(WordVectors { vocabulary: Vocabulary::from_words(words)?, width, numbers: numbers.into() })
    }

    /// Their words, by which sentences become rows of ids.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The numbers of each vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The vector of a word in lower case, if it has one.
    pub fn vector(&self, word: &str) -> Option<&[f32]> {
        Some(self.vocabulary.id(word)).filter(|id| *id >= FIRST).map(|id| self.row(id))
    }

    /// The vector of an id; zeros for padding and unknown words.
    pub(crate) fn row(&self, id: usize) -> &[f32] {
        &self.numbers[id * self.width..][..self.width]
    }

    /// All vectors by id, row by row.
    pub(crate) fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    /// The mean of the vectors of a sentence's known words, `Σw·v/Σw` with the weights of the words or all equal. Zeros
    /// without any known word.
    ///
    /// # Panics
    /// If the weights are of a smaller vocabulary.
    #[track_caller]
    pub fn mean(&self, sentence: &str, weights: Option<&WordWeights>) -> Vec<f32> {
        self.mean_of(self.vocabulary.ids_of(sentence), weights).into_iter().map(|v| v as f32).collect()
    }

    /// The mean of ids.
    #[track_caller]
    pub(crate) fn mean_of(
        &self,
        ids: impl Iterator<Item = usize>,
        weights: Option<&WordWeights>,
    ) -> Vec<f64> {
        let (mut sum, mut total) = (vec![0.0; self.width], 0.0);
        for id in ids.filter(|id| *id >= FIRST) {
            let weight = weights.map_or(1.0, |weights| f64::from(weights.weight(id)));
            total += weight;
            sum.iter_mut().zip(self.row(id)).for_each(|(sum, &v)| *sum += weight * f64::from(v));
        }
        let scale = if total > 0.0 { total.recip() } else { 0.0 };
        sum.iter_mut().for_each(|v| *v *= scale);
        sum
    }

    /// The [`mean`](WordVectors::mean) of each sentence, with the classes of `text` in their order: what episodes are drawn
    /// from. Weights are usually [`WordWeights::idf`] or [`WordWeights::inverse_frequency`] of the training classes.
    ///
    /// # Errors
    /// [`Error::Shape`] for weights of another vocabulary.
    pub fn means(&self, text: &TextSet, weights: Option<&WordWeights>) -> Result<FeatureSet> {
        weights.map_or(Ok(()), |weights| weights.check(&self.vocabulary))?;
        text.vectors(|sentence| self.mean(sentence, weights))
    }
}

impl fmt::Debug for WordVectors {
    /// Counts, and a sum over the numbers, which tells them from others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sum = crc32fast::Hasher::new();
        self.vocabulary.words().iter().for_each(|word| sum.update(word.as_bytes()));
        self.numbers.iter().for_each(|v| sum.update(&v.to_le_bytes()));
        let mut out = f.debug_struct("WordVectors");
        out.field("words", &self.vocabulary.words().len()).field("width", &self.width);
        out.field("sum", &format_args!("{:08x}", sum.finalize())).finish()
    }
}
