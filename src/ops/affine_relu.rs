//! A channel map, ReLU and max-pooling in one pass: what a convolution block does when
//! the statistics of its batch norm are given.

use super::index::Positions;
use super::norm_relu::tiles_of;
use crate::kernels::norm::Winners;
use crate::op::{Emit, Point, Rule};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

/// Inputs `x`, `s`, `b`; output `y`. The rule is that of the three operations.
#[derive(Debug)]
struct AffineRelu<T: Real>(Winners<T>);

impl<T: Real> Rule<T> for AffineRelu<T> {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        let Some(g) = gs[0] else { return };
        let (x, s) = (at.input(0), at.input(1));
        let (positions, on) = self.0.positions("affine_relu_pool");
        let on = at.tape.push_leaf(Value::new(&g.shape(), on));
        let a = (g * on).scatter_add(&Positions::new(positions), &x.shape());
        if at.needs(0) {
            emit.cotangent(0, a.scale_channels(s));
        }
        if at.needs(1) {
            emit.cotangent(1, a.dot_channels(x));
        }
        if at.needs(2) {
            emit.cotangent(2, a.sum_to(&s.shape()));
        }
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// The largest `max(x·s + b, 0)` of each window: [`affine_channels`](Var::affine_channels),
    /// [`relu`](Var::relu) and [`max_pool2d`](Var::max_pool2d) in one pass.
    ///
    /// `x: [n, h, w, c]`; `s, b: [c]`; windows side by side, `[1, 1]` for none. Returns
    /// `[n, h/window, w/window, c]`, rounded down.
    ///
    /// # Panics
    /// If the shapes do not match, `x` is empty or has 2³² elements or more, a window does not fit
    /// the image or has more than 254 pixels.
    #[track_caller]
    #[inline(never)]
    pub fn affine_relu_pool(self, s: Var<'t, T>, b: Var<'t, T>, window: [usize; 2]) -> Var<'t, T> {
        let (x, scale, shift) = (self.val(), s.val(), b.val());
        let windows = tiles_of("affine_relu_pool", &x.shape(), window, [s, b]);
        let mut winners = Winners::of_standardised(windows);
        let mut y = Buf::dirty(windows.pooled().iter().product());
        winners.choose(0, x.data(), [scale.data(), shift.data()], &mut y);
        let value = Value::new(&windows.pooled(), y);
        let [y] = self.tape().push_all([value], AffineRelu(winners), &[self, s, b]);
        y
    }
}

compiled_here!(T: Var::<T>::affine_relu_pool);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::ArrayD;

    #[test]
    fn it_has_correct_grads_to_order_3() {
        for (shape, window) in [([2, 7, 7, 3], [2, 2]), ([2, 5, 3, 17], [1, 1])] {
            let c = [shape[3]];
            check_grads(&[&shape, &c, &c], 2, |x| x[0].affine_relu_pool(x[1], x[2], window).tanh());
        }
        check_grads(&[&[1, 4, 4, 2], &[2], &[2]], 3, |x| x[0].affine_relu_pool(x[1], x[2], [2, 2]));
    }

    #[test]
    fn it_equals_its_composition_bit_for_bit() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&ArrayD::from_shape_fn(vec![2, 5, 5, 3], |i| {
            ((i[0] * 7 + i[1] * 3 + i[2] * 5 + i[3] * 11) % 13) as f64 - 6.0
        }));
        let (s, b) = (tape.full(&[3], -0.7), tape.full(&[3], 0.3));
        let composed = x.affine_channels(s, b).relu().max_pool2d([2, 2], [2, 2]);
        assert_eq!(x.affine_relu_pool(s, b, [2, 2]).to_array(), composed.to_array());
    }

    #[test]
    fn a_nan_passes_in_value_and_gradient() {
        let tape = Tape::<f64>::new();
        let x = tape.full(&[1, 2, 2, 1], f64::NAN);
        let (s, b) = (tape.full(&[1], 1.0), tape.full(&[1], 0.0));
        let y = x.affine_relu_pool(s, b, [2, 2]);
        assert!(y.item().is_nan());
        let g = crate::grad_values((3.0 * y).sum(), &[x, b]);
        assert_eq!((g[0][[0, 0, 0, 0]], g[1][[0]]), (3.0, 3.0));
    }
}
