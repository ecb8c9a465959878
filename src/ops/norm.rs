//! Batch and layer normalisation.
//!
//! Standardising over a batch, `x̂ = (x − μ)·r` with `r = 1/√(σ² + ε)`, per
//! channel over `m` elements. Let `P(v; x̂) = v − mean(v) − x̂·mean(v·x̂)`. Then
//! - the cotangent of `x` is `r·P(g; x̂)`, that of `r` alone is `−g·r²·x̂/m`;
//! - `P` is self-adjoint in `v`, and linear in it;
//! - the cotangent of `x̂` in `r·P(g; x̂)` at `v` is
//!   `−r·(mean(g·x̂)·v + mean(v·x̂)·g)`.
//!
//! So three fused passes and the channel maps close at every order.

use crate::kernels::norm;
use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

/// Input `x`, output `x̂`; keeps `r`, which the rule needs as a variable.
#[derive(Debug)]
struct Standardize<T: Real> {
    inv_std: Value<T>,
}

impl<T: Real> Op<T> for Standardize<T> {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let x_hat = at.output();
        let r = inverse_deviation(at.input(0), x_hat, self.inv_std.clone());
        project(g, x_hat, r)
    }
}

/// Input `x`, output `r`; knows where `x̂` lies on the tape.
#[derive(Debug)]
struct InvStd {
    x_hat: u32,
}

impl<T: Real> Op<T> for InvStd {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let (x_hat, r) = (Var::new(at.tape, self.x_hat), at.output());
        x_hat.scale_channels(g * r * r * (-1.0 / rows(x_hat)))
    }
}

/// Inputs `g`, `x̂`, `r`; output `r·P(g; x̂)`.
#[derive(Debug)]
struct Project;

impl<T: Real> Op<T> for Project {
    fn vjp<'t>(&self, wrt: usize, v: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let (g, x_hat, r) = (at.input(0), at.input(1), at.input(2));
        match wrt {
            0 => project(v, x_hat, r),
            1 => {
                let share = r * (-1.0 / rows(x_hat));
                v.scale_channels(share * g.dot_channels(x_hat))
                    + g.scale_channels(share * v.dot_channels(x_hat))
            }
            _ => v.dot_channels(at.output()) / r,
        }
    }
}

/// `x̂` as a variable of `x`, and the value of `r`.
fn standardize<'t, T: Real>(x: Var<'t, T>, eps: T) -> (Var<'t, T>, Value<T>) {
    let value = x.val();
    let c = value.shape()[value.shape().len() - 1];
    let (mut x_hat, mut r) = (Buf::dirty(value.data().len()), Buf::dirty(c));
    norm::standardize(value.data(), eps, &mut x_hat, &mut r);
    let inv_std = Value::new(&[c], r);
    let op = Standardize { inv_std: inv_std.clone() };
    (x.tape().push(Value::new(&value.shape(), x_hat), op, &[x]), inv_std)
}

/// `x̂` and `r` as variables of `x`.
pub(super) fn standardized<'t, T: Real>(x: Var<'t, T>, eps: T) -> (Var<'t, T>, Var<'t, T>) {
    let (x_hat, inv_std) = standardize(x, eps);
    (x_hat, inverse_deviation(x, x_hat, inv_std))
}

fn inverse_deviation<'t, T: Real>(x: Var<'t, T>, x_hat: Var<'t, T>, inv_std: Value<T>) -> Var<'t, T> {
    x.tape().push(inv_std, InvStd { x_hat: x_hat.id() }, &[x])
}

pub(super) fn project<'t, T: Real>(g: Var<'t, T>, x_hat: Var<'t, T>, r: Var<'t, T>) -> Var<'t, T> {
    let (gv, xv, rv) = (g.val(), x_hat.val(), r.val());
    let mut out = Buf::dirty(gv.data().len());
    norm::project(gv.data(), xv.data(), rv.data(), &mut out);
    g.tape().push(Value::new(&gv.shape(), out), Project, &[g, x_hat, r])
}

/// The factor and the summand of each channel when it is normalised by given statistics.
pub(crate) fn given_affine<'t, T: Real>(
    [gamma, beta, mean, var]: [Var<'t, T>; 4],
    eps: f64,
) -> (Var<'t, T>, Var<'t, T>) {
    let scale = gamma / (var + eps).sqrt();
    (scale, beta - mean * scale)
}

/// Elements per channel.
fn rows<T: Real>(x: Var<'_, T>) -> f64 {
    let shape = x.shape();
    (shape.size() / shape[shape.len() - 1]) as f64
}

