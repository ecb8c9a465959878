//! What an operation must know: its derivative rule.

use std::fmt::Debug;
use std::ops::Deref;
use std::rc::Rc;

use crate::real::Real;
use crate::tape::Tape;
use crate::value::Value;
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

    /// Whether the rule uses [`Point::output`]. An operation that says it does not lets
    /// its output's buffer be used again sooner.
    fn reads_output(&self) -> bool {
        true
    }
}

/// What the reverse sweep asks of a recorded operation: cotangents of all its outputs
/// in, cotangents of all its inputs out. Operations with one output are [`Op`]s, and
/// [`EachInput`] makes them rules; a fused operation with several outputs is a rule itself.
pub(crate) trait Rule<T: Real>: Debug + 'static {
    /// Hands the cotangent of each input that [`Point::needs`] one to `give`, at most once.
    ///
    /// `gs` are the cotangents of the outputs, `None` for an output that influences
    /// nothing; at least one is there. What is not given is zero.
    fn pull<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, give: Give<'_, 't, T>);

    /// Whether the rule reads [`Point::output`]. If it does not, and no other rule will,
    /// the output's buffer may be used again before the rule has run.
    fn reads_output(&self) -> bool {
        true
    }
}

/// A recorded rule, held by its node and by the sweep that runs it.
#[derive(Debug, Clone)]
pub(crate) enum Held<T: Real> {
    /// Most rules have no fields: they take no memory and are there for ever.
    Fieldless(&'static dyn Rule<T>),
    Shared(Rc<dyn Rule<T>>),
}

impl<T: Real> Held<T> {
    pub(crate) fn new<R: Rule<T>>(rule: R) -> Held<T> {
        if size_of::<R>() == 0 {
            return Held::Fieldless(Box::leak(Box::new(rule))); // a box of nothing allocates nothing
        }
        Held::Shared(Rc::new(rule))
    }
}

impl<T: Real> Deref for Held<T> {
    type Target = dyn Rule<T>;
    fn deref(&self) -> &Self::Target {
        match self {
            Held::Fieldless(rule) => *rule,
            Held::Shared(rule) => &**rule,
        }
    }
}

/// Where a rule puts the cotangent of input number `usize`.
pub(crate) type Give<'g, 't, T> = &'g mut dyn FnMut(usize, Var<'t, T>);

/// The rule of an operation with one output: its [`Op::vjp`] for one input after the other.
pub(crate) struct EachInput<O>(pub(crate) O);

impl<T: Real, O: Op<T>> Rule<T> for EachInput<O> {
    fn pull<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, give: Give<'_, 't, T>) {
        let Some(g) = gs[0] else { return };
        for wrt in (0..at.inputs.len()).filter(|&wrt| at.needs(wrt)) {
            give(wrt, self.0.vjp(wrt, g, at));
        }
    }

    fn reads_output(&self) -> bool {
        self.0.reads_output()
    }
}

impl<O: Debug> Debug for EachInput<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a rule is evaluated: the operation's inputs and output on the tape.
#[derive(Debug, Clone, Copy)]
pub struct Point<'t, 'p, T: Real> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) inputs: &'p [u32],
    pub(crate) output: u32,
    pub(crate) sweep: &'p Reach,
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

    /// Whether input number `i` lies on a path to the requested variables.
    pub(crate) fn needs(&self, i: usize) -> bool {
        self.sweep.active(self.inputs[i])
    }

    /// The value of input number `i`, taken off the tape for its buffer to be written
    /// over; `None` if anyone might still read it.
    ///
    /// Only in a sweep that frees what it has passed, where this rule is the last reader.
    pub(crate) fn take_input(&self, i: usize) -> Option<Value<T>> {
        let id = self.inputs[i];
        let spare = self.sweep.frees && !self.sweep.wanted(id);
        if spare { self.tape.take_unread(id, self.output) } else { None }
    }
}

/// Which values a sweep is about.
#[derive(Debug)]
pub(crate) struct Reach {
    /// The lowest requested variable: below it nothing matters.
    pub(crate) first: u32,
    /// What each value from `first` on is to the sweep.
    pub(crate) marks: Vec<Mark>,
    /// Whether the values that were passed are freed.
    pub(crate) frees: bool,
}

/// What a value is to a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It depends on no requested variable.
    Constant,
    /// It depends on one.
    Active,
    /// It is one.
    Wanted,
}

impl Reach {
    fn mark(&self, id: u32) -> Mark {
        if id < self.first { Mark::Constant } else { self.marks[(id - self.first) as usize] }
    }

    /// Whether `id` is a requested variable or depends on one.
    pub(crate) fn active(&self, id: u32) -> bool {
        self.mark(id) != Mark::Constant
    }

    /// Whether `id` is a requested variable.
    pub(crate) fn wanted(&self, id: u32) -> bool {
        self.mark(id) == Mark::Wanted
    }
}
