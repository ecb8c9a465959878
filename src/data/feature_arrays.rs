//! Feature sets from the named arrays of a file, in whichever format.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{ArrayD, Axis};

use super::features::FeatureSet;
use crate::error::{Error, Result};

/// The numbers of little-endian bytes, for the kinds of numbers that files of features hold: `f` real, `i` whole and `u` not
/// negative, of `size` bytes. `None` for others.
pub(super) fn decoded(kind: char, size: usize, bytes: &[u8]) -> Option<Vec<f64>> {
    macro_rules! all {
        ($t:ty) => {
            bytes.as_chunks().0.iter().map(|b| <$t>::from_le_bytes(*b) as f64).collect()
        };
    }
    Some(match (kind, size) {
        ('f', 4) => all!(f32),
        ('f', 8) => all!(f64),
        ('i', 1) => all!(i8),
        ('i', 2) => all!(i16),
        ('i', 4) => all!(i32),
        ('i', 8) => all!(i64),
        ('u', 1) => all!(u8),
        ('u', 2) => all!(u16),
        ('u', 4) => all!(u32),
        ('u', 8) => all!(u64),
        _ => return None,
    })
}

/// The set of a file: `features [n, width]` with `labels [n]` if there are arrays of these names, else an array `[n, width]` per
/// class, in the order of their names.
pub(super) fn set_of(path: &Path, mut arrays: Vec<(String, ArrayD<f64>)>) -> Result<FeatureSet> {
    arrays.sort_by(|(a, _), (b, _)| a.cmp(b));
    let named = |name: &str| arrays.iter().find(|(n, _)| n == name).map(|(_, array)| array);
    if let (Some(features), Some(labels)) = (named("features"), named("labels")) {
        return labelled(path, features, labels);
    }
    let width = arrays.first().map_or(1, |(_, array)| array.shape().last().copied().unwrap_or(1));
    let class = |(name, array): (String, ArrayD<f64>)| Ok((name.clone(), rows(path, &name, &array, width)?));
    FeatureSet::from_classes(arrays.into_iter().map(class).collect::<Result<Vec<_>>>()?)
}

/// Classes are named after their labels, and come in their order.
fn labelled(path: &Path, features: &ArrayD<f64>, labels: &ArrayD<f64>) -> Result<FeatureSet> {
    let bad = |reason: String| Error::BadFile { path: path.into(), reason };
    let rows = rows(path, "features", features, features.shape().last().copied().unwrap_or(1))?;
    if labels.shape() != [rows.len()] {
        let (have, need) = (labels.shape(), rows.len());
        return Err(bad(format!(
            "array \"labels\" has the shape {have:?}, but there are {need} features: [{need}]"
        )));
    }
    let mut classes = BTreeMap::<i64, Vec<Vec<f32>>>::new();
    for (i, (row, &label)) in rows.into_iter().zip(labels).enumerate() {
        // larger whole numbers are not exact in f64
        if label.fract() != 0.0 || label.abs() > 2f64.powi(53) {
            return Err(bad(format!("array \"labels\", row {i}: {label} is not a whole number up to 2^53")));
        }
        classes.entry(label as i64).or_default().push(row);
    }
    FeatureSet::from_classes(classes.into_iter().map(|(label, rows)| (label.to_string(), rows)).collect())
}

/// The rows of an array `[n, width]`.
fn rows(path: &Path, name: &str, array: &ArrayD<f64>, width: usize) -> Result<Vec<Vec<f32>>> {
    match array.shape() {
        &[_, found] if found == width && width > 0 => {}
        found => {
            let reason = format!(
                "array {name:?} has the shape {found:?}, but vectors in rows are needed: [n, {width}]"
            );
            return Err(Error::BadFile { path: path.into(), reason });
        }
    }
    let number = |row: usize, column: usize, v: f64| match v as f32 {
        v if v.is_finite() => Ok(v),
        _ => {
            let place = format!("row {row}, column {column} (counted from 0)");
            Err(Error::NotFinite { what: format!("{}: array {name:?}, {place}", path.display()) })
        }
    };
    let row = |(i, row): (usize, ndarray::ArrayViewD<'_, f64>)| {
        row.iter().enumerate().map(|(j, &v)| number(i, j, v)).collect()
    };
    array.axis_iter(Axis(0)).enumerate().map(row).collect()
}
