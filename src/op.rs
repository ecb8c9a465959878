//! What an operation must know: its derivative rule.

use std::fmt::{self, Debug};
use std::ops::Deref;
use std::rc::Rc;

use crate::ops::Scaled;
use crate::real::Real;
use crate::tape::Tape;
use crate::value::Value;
use crate::var::Var;

/// An operation with one output, as the reverse sweep sees it.
///
/// The forward value is computed before the operation is recorded
/// ([`Tape::record`]); what is left is how a cotangent of the output goes back to
/// each input. Write the rule with [`Var`] methods only, and the operation is
/// differentiable at every order. `.to_array()` belongs in a rule only for facts
/// that really have no derivative, such as the sign that a ReLU saw. What the forward
/// pass computed and the rule needs again is a field of the operation, or a further
/// output: then it is a [`Rule`].
///
/// A rule may itself call [`grad`](crate::grad) or [`vjp`](crate::vjp). If it
/// differentiates in several inputs, it should do so in [`aliases`](Var::alias) of
/// them, since one input may depend on another.
///
/// There is no default: an operation without a derivative does not compile.
pub trait Op<T: Real>: Debug + 'static {
    /// The product of the cotangent `g` (shape of the output) with the Jacobian
    /// of the output in input number `wrt`; has that input's shape.
    ///
    /// Called only for inputs that lie on a path to the requested variables.
    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T>;

    /// Whether the rule uses [`Point::output`]. An operation that says it does not lets
    /// its output's buffer be used again sooner; its rule panics if it reads the output
    /// all the same.
    fn reads_output(&self) -> bool {
        true
    }
}

/// An operation with any number of outputs, or one whose cotangents share work: the
/// cotangents of all outputs go in, those of all inputs come out.
///
/// Recorded by [`Tape::record_all`]. An output may be there for the rule alone: what the
/// forward pass computed and the derivative needs again, as a variable. Like [`Op`], a
/// rule is written with [`Var`] methods, which makes it differentiable at every order.
pub trait Rule<T: Real>: Debug + 'static {
    /// Hands the cotangent of each input that [`Point::needs`] one to `emit`.
    ///
    /// `gs` are the cotangents of the outputs, `None` for an output that influences
    /// nothing; at least one is there. An input may be given several cotangents, which
    /// are added up. The sweep panics if an input that needs a cotangent has none and
    /// was not said to have [`zero`](Emit::zero).
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>);

    /// Whether the rule uses [`Point::output`] or [`Point::output_number`]. If it does not, and
    /// no other rule will, the output's buffer may be used again before the rule has run.
    fn reads_output(&self) -> bool {
        true
    }
}

/// Where a [`Rule`] puts the cotangents of its inputs.
pub struct Emit<'e, 't, T: Real> {
    /// Takes an input's number and its cotangent, `None` for zeros.
    pub(crate) take: &'e mut dyn FnMut(usize, Option<Var<'t, T>>),
}

impl<'t, T: Real> Emit<'_, 't, T> {
    /// `g` is a cotangent of input number `input`, and has its shape.
    ///
    /// # Panics
    /// If there is no such input, or its shape is another.
    pub fn cotangent(&mut self, input: usize, g: Var<'t, T>) {
        (self.take)(input, Some(g));
    }

    /// The cotangent of input number `input` is zero.
    ///
    /// # Panics
    /// If there is no such input.
    pub fn zero(&mut self, input: usize) {
        (self.take)(input, None);
    }

    /// The cotangents of inputs `first..`, of which those that `at` does not need are
    /// dropped.
    pub(crate) fn all(
        &mut self,
        first: usize,
        at: Point<'t, '_, T>,
        gs: impl IntoIterator<Item = Var<'t, T>>,
    ) {
        for (i, g) in (first..).zip(gs).filter(|&(i, _)| at.needs(i)) {
            self.cotangent(i, g);
        }
    }
}

impl<T: Real> Debug for Emit<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Emit")
    }
}

