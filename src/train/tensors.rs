//! Arrays as the tensors of safetensors files.

use ndarray::ArrayD;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, TensorView, serialize};

use crate::arrays::little_endian;
use crate::real::Real;

/// The bytes of a file of named arrays, with one entry of metadata.
pub(crate) fn file_of<'a, T: Real>(
    arrays: impl Iterator<Item = (String, &'a ArrayD<T>)>,
    entry: (String, String),
) -> Result<Vec<u8>, SafeTensorError> {
    let data: Vec<_> = arrays.map(|(name, a)| (name, a.shape().to_vec(), little_endian(a))).collect();
    let dtype = if size_of::<T>() == size_of::<f32>() { Dtype::F32 } else { Dtype::F64 };
    let views = data
        .iter()
        .map(|(name, shape, bytes)| Ok((name, TensorView::new(dtype, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, SafeTensorError>>()?;
    // collected: which type of map safetensors takes depends on its features
    serialize(views, Some([entry].into_iter().collect()))
}

/// The array of a tensor of F32 or F64; otherwise says what is wrong.
pub(crate) fn array_of<T: Real>(view: &TensorView<'_>) -> Result<ArrayD<T>, String> {
    let bytes = view.data();
    let numbers: Vec<T> = match view.dtype() {
        Dtype::F32 => {
            bytes.as_chunks().0.iter().map(|b| T::from_f64(f32::from_le_bytes(*b).into())).collect()
        }
        Dtype::F64 => bytes.as_chunks().0.iter().map(|b| T::from_f64(f64::from_le_bytes(*b))).collect(),
        other => return Err(format!("its numbers are of type {other:?}, but F32 or F64 is needed")),
    };
    ArrayD::from_shape_vec(view.shape(), numbers).map_err(|e| e.to_string())
}
