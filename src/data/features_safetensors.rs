//! Vectors from safetensors files.

use std::path::Path;

use ndarray::ArrayD;
use safetensors::tensor::{Dtype, SafeTensors};

use super::feature_arrays::{decoded, set_of};
use super::features::FeatureSet;
use crate::error::{Error, Result};
use crate::read::{MOST_DATA, whole};

impl FeatureSet {
    /// Reads a safetensors file (feature `safetensors`), in one of two forms:
    ///
    /// - `features [n, width]` and `labels [n]`, whole numbers. Classes are named after their labels and come in their order;
    ///   other arrays are ignored.
    /// - an array `[n, width]` per class, under the name of the class. Classes come in the order of their names.
    ///
    /// Numbers are F32, F64 or whole.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::BadFile`] for another format, for a file above 4 GiB, and for an array of another shape or type, by its name;
    /// [`Error::NotFinite`] with array, row and column; as [`from_classes`](FeatureSet::from_classes).
    pub fn read_safetensors(path: impl AsRef<Path>) -> Result<FeatureSet> {
        let path = path.as_ref();
        let bad = |reason: String| Error::BadFile { path: path.into(), reason };
        let mut bytes = Vec::new();
        whole(path, MOST_DATA, &mut bytes)?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| bad(e.to_string()))?;
        let array = |(name, view): (&str, safetensors::tensor::TensorView<'_>)| {
            let (kind, size) = kind_of(view.dtype());
            let need = || {
                bad(format!(
                    "array {name:?} has numbers of type {:?}, but F32, F64 or whole ones are needed",
                    view.dtype()
                ))
            };
            let numbers = decoded(kind, size, view.data()).ok_or_else(need)?;
            let array = ArrayD::from_shape_vec(view.shape(), numbers)
                .map_err(|e| bad(format!("array {name:?}: {e}")))?;
            Ok((name.to_owned(), array))
        };
        set_of(path, file.iter().map(array).collect::<Result<Vec<_>>>()?)
    }
}

/// Kind and bytes of a type of numbers, as [`decoded`] takes them.
fn kind_of(dtype: Dtype) -> (char, usize) {
    match dtype {
        Dtype::F32 => ('f', 4),
        Dtype::F64 => ('f', 8),
        Dtype::I8 => ('i', 1),
        Dtype::I16 => ('i', 2),
        Dtype::I32 => ('i', 4),
        Dtype::I64 => ('i', 8),
        Dtype::U8 => ('u', 1),
        Dtype::U16 => ('u', 2),
        Dtype::U32 => ('u', 4),
        Dtype::U64 => ('u', 8),
        _ => ('?', 0),
    }
}
