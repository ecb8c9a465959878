//! A whole convolution block, which recomputes its convolution where that is cheaper
//! than keeping it.
//!
//! The first layer of an image network has one or three input channels: about ten
//! products per output, and its output is the largest array of the network. Writing
//! it and reading it back costs more than computing it, so this operation computes
//! it for a few images at a time, each time it is needed, and it never leaves the
//! cache. A recorded derivative puts it on the tape and continues with
//! [`conv2d`](Var::conv2d) and [`norm_relu`](super::norm_relu), so it is exact at
//! every order.

use std::rc::Rc;

use super::conv2d::{conv2d, conv2d_input_grad, conv2d_weight_grad, geometry};
use super::norm_relu::{grad, normalised, tiles_of};
use crate::kernels::norm::{Moments, NormGrad, Winners};
use crate::kernels::{ConvShape, each, vectorized};
use crate::op::{Emit, Point, Rule};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::{Shape, Value};
use crate::var::Var;

/// Largest number of products per output for which the convolution is recomputed.
const THIN: usize = 32;
/// Elements of the convolution's output computed at a time: they stay in the second-level cache.
const BLOCK: usize = 192 * 1024;

/// The settings of [`Var::conv_block`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvBlock {
    /// Step of the convolution's window down and right.
    pub stride: [usize; 2],
    /// Zeros above and below, left and right of the images.
    pub pad: [usize; 2],
    /// Added to the variance, inside the root.
    pub eps: f64,
    /// Pooling window, side by side; `[1, 1]` for none.
    pub window: [usize; 2],
}

/// Inputs `x`, `w`, `γ`, `β`; output `y`.
#[derive(Debug)]
struct ThinBlock<T: Real> {
    conv: ConvShape,
    winners: Rc<Winners<T>>,
}

impl<T: Real> Rule<T> for ThinBlock<T> {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        let Some(g) = gs[0] else { return };
        let [x, w, gamma] = [0, 1, 2].map(|i| at.input(i));
        if !at.is_recorded() && !at.needs(0) {
            let grads = self.grads([x, w, gamma, g].map(|v| v.val()).each_ref());
            let shapes = [w, gamma, gamma].map(|v| v.shape());
            let leaf = |(value, shape): (Buf<T>, Shape)| at.tape.push_leaf(Value::new(&shape, value));
            return emit.all(1, at, grads.into_iter().zip(shapes).map(leaf));
        }
        let [dy, dgamma, dbeta] = grad(&self.winners, [conv2d(self.conv, x, w), gamma, g], None);
        if at.needs(0) {
            emit.cotangent(0, conv2d_input_grad(self.conv, dy, w));
        }
        if at.needs(1) {
            emit.cotangent(1, conv2d_weight_grad(self.conv, x, dy));
        }
        emit.all(2, at, [dgamma, dbeta]);
    }

    fn reads_output(&self) -> bool {
        false
    }
}

impl<T: Real> ThinBlock<T> {
    /// Cotangents of `w`, `γ`, `β`, a few images at a time.
    fn grads(&self, [x, w, gamma, g]: [&Value<T>; 4]) -> [Buf<T>; 3] {
        let mut sums = [(); 2].map(|()| vec![T::ZERO; self.conv.c_out]);
        each_block(&self.conv, x.data(), w.data(), |from, _, y| {
            self.winners.add_sums(from, y, g.data(), &mut sums);
        });
        let norm = NormGrad::new(&self.winners, gamma.data(), &sums);
        let (mut dw, mut part) = (Buf::zeros(self.conv.w_len()), Buf::dirty(self.conv.w_len()));
        each_block(&self.conv, x.data(), w.data(), |from, (block, x), y| {
            norm.write(&self.winners, from, None, g.data(), y);
            T::conv2d_weight_grad(block, x, y, &mut part);
            vectorized(
                #[inline(always)]
                || each::update(&mut dw, &part, |sum, p| sum + p),
            );
        });
        [dw, norm.gamma, norm.beta]
    }
}

