//! Sentences as rows of ids: what vocabularies and hashed n-grams have in common.

use super::features::FeatureSet;
use super::text::TextSet;
use crate::error::{Error, Result};

/// The id that fills a row after its last word.
pub(crate) const PADDING: usize = 0;

/// The id of every word that a vocabulary does not hold, and of a sentence without any word.
pub(super) const UNKNOWN: usize = 1;

/// The first id of a known word.
pub(super) const FIRST: usize = 2;

/// Ids up to here are whole numbers in `f32`.
pub(super) const MOST: usize = 1 << 24;

/// The first `length` ids, then padding. Without any id the row is one unknown word.
pub(super) fn id_row(ids: impl Iterator<Item = usize>, length: usize) -> Vec<f32> {
    let mut row: Vec<f32> = ids.take(length).map(|id| id as f32).collect();
    if row.is_empty() {
        row.push(UNKNOWN as f32);
    }
    row.resize(length, PADDING as f32);
    row
}

/// All sentences as rows of `length` ids.
pub(super) fn id_rows(text: &TextSet, length: usize, row: impl Fn(&str) -> Vec<f32>) -> Result<FeatureSet> {
    if length == 0 {
        return Err(Error::Setting { name: "length", value: "0".into(), need: "at least 1" });
    }
    text.vectors(row)
}
