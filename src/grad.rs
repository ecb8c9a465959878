//! Gradients: one reverse sweep, recorded or not.

use ndarray::ArrayD;

use crate::op::{Emit, Mark, Point, Reach};
use crate::real::Real;
use crate::tape::Tape;
use crate::value::Value;
use crate::var::Var;

/// Gradients of a single number `y` in each of `xs`, on the tape, so they can be
/// differentiated again. Zero where `y` does not depend on `x`.
///
/// # Panics
/// If `y` has more than one element, or the variables lie on different tapes.
#[track_caller]
#[inline(never)]
pub fn grad<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    vjp(&[y], &[one_like(y, "grad")], xs)
}

/// Gradients of a single number `y` in each of `xs`, as plain arrays.
///
/// The same rules as [`grad`] but nothing is recorded, and each cotangent is
/// freed once it was used: the outer gradient of meta-learning, and any
/// first-order gradient.
///
/// # Panics
/// As [`grad`].
#[track_caller]
#[inline(never)]
pub fn grad_values<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>]) -> Vec<ArrayD<T>> {
    vjp_values(&[y], &[one_like(y, "grad_values")], xs)
}

/// As [`grad_values`], for a tape that is not used any more: every value is freed once
/// the sweep has passed it, so memory falls while gradients are made.
#[track_caller]
#[inline(never)]
pub(crate) fn last_grad_values<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>]) -> Vec<ArrayD<T>> {
    last_vjp_values(&[y], &[one_like(y, "grad_values")], xs)
}

/// Pulls cotangents of `ys` back to `xs`: `Σᵢ (∂ysᵢ/∂x)ᵀ cotangentsᵢ` for each
/// `x`, on the tape.
///
/// # Panics
/// If a cotangent has another shape than its `y`, or tapes differ.
#[track_caller]
#[inline(never)]
pub fn vjp<'t, T: Real>(ys: &[Var<'t, T>], cotangents: &[Var<'t, T>], xs: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    let found = sweep::<T, Var<'t, T>>(ys, cotangents, xs, false);
    found.into_iter().zip(xs).map(|(g, x)| g.unwrap_or_else(|| x.tape().full(&x.shape(), 0.0))).collect()
}

