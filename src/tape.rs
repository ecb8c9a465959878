//! The tape: an arena of nodes whose indices are already a topological order.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use ndarray::{ArrayD, ArrayViewD};

use crate::op::{EachInput, Held, Op, Rule};
use crate::ops::Scaled;
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

/// The ids of a node's inputs; nearly every operation has at most three.
#[derive(Debug, Clone)]
pub(crate) enum Inputs {
    Few(u8, [u32; 3]),
    Many(Rc<[u32]>),
}

impl Inputs {
    const NONE: Inputs = Inputs::Few(0, [0; 3]);

    #[inline]
    fn of<T: Real>(vars: &[Var<'_, T>]) -> Inputs {
        match vars {
            [] => Inputs::NONE,
            [a] => Inputs::Few(1, [a.id(), 0, 0]),
            [a, b] => Inputs::Few(2, [a.id(), b.id(), 0]),
            [a, b, c] => Inputs::Few(3, [a.id(), b.id(), c.id()]),
            more => Inputs::Many(more.iter().map(|v| v.id()).collect()),
        }
    }

    pub(crate) fn ids(&self) -> &[u32] {
        match self {
            Inputs::Few(len, ids) => &ids[..*len as usize],
            Inputs::Many(ids) => ids,
        }
    }
}

/// One recorded value and how it came about.
///
/// A leaf has no rule and no inputs. Of an operation with several outputs the first has
/// the rule; each later one, right behind it, has no rule and the first as its input.
pub(crate) struct Node<T: Real> {
    pub(crate) value: Value<T>,
    pub(crate) rule: Option<Held<T>>,
    pub(crate) inputs: Inputs,
    /// How many outputs the rule's operation has.
    pub(crate) outputs: u16,
}

impl<T: Real> Node<T> {
    fn leaf(value: Value<T>) -> Node<T> {
        Node { value, rule: None, inputs: Inputs::NONE, outputs: 1 }
    }
}

/// Records a computation so that it can be differentiated.
///
/// A tape belongs to one task on one thread; [`Var`]s are `Copy` handles into it
/// and everything is freed when it drops. Plain arrays cross threads, tapes do not:
///
/// ```compile_fail,E0277
/// let tape = innerloop::Tape::<f32>::new();
/// std::thread::scope(|s| { s.spawn(|| tape.scalar(1.0)); });
/// ```
///
/// # Example
/// ```
/// use innerloop::{Tape, grad};
/// let tape = Tape::<f64>::new();
/// let x = tape.scalar(3.0);
/// let slope = grad(x * x * x, &[x])[0]; // 3x², itself on the tape
/// let curvature = grad(slope, &[x])[0]; // 6x
/// assert_eq!((slope.item(), curvature.item()), (27.0, 18.0));
/// ```
pub struct Tape<T: Real> {
    nodes: RefCell<Vec<Node<T>>>,
}

impl<T: Real> Tape<T> {
    /// An empty tape.
    pub fn new() -> Tape<T> {
        const NODES: usize = 64; // room for a small task, so that its tape never moves
        Tape { nodes: RefCell::new(Vec::with_capacity(NODES)) }
    }

    /// Puts an array on the tape as an independent variable.
    #[track_caller]
    #[inline(never)]
    pub fn leaf(&self, array: &ArrayD<T>) -> Var<'_, T> {
        self.constant(array.view())
    }

