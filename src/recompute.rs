//! Recomputing a part of a computation instead of keeping it.
//!
//! Of a checkpointed part the tape holds inputs and outputs only. When a sweep comes to
//! it, the part is computed again, with everything in between, and differentiated there
//! and then (Griewank and Walther 2000; Chen et al. 2016). A sweep that is not recorded
//! does this on a tape of the part's own, which is freed before the sweep goes on.

use std::fmt;
use std::rc::Rc;

use crate::grad::{last_vjp, vjp};
use crate::op::{Emit, Point, Rule};
use crate::real::Real;
use crate::tape::Tape;
use crate::value::Value;
use crate::var::Var;

/// A function of variables on any tape.
type Part<T> = dyn for<'t> Fn(&[Var<'t, T>]) -> Vec<Var<'t, T>>;

/// Computes `f(inputs)` and keeps nothing of it but its results: a derivative computes
/// `f` again. Exact at every order and under every sweep.
///
/// Memory for the values inside `f` is taken only while its derivative is, and again for
/// each order that is recorded; the price is one more computation of `f` per sweep. For
/// an inner loop, checkpoint one inner step at a time, its gradient included: the
/// unrecorded sweep behind a meta-gradient then holds one step's graph, however many steps
/// there are.
///
/// `f` must be a pure function of its arguments: it is called several times, on variables
/// of different tapes, and may not depend on variables from outside. Data that it needs
/// come in as `inputs`, or are owned by it (behind an `Rc`, to be shared by the steps).
///
/// ```
/// use innerloop::{Tape, checkpoint, grad, grad_values};
/// let tape = Tape::<f64>::new();
/// let theta = tape.scalar(1.0);
/// let mut phi = vec![theta];
/// for _ in 0..3 {
///     phi = checkpoint(&phi, |phi| {
///         let loss = phi[0].exp();
///         vec![phi[0] - 0.1 * grad(loss, phi)[0]]
///     });
/// }
/// assert_eq!(tape.len(), 4); // theta and one value per step
/// let slope = grad_values(phi[0], &[theta])[0][[]];
/// assert!((slope - 0.480).abs() < 1e-3);
/// ```
///
/// # Panics
/// If there are no inputs, `f` returns nothing, or inputs lie on different tapes; and
/// where `f` does.
#[track_caller]
pub fn checkpoint<'t, T: Real>(
    inputs: &[Var<'t, T>],
    f: impl for<'a> Fn(&[Var<'a, T>]) -> Vec<Var<'a, T>> + 'static,
) -> Vec<Var<'t, T>> {
    record(inputs, Rc::new(f))
}

#[track_caller]
#[inline(never)]
fn record<'t, T: Real>(inputs: &[Var<'t, T>], part: Rc<Part<T>>) -> Vec<Var<'t, T>> {
    assert!(!inputs.is_empty(), "checkpoint: a function without inputs has no derivative");
    let own = Tape::new();
    let values: Vec<Value<T>> = part(&moved(inputs, &own)).into_iter().map(Var::val).collect();
    inputs[0].tape().push_list(values, Checkpoint(part), inputs)
}

/// The values of variables as leaves of another tape. Nothing is copied.
fn moved<'a, T: Real>(vars: &[Var<'_, T>], tape: &'a Tape<T>) -> Vec<Var<'a, T>> {
    vars.iter().map(|v| tape.push_leaf(v.val())).collect()
}

struct Checkpoint<T: Real>(Rc<Part<T>>);

impl<T: Real> Rule<T> for Checkpoint<T> {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        let inputs: Vec<_> = (0..at.inputs.len()).map(|i| at.input(i)).collect();
        let wanted: Vec<_> = (0..inputs.len()).filter(|&i| at.needs(i)).collect();
        let pick = |vars: &[_]| wanted.iter().map(|&i| vars[i]).collect::<Vec<_>>();
        let seeds: Vec<_> = gs.iter().flatten().copied().collect();
        if at.is_recorded() {
            // aliases, since one input may depend on another
            let aliases: Vec<_> = inputs.iter().map(|x| x.alias()).collect();
            let ys = with_cotangents((self.0)(&aliases), gs);
            let found = vjp(&ys, &seeds, &pick(&aliases));
            return wanted.iter().zip(found).for_each(|(&i, g)| emit.cotangent(i, g));
        }
        let own = Tape::new();
        let xs = moved(&inputs, &own);
        let ys = with_cotangents((self.0)(&xs), gs);
        let wanted_xs: Vec<_> = wanted.iter().map(|&i| xs[i]).collect();
        for (&i, g) in wanted.iter().zip(last_vjp(&ys, &moved(&seeds, &own), &wanted_xs)) {
            match g {
                Some(g) => emit.cotangent(i, at.tape.push_leaf(g)),
                None => emit.zero(i),
            }
        }
    }

    fn reads_output(&self) -> bool {
        false
    }
}

