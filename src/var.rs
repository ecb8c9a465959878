//! The handle that users compute with.

use std::fmt;

use ndarray::{ArrayD, ArrayViewD};

use crate::op::{Op, Point};
use crate::real::Real;
use crate::tape::Tape;
use crate::value::{Shape, Value};

/// A value on a [`Tape`]: a `Copy` handle, so `a * b + a` needs no `&` and no clone.
///
/// Arrays are row-major; images are channels-last, `[n, h, w, c]`. Operations
/// are methods and operators; scalars are `f64` whatever `T` is.
#[must_use = "an operation changes nothing but its result"]
pub struct Var<'t, T: Real> {
    tape: &'t Tape<T>,
    id: u32,
}

impl<T: Real> Clone for Var<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Real> Copy for Var<'_, T> {}

impl<'t, T: Real> Var<'t, T> {
    pub(crate) fn new(tape: &'t Tape<T>, id: u32) -> Var<'t, T> {
        Var { tape, id }
    }

    pub(crate) fn id(self) -> u32 {
        self.id
    }

    /// Its value, to keep: shares the buffer.
    pub(crate) fn val(self) -> Value<T> {
        self.read(Value::clone)
    }

    /// Looks at its value in place. `f` may read the tape but not record on it.
    #[inline]
    pub(crate) fn read<R>(self, f: impl FnOnce(&Value<T>) -> R) -> R {
        self.tape.with_nodes(|nodes| f(&nodes[self.id as usize].value))
    }

    /// The tape it lies on.
    pub fn tape(self) -> &'t Tape<T> {
        self.tape
    }

    /// The lengths of its axes.
    pub fn shape(self) -> Shape {
        self.read(Value::shape)
    }

    /// A copy of its elements.
    #[inline(never)]
    pub fn to_array(self) -> ArrayD<T> {
        self.read(Value::to_array)
    }

    /// Reads its elements without copying them.
    pub fn with_value<R>(self, f: impl FnOnce(ArrayViewD<'_, T>) -> R) -> R {
        f(self.val().view())
    }

    /// The only element of an array that has one.
    ///
    /// # Panics
    /// If it has another number of elements.
    #[track_caller]
    #[inline(never)]
    pub fn item(self) -> T {
        self.read(|value| match value.data() {
            [x] => *x,
            _ => panic!("item: an array of shape {:?} is not a single number", value.shape()),
        })
    }

    /// The same value as a new leaf: gradients stop here. Nothing is copied.
    #[inline(never)]
    pub fn detach(self) -> Var<'t, T> {
        self.tape.push_leaf(self.val())
    }

    /// The same value as a new variable through which gradients pass. Nothing is copied.
    ///
    /// A gradient in an alias counts only what was computed from the alias. A rule that
    /// differentiates in several of its inputs, one of which may depend on another, takes
    /// aliases of them to have partial derivatives.
    ///
    /// ```
    /// use innerloop::{Tape, grad};
    /// let tape = Tape::<f64>::new();
    /// let x = tape.scalar(2.0);
    /// let y = x * x;
    /// assert_eq!(grad(x * y, &[x])[0].item(), 12.0); // 3x²: y depends on x
    /// let (a, b) = (x.alias(), y.alias());
    /// assert_eq!(grad(a * b, &[a])[0].item(), 4.0); // b alone
    /// ```
    #[inline(never)]
    pub fn alias(self) -> Var<'t, T> {
        self.moved_to(self.val())
    }

    /// `self` plus a constant, given as the sum of the two.
    pub(crate) fn moved_to(self, value: Value<T>) -> Var<'t, T> {
        self.tape.push(value, Identity, &[self])
    }
}

/// The derivative of an identity, or of adding a constant.
#[derive(Debug)]
struct Identity;

impl<T: Real> Op<T> for Identity {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, _at: Point<'t, '_, T>) -> Var<'t, T> {
        g
    }

    fn reads_output(&self) -> bool {
        false
    }
}

impl<T: Real> fmt::Debug for Var<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Var({}, {:?})", self.id, self.val().view())
    }
}

compiled_here!(T: Var::<T>::to_array, Var::<T>::item, Var::<T>::detach, Var::<T>::alias);
