//! Batch norm, affine map, ReLU and max-pooling as one operation: what a convolution
//! block does after its convolution, in two passes over the images.
//!
//! The output is `max(γ·x̂ + β, 0)` at each window's winner. Which pixels win is a fact
//! without a derivative, so the operation is smooth around them; its first and second
//! derivative are operations with several outputs, fused as well
//! ([`kernels::norm`](crate::kernels::norm)). A third derivative is that of
//! the same map written with small operations, which is also what the tests compare with.

use std::rc::Rc;

use super::index::{Positions, check_countable};
use super::norm::{project, standardized};
use super::pool::windows_of;
use crate::grad::vjp;
use crate::kernels::norm::{Moments, NormGrad, Second, Winners, second};
use crate::kernels::pool::PoolWindows;
use crate::op::{Emit, Point, Rule};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::{Shape, Value};
use crate::var::Var;

/// Inputs `x`, `γ`, `β`; output `y`.
#[derive(Debug)]
struct NormRelu<T: Real>(Rc<Winners<T>>);

impl<T: Real> Rule<T> for NormRelu<T> {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        let Some(g) = gs[0] else { return };
        emit.all(0, at, grad(&self.0, [at.input(0), at.input(1), g], at.take_input(0)));
    }

    fn reads_output(&self) -> bool {
        false
    }
}

/// Inputs `x`, `γ`, `g`; outputs the cotangents of `x`, `γ`, `β`.
#[derive(Debug)]
struct Grad<T: Real>(Rc<Winners<T>>);

/// Records [`Grad`]; `spare` is the value of `x` if its buffer may be overwritten.
pub(super) fn grad<'t, T: Real>(
    winners: &Rc<Winners<T>>,
    [x, gamma, g]: [Var<'t, T>; 3],
    spare: Option<Value<T>>,
) -> [Var<'t, T>; 3] {
    let (gamma_val, g_val) = (gamma.val(), g.val());
    let xv = spare.is_none().then(|| x.val());
    let mut dx = spare.unwrap_or_else(|| Value::new(&x.shape(), Buf::dirty(x.shape().size())));
    let mut sums = [(); 2].map(|()| vec![T::ZERO; gamma_val.data().len()]);
    winners.add_sums(0, xv.as_ref().unwrap_or(&dx).data(), g_val.data(), &mut sums);
    let grad = NormGrad::new(winners, gamma_val.data(), &sums);
    grad.write(winners, 0, xv.as_ref().map(Value::data), g_val.data(), dx.data_mut());
    let c = gamma.shape();
    let values = [dx, Value::new(&c, grad.gamma), Value::new(&c, grad.beta)];
    x.tape().push_all(values, Grad(Rc::clone(winners)), &[x, gamma, g])
}

impl<T: Real> Rule<T> for Grad<T> {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        let [x, gamma, g] = [0, 1, 2].map(|i| at.input(i));
        let zeros = |like: Var<'t, T>| at.tape.full(&like.shape(), 0.0);
        let [e, e_gamma, e_beta] = [0, 1, 2].map(|i| gs[i].unwrap_or_else(|| zeros([x, gamma, gamma][i])));
        let [xv, gammav, gv] = [x, gamma, g].map(Var::val);
        let [mut cx, mut cgamma, mut cg] = [&xv, &gammav, &gv].map(|like| Buf::dirty(like.data().len()));
        let [ev, ev_gamma, ev_beta] = [e, e_gamma, e_beta].map(Var::val);
        let of = Second {
            x: xv.data(),
            gamma: gammav.data(),
            g: gv.data(),
            e: ev.data(),
            e_gamma: ev_gamma.data(),
            e_beta: ev_beta.data(),
        };
        second(&self.0, of, [&mut cx, &mut cgamma, &mut cg]);
        let values =
            [Value::new(&xv.shape(), cx), Value::new(&gammav.shape(), cgamma), Value::new(&gv.shape(), cg)];
        let rule = GradGrad(Rc::clone(&self.0));
        emit.all(0, at, at.tape.push_all(values, rule, &[x, gamma, g, e, e_gamma, e_beta]));
    }

    fn reads_output(&self) -> bool {
        false
    }
}