/// The results whose cotangents are there.
fn with_cotangents<'t, T: Real>(ys: Vec<Var<'t, T>>, gs: &[Option<Var<'_, T>>]) -> Vec<Var<'t, T>> {
    assert!(ys.len() == gs.len(), "checkpoint: {} results where there were {} before", ys.len(), gs.len());
    ys.into_iter().zip(gs).filter(|(_, g)| g.is_some()).map(|(y, _)| y).collect()
}

impl<T: Real> fmt::Debug for Checkpoint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checkpoint")
    }
}

compiled_here!(T: record::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::cross_entropy;
    use crate::{check_grads, check_grads_all, grad, grad_values};
    use ndarray::ArrayD;

    #[test]
    fn it_has_correct_grads_to_order_3_under_every_sweep() {
        check_grads(&[&[2, 3], &[3]], 3, |x| checkpoint(x, |x| vec![(x[0] * x[1]).tanh()])[0].sigmoid());
        check_grads_all(&[&[2, 3], &[3]], 2, |x| {
            checkpoint(x, |x| vec![x[0].tanh(), x[1].exp(), x[0] * x[1]])
        });
    }

    #[test]
    fn an_input_that_depends_on_another_is_counted_once() {
        check_grads(&[&[3]], 3, |x| {
            let h = x[0].tanh();
            checkpoint(&[x[0], h], |x| vec![x[0] * x[1] * x[1]])[0]
        });
    }

    #[test]
    fn a_checkpoint_inside_a_checkpoint_has_correct_grads() {
        check_grads(&[&[3]], 2, |x| {
            checkpoint(x, |x| vec![checkpoint(&[x[0].exp()], |x| vec![x[0].tanh()])[0] * x[0]])[0]
        });
    }

    /// The query loss after inner steps of a small network, with each step kept or recomputed.
    fn adapted<'t>(theta: &[Var<'t, f64>], keep: bool) -> Var<'t, f64> {
        let images = ArrayD::from_shape_fn(vec![6, 4, 4, 3], |i| {
            ((i[0] * 7 + i[1] * 3 + i[2] * 5 + i[3] * 11) % 13) as f64 / 6.0 - 1.0
        });
        fn loss<'a>(p: &[Var<'a, f64>], images: &ArrayD<f64>) -> Var<'a, f64> {
            let x = p[0].tape().leaf(images).conv2d(p[0], [1, 1], [1, 1]);
            let x = x.batch_norm_relu_pool(p[1], p[2], 1e-5, [2, 2]);
            cross_entropy(x.reshape(&[6, 12]).slice(&[0..6, 0..3]), &[0, 1, 2, 0, 1, 2])
        }
        fn step<'a>(phi: &[Var<'a, f64>], images: &ArrayD<f64>) -> Vec<Var<'a, f64>> {
            let g = grad(loss(phi, images), phi);
            phi.iter().zip(g).map(|(&p, g)| p.minus_scaled(0.3, g)).collect()
        }
        let mut phi = theta.to_vec();
        for _ in 0..3 {
            let images = images.clone();
            phi = if keep { step(&phi, &images) } else { checkpoint(&phi, move |phi| step(phi, &images)) };
        }
        loss(&phi, &images)
    }

    #[test]
    fn a_checkpointed_inner_loop_has_the_meta_gradient_of_the_kept_one() {
        let mut i = 0.0;
        let mut wave = || {
            i += 1.0;
            f64::sin(i)
        };
        let shapes = [&[3, 3, 3, 3][..], &[3], &[3]];
        let arrays = shapes.map(|shape| ArrayD::from_shape_simple_fn(shape, &mut wave));
        let run = |keep| {
            let tape = Tape::new();
            let theta = tape.leaves(&arrays);
            let loss = adapted(&theta, keep);
            let recorded: Vec<_> = grad(loss, &theta).iter().map(|g| g.to_array()).collect();
            (grad_values(loss, &theta), recorded)
        };
        let (kept, recomputed) = (run(true), run(false));
        for (a, b) in kept.0.iter().zip(&recomputed.0).chain(kept.1.iter().zip(&recomputed.1)) {
            approx::assert_relative_eq!(a, b, max_relative = 1e-9, epsilon = 1e-12);
            assert!(a.iter().any(|v| v.abs() > 1e-6));
        }
    }

    #[test]
    #[should_panic(expected = "checkpoint: a function without inputs")]
    fn a_function_without_inputs_is_refused() {
        let _ = checkpoint::<f64>(&[], |_| Vec::new());
    }
}
