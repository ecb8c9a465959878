//! Named arrays in safetensors files.

use std::cmp::Ordering;
use std::path::Path;

use ::safetensors::tensor::{SafeTensors, TensorView};
use ndarray::ArrayD;

use super::files::is_counter;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::train::{array_of, bytes_of_file, file_of};

/// All arrays by name, without the counts of batches.
pub(super) fn read<T: Real>(path: &Path) -> Result<Vec<(String, ArrayD<T>)>> {
    let bad = |reason: String| Error::BadFile { path: path.into(), reason };
    let bytes = bytes_of_file(path)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| bad(e.to_string()))?;
    let array = |(name, view): (&str, TensorView<'_>)| {
        let hint = "call `.float()` on the module before saving it, if that is the matter";
        let array = array_of(&view).map_err(|e| bad(format!("array {name:?}: {e} ({hint})")))?;
        Ok((name.to_owned(), array))
    };
    let mut arrays =
        file.iter().filter(|(name, _)| !is_counter(name)).map(array).collect::<Result<Vec<_>>>()?;
    arrays.sort_by(|(a, _), (b, _)| natural(a, b));
    Ok(arrays)
}

pub(super) fn write<T: Real>(path: &Path, arrays: &[(String, ArrayD<T>)]) -> Result<()> {
    let named = arrays.iter().map(|(name, array)| (name.clone(), array));
    // some readers of PyTorch's side ask for this entry
    let file = file_of(named, ("format".into(), "pt".into()))
        .map_err(|e| Error::BadFile { path: path.into(), reason: e.to_string() })?;
    crate::write::whole(path, &file)
}

/// Compares names so that `layer.10` comes after `layer.9`: runs of digits as numbers, the rest by its letters.
fn natural(a: &str, b: &str) -> Ordering {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (mut left, mut right) = (a, b);
    while let (Some(l), Some(r)) = (left.chars().next(), right.chars().next()) {
        let (m, n) = (digits(left), digits(right));
        let (order, m, n) = if m > 0 && n > 0 {
            let (x, y) = (left[..m].trim_start_matches('0'), right[..n].trim_start_matches('0'));
            (x.len().cmp(&y.len()).then(x.cmp(y)), m, n)
        } else {
            (l.cmp(&r), l.len_utf8(), r.len_utf8())
        };
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (&left[m..], &right[n..]);
    }
    left.len().cmp(&right.len()).then(a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_ordered_as_numbers() {
        let mut names = ["a.10.w", "a.9.w", "a.9.bias", "a.w", "b", "a.010.w", "a.9", "é.1"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a.9", "a.9.bias", "a.9.w", "a.010.w", "a.10.w", "a.w", "b", "é.1"]);
    }
}
