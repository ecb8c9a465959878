//! What a node holds: a shape and a shared, recycled, row-major buffer.

use std::fmt;
use std::ops::Deref;

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::kernels::{each, vectorized};
use crate::pool::Buf;
use crate::real::Real;

/// Most axes that an array of the engine may have.
pub const MAX_RANK: usize = 6;

/// The lengths of an array's axes; reads as a slice of `usize`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; MAX_RANK],
    rank: u8,
}

impl Shape {
    /// A shape of the given axis lengths; `[]` is a scalar.
    ///
    /// # Panics
    /// With more than [`MAX_RANK`] axes, or with more elements than an array can have:
    /// the product of all lengths but the zeros must not exceed `isize::MAX`.
    #[track_caller]
    #[inline]
    pub fn new(dims: &[usize]) -> Shape {
        assert!(dims.len() <= MAX_RANK, "an array has at most {MAX_RANK} axes, {dims:?} has {}", dims.len());
        assert!(fits(dims), "an array of shape {dims:?} has too many elements to count");
        let mut all = [0; MAX_RANK];
        all[..dims.len()].copy_from_slice(dims);
        Shape { dims: all, rank: dims.len() as u8 }
    }

    /// How many elements an array of this shape has.
    pub fn size(&self) -> usize {
        self.iter().product() // `new` saw that it cannot overflow
    }
}

/// Whether the lengths that are not 0 have a product that can be counted: then every
/// product of some of the lengths can be counted too.
#[inline]
fn fits(dims: &[usize]) -> bool {
    const SMALL: usize = 1 << (usize::BITS as usize / MAX_RANK);
    // nearly every shape has short axes only, and needs no multiplication to see it
    dims.iter().all(|&d| d < SMALL)
        || dims
            .iter()
            .try_fold(1usize, |product, &d| product.checked_mul(d.max(1)))
            .is_some_and(|product| product <= isize::MAX as usize)
}

impl Deref for Shape {
    type Target = [usize];
    #[inline]
    fn deref(&self) -> &[usize] {
        &self.dims[..self.rank as usize]
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Shape {
        Shape::new(dims)
    }
}

/// An immutable array; cloning it is a counter.
#[derive(Debug, Clone)]
pub(crate) struct Value<T: Real> {
    shape: Shape,
    data: Buf<T>,
}

impl<T: Real> Value<T> {
    #[inline]
    #[track_caller]
    pub(crate) fn new(shape: &[usize], data: Buf<T>) -> Value<T> {
        let shape = Shape::new(shape);
        debug_assert_eq!(shape.size(), data.len());
        Value { shape, data }
    }

    #[track_caller]
    pub(crate) fn filled(shape: &[usize], value: T) -> Value<T> {
        let shape = Shape::new(shape);
        Value { shape, data: Buf::filled(shape.size(), value) }
    }

    /// Takes the elements of an array over; they are copied only if they do not lie in
    /// row-major order.
    #[track_caller]
    pub(crate) fn from_owned(array: ArrayD<T>) -> Value<T> {
        if !array.is_standard_layout() {
            return Value::from_array(array.view());
        }
        let shape = Shape::new(array.shape());
        match array.into_raw_vec_and_offset() {
            (elements, None | Some(0)) if elements.len() == shape.size() => {
                Value { shape, data: Buf::owning(elements) }
            }
            (elements, offset) => {
                let from = offset.unwrap_or(0);
                Value { shape, data: Buf::copied(&elements[from..from + shape.size()]) }
            }
        }
    }

    #[track_caller]
    pub(crate) fn from_array(array: ArrayViewD<'_, T>) -> Value<T> {
        let shape = Shape::new(array.shape());
        let data = match array.as_slice() {
            Some(slice) => Buf::copied(slice),
            None => {
                let mut data = Buf::dirty(array.len());
                data.iter_mut().zip(array.iter()).for_each(|(d, &s)| *d = s);
                data
            }
        };
        Value { shape, data }
    }

    pub(crate) fn view(&self) -> ArrayViewD<'_, T> {
        ArrayViewD::from_shape(IxDyn(&self.shape), &self.data).expect("a value is contiguous")
    }