/// As [`vjp`], as plain arrays and without recording.
///
/// # Panics
/// As [`vjp`].
#[track_caller]
#[inline(never)]
pub fn vjp_values<'t, T: Real>(
    ys: &[Var<'t, T>],
    cotangents: &[Var<'t, T>],
    xs: &[Var<'t, T>],
) -> Vec<ArrayD<T>> {
    values(sweep::<T, Value<T>>(ys, cotangents, xs, false), xs)
}

/// As [`vjp_values`], for a tape that is not used any more.
#[track_caller]
#[inline(never)]
pub(crate) fn last_vjp_values<'t, T: Real>(
    ys: &[Var<'t, T>],
    cotangents: &[Var<'t, T>],
    xs: &[Var<'t, T>],
) -> Vec<ArrayD<T>> {
    values(last_vjp(ys, cotangents, xs), xs)
}

/// As [`last_vjp_values`], with `None` for zeros.
#[track_caller]
#[inline(never)]
pub(crate) fn last_vjp<'t, T: Real>(
    ys: &[Var<'t, T>],
    cotangents: &[Var<'t, T>],
    xs: &[Var<'t, T>],
) -> Vec<Option<Value<T>>> {
    sweep(ys, cotangents, xs, true)
}

fn values<T: Real>(found: Vec<Option<Value<T>>>, xs: &[Var<'_, T>]) -> Vec<ArrayD<T>> {
    let array = |(g, x): (Option<Value<T>>, &Var<'_, T>)| match g {
        Some(g) => g.to_array(),
        None => ArrayD::zeros(&*x.shape()),
    };
    found.into_iter().zip(xs).map(array).collect()
}

/// Product of the Hessian of `y` in `xs` with the vectors `vs`: `Σⱼ ∂²y/∂xᵢ∂xⱼ vⱼ`
/// for each `xᵢ`, as plain arrays.
///
/// ```
/// use innerloop::{Tape, hvp};
/// use ndarray::arr1;
/// let tape = Tape::<f64>::new();
/// let x = tape.leaf(&arr1(&[1.0, 2.0]).into_dyn());
/// let y = (x * x * x).sum(); // Hessian: diag(6x)
/// let v = tape.leaf(&arr1(&[1.0, 10.0]).into_dyn());
/// assert_eq!(hvp(y, &[x], &[v])[0], arr1(&[6.0, 120.0]).into_dyn());
/// ```
///
/// # Panics
/// As [`grad`], or if the `vs` do not match the `xs` in number and shape.
#[track_caller]
#[inline(never)]
pub fn hvp<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>], vs: &[Var<'t, T>]) -> Vec<ArrayD<T>> {
    vjp_values(&grad(y, xs), vs, xs)
}

/// As [`hvp`], for a tape that is not used any more.
#[track_caller]
#[inline(never)]
pub(crate) fn last_hvp<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>], vs: &[Var<'t, T>]) -> Vec<ArrayD<T>> {
    last_vjp_values(&grad(y, xs), vs, xs)
}

#[track_caller]
fn one_like<'t, T: Real>(y: Var<'t, T>, who: &str) -> Var<'t, T> {
    let shape = y.shape();
    assert!(shape.size() == 1, "{who}: a gradient is of a single number, not of shape {shape:?}; use vjp");
    y.tape().full(&shape, 1.0)
}

/// How the sweep keeps cotangents: as variables (recorded) or as values.
trait Cotangent<'t, T: Real>: Clone {
    /// Whether the nodes that rules make stay on the tape; if not, they are forgotten as
    /// soon as the rule has run.
    const RECORDED: bool;
    fn of(g: Var<'t, T>) -> Self;
    fn var(self, tape: &'t Tape<T>) -> Var<'t, T>;
    fn plus(self, other: Self) -> Self;
}

impl<'t, T: Real> Cotangent<'t, T> for Var<'t, T> {
    const RECORDED: bool = true;
    fn of(g: Var<'t, T>) -> Self {
        g
    }
    fn var(self, _tape: &'t Tape<T>) -> Var<'t, T> {
        self
    }
    fn plus(self, other: Self) -> Self {
        self + other
    }
}

impl<'t, T: Real> Cotangent<'t, T> for Value<T> {
    const RECORDED: bool = false;
    fn of(g: Var<'t, T>) -> Self {
        g.val()
    }
    fn var(self, tape: &'t Tape<T>) -> Var<'t, T> {
        tape.push_leaf(self)
    }
    fn plus(self, other: Self) -> Self {
        Value::plus(self, &other)
    }
}

/// Walks from the `ys` down to the `xs` and returns the cotangent of each `x`;
/// `None` where none of the `ys` depends on it. With `frees`, the values passed on the
/// way are gone afterwards, but for those of the `xs`.
#[track_caller]
fn sweep<'t, T: Real, C: Cotangent<'t, T>>(
    ys: &[Var<'t, T>],
    seeds: &[Var<'t, T>],
    xs: &[Var<'t, T>],
    frees: bool,
) -> Vec<Option<C>> {
    assert_eq!(ys.len(), seeds.len(), "vjp: {} outputs and {} cotangents", ys.len(), seeds.len());
    let (Some(first), Some(last)) = (xs.iter().map(|x| x.id()).min(), ys.iter().map(|y| y.id()).max()) else {
        return vec![None; xs.len()];
    };
    let tape = ys[0].tape();
    for v in ys.iter().chain(seeds).chain(xs) {
        assert!(std::ptr::eq(tape, v.tape()), "vjp: its variables lie on different tapes");
    }
    for (y, seed) in ys.iter().zip(seeds) {
        let (want, have) = (y.shape(), seed.shape());
        assert!(want == have, "vjp: a cotangent of shape {have:?} for an output of shape {want:?}");
    }
    if last < first {
        return vec![None; xs.len()];
    }
    let mut found = Cotangents { first, slots: vec![None; (last - first) as usize + 1] };
    let reach = reach(tape, first, last, xs, C::RECORDED, frees);
    for (y, seed) in ys.iter().zip(seeds).filter(|(y, _)| y.id() >= first) {
        found.add(y.id(), C::of(*seed));
    }
    for id in (first..=last).rev() {
        let Some((rule, inputs, outputs)) = tape.rule(id) else {
            if frees && !reach.wanted(id) {
                tape.forget_leaf(id);
            }
            continue; // a leaf, or a later output: its operation's first output has the rule
        };
        let (ids, mark) = (id..id + outputs as u32, tape.len());
        let (mut few, mut many) = ([None; 3], Vec::new());
        let gs = if outputs <= few.len() {
            &mut few[..outputs]
        } else {
            many.resize(outputs, None);
            &mut many
        };
        let needed = inputs.ids().iter().any(|&input| reach.active(input));
        for (g, id) in gs.iter_mut().zip(ids.clone()) {
            *g = found.take(id, &reach).filter(|_| needed).map(|g| g.var(tape));
        }
        if gs.iter().any(Option::is_some) {
            let at = Point { tape, inputs: inputs.ids(), output: id, outputs, rule: &*rule, sweep: &reach };
            pull(gs, at, &mut found);
        }
        if !C::RECORDED {
            tape.truncate(mark);
        }
        if frees {
            ids.filter(|&id| !reach.wanted(id)).for_each(|id| tape.forget(id));
        }
    }
    xs.iter().map(|x| found.of(x.id()).cloned()).collect()
}

/// Runs the rule at a point and adds the cotangents that it emits to those found so far.
fn pull<'t, T: Real, C: Cotangent<'t, T>>(
    gs: &[Option<Var<'t, T>>],
    at: Point<'t, '_, T>,
    found: &mut Cotangents<C>,
) {
    let rule = at.rule;
    let mut emitted = 0;
    let mut few = [false; 8];
    let mut many;
    let told = if at.inputs.len() <= few.len() {
        &mut few[..at.inputs.len()]
    } else {
        many = vec![false; at.inputs.len()];
        &mut many[..]
    };
    let mut take = |wrt: usize, g: Option<Var<'t, T>>| {
        assert!(wrt < told.len(), "{rule:?}: its rule emits for input {wrt} of {}", told.len());
        emitted += usize::from(!std::mem::replace(&mut told[wrt], true));
        let Some(g) = g else { return };
        let input = at.input(wrt);
        let fits = input.read(|x| g.read(|g| g.has_shape(&x.shape())));
        assert!(
            fits,
            "{rule:?}: its rule for input {wrt} returned shape {:?}, the input's is {:?}",
            g.shape(),
            input.shape()
        );
        if at.needs(wrt) {
            found.add(at.inputs[wrt], C::of(g));
        }
    };
    rule.backward(gs, at, &mut Emit { take: &mut take });
    if emitted < told.len() {
        let missing = (0..told.len()).find(|&i| !told[i] && at.needs(i));
        assert!(missing.is_none(), "{rule:?}: its rule gave no cotangent of input {}", missing.unwrap_or(0));
    }
}

/// The cotangents of the nodes from `first` on.
struct Cotangents<C> {
    first: u32,
    slots: Vec<Option<C>>,
}

impl<C: Clone> Cotangents<C> {
    /// The place of node `id`; `None` for a node outside the sweep.
    fn slot(&self, id: u32) -> Option<usize> {
        let slot = id.checked_sub(self.first)? as usize;
        (slot < self.slots.len()).then_some(slot)
    }

    fn of(&self, id: u32) -> Option<&C> {
        self.slots[self.slot(id)?].as_ref()
    }

    /// The cotangent of a node that the sweep has come to; it stays if it was asked for.
    fn take(&mut self, id: u32, reach: &Reach) -> Option<C> {
        let slot = self.slot(id)?;
        if reach.wanted(id) { self.slots[slot].clone() } else { self.slots[slot].take() }
    }

    #[inline]
    fn add<'t, T: Real>(&mut self, id: u32, g: C)
    where
        C: Cotangent<'t, T>,
    {
        let slot = self.slot(id).expect("the input of a node in the sweep that depends on an x");
        let place = &mut self.slots[slot];
        *place = Some(match place.take() {
            Some(sum) => sum.plus(g),
            None => g,
        });
    }
}

/// Which nodes in `first..=last` are among the `xs`, and which depend on one of them.
fn reach<T: Real>(
    tape: &Tape<T>,
    first: u32,
    last: u32,
    xs: &[Var<'_, T>],
    recorded: bool,
    frees: bool,
) -> Reach {
    let marks = vec![Mark::Constant; (last - first) as usize + 1];
    let mut reach = Reach { first, marks, recorded, frees };
    xs.iter().filter(|x| x.id() <= last).for_each(|x| reach.marks[(x.id() - first) as usize] = Mark::Wanted);
    tape.with_nodes(|nodes| {
        for (i, node) in nodes[first as usize..=last as usize].iter().enumerate() {
            if reach.marks[i] == Mark::Constant && node.inputs.ids().iter().any(|&id| reach.active(id)) {
                reach.marks[i] = Mark::Active;
            }
        }
    });
    reach
}

compiled_here!(
    T: grad::<T>, grad_values::<T>, last_grad_values::<T>, vjp::<T>, vjp_values::<T>, last_vjp_values::<T>,
        last_vjp::<T>, hvp::<T>, last_hvp::<T>,
);