/// Calls `f` for a few images at a time with the number of the first, their geometry,
/// the images, and their convolution, which `f` may overwrite.
fn each_block<T: Real>(
    conv: &ConvShape,
    x: &[T],
    w: &[T],
    mut f: impl FnMut(usize, (&ConvShape, &[T]), &mut [T]),
) {
    let (image, output) = (conv.x_len() / conv.n, conv.y_len() / conv.n);
    let at_once = (BLOCK / output).clamp(1, conv.n);
    let mut y = Buf::dirty(at_once * output);
    for from in (0..conv.n).step_by(at_once) {
        let block = ConvShape { n: at_once.min(conv.n - from), ..*conv };
        let x = &x[from * image..(from + block.n) * image];
        let y = &mut y[..block.n * output];
        T::conv2d(&block, x, w, y);
        f(from, (&block, x), y);
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Convolution with `w`, batch norm with the statistics of this batch, ReLU and
    /// max-pooling: [`conv2d`](Var::conv2d), then
    /// [`batch_norm_relu_pool`](Var::batch_norm_relu_pool), which give the shapes.
    ///
    /// With few input channels the convolution's output is recomputed when it is needed
    /// and not kept: a first layer then takes a fraction of the memory, and less time.
    ///
    /// # Panics
    /// As those two.
    #[track_caller]
    #[inline(never)]
    pub fn conv_block(
        self,
        w: Var<'t, T>,
        gamma: Var<'t, T>,
        beta: Var<'t, T>,
        block: ConvBlock,
    ) -> Var<'t, T> {
        convolved(self, w, [gamma, beta], block, true).0
    }

    /// [`conv_block`](Var::conv_block) without the ReLU: convolution, batch norm, and the largest value of each window.
    ///
    /// # Panics
    /// As [`conv_block`](Var::conv_block).
    #[track_caller]
    #[inline(never)]
    pub fn conv_norm_pool(
        self,
        w: Var<'t, T>,
        gamma: Var<'t, T>,
        beta: Var<'t, T>,
        block: ConvBlock,
    ) -> Var<'t, T> {
        convolved(self, w, [gamma, beta], block, false).0
    }
}

/// [`Var::conv_block`], or [`Var::conv_norm_pool`] without `relu`, and mean and biased variance of each channel of the
/// convolution's output, `[c]` each.
#[track_caller]
#[inline(never)]
pub(crate) fn observed_conv_block<'t, T: Real>(
    x: Var<'t, T>,
    [w, gamma, beta]: [Var<'t, T>; 3],
    block: ConvBlock,
    relu: bool,
) -> (Var<'t, T>, [Vec<f64>; 2]) {
    let (y, winners) = convolved(x, w, [gamma, beta], block, relu);
    (y, winners.statistics())
}

#[track_caller]
fn convolved<'t, T: Real>(
    x: Var<'t, T>,
    w: Var<'t, T>,
    [gamma, beta]: [Var<'t, T>; 2],
    block: ConvBlock,
    relu: bool,
) -> (Var<'t, T>, Rc<Winners<T>>) {
    let conv = geometry(x, w, block.stride, block.pad);
    if conv.kh * conv.kw * conv.c_in > THIN || conv.n == 0 {
        let y = x.conv2d(w, block.stride, block.pad);
        let name = if relu { "batch_norm_relu_pool" } else { "batch_norm_pool" };
        let windows = tiles_of(name, &y.shape(), block.window, [gamma, beta]);
        return normalised(y, [gamma, beta], block.eps, windows, relu);
    }
    let shape = [conv.n, conv.oh(), conv.ow(), conv.c_out];
    let windows =
        tiles_of(if relu { "conv_block" } else { "conv_norm_pool" }, &shape, block.window, [gamma, beta]);
    let (images, weights) = (x.val(), w.val());
    let mut moments = Moments::new(conv.c_out);
    each_block(&conv, images.data(), weights.data(), |_, _, y| moments.add(y));
    let winners = Winners::new(windows, T::from_f64(block.eps), moments);
    let mut winners = if relu { winners } else { winners.without_relu() };
    let (gamma_val, beta_val) = (gamma.val(), beta.val());
    let mut out = Buf::dirty(windows.pooled().iter().product());
    each_block(&conv, images.data(), weights.data(), |from, _, y| {
        winners.choose(from, y, [gamma_val.data(), beta_val.data()], &mut out);
    });
    let winners = Rc::new(winners);
    let rule = ThinBlock { conv, winners: Rc::clone(&winners) };
    let [y] = x.tape().push_all([Value::new(&windows.pooled(), out)], rule, &[x, w, gamma, beta]);
    (y, winners)
}