    pub(crate) fn to_array(&self) -> ArrayD<T> {
        ArrayD::from_shape_vec(IxDyn(&self.shape), self.data.to_vec()).expect("a value is contiguous")
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    #[inline]
    pub(crate) fn has_shape(&self, shape: &[usize]) -> bool {
        // asked for every cotangent: a call of `memcmp` costs more than these few numbers
        self.shape.len() == shape.len() && self.shape.iter().zip(shape).all(|(a, b)| a == b)
    }

    /// The elements.
    ///
    /// # Panics
    /// If they were freed by a sweep that said nobody would read them again.
    #[track_caller]
    pub(crate) fn data(&self) -> &[T] {
        &self.data
    }

    /// Lets go of the elements; only the shape is left.
    pub(crate) fn clear(&mut self) {
        self.data = Buf::FREED;
    }

    /// Moves the elements out, unless somebody else holds them too.
    pub(crate) fn take_unshared(&mut self) -> Option<Value<T>> {
        self.data.get_mut()?;
        Some(Value { shape: self.shape, data: std::mem::replace(&mut self.data, Buf::FREED) })
    }

    /// The elements, to write to, of a value that nobody else holds.
    ///
    /// # Panics
    /// If somebody does.
    pub(crate) fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The same elements under another shape, not copied.
    pub(crate) fn reshaped(&self, shape: &[usize]) -> Value<T> {
        let shape = Shape::new(shape);
        debug_assert_eq!(shape.size(), self.data.len());
        Value { shape, data: self.data.clone() }
    }

    /// `self + other`, into this buffer when nobody else holds it.
    pub(crate) fn plus(mut self, other: &Value<T>) -> Value<T> {
        self.assert_same_size(other);
        if let Some(mine) = self.data.get_mut() {
            let other = other.data();
            vectorized(
                #[inline(always)]
                || each::update(mine, other, |a, b| a + b),
            );
            return self;
        }
        self.zip(other, |a, b| a + b)
    }

    /// Elementwise function of one array.
    #[inline]
    pub(crate) fn map(&self, f: impl Fn(T) -> T) -> Value<T> {
        let mut out = Buf::dirty(self.data.len());
        let (to, from) = (&mut out[..], self.data());
        vectorized(
            #[inline(always)]
            || each::map_to(to, from, f),
        );
        Value { shape: self.shape, data: out }
    }

    /// Elementwise function of two arrays of one shape.
    ///
    /// # Panics
    /// If they differ in size.
    #[inline]
    #[track_caller]
    pub(crate) fn zip(&self, other: &Value<T>, f: impl Fn(T, T) -> T) -> Value<T> {
        self.assert_same_size(other);
        let mut out = Buf::dirty(self.data.len());
        let (to, a, b) = (&mut out[..], self.data(), other.data());
        vectorized(
            #[inline(always)]
            || each::zip_to(to, a, b, f),
        );
        Value { shape: self.shape, data: out }
    }

    #[inline]
    #[track_caller]
    fn assert_same_size(&self, other: &Value<T>) {
        assert!(
            self.data().len() == other.data().len(),
            "two arrays of one shape are needed, these have {:?} and {:?}",
            self.shape,
            other.shape
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Tape;
    use ndarray::{Array2, s};

    #[test]
    #[should_panic(expected = "[4294967296, 4294967296] has too many elements")]
    fn a_size_that_wraps_is_refused_by_its_shape() {
        let _ = Tape::<f32>::new().full(&[1 << 32, 1 << 32], 1.0).sum();
    }

    #[test]
    #[should_panic(expected = "[0, 4294967296, 4294967296] has too many elements")]
    fn an_empty_axis_does_not_hide_a_size_that_wraps() {
        let _ = Tape::<f32>::new().full(&[0], 1.0).reshape(&[0, 1 << 32, 1 << 32]);
    }

    #[test]
    #[should_panic(expected = "[4294967296, 4294967296] has too many elements")]
    fn nothing_cannot_be_reshaped_to_a_size_that_wraps() {
        let _ = Tape::<f32>::new().full(&[0], 1.0).reshape(&[1 << 32, 1 << 32]);
    }

    #[test]
    fn an_array_is_taken_over_with_its_buffer_and_in_row_major_order() {
        let array = Array2::from_shape_fn((3, 5), |(i, j)| (5 * i + j) as f64).into_dyn();
        let place = array.as_ptr();
        let value = Value::from_owned(array.clone());
        assert_eq!(value.to_array(), array);
        let value = Value::from_owned(array);
        assert_eq!(value.data().as_ptr(), place);
        let array = value.to_array();
        let cut = array.clone().slice_move(s![1.., ..]).into_dyn();
        assert_eq!(Value::from_owned(cut.clone()).to_array(), cut);
        let turned = array.reversed_axes();
        assert_eq!(Value::from_owned(turned.clone()).to_array(), turned);
    }

    #[test]
    #[should_panic(expected = "was freed")]
    fn elements_that_were_freed_are_not_read() {
        let mut value = Value::<f32>::filled(&[3], 1.0);
        value.clear();
        let _ = value.data();
    }
}
