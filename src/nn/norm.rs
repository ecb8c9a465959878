//! Which statistics batch norm uses.

use std::cell::RefCell;

use ndarray::ArrayD;

use crate::ops::{ConvBlock, given_affine, observed_conv_block};
use crate::real::Real;
use crate::var::Var;

/// Mean and biased variance of each channel, of one batch or running ones.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// The mean of each channel.
    pub mean: Vec<f64>,
    /// The biased variance of each channel.
    pub var: Vec<f64>,
}

impl Moments {
    /// Mean 0 and variance 1, the initial values of running statistics.
    pub fn standard(channels: usize) -> Moments {
        Moments { mean: vec![0.0; channels], var: vec![1.0; channels] }
    }

    /// Running statistics after one more batch: `(1 − momentum)·running + momentum·batch`.
    ///
    /// # Panics
    /// If the numbers of channels differ.
    #[track_caller]
    pub fn updated(&self, batch: &Moments, momentum: f64) -> Moments {
        let mix = |a: &[f64], b: &[f64]| {
            assert!(a.len() == b.len(), "Moments: {} channels updated with {}", a.len(), b.len());
            a.iter().zip(b).map(|(a, b)| a + momentum * (b - a)).collect()
        };
        Moments { mean: mix(&self.mean, &batch.mean), var: mix(&self.var, &batch.var) }
    }
}

/// Sees the statistics of one forward pass, for [`Norm::Observe`].
///
/// ```
/// use innerloop::{Conv4, Downsample, Model, Norm, Observer, Tape};
/// let model = Conv4::new([28, 28, 1], 8, Downsample::Stride, Some(5))?;
/// let (tape, observer) = (Tape::<f32>::new(), Observer::new());
/// let theta = tape.leaves(&model.init(0));
/// let x = tape.full(&[4, 28, 28, 1], 0.5);
/// model.forward(&theta, x, Norm::Observe(&observer));
/// let moments = observer.into_moments();
/// assert_eq!(moments.len(), 4); // one entry for each normalised layer
/// model.forward(&theta, x, Norm::Running(&moments)); // each example by itself
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Observer {
    seen: RefCell<Vec<Moments>>,
}

impl Observer {
    /// One that has seen nothing yet.
    pub fn new() -> Observer {
        Observer::default()
    }

    /// What it saw, one entry per normalised layer.
    pub fn into_moments(self) -> Vec<Moments> {
        self.seen.into_inner()
    }

    #[track_caller]
    fn add(&self, layer: usize, moments: Moments) {
        let mut seen = self.seen.borrow_mut();
        let layers = seen.len();
        assert!(
            layer == layers,
            "batch norm: an observer that has seen {layers} layers cannot see layer {layer}: \
             each forward pass needs an observer of its own, and its layers in order"
        );
        seen.push(moments);
    }
}

/// Which statistics batch norm uses in one forward pass. Always stated, never a hidden state.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Norm<'a> {
    /// The batch's own.
    Batch,
    /// Those of the first examples of the batch, so many, for the whole batch. Differentiable, as the batch's own:
    /// with the support set first, queries are normalised by the support set's statistics.
    First(usize),
    /// The batch's own; they are also written down.
    Observe(&'a Observer),
    /// Given ones, an entry per normalised layer. They are constants.
    Running(&'a [Moments]),
}

/// How a convolution block moves over its image, for [`Norm::conv_block`]; `[height, width]` each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockShape {
    /// From one window of the convolution to the next.
    pub stride: [usize; 2],
    /// Zeros around the image.
    pub pad: [usize; 2],
    /// The windows of which the largest value is taken; `[1, 1]` for none.
    pub window: [usize; 2],
}

/// Inside the root, as in the reference; outside, gradients differ in the fourth digit.
const EPS: f64 = 1e-5;

