//! Comparisons and their results. A mask is a fact about values and has no derivative.

use std::fmt;
use std::ops::{BitAnd, BitOr, Not};

use super::arith::zip_repeated;
use crate::pool::Buf;
use crate::real::Real;
use crate::tape::Tape;
use crate::value::{Shape, Value};
use crate::var::Var;

/// Which elements of an array satisfy a comparison: plain data without a derivative; a clone shares it.
///
/// Made by [`Var::gt`], [`Var::ge`], [`Var::lt`], [`Var::le`] and [`Var::eq`]; combined with `!`, `&` and `|`;
/// used by [`where_`](crate::where_).
///
/// ```
/// use innerloop::{Tape, where_};
/// use ndarray::arr1;
/// let tape = Tape::<f64>::new();
/// let x = tape.leaf(&arr1(&[-3.0, 0.5, 2.0]).into_dyn());
/// let inside = x.ge(-1.0) & x.le(1.0);
/// assert_eq!(inside.to_vec(), [false, true, false]);
/// assert_eq!(where_(&inside, x, 10.0 * x).to_array(), arr1(&[-30.0, 0.5, 20.0]).into_dyn());
/// ```
#[derive(Clone)]
pub struct Mask {
    shape: Shape,
    /// 1 or 0.
    data: Buf<u8>,
}

impl Mask {
    fn new(shape: Shape, data: Buf<u8>) -> Mask {
        debug_assert_eq!(shape.size(), data.len());
        Mask { shape, data }
    }

    /// A mask of `shape` whose element number `i` in row-major order is `f(i)`.
    pub(super) fn from_fn(shape: &[usize], f: impl FnMut(usize) -> bool) -> Mask {
        let shape = Shape::new(shape);
        let mut data = Buf::dirty(shape.size());
        data.iter_mut().zip((0..).map(f)).for_each(|(m, chosen)| *m = u8::from(chosen));
        Mask::new(shape, data)
    }

    /// The lengths of its axes.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Its elements in row-major order.
    pub fn to_vec(&self) -> Vec<bool> {
        self.data.iter().map(|&m| m != 0).collect()
    }

    /// Its elements in row-major order: 1 or 0.
    pub(super) fn bits(&self) -> &[u8] {
        &self.data
    }

    /// How many elements are true.
    pub fn count(&self) -> usize {
        self.data.iter().filter(|&&m| m != 0).count()
    }

    /// Repeats along missing axes and axes of length 1 until the shape is `shape`, which must be possible.
    pub(super) fn repeated(&self, shape: &[usize]) -> Mask {
        if *self.shape == *shape {
            return self.clone();
        }
        let whole = Mask::from_fn(shape, |_| true);
        self.zip("where_", &whole, |a, _| a)
    }

    #[track_caller]
    fn zip(&self, name: &str, other: &Mask, f: impl Fn(u8, u8) -> u8) -> Mask {
        let (shape, data) = zip_repeated(name, (self.shape, &self.data), (other.shape, &other.data), f);
        Mask::new(shape, data)
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({:?}, {} true)", self.shape, self.count())
    }
}

/// True where the mask is false.
impl Not for &Mask {
    type Output = Mask;
    fn not(self) -> Mask {
        let mut data = Buf::dirty(self.data.len());
        data.iter_mut().zip(&*self.data).for_each(|(to, &m)| *to = 1 - m);
        Mask::new(self.shape, data)
    }
}

impl Not for Mask {
    type Output = Mask;
    fn not(self) -> Mask {
        !&self
    }
}

/// One row per operator of two masks: trait and method. Operands may be masks or references.
macro_rules! both {
    ($($Trait:ident, $method:ident, |$a:ident, $b:ident| $f:expr;)*) => {$(
        both!($Trait, $method, |$a, $b| $f, Mask, Mask);
        both!($Trait, $method, |$a, $b| $f, Mask, &Mask);
        both!($Trait, $method, |$a, $b| $f, &Mask, Mask);
        both!($Trait, $method, |$a, $b| $f, &Mask, &Mask);
    )*};
    ($Trait:ident, $method:ident, |$a:ident, $b:ident| $f:expr, $Left:ty, $Right:ty) => {
        /// Elementwise, broadcasting.
        ///
        /// # Panics
        /// If the shapes do not broadcast.
        impl $Trait<$Right> for $Left {
            type Output = Mask;
            #[track_caller]
            fn $method(self, other: $Right) -> Mask {
                self.zip(stringify!($method), &other, |$a, $b| $f)
            }
        }
    };
}

