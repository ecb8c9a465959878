//! Gradients: one reverse sweep, recorded or not.

use ndarray::ArrayD;

use crate::op::{Op, Point};
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
pub fn grad_values<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>]) -> Vec<ArrayD<T>> {
    vjp_values(&[y], &[one_like(y, "grad_values")], xs)
}

/// Pulls cotangents of `ys` back to `xs`: `Σᵢ (∂ysᵢ/∂x)ᵀ cotangentsᵢ` for each
/// `x`, on the tape.
///
/// # Panics
/// If a cotangent has another shape than its `y`, or tapes differ.
#[track_caller]
pub fn vjp<'t, T: Real>(ys: &[Var<'t, T>], cotangents: &[Var<'t, T>], xs: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    let found = sweep::<T, Var<'t, T>>(ys, cotangents, xs);
    found.into_iter().zip(xs).map(|(g, x)| g.unwrap_or_else(|| x.tape().full(&x.shape(), 0.0))).collect()
}

/// As [`vjp`], as plain arrays and without recording.
///
/// # Panics
/// As [`vjp`].
#[track_caller]
pub fn vjp_values<'t, T: Real>(
    ys: &[Var<'t, T>],
    cotangents: &[Var<'t, T>],
    xs: &[Var<'t, T>],
) -> Vec<ArrayD<T>> {
    let found = sweep::<T, Value<T>>(ys, cotangents, xs);
    found
        .into_iter()
        .zip(xs)
        .map(|(g, x)| g.map_or_else(|| ArrayD::zeros(&*x.shape()), |g| g.to_array()))
        .collect()
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
pub fn hvp<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>], vs: &[Var<'t, T>]) -> Vec<ArrayD<T>> {
    vjp_values(&grad(y, xs), vs, xs)
}

#[track_caller]
fn one_like<'t, T: Real>(y: Var<'t, T>, who: &str) -> Var<'t, T> {
    let shape = y.shape();
    assert!(shape.size() == 1, "{who}: a gradient is of a single number, not of shape {shape:?}; use vjp");
    y.tape().full(&shape, 1.0)
}

/// How the sweep keeps cotangents: as variables (recorded) or as values.
trait Cotangent<'t, T: Real>: Clone {
    fn of(g: Var<'t, T>) -> Self;
    fn pull(&self, op: &dyn Op<T>, wrt: usize, at: Point<'t, '_, T>) -> Self;
    fn plus(self, other: Self) -> Self;
    fn shape_is(&self, shape: &[usize]) -> bool;
}

impl<'t, T: Real> Cotangent<'t, T> for Var<'t, T> {
    fn of(g: Var<'t, T>) -> Self {
        g
    }
    fn pull(&self, op: &dyn Op<T>, wrt: usize, at: Point<'t, '_, T>) -> Self {
        op.vjp(wrt, *self, at)
    }
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn shape_is(&self, shape: &[usize]) -> bool {
        *self.shape() == *shape
    }
}

impl<'t, T: Real> Cotangent<'t, T> for Value<T> {
    fn of(g: Var<'t, T>) -> Self {
        g.val()
    }
    fn pull(&self, op: &dyn Op<T>, wrt: usize, at: Point<'t, '_, T>) -> Self {
        at.tape.unrecorded(|| op.vjp(wrt, at.tape.push_leaf(self.clone()), at))
    }
    fn plus(self, other: Self) -> Self {
        Value::plus(self, &other)
    }
    fn shape_is(&self, shape: &[usize]) -> bool {
        *self.shape() == *shape
    }
}

/// Walks from the `ys` down to the `xs` and returns the cotangent of each `x`;
/// `None` where none of the `ys` depends on it.
#[track_caller]
fn sweep<'t, T: Real, C: Cotangent<'t, T>>(
    ys: &[Var<'t, T>],
    seeds: &[Var<'t, T>],
    xs: &[Var<'t, T>],
) -> Vec<Option<C>> {
    assert_eq!(ys.len(), seeds.len(), "vjp: {} outputs and {} cotangents", ys.len(), seeds.len());
    let (Some(first), Some(last)) = (xs.iter().map(|x| x.id()).min(), ys.iter().map(|y| y.id()).max()) else {
        return vec![None; xs.len()];
    };
    let tape = ys[0].tape();
    for v in ys.iter().chain(seeds).chain(xs) {
        assert!(std::ptr::eq(tape, v.tape()), "vjp: its variables lie on different tapes");
    }
    if last < first {
        return vec![None; xs.len()];
    }
    let slot = |id: u32| (id - first) as usize;
    let (wanted, active) = reach(tape, first, last, xs);
    let mut cotangents: Vec<Option<C>> = vec![None; slot(last) + 1];
    for (y, seed) in ys.iter().zip(seeds) {
        let (want, have) = (y.shape(), seed.shape());
        assert!(want == have, "vjp: a cotangent of shape {have:?} for an output of shape {want:?}");
        if y.id() >= first {
            add(&mut cotangents[slot(y.id())], C::of(*seed));
        }
    }
    for id in (first..=last).rev() {
        if !active[slot(id)] {
            cotangents[slot(id)] = None;
            continue;
        }
        let place = &mut cotangents[slot(id)];
        let Some(g) = (if wanted[slot(id)] { place.clone() } else { place.take() }) else { continue };
        let (op, inputs) = tape.with_nodes(|nodes| {
            let node = &nodes[id as usize];
            (node.op.clone(), node.inputs.clone())
        });
        let Some(op) = op else { continue };
        let at = Point { tape, inputs: inputs.ids(), output: id };
        for (wrt, &input) in inputs.ids().iter().enumerate() {
            if input < first || !active[slot(input)] {
                continue;
            }
            let pulled = g.pull(&*op, wrt, at);
            assert!(
                pulled.shape_is(&at.input(wrt).shape()),
                "{op:?}: its rule for input {wrt} returned another shape than the input's {:?}",
                at.input(wrt).shape()
            );
            add(&mut cotangents[slot(input)], pulled);
        }
    }
    xs.iter().map(|x| if x.id() <= last { cotangents[slot(x.id())].clone() } else { None }).collect()
}

fn add<'t, T: Real, C: Cotangent<'t, T>>(place: &mut Option<C>, g: C) {
    *place = Some(match place.take() {
        Some(sum) => sum.plus(g),
        None => g,
    });
}

/// Which nodes in `first..=last` are among the `xs`, and which depend on one of them.
fn reach<T: Real>(tape: &Tape<T>, first: u32, last: u32, xs: &[Var<'_, T>]) -> (Vec<bool>, Vec<bool>) {
    let mut wanted = vec![false; (last - first) as usize + 1];
    xs.iter().filter(|x| x.id() <= last).for_each(|x| wanted[(x.id() - first) as usize] = true);
    let mut active = wanted.clone();
    tape.with_nodes(|nodes| {
        for (i, node) in nodes[first as usize..=last as usize].iter().enumerate() {
            active[i] |= node.inputs.ids().iter().any(|&id| id >= first && active[(id - first) as usize]);
        }
    });
    (wanted, active)
}
