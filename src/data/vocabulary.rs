//! Words and their numbers.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::class::ClassRef;
use super::features::FeatureSet;
use super::id_rows::{FIRST, MOST, UNKNOWN, id_row, id_rows};
use super::text::TextSet;
use crate::error::{Error, Result};

/// The words of the training classes, numbered from 2: 0 is padding and 1 is an unknown word.
///
/// A word is a longest run of letters, digits and apostrophes (as Unicode counts them), in lower case.
/// Words are ordered by how often they occur, and equally frequent ones by their text.
///
/// With the feature `serde` it is data: the list of its words.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "Vec<String>", try_from = "Vec<String>"))]
#[derive(Clone, PartialEq)]
pub struct Vocabulary {
    words: Arc<[String]>,
    ids: Arc<HashMap<String, usize>>,
}

impl From<Vocabulary> for Vec<String> {
    fn from(vocabulary: Vocabulary) -> Vec<String> {
        vocabulary.words.to_vec()
    }
}

impl TryFrom<Vec<String>> for Vocabulary {
    type Error = Error;

    fn try_from(words: Vec<String>) -> Result<Vocabulary> {
        Vocabulary::from_words(words)
    }
}

impl Vocabulary {
    /// The words that occur at least `least` times in the sentences of `classes`. Give the training classes alone.
    ///
    /// # Errors
    /// [`Error::UnknownClass`] for a class that `text` lacks; [`Error::Setting`] if no word is frequent enough, or if there
    /// are more than 2²⁴ - 2, whose ids would not be whole numbers in `f32`.
    pub fn new(text: &TextSet, classes: &[ClassRef], least: usize) -> Result<Vocabulary> {
        let mut counts = HashMap::<String, usize>::new();
        for sentence in text.sentences_of(classes)? {
            words(sentence).for_each(|word| *counts.entry(word).or_default() += 1);
        }
        let mut kept: Vec<_> = counts.into_iter().filter(|&(_, count)| count >= least).collect();
        if kept.is_empty() || kept.len() > MOST - FIRST {
            let need = "such that there are between 1 and 2^24 - 2 words";
            return Err(Error::Setting { name: "least", value: least.to_string(), need });
        }
        kept.sort_by(|(a, na), (b, nb)| nb.cmp(na).then_with(|| a.cmp(b)));
        Vocabulary::from_words(kept.into_iter().map(|(word, _)| word).collect())
    }

    /// Given words, which get the ids from 2 on in their order: those of another program, or what
    /// [`words`](Vocabulary::words) returned. Words that are not in lower case, or that have other characters, are never found.
    ///
    /// # Errors
    /// [`Error::Setting`] for no words, for one that appears twice, or for more than 2²⁴ - 2.
    pub fn from_words(words: Vec<String>) -> Result<Vocabulary> {
        if words.is_empty() || words.len() > MOST - FIRST {
            let need = "a list of between 1 and 2^24 - 2 words";
            return Err(Error::Setting { name: "words", value: format!("a list of {}", words.len()), need });
        }
        let mut ids = HashMap::with_capacity(words.len());
        for (i, word) in words.iter().enumerate() {
            if ids.insert(word.clone(), i + FIRST).is_some() {
                let need = "a list in which each word appears once";
                return Err(Error::Setting {
                    name: "words",
                    value: format!("a list with {word:?} twice"),
                    need,
                });
            }
        }
        Ok(Vocabulary { words: words.into(), ids: Arc::new(ids) })
    }

    /// The words in the order of their ids; the first has id 2.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// One more than the largest id: the rows of an embedding table.
    pub fn size(&self) -> usize {
        self.ids.len() + FIRST
    }

    /// The id of a word in lower case; 1 if it is unknown.
    pub fn id(&self, word: &str) -> usize {
        self.ids.get(word).copied().unwrap_or(UNKNOWN)
    }

    /// A sentence as `length` ids: its first words, then zeros. A sentence without words is one unknown word.
    pub fn row(&self, sentence: &str, length: usize) -> Vec<f32> {
        id_row(self.ids_of(sentence), length)
    }

    /// The id of each word of a sentence.
    pub(super) fn ids_of<'a>(&'a self, sentence: &'a str) -> impl Iterator<Item = usize> + 'a {
        words(sentence).map(|word| self.id(&word))
    }

    /// Whether it knows a word of each sentence. [`row`](Vocabulary::row) takes others too, as unknown words, since a test has such
    /// sentences; ask here where one is a mistake.
    ///
    /// # Errors
    /// [`Error::UnknownWords`] for the first sentence that has no known word.
    pub fn check(&self, text: &TextSet) -> Result<()> {
        for class in 0..text.classes() {
            let unknown = |i: &usize| self.ids_of(text.sentence(class, *i)).all(|id| id == UNKNOWN);
            if let Some(i) = (0..text.count(class)).find(unknown) {
                let line = text.line(class, i).map(|(path, line)| (path.into(), line));
                let (class, sentence) = (text.class_name(class).into(), text.sentence(class, i).into());
                return Err(Error::UnknownWords { class, number: i + 1, sentence, line });
            }
        }
        Ok(())
    }

    /// All sentences as rows of `length` ids, with the classes of `text` in their order: what episodes are drawn from.
    ///
    /// # Errors
    /// [`Error::Setting`] if `length` is 0.
    pub fn rows(&self, text: &TextSet, length: usize) -> Result<FeatureSet> {
        id_rows(text, length, |sentence| self.row(sentence, length))
    }
}

impl fmt::Debug for Vocabulary {
    /// The number of words, without the words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocabulary").field("size", &self.size()).finish_non_exhaustive()
    }
}

/// The words of a sentence in lower case.
pub(super) fn words(sentence: &str) -> impl Iterator<Item = String> + '_ {
    let parts = sentence.split(|c: char| !c.is_alphanumeric() && c != '\'');
    parts.filter(|part| part.contains(char::is_alphanumeric)).map(str::to_lowercase)
}