impl Norm<'_> {
    /// A convolution block: convolution with `w` and `bias`, normalised as
    /// [`apply`](Norm::apply) does, ReLU, and the largest value of each of the `window`s
    /// that tile the image (`[1, 1]`: none). `params` are `w`, `bias`, `gamma`, `beta`.
    ///
    /// # Panics
    /// As [`apply`](Norm::apply), [`Var::conv2d`] and [`Var::max_pool2d`].
    #[inline(never)]
    #[track_caller]
    pub fn conv_block<'t, T: Real>(
        self,
        layer: usize,
        x: Var<'t, T>,
        [w, bias, gamma, beta]: [Var<'t, T>; 4],
        BlockShape { stride, pad, window }: BlockShape,
    ) -> Var<'t, T> {
        match self {
            Norm::Batch => x.conv_block(w, gamma, beta, ConvBlock { stride, pad, eps: EPS, window }),
            Norm::Observe(observer) => {
                let block = ConvBlock { stride, pad, eps: EPS, window };
                let (y, statistics) = observed_conv_block(x, [w, gamma, beta], block, true);
                observer.add(layer, with_bias(statistics, Some(bias)));
                y
            }
            Norm::First(n) => {
                let y = x.conv2d(w, stride, pad);
                let (mean, var) = first_statistics(y, n);
                let (scale, shift) = given_affine([gamma, beta, mean, var], EPS);
                y.affine_relu_pool(scale, shift, window)
            }
            Norm::Running(moments) => {
                let given = given_statistics(moments, layer, gamma, Some(bias));
                let (scale, shift) = given_affine([gamma, beta, given.0, given.1], EPS);
                x.conv2d(w, stride, pad).affine_relu_pool(scale, shift, window)
            }
        }
    }

    /// A convolution block without the ReLU: convolution with `w` (and `bias`, if the layer has one), normalised as
    /// [`apply`](Norm::apply) does, and the largest value of each of the `window`s. An activation that never falls, such
    /// as a leaky ReLU, may follow: pooling before it gives the same values as pooling after it, and costs less.
    ///
    /// # Panics
    /// As [`conv_block`](Norm::conv_block).
    #[inline(never)]
    #[track_caller]
    pub fn conv_norm<'t, T: Real>(
        self,
        layer: usize,
        x: Var<'t, T>,
        [w, gamma, beta]: [Var<'t, T>; 3],
        bias: Option<Var<'t, T>>,
        BlockShape { stride, pad, window }: BlockShape,
    ) -> Var<'t, T> {
        let given = |y: Var<'t, T>, statistics: [Var<'t, T>; 2]| {
            let (scale, shift) = given_affine([gamma, beta, statistics[0], statistics[1]], EPS);
            let y = y.affine_channels(scale, shift);
            if window == [1, 1] { y } else { y.max_pool2d(window, window) }
        };
        match self {
            Norm::Batch => x.conv_norm_pool(w, gamma, beta, ConvBlock { stride, pad, eps: EPS, window }),
            Norm::Observe(observer) => {
                let block = ConvBlock { stride, pad, eps: EPS, window };
                let (y, statistics) = observed_conv_block(x, [w, gamma, beta], block, false);
                observer.add(layer, with_bias(statistics, bias));
                y
            }
            Norm::First(n) => {
                let y = x.conv2d(w, stride, pad);
                given(y, first_statistics(y, n).into())
            }
            Norm::Running(moments) => {
                given(x.conv2d(w, stride, pad), given_statistics(moments, layer, gamma, bias).into())
            }
        }
    }

    /// Adds `bias` and normalises `x: [.., c]` for layer number `layer`, then `·gamma + beta`.
    ///
    /// With the batch's own statistics a bias before the norm has no influence at
    /// all, so it is left out and its gradient is exactly the zero it should be;
    /// computing it would return rounding errors for the price of two passes.
    ///
    /// # Panics
    /// If running statistics are given and there are none for this layer.
    #[inline(never)]
    #[track_caller]
    pub fn apply<'t, T: Real>(
        self,
        layer: usize,
        x: Var<'t, T>,
        bias: Var<'t, T>,
        gamma: Var<'t, T>,
        beta: Var<'t, T>,
    ) -> Var<'t, T> {
        match self {
            Norm::Batch => x.batch_norm(gamma, beta, EPS),
            Norm::Observe(observer) => {
                observer.add(layer, observed(x, bias));
                x.batch_norm(gamma, beta, EPS)
            }
            Norm::First(n) => {
                let (mean, var) = first_statistics(x, n);
                x.batch_norm_with(gamma, beta, mean, var, EPS)
            }
            Norm::Running(moments) => {
                let (mean, var) = given_statistics(moments, layer, gamma, Some(bias));
                x.batch_norm_with(gamma, beta, mean, var, EPS)
            }
        }
    }
}

compiled_here!(T: Norm::conv_block::<T>, Norm::conv_norm::<T>, Norm::apply::<T>);

/// Mean and variance per channel of the first `n` examples.
#[track_caller]
fn first_statistics<'t, T: Real>(x: Var<'t, T>, n: usize) -> (Var<'t, T>, Var<'t, T>) {
    let shape = x.shape();
    assert!(0 < n && n <= shape[0], "batch norm: the first {n} examples of a batch of shape {shape:?}");
    let ranges: Vec<_> = std::iter::once(0..n).chain(shape[1..].iter().map(|&d| 0..d)).collect();
    let (first, over) = (x.slice(&ranges), (0..shape.len() - 1).collect::<Vec<_>>());
    (first.mean_axes(&over), first.var_axes(&over))
}

/// The statistics of the batch `x + bias`.
fn observed<'t, T: Real>(x: Var<'t, T>, bias: Var<'t, T>) -> Moments {
    let over: Vec<_> = (0..x.shape().len() - 1).collect();
    let numbers = |v: Var<'t, T>| v.to_array().iter().map(|v| v.as_f64()).collect();
    with_bias([numbers(x.mean_axes(&over)), numbers(x.var_axes(&over))], Some(bias))
}

/// Mean and variance after a bias was added.
fn with_bias<T: Real>([mut mean, var]: [Vec<f64>; 2], bias: Option<Var<'_, T>>) -> Moments {
    if let Some(bias) = bias {
        mean.iter_mut().zip(bias.val().data()).for_each(|(mean, bias)| *mean += bias.as_f64());
    }
    Moments { mean, var }
}

/// Mean and variance given for a layer, for its input before `bias` is added; `like` says on which tape.
#[track_caller]
fn given_statistics<'t, T: Real>(
    moments: &[Moments],
    layer: usize,
    like: Var<'t, T>,
    bias: Option<Var<'t, T>>,
) -> (Var<'t, T>, Var<'t, T>) {
    let layers = moments.len();
    let given = moments.get(layer).unwrap_or_else(|| {
        panic!("batch norm: statistics of {layers} layers were given, layer {layer} has none")
    });
    let var = |v: &[f64]| {
        let array: ArrayD<T> = ndarray::Array1::from_iter(v.iter().map(|&v| T::from_f64(v))).into_dyn();
        like.tape().leaf(&array)
    };
    let mean = var(&given.mean);
    (bias.map_or(mean, |bias| mean - bias), var(&given.var))
}
