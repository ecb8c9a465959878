//! Words and their numbers.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::class::ClassRef;
use super::features::FeatureSet;
use super::text::TextSet;
use crate::error::{Error, Result};

/// The number that fills a row after its last word.
pub(crate) const PADDING: usize = 0;

/// The number of every word that a vocabulary does not hold, and of a sentence without any word.
pub(crate) const UNKNOWN: usize = 1;

/// Ids up to here are whole numbers in `f32`.
const MOST: usize = 1 << 24;

/// The words of the training classes, numbered from 2: 0 is padding and 1 is an unknown word.
///
/// A word is a longest run of letters, digits and apostrophes (as Unicode counts them), in lower case.
/// Words are ordered by how often they occur, and equally frequent ones by their text.
#[derive(Clone, PartialEq)]
pub struct Vocabulary {
    ids: Arc<HashMap<String, usize>>,
}

impl Vocabulary {
    /// The words that occur at least `least` times in the sentences of `classes`. Give the training classes alone.
    ///
    /// # Errors
    /// [`Error::UnknownClass`] for a class that `text` lacks; [`Error::Setting`] if no word is frequent enough, or if there
    /// are more than 2²⁴ - 2, whose ids would not be whole numbers in `f32`.
    pub fn new(text: &TextSet, classes: &[ClassRef], least: usize) -> Result<Vocabulary> {
        let mut counts = HashMap::<String, usize>::new();
        for class in classes {
            text.check(*class)?;
            for i in 0..text.count(class.class) {
                words(text.sentence(class.class, i)).for_each(|word| *counts.entry(word).or_default() += 1);
            }
        }
        let mut kept: Vec<_> = counts.into_iter().filter(|&(_, count)| count >= least).collect();
        if kept.is_empty() || kept.len() > MOST - 2 {
            let need = "such that there are between 1 and 2^24 - 2 words";
            return Err(Error::Setting { name: "least", value: least.to_string(), need });
        }
        kept.sort_by(|(a, na), (b, nb)| nb.cmp(na).then_with(|| a.cmp(b)));
        let ids = kept.into_iter().enumerate().map(|(i, (word, _))| (word, i + 2)).collect();
        Ok(Vocabulary { ids: Arc::new(ids) })
    }

    /// One more than the largest id: the rows of an embedding table.
    pub fn size(&self) -> usize {
        self.ids.len() + 2
    }

    /// The id of a word in lower case; 1 if it is unknown.
    pub fn id(&self, word: &str) -> usize {
        self.ids.get(word).copied().unwrap_or(UNKNOWN)
    }

    /// A sentence as `length` ids: its first words, then zeros. A sentence without words is one unknown word.
    pub fn row(&self, sentence: &str, length: usize) -> Vec<f32> {
        let mut row: Vec<f32> = words(sentence).take(length).map(|word| self.id(&word) as f32).collect();
        if row.is_empty() {
            row.push(UNKNOWN as f32);
        }
        row.resize(length, PADDING as f32);
        row
    }

    /// All sentences as rows of `length` ids, with the classes of `text` in their order: what episodes are drawn from.
    ///
    /// # Errors
    /// [`Error::Setting`] if `length` is 0.
    pub fn rows(&self, text: &TextSet, length: usize) -> Result<FeatureSet> {
        if length == 0 {
            return Err(Error::Setting { name: "length", value: "0".into(), need: "at least 1" });
        }
        let row = |class, i| self.row(text.sentence(class, i), length);
        let class = |class| {
            (text.class_name(class).to_owned(), (0..text.count(class)).map(|i| row(class, i)).collect())
        };
        FeatureSet::from_classes((0..text.classes()).map(class).collect())
    }
}

impl fmt::Debug for Vocabulary {
    /// The number of words, without the words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocabulary").field("size", &self.size()).finish_non_exhaustive()
    }
}

/// The words of a sentence in lower case.
fn words(sentence: &str) -> impl Iterator<Item = String> + '_ {
    let parts = sentence.split(|c: char| !c.is_alphanumeric() && c != '\'');
    parts.filter(|part| part.contains(char::is_alphanumeric)).map(str::to_lowercase)
}