/// Inputs `x`, `γ`, `g`, and the cotangents `e`, `e_γ`, `e_β` of [`Grad`]'s outputs;
/// outputs the cotangents of `x`, `γ`, `g` there.
#[derive(Debug)]
struct GradGrad<T: Real>(Rc<Winners<T>>);

impl<T: Real> Rule<T> for GradGrad<T> {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        // alias the inputs, so that `vjp` treats them as independent even if they depend on each other
        let inputs: [Var<'t, T>; 6] = std::array::from_fn(|i| at.input(i).alias());
        let (of, along) = inputs.split_at(3);
        let outputs = vjp(&composed_grad(&self.0, [of[0], of[1], of[2]]), along, of);
        let zeros = |y: &Var<'t, T>| at.tape.full(&y.shape(), 0.0);
        let seeds: Vec<_> = outputs.iter().zip(gs).map(|(y, g)| g.unwrap_or_else(|| zeros(y))).collect();
        let wanted: Vec<_> = (0..6).filter(|&i| at.needs(i)).collect();
        let xs: Vec<_> = wanted.iter().map(|&i| inputs[i]).collect();
        wanted.into_iter().zip(vjp(&outputs, &seeds, &xs)).for_each(|(i, g)| emit.cotangent(i, g));
    }

    fn reads_output(&self) -> bool {
        false
    }
}

/// [`Grad`] in small operations: exact at every order.
fn composed_grad<'t, T: Real>(winners: &Winners<T>, [x, gamma, g]: [Var<'t, T>; 3]) -> [Var<'t, T>; 3] {
    let (positions, on) = winners.positions("batch_norm_relu_pool");
    let on = x.tape().push_leaf(Value::new(&g.shape(), on));
    let a = (g * on).scatter_add(&Positions::new(positions), &x.shape());
    let (x_hat, r) = standardized(x, winners.eps);
    [project(a.scale_channels(gamma), x_hat, r), a.dot_channels(x_hat), a.sum_to(&gamma.shape())]
}

/// The pooling windows of a normalised batch of images of `shape`, checked.
#[track_caller]
pub(super) fn tiles_of<T: Real>(
    name: &str,
    shape: &[usize],
    window: [usize; 2],
    [gamma, beta]: [Var<'_, T>; 2],
) -> PoolWindows {
    let windows = windows_of(name, Shape::new(shape), window, window);
    assert!(windows.is_tiling(), "{name}: a window of {window:?} has more than 254 pixels");
    check_countable(name, Shape::new(shape));
    assert!(
        windows.shape.iter().product::<usize>() > 0,
        "{name}: there is nothing to normalise in {shape:?}"
    );
    for (which, v) in [("gamma", gamma), ("beta", beta)] {
        assert!(*v.shape() == [windows.shape[3]], "{name}: {which} {:?} for images {shape:?}", v.shape());
    }
    windows
}

impl<'t, T: Real> Var<'t, T> {
    /// Batch norm with the statistics of this batch, then ReLU, then the largest value
    /// of each window: `max_pool(relu(standardize(x)·gamma + beta))` in one pass.
    ///
    /// `x: [n, h, w, c]`; `gamma, beta: [c]`; windows side by side, `[1, 1]` for none;
    /// `eps` stands inside the root. Returns `[n, h/window, w/window, c]`, rounded down:
    /// what no window reaches counts in the statistics only. Equal to
    /// [`batch_norm`](Var::batch_norm), [`relu`](Var::relu) and
    /// [`max_pool2d`](Var::max_pool2d) at every order up to rounding, and several times
    /// faster; of two equal maxima the first gets the gradient.
    ///
    /// # Panics
    /// If the shapes do not match, `x` is empty or has 2³² elements or more, a window does not fit
    /// the image or has more than 254 pixels.
    #[track_caller]
    #[inline(never)]
    pub fn batch_norm_relu_pool(
        self,
        gamma: Var<'t, T>,
        beta: Var<'t, T>,
        eps: f64,
        window: [usize; 2],
    ) -> Var<'t, T> {
        normalised(
            self,
            [gamma, beta],
            eps,
            tiles_of("batch_norm_relu_pool", &self.shape(), window, [gamma, beta]),
            true,
        )
        .0
    }

    /// [`batch_norm_relu_pool`](Var::batch_norm_relu_pool) without the ReLU: batch norm, then the largest value of
    /// each window, in one pass. An activation that never falls, such as a leaky ReLU, may follow: it has the same values
    /// before and after the pooling, and costs less after it.
    ///
    /// # Panics
    /// As [`batch_norm_relu_pool`](Var::batch_norm_relu_pool).
    #[track_caller]
    #[inline(never)]
    pub fn batch_norm_pool(
        self,
        gamma: Var<'t, T>,
        beta: Var<'t, T>,
        eps: f64,
        window: [usize; 2],
    ) -> Var<'t, T> {
        normalised(
            self,
            [gamma, beta],
            eps,
            tiles_of("batch_norm_pool", &self.shape(), window, [gamma, beta]),
            false,
        )
        .0
    }
}

