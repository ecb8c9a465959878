//! What a node holds: a shape and a shared, recycled, row-major buffer.

use std::fmt;
use std::ops::Deref;

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::kernels::vectorized;
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
    /// With more than [`MAX_RANK`] axes.
    #[track_caller]
    #[inline]
    pub fn new(dims: &[usize]) -> Shape {
        assert!(dims.len() <= MAX_RANK, "an array has at most {MAX_RANK} axes, {dims:?} has {}", dims.len());
        let mut all = [0; MAX_RANK];
        all[..dims.len()].copy_from_slice(dims);
        Shape { dims: all, rank: dims.len() as u8 }
    }

    /// How many elements an array of this shape has.
    pub fn size(&self) -> usize {
        self.iter().product()
    }
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
    pub(crate) fn new(shape: &[usize], data: Buf<T>) -> Value<T> {
        let shape = Shape::new(shape);
        debug_assert_eq!(shape.size(), data.len());
        Value { shape, data }
    }

    pub(crate) fn filled(shape: &[usize], value: T) -> Value<T> {
        Value::new(shape, Buf::filled(shape.iter().product(), value))
    }

    pub(crate) fn from_array(array: ArrayViewD<'_, T>) -> Value<T> {
        let mut data = Buf::dirty(array.len());
        match array.as_slice() {
            Some(slice) => data.copy_from_slice(slice),
            None => data.iter_mut().zip(array.iter()).for_each(|(d, &s)| *d = s),
        }
        Value::new(array.shape(), data)
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

    pub(crate) fn data(&self) -> &[T] {
        &self.data
    }

    /// Lets go of the elements; only the shape is left.
    pub(crate) fn clear(&mut self) {
        self.data = Buf::EMPTY;
    }

    /// Moves the elements out, unless somebody else holds them too.
    pub(crate) fn take_unshared(&mut self) -> Option<Value<T>> {
        self.data.get_mut()?;
        Some(Value { shape: self.shape, data: std::mem::replace(&mut self.data, Buf::EMPTY) })
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
        debug_assert_eq!(self.shape, other.shape);
        if let Some(mine) = self.data.get_mut() {
            let other = other.data();
            vectorized(
                #[inline(always)]
                || mine.iter_mut().zip(other).for_each(|(a, &b)| *a += b),
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
            || to.iter_mut().zip(from).for_each(|(o, &a)| *o = f(a)),
        );
        Value { shape: self.shape, data: out }
    }

    /// Elementwise function of two arrays of one shape.
    #[inline]
    pub(crate) fn zip(&self, other: &Value<T>, f: impl Fn(T, T) -> T) -> Value<T> {
        debug_assert_eq!(self.shape, other.shape);
        let mut out = Buf::dirty(self.data.len());
        let (to, a, b) = (&mut out[..], self.data(), other.data());
        vectorized(
            #[inline(always)]
            || to.iter_mut().zip(a.iter().zip(b)).for_each(|(o, (&a, &b))| *o = f(a, b)),
        );
        Value { shape: self.shape, data: out }
    }
}
