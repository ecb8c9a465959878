//! Fully connected layers, one operation each.
//!
//! A layer `x·w + b` and its weight and bias gradient, the pair `xᵀ·g` and `Σ g` over
//! rows, close on each other: the cotangent of that pair in `g` is again a layer.

use super::matmul::multiplied;
use crate::kernels::{each, reduce, vectorized};
use crate::op::{Emit, Point, Rule};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

/// `y = x·w + b`, then ReLU if asked for.
#[derive(Debug)]
struct Layer<const RELU: bool>;

impl<T: Real, const RELU: bool> Rule<T> for Layer<RELU> {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        let Some(g) = gs[0] else { return };
        // gates on the output, which is positive or NaN exactly where the ReLU's input is
        let g = if RELU { g.gate(&at.output().val(), 0.0) } else { g };
        if at.needs(1) || at.needs(2) {
            emit.all(1, at, layer_grads(at.input(0), g));
        }
        if at.needs(0) {
            emit.cotangent(0, g.matmul_t(at.input(1)));
        }
    }

    fn reads_output(&self) -> bool {
        RELU
    }
}

/// `(xᵀ·g, Σ g over rows)`.
#[derive(Debug)]
struct LayerGrads;

impl<T: Real> Rule<T> for LayerGrads {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        let (x, g) = (at.input(0), at.input(1));
        if at.needs(1) {
            match *gs {
                [Some(v), Some(b)] => emit.cotangent(1, layer::<false, T>(x, v, b)),
                [Some(v), _] => emit.cotangent(1, x.matmul(v)),
                [_, Some(b)] => emit.cotangent(1, b.broadcast_to(&g.shape())),
                _ => emit.zero(1),
            }
        }
        match gs[0].filter(|_| at.needs(0)) {
            Some(v) => emit.cotangent(0, g.matmul_t(v)),
            None => emit.zero(0),
        }
    }

    fn reads_output(&self) -> bool {
        false
    }
}

/// `x: [n, inputs]`, `w: [inputs, outputs]`, `b: [outputs]`.
fn layer<'t, const RELU: bool, T: Real>(x: Var<'t, T>, w: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
    let mut y = x.read(|x| w.read(|w| multiplied(x, false, w, false)));
    b.read(|b| finish(y.data_mut(), b.data(), RELU));
    let [y] = x.tape().push_all([y], Layer::<RELU>, &[x, w, b]);
    y
}

/// Adds `b` to each row of `y`, then takes the ReLU if asked for.
fn finish<T: Real>(y: &mut [T], b: &[T], relu: bool) {
    if b.is_empty() {
        return;
    }
    vectorized(
        #[inline(always)]
        || {
            for row in y.chunks_exact_mut(b.len()) {
                each::update(row, b, |y, b| y + b);
            }
            if relu {
                for i in 0..y.len() {
                    y[i] = if y[i] <= T::ZERO { T::ZERO } else { y[i] }; // a NaN stays
                }
            }
        },
    );
}

/// The gradients of weights and bias of a layer with input `x`, for the cotangent `g`.
fn layer_grads<'t, T: Real>(x: Var<'t, T>, g: Var<'t, T>) -> [Var<'t, T>; 2] {
    let (dw, db) = g.read(|g| {
        let mut db = Buf::dirty(g.shape()[1]);
        reduce::sum_rows(g.data(), &mut db);
        (x.read(|x| multiplied(x, true, g, false)), Value::new(&[g.shape()[1]], db))
    });
    x.tape().push_all([dw, db], LayerGrads, &[x, g])
}

impl<'t, T: Real> Var<'t, T> {
    /// Affine layer `x·w + b`: `x: [n, inputs]`, `w: [inputs, outputs]`,
    /// `b: [outputs]`. Returns `[n, outputs]`.
    ///
    /// # Panics
    /// If the shapes do not match.
    #[track_caller]
    #[inline(never)]
    pub fn linear(self, w: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
        if fits(self, w, b) { layer::<false, T>(self, w, b) } else { self.matmul(w) + b }
    }