/// A recorded rule, held by its node and by the sweep that runs it.
#[derive(Debug, Clone)]
pub(crate) enum Held<T: Real> {
    /// Most rules have no fields: they take no memory and are never freed.
    Fieldless(&'static dyn Rule<T>),
    /// The most frequent rules that have a field: held in place, so that recording them allocates nothing.
    Scaled(EachInput<Scaled>),
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
            Held::Scaled(rule) => rule,
            Held::Shared(rule) => &**rule,
        }
    }
}

/// The rule of an operation with one output: its [`Op::vjp`] for one input after the other.
#[derive(Clone)]
pub(crate) struct EachInput<O>(pub(crate) O);

impl<T: Real, O: Op<T>> Rule<T> for EachInput<O> {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        let Some(g) = gs[0] else { return };
        for wrt in (0..at.inputs.len()).filter(|&wrt| at.needs(wrt)) {
            emit.cotangent(wrt, self.0.vjp(wrt, g, at));
        }
    }

    fn reads_output(&self) -> bool {
        self.0.reads_output()
    }
}

impl<O: Debug> Debug for EachInput<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a rule is evaluated: the operation's inputs and outputs on the tape.
pub struct Point<'t, 'p, T: Real> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) inputs: &'p [u32],
    /// The first output; the others follow it.
    pub(crate) output: u32,
    pub(crate) outputs: usize,
    pub(crate) rule: &'p dyn Rule<T>,
    pub(crate) sweep: &'p Reach,
}

impl<T: Real> Clone for Point<'_, '_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Real> Copy for Point<'_, '_, T> {}

impl<'t, T: Real> Point<'t, '_, T> {
    /// The operation's input number `i`.
    ///
    /// # Panics
    /// If there is no such input.
    pub fn input(&self, i: usize) -> Var<'t, T> {
        Var::new(self.tape, self.inputs[i])
    }

    /// The operation's output, the first if it has several.
    ///
    /// # Panics
    /// If the operation said that it does not read it ([`Op::reads_output`]): its buffer
    /// may hold something else by now.
    pub fn output(&self) -> Var<'t, T> {
        self.output_number(0)
    }

    /// The operation's output number `i`.
    ///
    /// # Panics
    /// As [`output`](Point::output), or if there is no such output.
    pub fn output_number(&self, i: usize) -> Var<'t, T> {
        let Point { outputs, rule, .. } = *self;
        assert!(i < outputs, "{rule:?}: its rule reads output {i}, there are {outputs}");
        assert!(
            rule.reads_output(),
            "{rule:?}: its rule reads the output, but its `reads_output` returns false"
        );
        Var::new(self.tape, self.output + i as u32)
    }

    /// The tape that inputs and output lie on, for constants of the rule.
    pub fn tape(&self) -> &'t Tape<T> {
        self.tape
    }

    /// Whether input number `i` lies on a path to the requested variables: only then is
    /// its cotangent wanted.
    ///
    /// # Panics
    /// If there is no such input.
    pub fn needs(&self, i: usize) -> bool {
        self.sweep.active(self.inputs[i])
    }

    /// Whether what the rule records stays on the tape, to be differentiated later.
    pub(crate) fn is_recorded(&self) -> bool {
        self.sweep.recorded
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

impl<T: Real> Debug for Point<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Point({:?}, inputs {:?}, output {})", self.rule, self.inputs, self.output)
    }
}

/// Which values a sweep is about.
#[derive(Debug)]
pub(crate) struct Reach {
    /// The lowest requested variable: below it nothing matters.
    pub(crate) first: u32,
    /// What each value from `first` on is to the sweep.
    pub(crate) marks: Vec<Mark>,
    /// Whether the nodes that rules make stay on the tape.
    pub(crate) recorded: bool,
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
        let slot = id.checked_sub(self.first).map(|slot| slot as usize);
        slot.and_then(|slot| self.marks.get(slot)).copied().unwrap_or(Mark::Constant)
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
