//! Vectors from archives of NumPy's arrays.

use std::path::Path;

use zip::ZipArchive;

use super::feature_arrays::set_of;
use super::features::FeatureSet;
use super::npy::read_npy;
use crate::error::{Error, Result};

impl FeatureSet {
    /// Reads an archive of `numpy.savez` or `savez_compressed` (feature `npz`), in one of two forms:
    ///
    /// - `features [n, width]` and `labels [n]`, whole numbers: `np.savez(path, features=x, labels=y)`. Classes are named after
    ///   their labels and come in their order; other arrays are ignored.
    /// - an array `[n, width]` per class, under the name of the class: `np.savez(path, **by_class)`. Classes come in the order of
    ///   their names.
    ///
    /// Numbers are `float32`, `float64` or whole, little-endian.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadFile`] for what is no such archive, and for an array that is damaged or of another
    /// shape or type, by its name; [`Error::NotFinite`] with array, row and column; as
    /// [`from_classes`](FeatureSet::from_classes).
    pub fn read_npz(path: impl AsRef<Path>) -> Result<FeatureSet> {
        let path = path.as_ref();
        let bad = |reason: String| Error::BadFile { path: path.into(), reason };
        let zip = ZipArchive::new(std::io::BufReader::new(crate::read::open(path)?));
        let mut zip = zip.map_err(|e| bad(format!("this is not a complete archive of NumPy's ({e})")))?;
        let mut arrays = Vec::with_capacity(zip.len());
        for i in 0..zip.len() {
            let entry = zip.by_index(i).map_err(|e| bad(format!("its entry {i} cannot be read ({e})")))?;
            if let Some(name) = entry.name().strip_suffix(".npy").map(str::to_owned) {
                let array = read_npy(entry).map_err(|e| bad(format!("array {name:?}: {e}")))?;
                arrays.push((name, array));
            }
        }
        set_of(path, arrays)
    }
}
