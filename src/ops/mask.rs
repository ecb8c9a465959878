//! Comparisons, and choosing between two arrays by their result.
//!
//! A mask is a fact about values and has no derivative. `where_` is linear in both branches; its adjoint keeps
//! the cotangent where the branch was chosen and puts zeros elsewhere. `keep` is that map and its own adjoint.
//! Both select and never multiply, so what was not chosen cannot turn into a NaN.

use std::fmt;
use std::ops::{BitAnd, BitOr, Not};

use super::arith::zip_repeated;
use super::broadcast::broadcast_shape;
use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::tape::Tape;
use crate::value::{Shape, Value};
use crate::var::Var;

/// Which elements of an array satisfy a comparison: plain data without a derivative; a clone shares it.
///
/// Made by [`Var::gt`], [`Var::ge`], [`Var::lt`], [`Var::le`] and [`Var::eq`]; combined with `!`, `&` and `|`;
/// used by [`where_`].
///
/// ```
/// use innerloop::{Tape, where_};
/// use ndarray::arr1;
/// let tape = Tape::<f64>::new();
/// let x = tape.leaf(&arr1(&[-3.0, 0.5, 2.0]).into_dyn());
/// let inside = x.ge(-1.0) & x.le(1.0);
/// assert_eq!(inside.to_vec(), [false, true, false]);
/// assert_eq!(where_(&inside, x, 10.0 * x).value(), arr1(&[-30.0, 0.5, 20.0]).into_dyn());
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

    /// How many elements are true.
    pub fn count(&self) -> usize {
        self.data.iter().filter(|&&m| m != 0).count()
    }

    /// Repeats along missing axes and axes of length 1 until the shape is `shape`, which must be possible.
    fn repeated(&self, shape: &[usize]) -> Mask {
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
            Operand::Number(x) => Value::filled(&[], T::of(x)),
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

/// `y = scale·x` where the mask is true, else 0: linear and its own adjoint.
#[derive(Debug)]
struct Keep {
    mask: Mask,
    scale: f64,
}

impl<T: Real> Op<T> for Keep {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, _at: Point<'t, '_, T>) -> Var<'t, T> {
        g.keep(&self.mask, self.scale)
    }

    fn reads_output(&self) -> bool {
        false
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// `scale` times itself where `mask` (of its shape) is true, else 0, whatever stood there.
    pub(super) fn keep(self, mask: &Mask, scale: f64) -> Var<'t, T> {
        let (x, by) = (self.val(), T::of(scale));
        let mut y = Buf::dirty(x.data().len());
        let kept = x.data().iter().zip(&*mask.data);
        y.iter_mut().zip(kept).for_each(|(y, (&x, &m))| *y = if m != 0 { by * x } else { T::ZERO });
        self.tape().push(Value::new(&x.shape(), y), Keep { mask: mask.clone(), scale }, &[self])
    }
}

/// Inputs `a`, `b` of the mask's shape.
#[derive(Debug)]
struct Where(Mask);

impl<T: Real> Op<T> for Where {
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, _at: Point<'t, '_, T>) -> Var<'t, T> {
        if wrt == 0 { g.keep(&self.0, 1.0) } else { g.keep(&!&self.0, 1.0) }
    }

    fn reads_output(&self) -> bool {
        false
    }
}

/// `a` where `mask` is true, else `b`; all three broadcast to one shape.
///
/// The branch that was not chosen gets a cotangent of exactly 0, at every order, and its value is not read: a
/// NaN or an infinity in it does not reach the result. What the *operations inside* that branch make of a
/// cotangent of 0 is their own rule: `ln` at 0 gives `0/0`. Where a branch is not differentiable at the
/// elements it is not chosen for, give it other elements there:
///
/// ```
/// use innerloop::{Tape, grad_values, where_};
/// use ndarray::arr1;
/// let tape = Tape::<f64>::new();
/// let x = tape.leaf(&arr1(&[0.0, 2.0]).into_dyn());
/// let (positive, one) = (x.gt(0.0), tape.scalar(1.0));
/// let y = where_(&positive, where_(&positive, x, one).ln(), tape.scalar(0.0));
/// assert_eq!(grad_values(y.sum(), &[x])[0], arr1(&[0.0, 0.5]).into_dyn());
/// ```
///
/// # Panics
/// If the shapes do not broadcast.
#[track_caller]
#[inline(never)]
pub fn where_<'t, T: Real>(mask: &Mask, a: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
    let (sa, sb) = (a.shape(), b.shape());
    let common = broadcast_shape(&sa, &sb).and_then(|s| broadcast_shape(&s, &mask.shape));
    let shape = common.unwrap_or_else(|| {
        panic!("where_: a mask {:?} and branches {sa:?}, {sb:?} do not broadcast", mask.shape)
    });
    let (mask, a, b) = (mask.repeated(&shape), a.broadcast_to(&shape), b.broadcast_to(&shape));
    let (va, vb) = (a.val(), b.val());
    let mut y = Buf::dirty(shape.size());
    let branches = va.data().iter().zip(vb.data()).zip(&*mask.data);
    y.iter_mut().zip(branches).for_each(|(y, ((&a, &b), &m))| *y = if m != 0 { a } else { b });
    a.tape().push(Value::new(&shape, y), Where(mask), &[a, b])
}

compiled_here!(T: compare::<T>, where_::<T>);

#[cfg(test)]
mod tests {
    use super::where_;
    use crate::tape::Tape;
    use crate::{check_grads, grad};
    use ndarray::{arr1, arr2};

    #[test]
    fn where_has_correct_grads_to_order_3_in_every_broadcasting_pattern() {
        for (a, b) in [(&[3, 5][..], &[3, 5][..]), (&[5], &[3, 1]), (&[], &[3, 5]), (&[2, 3, 1], &[5])] {
            check_grads(&[a, b], 3, |x| {
                let mask = (x[0] + x[1]).gt(0.1);
                where_(&mask, x[0].tanh(), x[1] * x[1])
            });
        }
        check_grads(&[&[3, 1], &[4]], 2, |x| where_(&x[1].lt(0.0), x[0], x[1]).tanh());
    }

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

    #[test]
    fn a_nan_or_infinity_in_the_other_branch_leaks_at_no_order() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let tape = Tape::<f64>::new();
            let x = tape.leaf(&arr1(&[0.5, bad]).into_dyn());
            let z = tape.leaf(&arr1(&[bad, 0.25]).into_dyn());
            let mask = x.lt(1.0) & x.gt(-1.0);
            let y = where_(&mask, x, z);
            let y = y * y * y * y;
            assert_eq!(y.value(), arr1(&[0.0625, 0.003_906_25]).into_dyn());
            let (mut of_x, mut of_z) = (y, y);
            for want in [[0.5, 0.0625], [3.0, 0.75], [12.0, 6.0], [24.0, 24.0]] {
                of_x = grad(of_x.sum(), &[x])[0];
                of_z = grad(of_z.sum(), &[z])[0];
                assert_eq!(of_x.value(), arr1(&[want[0], 0.0]).into_dyn());
                assert_eq!(of_z.value(), arr1(&[0.0, want[1]]).into_dyn());
            }
        }
    }

    #[test]
    #[should_panic(expected = "where_: a mask [3] and branches [2], [] do not broadcast")]
    fn shapes_that_do_not_broadcast_are_named() {
        let tape = Tape::<f64>::new();
        where_(&tape.full(&[3], 0.0).gt(1.0), tape.full(&[2], 0.0), tape.scalar(0.0));
    }
}
