//! Choosing between two arrays, element by element.
//!
//! `where_` is linear in both branches; its adjoint keeps the cotangent where the branch was chosen and puts zeros
//! elsewhere. `keep` is that map and its own adjoint. Both select and never multiply, so what was not chosen cannot
//! turn into a NaN.

use super::broadcast::broadcast_shape;
use super::mask::Mask;
use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

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
        let (x, by) = (self.val(), T::from_f64(scale));
        let mut y = Buf::dirty(x.data().len());
        let kept = x.data().iter().zip(mask.bits());
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
    let common = broadcast_shape(&sa, &sb).and_then(|s| broadcast_shape(&s, &mask.shape()));
    let shape = common.unwrap_or_else(|| {
        panic!("where_: a mask {:?} and branches {sa:?}, {sb:?} do not broadcast", mask.shape())
    });
    let (mask, a, b) = (mask.repeated(&shape), a.broadcast_to(&shape), b.broadcast_to(&shape));
    let (va, vb) = (a.val(), b.val());
    let mut y = Buf::dirty(shape.size());
    let branches = va.data().iter().zip(vb.data()).zip(mask.bits());
    y.iter_mut().zip(branches).for_each(|(y, ((&a, &b), &m))| *y = if m != 0 { a } else { b });
    a.tape().push(Value::new(&shape, y), Where(mask), &[a, b])
}

compiled_here!(T: where_::<T>);

#[cfg(test)]
mod tests {
    use super::where_;
    use crate::tape::Tape;
    use crate::{check_grads, grad};
    use ndarray::arr1;

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
    fn a_nan_or_infinity_in_the_other_branch_leaks_at_no_order() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let tape = Tape::<f64>::new();
            let x = tape.leaf(&arr1(&[0.5, bad]).into_dyn());
            let z = tape.leaf(&arr1(&[bad, 0.25]).into_dyn());
            let mask = x.lt(1.0) & x.gt(-1.0);
            let y = where_(&mask, x, z);
            let y = y * y * y * y;
            assert_eq!(y.to_array(), arr1(&[0.0625, 0.003_906_25]).into_dyn());
            let (mut of_x, mut of_z) = (y, y);
            for want in [[0.5, 0.0625], [3.0, 0.75], [12.0, 6.0], [24.0, 24.0]] {
                of_x = grad(of_x.sum(), &[x])[0];
                of_z = grad(of_z.sum(), &[z])[0];
                assert_eq!(of_x.to_array(), arr1(&[want[0], 0.0]).into_dyn());
                assert_eq!(of_z.to_array(), arr1(&[0.0, want[1]]).into_dyn());
            }
        }
    }

    #[test]
    #[should_panic(expected = "where_: a mask [3] and branches [2], [] do not broadcast")]
    fn shapes_that_do_not_broadcast_are_named() {
        let tape = Tape::<f64>::new();
        let _ = where_(&tape.full(&[3], 0.0).gt(1.0), tape.full(&[2], 0.0), tape.scalar(0.0));
    }
}
