//! What an operation must know: its derivative rule.

use std::fmt::Debug;

use crate::real::Real;
use crate::tape::Tape;
use crate::var::Var;

/// An operation, as the reverse sweep sees it.
///
/// The forward value is computed before the operation is recorded
/// ([`Tape::record`]); what is left is how a cotangent of the output goes back to
/// each input. Write the rule with [`Var`] methods only, and the operation is
/// differentiable at every order. `.value()` belongs in a rule only for facts
/// that really have no derivative, such as the sign that a ReLU saw.
///
/// There is no default: an operation without a derivative does not compile.
pub trait Op<T: Real>: Debug + 'static {
    /// The product of the cotangent `g` (shape of the output) with the Jacobian
    /// of the output in input number `wrt`; has that input's shape.
    ///
    /// Called only for inputs that lie on a path to the requested variables.
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T>;
}

/// Where a rule is evaluated: the operation's inputs and output on the tape.
#[derive(Debug, Clone, Copy)]
pub struct Point<'t, 'p, T: Real> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) inputs: &'p [u32],
    pub(crate) output: u32,
}

impl<'t, T: Real> Point<'t, '_, T> {
    /// The operation's input number `i`.
    pub fn input(&self, i: usize) -> Var<'t, T> {
        Var::new(self.tape, self.inputs[i])
    }

    /// The operation's output.
    pub fn output(&self) -> Var<'t, T> {
        Var::new(self.tape, self.output)
    }
}