    /// Puts several arrays on the tape, usually a model's parameters.
    #[track_caller]
    #[inline(never)]
    pub fn leaves(&self, arrays: &[ArrayD<T>]) -> Vec<Var<'_, T>> {
        arrays.iter().map(|a| self.leaf(a)).collect()
    }

    /// Puts data on the tape, usually images. (A leaf like any other: what is
    /// differentiated is chosen when [`grad`](crate::grad) is called.)
    #[track_caller]
    pub fn constant<'a>(&self, array: impl Into<ArrayViewD<'a, T>>) -> Var<'_, T> {
        self.push_view(array.into())
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn push_view(&self, array: ArrayViewD<'_, T>) -> Var<'_, T> {
        self.push_leaf(Value::from_array(array))
    }

    /// Puts one number on the tape, as an array without axes.
    #[track_caller]
    #[inline(never)]
    pub fn scalar(&self, x: f64) -> Var<'_, T> {
        self.push_leaf(Value::filled(&[], T::from_f64(x)))
    }

    /// Puts an array of one repeated number on the tape.
    #[track_caller]
    #[inline(never)]
    pub fn full(&self, shape: &[usize], x: f64) -> Var<'_, T> {
        self.push_leaf(Value::filled(shape, T::from_f64(x)))
    }

    /// Records the result of an operation with its rule: how operations are made,
    /// in this crate and in yours.
    ///
    /// `value` is the operation's output, already computed from `inputs`. Its buffer is
    /// taken over, not copied, if it lies in row-major order.
    ///
    /// # Panics
    /// If an input lies on another tape.
    #[track_caller]
    pub fn record<'t>(&'t self, value: ArrayD<T>, op: impl Op<T>, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        self.push(Value::from_owned(value), op, inputs)
    }

    /// Records the results of an operation with several outputs with their common rule.
    /// Returns a variable per value, in the same order.
    ///
    /// # Panics
    /// If there are no values or more than 65,535, or an input lies on another tape.
    #[track_caller]
    pub fn record_all<'t>(
        &'t self,
        values: Vec<ArrayD<T>>,
        rule: impl Rule<T>,
        inputs: &[Var<'t, T>],
    ) -> Vec<Var<'t, T>> {
        self.push_list(values.into_iter().map(Value::from_owned).collect(), rule, inputs)
    }

    /// How many values the tape holds.
    pub fn len(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// Whether nothing was put on the tape yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[track_caller]
    pub(crate) fn push<'t>(&'t self, value: Value<T>, op: impl Op<T>, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        self.check_same_tape(&op, inputs);
        self.push_first(value, Held::new(EachInput(op)), inputs, 1)
    }

    /// As [`push`](Tape::push), without an allocation.
    #[track_caller]
    pub(crate) fn push_scaled<'t>(
        &'t self,
        value: Value<T>,
        op: Scaled,
        inputs: &[Var<'t, T>],
    ) -> Var<'t, T> {
        self.check_same_tape(&op, inputs);
        self.push_first(value, Held::Scaled(EachInput(op)), inputs, 1)
    }

    /// Records an operation with several outputs.
    #[track_caller]
    pub(crate) fn push_all<'t, const N: usize>(
        &'t self,
        values: [Value<T>; N],
        rule: impl Rule<T>,
        inputs: &[Var<'t, T>],
    ) -> [Var<'t, T>; N] {
        self.check_same_tape(&rule, inputs);
        let mut first = Some(Held::new(rule));
        let id = self.len() as u32;
        values.map(|value| match first.take() {
            Some(rule) => self.push_first(value, rule, inputs, N),
            None => self.push_later(value, id),
        })
    }

    /// As [`push_all`](Tape::push_all), for a number of outputs that is not known before.
    #[track_caller]
    pub(crate) fn push_list<'t>(
        &'t self,
        values: Vec<Value<T>>,
        rule: impl Rule<T>,
        inputs: &[Var<'t, T>],
    ) -> Vec<Var<'t, T>> {
        let count = values.len();
        let counted = (1..=usize::from(u16::MAX)).contains(&count);
        assert!(counted, "{rule:?}: an operation has 1 to 65535 outputs, this one has {count}");
        self.check_same_tape(&rule, inputs);
        let mut first = Some(Held::new(rule));
        let id = self.len() as u32;
        let push = |value| match first.take() {
            Some(rule) => self.push_first(value, rule, inputs, count),
            None => self.push_later(value, id),
        };
        values.into_iter().map(push).collect()
    }

    /// The first of `outputs` outputs, which has the rule.
    #[inline]
    fn push_first(
        &self,
        value: Value<T>,
        rule: Held<T>,
        inputs: &[Var<'_, T>],
        outputs: usize,
    ) -> Var<'_, T> {
        let inputs = Inputs::of(inputs);
        self.push_node(Node { value, rule: Some(rule), inputs, outputs: outputs as u16 })
    }

    /// A later output of the operation whose first output is node `first`.
    fn push_later(&self, value: Value<T>, first: u32) -> Var<'_, T> {
        self.push_node(Node { value, rule: None, inputs: Inputs::Few(1, [first, 0, 0]), outputs: 1 })
    }

    #[track_caller]
    #[inline]
    fn check_same_tape(&self, op: &dyn fmt::Debug, inputs: &[Var<'_, T>]) {
        for input in inputs {
            assert!(std::ptr::eq(self, input.tape()), "{op:?}: its inputs lie on different tapes");
        }
    }

    pub(crate) fn push_leaf(&self, value: Value<T>) -> Var<'_, T> {
        self.push_node(Node::leaf(value))
    }

    #[inline] // so that a node is made in its place and not moved there
    fn push_node(&self, node: Node<T>) -> Var<'_, T> {
        let mut nodes = self.nodes.borrow_mut();
        let id = u32::try_from(nodes.len()).expect("a tape holds fewer than 2^32 values");
        nodes.push(node);
        Var::new(self, id)
    }

    pub(crate) fn with_nodes<R>(&self, f: impl FnOnce(&[Node<T>]) -> R) -> R {
        f(&self.nodes.borrow())
    }

    /// How node `id` was made: its rule, inputs and number of outputs; `None` for a leaf,
    /// and for all but the first of several outputs.
    pub(crate) fn rule(&self, id: u32) -> Option<(Held<T>, Inputs, usize)> {
        let nodes = self.nodes.borrow();
        let node = &nodes[id as usize];
        Some((node.rule.clone()?, node.inputs.clone(), usize::from(node.outputs)))
    }

    /// Forgets every node from `mark` on.
    pub(crate) fn truncate(&self, mark: usize) {
        self.nodes.borrow_mut().truncate(mark);
    }

    /// Frees what node `id` holds; the sweep has passed it and nobody may read it again.
    pub(crate) fn forget(&self, id: u32) {
        const LARGE: usize = 1024; // elements; freeing less would cost more than it is worth
        let node = &mut self.nodes.borrow_mut()[id as usize];
        node.rule = None;
        if node.value.shape().size() >= LARGE {
            node.value.clear();
        }
    }

    /// [`forget`](Tape::forget), if the node is a leaf. A later output may still be read by
    /// the rule that stands at the first.
    pub(crate) fn forget_leaf(&self, id: u32) {
        let is_leaf = self.nodes.borrow()[id as usize].inputs.ids().is_empty();
        if is_leaf {
            self.forget(id);
        }
    }

    /// Takes the value of `id` if no rule but that of `reader` is left to read it and
    /// nobody else holds its buffer.
    pub(crate) fn take_unread(&self, id: u32, reader: u32) -> Option<Value<T>> {
        let mut nodes = self.nodes.borrow_mut();
        let node = &nodes[id as usize];
        let own = match &node.rule {
            Some(rule) => rule.reads_output(),
            None => !node.inputs.ids().is_empty(), // a later output: its rule stands elsewhere
        };
        let between = &nodes[id as usize + 1..reader as usize];
        if own || between.iter().any(|node| node.inputs.ids().contains(&id)) {
            return None;
        }
        nodes[id as usize].value.take_unshared()
    }
}

/// Compiled here and not with the crate that drops the tape.
impl<T: Real> Drop for Tape<T> {
    #[inline(never)]
    fn drop(&mut self) {
        self.nodes.get_mut().clear();
    }
}

impl<T: Real> Default for Tape<T> {
    fn default() -> Tape<T> {
        Tape::new()
    }
}

impl<T: Real> fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tape({} values)", self.len())
    }
}

compiled_here!(
    T: Tape::<T>::leaf, Tape::<T>::leaves, Tape::<T>::push_view, Tape::<T>::scalar, Tape::<T>::full,
    drop::<Tape<T>>,
);
