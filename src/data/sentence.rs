//! One sentence, and the line of the file that it came from.

use std::path::Path;
use std::sync::Arc;

/// A sentence of a [`TextSet`](super::text::TextSet).
pub(super) struct Sentence {
    pub(super) text: String,
    /// The file and the line, from 1, on which the sentence begins, if it was read from a file of lines.
    pub(super) line: Option<(Arc<Path>, usize)>,
}

impl From<String> for Sentence {
    fn from(text: String) -> Sentence {
        Sentence { text, line: None }
    }
}

impl PartialEq for Sentence {
    /// The same words, wherever they were read.
    fn eq(&self, other: &Sentence) -> bool {
        self.text == other.text
    }
}
