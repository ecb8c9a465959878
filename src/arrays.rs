//! Loops over whole arrays of `ndarray`, by their elements in row-major order.
//!
//! `ndarray`'s own loops over several arrays at once are long to compile, and call a function
//! per element in a build that does not optimise across its units.

use std::borrow::Cow;

use ndarray::{ArrayD, CowArray, IxDyn};

use crate::kernels::{each, vectorized};
use crate::real::Real;

/// The elements in row-major order, copied only if they lie in another.
pub(crate) fn elements<T: Real>(array: &ArrayD<T>) -> Cow<'_, [T]> {
    match array.as_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(array.iter().copied().collect()),
    }
}

/// The elements in row-major order, laid out so first if they lie in another.
pub(crate) fn elements_mut<T: Real>(array: &mut ArrayD<T>) -> &mut [T] {
    if !array.is_standard_layout() {
        *array = CowArray::<T, IxDyn>::from(array.view()).as_standard_layout().into_owned();
    }
    array.as_slice_mut().expect("the layout is now the standard one")
}

/// The bytes of the elements in row-major order, as files and messages hold them.
pub(crate) fn little_endian<T: Real>(array: &ArrayD<T>) -> Vec<u8> {
    to_bytes(&elements(array))
}

/// `a ← f(a, b)` for each pair of elements.
///
/// # Panics
/// If the arrays differ in size.
#[inline]
pub(crate) fn update<T: Real>(a: &mut ArrayD<T>, b: &ArrayD<T>, f: impl Fn(T, T) -> T) {
    let (to, b) = (elements_mut(a), elements(b));
    vectorized(
        #[inline(always)]
        || each::update(to, &b, f),
    );
}

/// Numbers as the bytes of files and messages: little-endian, 4 or 8 for each.
pub(crate) fn to_bytes<T: Real>(numbers: &[T]) -> Vec<u8> {
    let mut bytes = vec![0; size_of_val(numbers)];
    if size_of::<T>() == size_of::<f32>() {
        let to = bytes.as_chunks_mut().0;
        to.iter_mut().zip(numbers).for_each(|(to, v)| *to = (v.as_f64() as f32).to_le_bytes());
    } else {
        let to = bytes.as_chunks_mut().0;
        to.iter_mut().zip(numbers).for_each(|(to, v)| *to = v.as_f64().to_le_bytes());
    }
    bytes
}

/// The other way round.
///
/// # Panics
/// If there are not as many bytes as the numbers need.
pub(crate) fn from_bytes<T: Real>(bytes: &[u8], numbers: &mut [T]) {
    assert_eq!(bytes.len(), size_of_val(numbers), "bytes of numbers");
    if size_of::<T>() == size_of::<f32>() {
        let from = bytes.as_chunks().0;
        numbers.iter_mut().zip(from).for_each(|(v, b)| *v = T::from_f64(f32::from_le_bytes(*b).into()));
    } else {
        let from = bytes.as_chunks().0;
        numbers.iter_mut().zip(from).for_each(|(v, b)| *v = T::from_f64(f64::from_le_bytes(*b)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn arrays_of_any_layout_meet_by_position() {
        let a = Array2::from_shape_fn((2, 3), |(i, j)| (3 * i + j) as f64);
        let columns = a.t().as_standard_layout().reversed_axes().into_dyn().into_owned();
        assert!(!columns.is_standard_layout() && columns == a.clone().into_dyn());
        let row_major = a.into_dyn();
        let want = row_major.mapv(|v| 0.5 * v);
        for (mut a, b) in [(columns.clone(), &row_major), (row_major.clone(), &columns)] {
            update(&mut a, b, |a, b| a - 0.5 * b);
            assert_eq!(a, want);
        }
    }
}