compiled_here!(T: Var::<T>::conv_block, Var::<T>::conv_norm_pool, observed_conv_block::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Tape;
    use crate::{check_grads, grad as grad_of, grad_values};
    use approx::assert_relative_eq;

    const POOLED: ConvBlock = ConvBlock { stride: [1, 1], pad: [1, 1], eps: 1e-5, window: [2, 2] };
    const STRIDED: ConvBlock = ConvBlock { stride: [2, 2], window: [1, 1], ..POOLED };

    fn composed<'t>(x: &[Var<'t, f64>], b: ConvBlock) -> Var<'t, f64> {
        let y = x[0].conv2d(x[1], b.stride, b.pad).batch_norm(x[2], x[3], b.eps).relu();
        y.max_pool2d(b.window, b.window)
    }

    fn fused<'t>(x: &[Var<'t, f64>], b: ConvBlock) -> Var<'t, f64> {
        x[0].conv_block(x[1], x[2], x[3], b)
    }

    #[test]
    fn it_has_correct_grads_in_every_argument() {
        for block in [POOLED, STRIDED] {
            check_grads(&[&[2, 5, 5, 2], &[3, 3, 2, 3], &[3], &[3]], 2, |x| fused(x, block).tanh());
        }
        check_grads(&[&[2, 4, 4, 5], &[3, 3, 5, 2], &[2], &[2]], 2, |x| fused(x, POOLED)); // not thin
    }

    #[test]
    fn it_equals_its_composition_in_value_and_two_gradients_recorded_or_not() {
        // more images than are computed at a time
        for (images, block) in [(90, POOLED), (3, STRIDED)] {
            let tape = Tape::<f64>::new();
            let wave = |shape: &[usize], f: f64| {
                let mut i = 0.0;
                tape.leaf(&ndarray::ArrayD::from_shape_simple_fn(shape, || {
                    i += 1.0;
                    (i * f).sin()
                }))
            };
            let x = [
                wave(&[images, 28, 28, 1], 12.9898),
                wave(&[3, 3, 1, 3], 4.1),
                wave(&[3], 2.3),
                wave(&[3], 1.1),
            ];
            let results = [fused, composed].map(|f| {
                let y = f(&x, block);
                let loss = (y * y * y).mean();
                let quiet = grad_values(loss, &x[1..]);
                let recorded = grad_of(loss, &x[1..]);
                let sum = recorded.iter().map(|&g| (g * g).sum()).reduce(|a, b| a + b).expect("three");
                let curvature = grad_values(sum, &x[1..]);
                let recorded: Vec<_> = recorded.iter().map(|g| g.to_array()).collect();
                [vec![y.to_array()], quiet, recorded, curvature].concat()
            });
            for (a, b) in results[0].iter().zip(&results[1]) {
                let size = b.iter().fold(1e-9, |m: f64, v| m.max(v.abs()));
                assert_relative_eq!(a / size, b / size, epsilon = 1e-9);
            }
        }
    }
}