impl<'t, T: Real> Var<'t, T> {
    /// Shifts and scales each channel of `x: [.., c]` to mean 0 and variance 1
    /// over all other axes: `(x − mean)/√(var + eps)` with the biased variance.
    ///
    /// # Panics
    /// If `x` has no axis or no elements.
    #[track_caller]
    #[inline(never)]
    pub fn standardize(self, eps: f64) -> Var<'t, T> {
        let shape = self.shape();
        assert!(
            shape.size() > 0 && !shape.is_empty(),
            "standardize: there is nothing to normalise in {shape:?}"
        );
        standardize(self, T::from_f64(eps)).0
    }

    /// Batch norm with the statistics of this batch: `standardize(x)·gamma + beta`,
    /// `x: [.., c]`, `gamma, beta: [c]` (Ioffe and Szegedy 2015, algorithm 1). `eps`
    /// stands inside the root.
    ///
    /// # Panics
    /// If the shapes do not match.
    #[track_caller]
    #[inline(never)]
    pub fn batch_norm(self, gamma: Var<'t, T>, beta: Var<'t, T>, eps: f64) -> Var<'t, T> {
        self.standardize(eps).affine_channels(gamma, beta)
    }

    /// Batch norm with given statistics, usually running ones:
    /// `(x − mean)·gamma/√(var + eps) + beta`, all four `[c]`.
    ///
    /// # Panics
    /// If the shapes do not match.
    #[track_caller]
    #[inline(never)]
    pub fn batch_norm_with(
        self,
        gamma: Var<'t, T>,
        beta: Var<'t, T>,
        mean: Var<'t, T>,
        var: Var<'t, T>,
        eps: f64,
    ) -> Var<'t, T> {
        let (scale, shift) = given_affine([gamma, beta, mean, var], eps);
        self.affine_channels(scale, shift)
    }

    /// Layer norm over the last axis: `(x − mean)/√(var + eps)·gamma + beta`,
    /// `gamma, beta: [c]` (Ba, Kiros and Hinton 2016).
    ///
    /// # Panics
    /// If the shapes do not match.
    #[track_caller]
    #[inline(never)]
    pub fn layer_norm(self, gamma: Var<'t, T>, beta: Var<'t, T>, eps: f64) -> Var<'t, T> {
        let shape = self.shape();
        assert!(!shape.is_empty(), "layer_norm: a scalar has no features");
        let last = [shape.len() - 1];
        let centred = self - self.mean_kept("layer_norm", &last);
        let var = (centred * centred).mean_kept("layer_norm", &last);
        (centred / (var + eps).sqrt()).affine_channels(gamma, beta)
    }
}

compiled_here!(
    T: Var::<T>::standardize, Var::<T>::batch_norm, Var::<T>::batch_norm_with, Var::<T>::layer_norm,
);

#[cfg(test)]
mod tests {
    use crate::check_grads;
    use crate::tape::Tape;
    use crate::var::Var;
    use approx::assert_relative_eq;

    fn composed<'t>(x: Var<'t, f64>, eps: f64) -> Var<'t, f64> {
        let over: Vec<_> = (0..x.shape().len() - 1).collect();
        let (mean, var) = (x.mean_axes(&over), x.var_axes(&over));
        (x - mean) / (var + eps).sqrt()
    }

    #[test]
    fn standardize_has_correct_grads_to_order_3() {
        check_grads(&[&[3, 2, 2, 3]], 3, |x| x[0].standardize(1e-5).tanh());
        check_grads(&[&[7, 2]], 3, |x| x[0].standardize(0.3).powi(2));
    }

    #[test]
    fn norms_have_correct_grads_in_every_argument() {
        check_grads(&[&[2, 3, 3, 5], &[5], &[5]], 2, |x| x[0].batch_norm(x[1], x[2], 1e-5).tanh());
        check_grads(&[&[4, 5], &[5], &[5]], 2, |x| x[0].layer_norm(x[1], x[2], 1e-5).tanh());
        check_grads(&[&[4, 5], &[5], &[5], &[5], &[5]], 2, |x| {
            x[0].batch_norm_with(x[1], x[2], x[3], x[4] * x[4], 1e-5).tanh()
        });
    }

    #[test]
    fn standardize_equals_its_composition_in_value_and_two_gradients() {
        let tape = Tape::<f64>::new();
        let numbers = (0..60).map(|i| ((i * i) % 17) as f64 * 0.3 - 2.0).collect::<Vec<_>>();
        let x = tape.leaf(&ndarray::Array::from_shape_vec(vec![5, 4, 3], numbers).unwrap());
        let weights = x.tanh().detach();
        let results = [x.standardize(1e-5), composed(x, 1e-5)].map(|y| {
            let g = crate::grad((y * y * weights).sum(), &[x])[0];
            let h = crate::grad_values((g * g * weights).sum(), &[x]).remove(0);
            (y.to_array(), g.to_array(), h)
        });
        assert_relative_eq!(results[0].0, results[1].0, max_relative = 1e-12);
        assert_relative_eq!(results[0].1, results[1].1, max_relative = 1e-9, epsilon = 1e-12);
        assert_relative_eq!(results[0].2, results[1].2, max_relative = 1e-9, epsilon = 1e-12);
    }

    #[test]
    fn a_constant_channel_stays_finite() {
        let tape = Tape::<f32>::new();
        let x = tape.full(&[4, 2], 3.0);
        let y = x.standardize(1e-5);
        let g = crate::grad(y.powi(3).sum(), &[x])[0];
        assert!(crate::grad_values(g.sum(), &[x])[0].iter().chain(&y.to_array()).all(|v| v.is_finite()));
    }
}