/// Records [`NormRelu`], with the ReLU or without it; also what the forward pass left.
pub(super) fn normalised<'t, T: Real>(
    x: Var<'t, T>,
    [gamma, beta]: [Var<'t, T>; 2],
    eps: f64,
    windows: PoolWindows,
    relu: bool,
) -> (Var<'t, T>, Rc<Winners<T>>) {
    let (value, gamma_val, beta_val) = (x.val(), gamma.val(), beta.val());
    let mut moments = Moments::new(windows.shape[3]);
    moments.add(value.data());
    let winners = Winners::new(windows, T::from_f64(eps), moments);
    let mut winners = if relu { winners } else { winners.without_relu() };
    let mut y = Buf::dirty(windows.pooled().iter().product());
    winners.choose(0, value.data(), [gamma_val.data(), beta_val.data()], &mut y);
    drop(value);
    let value = Value::new(&windows.pooled(), y);
    let winners = Rc::new(winners);
    let [y] = x.tape().push_all([value], NormRelu(Rc::clone(&winners)), &[x, gamma, beta]);
    (y, winners)
}

compiled_here!(T: Var::<T>::batch_norm_relu_pool, Var::<T>::batch_norm_pool);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Tape;
    use crate::{check_grads, grad as grad_of, grad_values};
    use approx::assert_relative_eq;
    use ndarray::ArrayD;

    fn composed<'t>(x: &[Var<'t, f64>], window: [usize; 2]) -> Var<'t, f64> {
        x[0].batch_norm(x[1], x[2], 1e-5).relu().max_pool2d(window, window)
    }

    fn fused<'t>(x: &[Var<'t, f64>], window: [usize; 2]) -> Var<'t, f64> {
        x[0].batch_norm_relu_pool(x[1], x[2], 1e-5, window)
    }

    /// Images, scales of both signs and shifts, without ties.
    fn inputs(shape: [usize; 4]) -> Vec<ArrayD<f64>> {
        let wave = |shape: &[usize], f: f64| {
            let mut i = 0.0;
            ArrayD::from_shape_simple_fn(shape, || {
                i += 1.0;
                (i * f).sin() * 1.5 + 0.2 * (i * 0.37).cos()
            })
        };
        vec![wave(&shape, 12.9898), wave(&shape[3..], 4.1), wave(&shape[3..], 2.3)]
    }

    const CASES: [([usize; 4], [usize; 2]); 5] = [
        ([2, 7, 7, 3], [2, 2]), // 7 → 3, the last row and column dropped
        ([3, 4, 6, 5], [2, 3]),
        ([2, 5, 3, 17], [1, 1]),
        ([1, 5, 4, 1], [5, 1]),
        ([4, 3, 3, 33], [2, 2]),
    ];

    #[test]
    fn it_has_correct_grads_to_order_3() {
        for (shape, window) in CASES {
            let x = inputs(shape);
            let small = shape.iter().product::<usize>() < 200;
            let order = if small { 3 } else { 2 };
            crate::check_grads_at(&x, order, |x| fused(x, window).tanh()).unwrap();
        }
        check_grads(&[&[2, 4, 4, 3], &[3], &[3]], 3, |x| fused(x, [2, 2]));
    }

    #[test]
    fn it_equals_its_composition_in_value_and_three_gradients() {
        for (shape, window) in CASES {
            let tape = Tape::<f64>::new();
            let x = tape.leaves(&inputs(shape));
            let results = [fused, composed].map(|f| {
                let y = f(&x, window);
                let weights = (y + 0.3).tanh().detach();
                let mut all = vec![y.to_array()];
                let mut g = grad_of((y * y * weights).sum(), &x);
                for _ in 0..2 {
                    all.extend(g.iter().map(|g| g.to_array()));
                    let sum = g.iter().map(|&g| (g * g * g).sum()).reduce(|a, b| a + b).expect("three");
                    g = grad_of(sum, &x);
                }
                all.extend(g.iter().map(|g| g.to_array()));
                all
            });
            for (i, (a, b)) in results[0].iter().zip(&results[1]).enumerate() {
                let size = b.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
                assert_relative_eq!(a / size, b / size, epsilon = 1e-9);
                assert!(b.iter().any(|v| v.abs() > 1e-6), "result {i} says nothing");
            }
        }
    }

    #[test]
    fn a_cotangent_of_one_output_alone_is_pulled_back() {
        let tape = Tape::<f64>::new();
        let x = tape.leaves(&inputs([2, 4, 4, 3]));
        let curvature = |f: for<'t> fn(&[Var<'t, f64>], [usize; 2]) -> Var<'t, f64>| {
            let y = f(&x, [2, 2]);
            let g = grad_of((y * y).sum(), &x[1..2])[0]; // of γ alone: no cotangent of dx or dβ
            grad_values((g * g).sum(), &x)
        };
        for (a, b) in curvature(fused).iter().zip(&curvature(composed)) {
            assert_relative_eq!(a, b, max_relative = 1e-9, epsilon = 1e-9);
        }
    }

    #[test]
    fn freeing_values_on_the_way_changes_nothing() {
        let arrays = inputs([2, 7, 7, 3]);
        let run = |last: bool| {
            let tape = Tape::<f64>::new();
            let x = tape.leaves(&arrays);
            let w = tape.full(&[3, 3, 3, 3], 0.1);
            let y = x[0].tanh().conv2d(w, [1, 1], [1, 1]).batch_norm_relu_pool(x[1], x[2], 1e-5, [2, 2]);
            let loss = (y * y).sum();
            if last { crate::grad::last_grad_values(loss, &x) } else { grad_values(loss, &x) }
        };
        assert_eq!(run(true), run(false));
    }

    #[test]
    fn a_nan_comes_through() {
        let tape = Tape::<f32>::new();
        let x = tape.full(&[1, 2, 2, 1], f64::NAN);
        let (gamma, beta) = (tape.full(&[1], 1.0), tape.full(&[1], 0.0));
        assert!(x.batch_norm_relu_pool(gamma, beta, 1e-5, [2, 2]).item().is_nan());
    }

    #[test]
    #[should_panic(expected = "batch_norm_relu_pool: gamma [2] for images [1, 2, 2, 3]")]
    fn a_scale_of_another_length_is_named() {
        let tape = Tape::<f32>::new();
        let c = tape.full(&[2], 1.0);
        let _ = tape.full(&[1, 2, 2, 3], 0.0).batch_norm_relu_pool(c, c, 1e-5, [2, 2]);
    }
}