both! {
    BitAnd, bitand, |a, b| a & b;
    BitOr, bitor, |a, b| a | b;
}

/// The second operand of a comparison, [`Var::maximum`] or [`Var::minimum`]: a variable or a number. Both turn
/// into it, so pass `x` or `0.5`.
#[derive(Debug, Clone, Copy)]
pub enum Operand<'t, T: Real> {
    /// A variable.
    Var(Var<'t, T>),
    /// A number, compared with each element.
    Number(f64),
}

impl<'t, T: Real> From<Var<'t, T>> for Operand<'t, T> {
    fn from(x: Var<'t, T>) -> Self {
        Operand::Var(x)
    }
}

impl<T: Real> From<f64> for Operand<'_, T> {
    fn from(x: f64) -> Self {
        Operand::Number(x)
    }
}

impl<'t, T: Real> Operand<'t, T> {
    fn value(self) -> Value<T> {
        match self {
            Operand::Var(x) => x.val(),
            Operand::Number(x) => Value::filled(&[], T::from_f64(x)),
        }
    }

    pub(super) fn on(self, tape: &'t Tape<T>) -> Var<'t, T> {
        match self {
            Operand::Var(x) => x,
            Operand::Number(x) => tape.scalar(x),
        }
    }
}

/// Compares elementwise, broadcasting.
#[track_caller]
#[inline(never)]
pub(super) fn compare<T: Real>(name: &str, a: Var<'_, T>, b: Operand<'_, T>, f: fn(T, T) -> bool) -> Mask {
    let (a, b) = (a.val(), b.value());
    let (shape, data) =
        zip_repeated(name, (a.shape(), a.data()), (b.shape(), b.data()), |a, b| u8::from(f(a, b)));
    Mask::new(shape, data)
}

/// One row per comparison: method, its sign, its function.
macro_rules! comparisons {
    ($($method:ident, $sign:literal, |$a:ident, $b:ident| $f:expr;)*) => {
        impl<'t, T: Real> Var<'t, T> {$(
            #[doc = concat!("Where `self ", $sign, " other`, elementwise and broadcasting; false where either is NaN.")]
            ///
            /// `other`: a variable or a number. The result has no derivative.
            ///
            /// # Panics
            /// If the shapes do not broadcast.
            #[track_caller]
            pub fn $method(self, other: impl Into<Operand<'t, T>>) -> Mask {
                compare(stringify!($method), self, other.into(), |$a, $b| $f)
            }
        )*}
    };
}

comparisons! {
    gt, ">",  |a, b| a > b;
    ge, "≥",  |a, b| a >= b;
    lt, "<",  |a, b| a < b;
    le, "≤",  |a, b| a <= b;
    eq, "=",  |a, b| a == b;
}

compiled_here!(T: compare::<T>);

#[cfg(test)]
mod tests {
    use crate::tape::Tape;
    use ndarray::{arr1, arr2};

    #[test]
    fn comparisons_say_what_their_sign_says_and_are_false_at_nan() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr1(&[1.0, 2.0, 3.0, f64::NAN]).into_dyn());
        for (mask, want) in [
            (x.gt(2.0), [false, false, true]),
            (x.ge(2.0), [false, true, true]),
            (x.lt(2.0), [true, false, false]),
            (x.le(2.0), [true, true, false]),
            (x.eq(2.0), [false, true, false]),
            (x.eq(x), [true, true, true]),
            (!(x.gt(2.0)) & x.le(9.0), [true, true, false]),
            (x.gt(2.0) | &x.lt(2.0), [true, false, true]),
        ] {
            assert_eq!(mask.to_vec(), [&want[..], &[false]].concat(), "{mask:?}");
        }
        let column = tape.leaf(&arr2(&[[1.5], [2.5]]).into_dyn());
        let table = x.gt(column);
        assert_eq!((*table.shape()).to_vec(), [2, 4]);
        assert_eq!(table.to_vec(), [false, true, true, false, false, false, true, false]);
        assert_eq!(table.count(), 3);
    }
}
