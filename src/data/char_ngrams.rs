//! Hashed character n-grams: ids of any sentence, without a vocabulary.

use std::ops::RangeInclusive;

use super::features::FeatureSet;
use super::id_rows::{FIRST, id_row, id_rows};
use super::text::TextSet;
use super::vocabulary::words;
use crate::error::{Error, Result};

/// The character n-grams of words, hashed to ids from 2 on: words that training never saw, and misspelt ones, still share
/// ids with known ones. Ids 0 and 1 are padding and a sentence without words, as in a [`Vocabulary`](crate::Vocabulary).
///
/// Words are those of a vocabulary, marked as `<word>` (Bojanowski et al. 2017, section 3.2, who have n from 3 to 6). The n-grams of
/// a word come in the order of n and then of their place; a marked word that is shorter than every n is its own n-gram. The
/// id of an n-gram is 2 plus its 64-bit FNV-1a hash over UTF-8, whose two halves are combined by exclusive or, modulo 2^`bits`.
///
/// ```
/// use innerloop::CharNgrams;
/// let ngrams = CharNgrams::new(3..=5, 12)?;
/// assert_eq!(ngrams.size(), 4098);
/// let [one, other] = ["transfer", "transfers"].map(|word| ngrams.row(word, 30));
/// assert!(one.iter().filter(|id| **id > 1.0 && other.contains(id)).count() >= 15);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CharNgrams {
    least: usize,
    most: usize,
    bits: u32,
}

impl CharNgrams {
    /// With n in `sizes`, such as `3..=5`, and 2^`bits` ids from 2 on.
    ///
    /// # Errors
    /// [`Error::Setting`] for sizes that are empty or begin with 0, or bits that are not from 1 to 23.
    pub fn new(sizes: RangeInclusive<usize>, bits: u32) -> Result<CharNgrams> {
        if sizes.is_empty() || *sizes.start() == 0 {
            let need = "a range such as 3..=5, from at least 1";
            return Err(Error::Setting { name: "sizes", value: format!("{sizes:?}"), need });
        }
        if !(1..=23).contains(&bits) {
            let need = "from 1 to 23, so that ids are whole numbers in f32";
            return Err(Error::Setting { name: "bits", value: bits.to_string(), need });
        }
        Ok(CharNgrams { least: *sizes.start(), most: *sizes.end(), bits })
    }

    /// One more than the largest id: the rows of an embedding table.
    pub fn size(&self) -> usize {
        (1 << self.bits) + FIRST
    }

    /// A sentence as `length` ids: its first n-grams, then zeros. A sentence without words is one unknown word.
    pub fn row(&self, sentence: &str, length: usize) -> Vec<f32> {
        id_row(words(sentence).flat_map(|word| self.ids(&word)), length)
    }

    /// All sentences as rows of `length` ids, with the classes of `text` in their order: what episodes are drawn from. A
    /// sentence of 10 words has about 100 n-grams of 3 to 5 characters.
    ///
    /// # Errors
    /// [`Error::Setting`] if `length` is 0.
    pub fn rows(&self, text: &TextSet, length: usize) -> Result<FeatureSet> {
        id_rows(text, length, |sentence| self.row(sentence, length))
    }

    /// The ids of the n-grams of a word.
    fn ids(&self, word: &str) -> Vec<usize> {
        let marked = format!("<{word}>");
        let mut bounds: Vec<usize> = marked.char_indices().map(|(at, _)| at).collect();
        bounds.push(marked.len());
        let chars = bounds.len() - 1;
        if chars < self.least {
            return vec![self.id(&marked)];
        }
        let sizes = self.least..=self.most.min(chars);
        sizes
            .flat_map(|n| bounds.windows(n + 1).map(|b| self.id(&marked[b[0]..b[n]])).collect::<Vec<_>>())
            .collect()
    }

    fn id(&self, ngram: &str) -> usize {
        let hash = fnv1a(ngram.as_bytes());
        FIRST + ((hash ^ (hash >> 32)) & ((1 << self.bits) - 1)) as usize
    }
}

/// FNV-1a with 64 bits (Fowler, Noll and Vo).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_has_its_published_values() {
        // the test vectors of draft-eastlake-fnv
        let known =
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)];
        for (text, hash) in known {
            assert_eq!(fnv1a(text.as_bytes()), hash, "{text:?}");
        }
    }

    #[test]
    fn the_ngrams_of_a_word_are_those_of_the_marked_word() {
        let ngrams = CharNgrams::new(3..=4, 20).unwrap();
        let want = |all: &[&str]| all.iter().map(|ngram| ngrams.id(ngram)).collect::<Vec<_>>();
        assert_eq!(ngrams.ids("été"), want(&["<ét", "été", "té>", "<été", "été>"]));
        assert_eq!(ngrams.ids("a"), want(&["<a>"]));
        assert_eq!(CharNgrams::new(4..=5, 20).unwrap().ids("a"), want(&["<a>"]));
    }
}
