//! Gradients: one reverse sweep, recorded or not.

use ndarray::ArrayD;

use crate::op::{Mark, Point, Reach};
use crate::real::Real;
use crate::tape::{Paused, Tape};
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

/// As [`grad_values`], for a tape that is not used any more: every value is freed once
/// the sweep has passed it, so memory falls while gradients are made.
#[track_caller]
pub(crate) fn last_grad_values<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>]) -> Vec<ArrayD<T>> {
    values(sweep::<T, Value<T>>(&[y], &[one_like(y, "grad_values")], xs, true), xs)
}

/// Pulls cotangents of `ys` back to `xs`: `Σᵢ (∂ysᵢ/∂x)ᵀ cotangentsᵢ` for each
/// `x`, on the tape.
///
/// # Panics
/// If a cotangent has another shape than its `y`, or tapes differ.
#[track_caller]
pub fn vjp<'t, T: Real>(ys: &[Var<'t, T>], cotangents: &[Var<'t, T>], xs: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
    let found = sweep::<T, Var<'t, T>>(ys, cotangents, xs, false);
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
    values(sweep::<T, Value<T>>(ys, cotangents, xs, false), xs)
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
pub fn hvp<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>], vs: &[Var<'t, T>]) -> Vec<ArrayD<T>> {
    vjp_values(&grad(y, xs), vs, xs)
}

/// As [`hvp`], for a tape that is not used any more.
#[track_caller]
pub(crate) fn last_hvp<'t, T: Real>(y: Var<'t, T>, xs: &[Var<'t, T>], vs: &[Var<'t, T>]) -> Vec<ArrayD<T>> {
    values(sweep::<T, Value<T>>(&grad(y, xs), vs, xs, true), xs)
}

#[track_caller]
fn one_like<'t, T: Real>(y: Var<'t, T>, who: &str) -> Var<'t, T> {
    let shape = y.shape();
    assert!(shape.size() == 1, "{who}: a gradient is of a single number, not of shape {shape:?}; use vjp");
    y.tape().full(&shape, 1.0)
}

/// Most outputs an operation has.
const OUTPUTS: usize = 3;

/// How the sweep keeps cotangents: as variables (recorded) or as values.
trait Cotangent<'t, T: Real>: Clone {
    /// Whether rules are recorded; if not, the nodes they make are forgotten at once.
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
    if last < first {
        return vec![None; xs.len()];
    }
    let slot = |id: u32| (id - first) as usize;
    let reach = reach(tape, first, last, xs, frees);
    let mut cotangents: Vec<Option<C>> = vec![None; slot(last) + 1];
    for (y, seed) in ys.iter().zip(seeds) {
        let (want, have) = (y.shape(), seed.shape());
        assert!(want == have, "vjp: a cotangent of shape {have:?} for an output of shape {want:?}");
        if y.id() >= first {
            add(&mut cotangents[slot(y.id())], C::of(*seed));
        }
    }
    let _paused: Option<Paused<'_, T>> = (!C::RECORDED).then(|| tape.pause());
    for id in (first..=last).rev() {
        if !reach.active(id) {
            cotangents[slot(id)] = None;
        } else if let Some((rule, inputs, outputs)) = tape.rule(id) {
            let mark = tape.len();
            let mut gs = [None; OUTPUTS];
            for (g, id) in gs[..outputs].iter_mut().zip(id..=last) {
                let place = &mut cotangents[slot(id)];
                let kept = if reach.wanted(id) { place.clone() } else { place.take() };
                *g = kept.map(|g| g.var(tape));
            }
            if gs.iter().any(Option::is_some) {
                let at = Point { tape, inputs: inputs.ids(), output: id, sweep: &reach };
                rule.pull(&gs[..outputs], at, &mut |wrt, g| {
                    let input = at.input(wrt);
                    let fits = input.read(|x| g.read(|g| g.has_shape(&x.shape())));
                    assert!(
                        fits,
                        "{:?}: its rule for input {wrt} returned shape {:?}, the input's is {:?}",
                        &*rule,
                        g.shape(),
                        input.shape()
                    );
                    add(&mut cotangents[slot(at.inputs[wrt])], C::of(g));
                });
            }
            if !C::RECORDED {
                tape.truncate(mark);
            }
        }
        if frees && !reach.wanted(id) {
            tape.forget(id);
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
fn reach<T: Real>(tape: &Tape<T>, first: u32, last: u32, xs: &[Var<'_, T>], frees: bool) -> Reach {
    let marks = vec![Mark::Constant; (last - first) as usize + 1];
    let mut reach = Reach { first, marks, frees };
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
