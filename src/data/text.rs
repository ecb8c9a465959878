//! Sentences grouped by class.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::class::ClassRef;
use super::features::FeatureSet;
use super::groups::Groups;
use super::sentence::Sentence;
use super::split::Split;
use crate::error::{Error, Result};

/// Sentences grouped by class.
///
/// A [`Vocabulary`](crate::Vocabulary) of the training classes turns them into a [`FeatureSet`](crate::FeatureSet) of word ids, from which
/// episodes are drawn; [`EmbeddingBag`](crate::EmbeddingBag), [`TextConv`](crate::TextConv) and [`TextLstm`](crate::TextLstm) read those
/// rows. [`CharNgrams`](crate::CharNgrams) need no vocabulary; [`TfIdf`](crate::TfIdf) and [`WordVectors`](crate::WordVectors)
/// make vectors. Cloning shares the sentences.
///
/// ```
/// use innerloop::{TextSet, Vocabulary};
/// let classes = [("greet", ["Hello there!", "hello, you"]), ("leave", ["bye", "Good bye"])];
/// let own = |(name, sentences): (&str, [&str; 2])| (name.to_string(), sentences.map(String::from).to_vec());
/// let text = TextSet::from_classes(classes.map(own).to_vec())?;
/// let split = text.split(1, 1, 0)?;
/// let vocabulary = Vocabulary::new(&text, &split.train, 1)?;
/// let rows = vocabulary.rows(&text, 6)?;
/// assert_eq!((rows.classes(), rows.width()), (2, 6));
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct TextSet {
    sentences: Arc<[Sentence]>,
    groups: Groups,
}

impl TextSet {
    /// Builds a set from `(class name, sentences)` pairs. Classes keep their order.
    ///
    /// # Errors
    /// [`Error::EmptySentence`] for a sentence of white space only; [`Error::EmptyClass`], [`Error::RepeatedClass`];
    /// [`Error::TooFewClasses`] without any class.
    pub fn from_classes(classes: Vec<(String, Vec<String>)>) -> Result<TextSet> {
        TextSet::from_sentences(classes)
    }

    /// As [`from_classes`](TextSet::from_classes), of sentences that may know their lines.
    pub(super) fn from_sentences<S: Into<Sentence>>(classes: Vec<(String, Vec<S>)>) -> Result<TextSet> {
        let (mut all, mut counted) = (Vec::<Sentence>::new(), Vec::with_capacity(classes.len()));
        for (class, sentences) in classes {
            let before = all.len();
            all.extend(sentences.into_iter().map(S::into));
            if let Some(sentence) = all[before..].iter().position(|s| s.text.trim().is_empty()) {
                return Err(Error::EmptySentence { class, sentence });
            }
            counted.push((class, all.len() - before));
        }
        Ok(TextSet { sentences: all.into(), groups: Groups::new(counted, "a text set")? })
    }

    /// The number of sentences, all classes together.
    #[allow(clippy::len_without_is_empty)] // never empty: a set without sentences cannot be built
    pub fn len(&self) -> usize {
        self.groups.all()
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.groups.classes()
    }

    /// The name of class number `class`.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn class_name(&self, class: usize) -> &str {
        self.groups.name(class)
    }

    /// The number of the class called `name`.
    pub fn class_named(&self, name: &str) -> Option<usize> {
        self.groups.named(name)
    }

    /// The number of sentences of class number `class`.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn count(&self, class: usize) -> usize {
        self.groups.count(class)
    }

    /// One sentence; `example` counts within the class.
    ///
    /// # Panics
    /// If there is no such class or sentence.
    #[track_caller]
    pub fn sentence(&self, class: usize, example: usize) -> &str {
        &self.sentences[self.groups.at(class, example)].text
    }

    /// The file and the line, counted from 1, on which a sentence begins; none if it was not read from a table or from lines of JSON.
    ///
    /// # Panics
    /// If there is no such class or sentence.
    #[track_caller]
    pub fn line(&self, class: usize, example: usize) -> Option<(&Path, usize)> {
        let (path, line) = self.sentences[self.groups.at(class, example)].line.as_ref()?;
        Some((path, *line))
    }

    /// Every class once.
    pub fn all(&self) -> Vec<ClassRef> {
        self.groups.refs()
    }

    /// Disjoint random training and test classes, as [`Split::random`] draws them.
    ///
    /// # Errors
    /// [`Error::TooFewClasses`].
    pub fn split(&self, train: usize, test: usize, seed: u64) -> Result<Split> {
        Split::of_classes(self.classes(), [train, test], 1, seed)
    }

    /// A vector for each sentence, with the classes in their order.
    pub(super) fn vectors(&self, vector: impl Fn(&str) -> Vec<f32>) -> Result<FeatureSet> {
        let class = |class| {
            let vectors = (0..self.count(class)).map(|i| vector(self.sentence(class, i))).collect();
            (self.class_name(class).to_owned(), vectors)
        };
        FeatureSet::from_classes((0..self.classes()).map(class).collect())
    }

    /// The sentences of some classes, one after the other.
    pub(super) fn sentences_of(&self, classes: &[ClassRef]) -> Result<Vec<&str>> {
        classes.iter().try_for_each(|&class| self.check(class))?;
        let mut sentences = Vec::new();
        for &ClassRef { class, .. } in classes {
            sentences.extend((0..self.count(class)).map(|i| self.sentence(class, i)));
        }
        Ok(sentences)
    }

    /// Whether there is such a class.
    fn check(&self, class: ClassRef) -> Result<()> {
        self.groups.check(class)
    }
}

impl fmt::Debug for TextSet {
    /// Counts, without the sentences.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("TextSet");
        out.field("classes", &self.classes()).field("sentences", &self.len()).finish_non_exhaustive()
    }
}
