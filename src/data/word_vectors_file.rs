//! Word vectors from their usual text format.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::text::TextSet;
use super::vocabulary::words;
use super::word_vectors::WordVectors;
use crate::error::{Error, Result};

/// Longest line that is read, in bytes.
const MOST_LINE: u64 = 1 << 20;

const NEED: &str = "a word and its vector, as many finite numbers as in the other lines";

impl WordVectors {
    /// Reads the text format of word2vec, GloVe and fastText: a line `word v1 v2 ..` per word, with single spaces or tabs. A
    /// first line of two whole numbers, the number of words and their width, may come before.
    ///
    /// `only` keeps the words that occur in these sentences, so that a file of a few gigabytes takes a few megabytes of
    /// memory; give all sentences, as vectors do not depend on which classes train. Without it all words are kept.
    ///
    /// Of a word that comes again the first vector counts. Entries with spaces in them, of which GloVe's files have a few, are left out.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadLine`] for an empty line, for a vector of another width than the first line says or has,
    /// and for what is not a finite number; [`Error::BadFile`] for a file without any of the words, or with another number of
    /// lines than its first line says.
    pub fn read(path: impl AsRef<Path>, only: Option<&TextSet>) -> Result<WordVectors> {
        let path = path.as_ref();
        let io = |source| Error::Io { path: path.into(), source };
        let bad = |reason: String| Error::BadFile { path: path.into(), reason };
        let wanted: Option<HashSet<String>> = match only {
            Some(text) => Some(text.sentences_of(&text.all())?.into_iter().flat_map(words).collect()),
            None => None,
        };
        let mut file = BufReader::new(crate::read::open(path)?);
        let (mut count, mut width, mut entries) = (None, None, 0);
        let (mut vectors, mut seen, mut bytes) = (Vec::new(), HashSet::new(), Vec::new());
        for line in 1.. {
            bytes.clear();
            if (&mut file).take(MOST_LINE).read_until(b'\n', &mut bytes).map_err(io)? == 0 {
                break;
            }
            let refuse = |text: &str, need| {
                let text = text.chars().take(60).collect();
                Error::BadLine { path: path.into(), line, text, need }
            };
            if bytes.len() as u64 == MOST_LINE {
                return Err(refuse(&String::from_utf8_lossy(&bytes), "a line of less than 1 MiB"));
            }
            let Ok(text) = std::str::from_utf8(&bytes) else {
                return Err(refuse(&String::from_utf8_lossy(&bytes), "text in UTF-8"));
            };
            let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { text };
            let cells: Vec<&str> =
                text.split([' ', '\t', '\r', '\n']).filter(|cell| !cell.is_empty()).collect();
            if let (1, [words, numbers]) = (line, &cells[..])
                && let (Ok(words), Ok(numbers)) = (words.parse::<usize>(), numbers.parse::<usize>())
            {
                (count, width) = (Some(words), Some(numbers));
                continue;
            }
            let width = *width.get_or_insert(cells.len().saturating_sub(1));
            if width == 0 || cells.len() <= width {
                return Err(refuse(text.trim_end(), NEED));
            }
            let (word, numbers) = cells.split_at(cells.len() - width);
            entries += 1;
            if word[1..].iter().any(|cell| cell.parse::<f32>().is_ok()) {
                return Err(refuse(text.trim_end(), NEED)); // a longer vector
            }
            // numbers of words that are left out are looked at too: a damaged file should not go unnoticed
            let number = |cell: &&str| match cell.parse::<f32>() {
                Ok(v) if v.is_finite() => Ok(v),
                _ => Err(refuse(cell, "a finite number")),
            };
            let vector = numbers.iter().map(number).collect::<Result<Vec<f32>>>()?;
            let kept = word.len() == 1 && wanted.as_ref().is_none_or(|wanted| wanted.contains(word[0]));
            if kept && seen.insert(word[0].to_owned()) {
                vectors.push((word[0].to_owned(), vector));
            }
        }
        if let Some(count) = count.filter(|count| *count != entries) {
            let reason =
                format!("its first line says that it has {count} words, but it has {entries}: copy it again");
            return Err(bad(reason));
        }
        if vectors.is_empty() {
            return Err(bad("it has the vector of no word that is looked for".into()));
        }
        WordVectors::from_words(vectors)
    }
}
