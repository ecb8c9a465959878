//! Sentences as weighted counts of words.

use super::class::ClassRef;
use super::features::FeatureSet;
use super::id_rows::FIRST;
use super::text::TextSet;
use super::vocabulary::Vocabulary;
use super::word_weights::WordWeights;
use crate::error::Result;

/// Term frequency times inverse document frequency: a sentence as a vector with a number per word of the training classes.
///
/// The number of a word that occurs `tf` times in the sentence is `tf·idf` with [`WordWeights::idf`],
/// `idf = ln((1 + n)/(1 + df)) + 1`; then the vector is divided by its L2 norm. This is scikit-learn's `TfidfVectorizer` with its
/// defaults, but for which words there are. Words that the training classes lack are left out, and a sentence
/// of such words only is a vector of zeros.
///
/// [`Nearest::centroid`](crate::Nearest::centroid) with [`Nearness::Cosine`](crate::Nearness::Cosine) on these vectors learns nothing
/// from other classes: the floor for few-shot text.
///
/// ```
/// use innerloop::{EpisodeSampler, EpisodeShape, Nearest, Nearness, TextSet, TfIdf, evaluate};
/// let class = |(name, s): (&str, [&str; 3])| (name.to_string(), s.map(String::from).to_vec());
/// let all = [
///     ("card", ["my card is lost", "block the card", "a lost card"]),
///     ("rate", ["the rate of the euro", "what rate do you give", "rate today"]),
/// ];
/// let text = TextSet::from_classes(all.map(class).to_vec())?;
/// let rows = TfIdf::new(&text, &text.all(), 1)?.rows(&text)?; // usually: the training classes
/// let tasks = EpisodeSampler::new(&rows, &rows.all(), EpisodeShape::new(2, 1, 2), 0)?;
/// let report = evaluate(&Nearest::centroid(Nearness::Cosine), &Vec::<_>::new().into() as &innerloop::Learned<f32>, &tasks, 20)?;
/// assert!(report[0].inductive.accuracy.unwrap().mean > 0.8);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
pub struct TfIdf {
    vocabulary: Vocabulary,
    weights: WordWeights,
}

impl TfIdf {
    /// Fitted to the sentences of `classes`, with the words that occur at least `least` times in them. Give the training
    /// classes alone.
    ///
    /// # Errors
    /// As [`Vocabulary::new`].
    pub fn new(text: &TextSet, classes: &[ClassRef], least: usize) -> Result<TfIdf> {
        let vocabulary = Vocabulary::new(text, classes, least)?;
        let weights = WordWeights::idf(&vocabulary, text, classes)?;
        Ok(TfIdf { vocabulary, weights })
    }

    /// Its words: number `i` of a vector is about `words()[i]`.
    pub fn words(&self) -> &[String] {
        self.vocabulary.words()
    }

    /// A sentence as a vector with a number per word.
    pub fn row(&self, sentence: &str) -> Vec<f32> {
        let mut row = vec![0.0f64; self.words().len()];
        for id in self.vocabulary.ids_of(sentence).filter(|id| *id >= FIRST) {
            row[id - FIRST] += f64::from(self.weights.weight(id));
        }
        let norm = row.iter().map(|v| v * v).sum::<f64>().sqrt();
        let scale = if norm > 0.0 { norm.recip() } else { 0.0 };
        row.into_iter().map(|v| (v * scale) as f32).collect()
    }

    /// All sentences as vectors, with the classes of `text` in their order. They take 4 bytes per sentence and word: a larger
    /// `least` makes them narrower.
    ///
    /// # Errors
    /// As [`FeatureSet::from_classes`].
    pub fn rows(&self, text: &TextSet) -> Result<FeatureSet> {
        text.vectors(|sentence| self.row(sentence))
    }
}