    /// [`linear`](Var::linear) and [`relu`](Var::relu) in one operation.
    ///
    /// # Panics
    /// If the shapes do not match.
    #[track_caller]
    #[inline(never)]
    pub fn linear_relu(self, w: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
        if fits(self, w, b) { layer::<true, T>(self, w, b) } else { self.linear(w, b).relu() }
    }
}

/// Whether the shapes are those of a layer; others are composed, or refused there.
fn fits<T: Real>(x: Var<'_, T>, w: Var<'_, T>, b: Var<'_, T>) -> bool {
    let (x, w, b) = (x.shape(), w.shape(), b.shape());
    x.len() == 2 && w.len() == 2 && b.len() == 1 && x[1] == w[0] && w[1] == b[0]
}

compiled_here!(T: Var::<T>::linear, Var::<T>::linear_relu);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::grad::{grad, grad_values};
    use crate::tape::Tape;
    use crate::var::Var;
    use ndarray::{Array, ArrayD};

    #[test]
    fn layers_have_correct_grads() {
        check_grads(&[&[3, 5], &[5, 2], &[2]], 3, |x| x[0].linear(x[1], x[2]));
        check_grads(&[&[3, 5], &[5, 2], &[2]], 2, |x| x[0].linear(x[1], x[2]).tanh());
        check_grads(&[&[2, 3, 5], &[5, 2], &[2]], 2, |x| x[0].linear(x[1], x[2]).tanh());
        check_grads(&[&[3, 1], &[1, 4], &[4]], 2, |x| x[0].linear_relu(x[1], x[2] + 0.1).tanh());
    }

    /// A loss of two layers; its gradients; and those of a number made of the gradients.
    fn to_order_2(layers: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>) -> Vec<ArrayD<f64>> {
        let tape = Tape::new();
        let shapes: [&[usize]; 5] = [&[7, 3], &[3, 5], &[5], &[5, 4], &[4]];
        let leaf = |(k, shape): (usize, &&[usize])| {
            let value = |i| ((37 * i + 11 * k) as f64).sin();
            tape.leaf(
                &Array::from_iter((0..shape.iter().product()).map(value))
                    .into_shape_with_order(*shape)
                    .unwrap(),
            )
        };
        let xs: Vec<_> = shapes.iter().enumerate().map(leaf).collect();
        let y = layers(&xs);
        let slopes = grad((y * y * y).sum(), &xs);
        let curved = slopes.iter().map(|g| (*g * *g).sum()).reduce(|a, b| a + b).unwrap();
        let mut all = vec![y.to_array()];
        all.extend(slopes.iter().map(|g| g.to_array()));
        all.extend(grad_values(curved, &xs));
        // one of the two parameter gradients alone
        all.extend([1, 2, 3, 4].into_iter().flat_map(|i| grad_values(slopes[i].powi(2).sum(), &xs)));
        all
    }

    #[test]
    fn layers_equal_their_composition_to_order_2() {
        let fused = to_order_2(|x| x[0].linear_relu(x[1], x[2]).linear(x[3], x[4]));
        let composed = to_order_2(|x| (x[0].matmul(x[1]) + x[2]).relu().matmul(x[3]) + x[4]);
        for (a, b) in fused.iter().zip(&composed) {
            approx::assert_relative_eq!(a, b, max_relative = 1e-12, epsilon = 1e-12);
        }
    }

    #[test]
    fn a_layer_with_relu_passes_a_nan_on() {
        let tape = Tape::<f32>::new();
        let [x, w, b] = [(&[1, 1][..], f64::NAN), (&[1, 1], 1.0), (&[1], 0.0)].map(|(s, v)| tape.full(s, v));
        assert!(x.linear_relu(w, b).item().is_nan());
    }

    #[test]
    #[should_panic(expected = "add: shapes [2, 4] and [3] do not broadcast")]
    fn a_bias_that_does_not_fit_is_named() {
        let tape = Tape::<f32>::new();
        let _ = tape.full(&[2, 3], 1.0).linear(tape.full(&[3, 4], 1.0), tape.full(&[3], 1.0));
    }
}
