//! Which statistics batch norm uses.

use std::cell::RefCell;

use ndarray::ArrayD;

use super::network::Network;
use crate::error::{Error, Result};
use crate::ops::{ConvBlock, given_affine};
use crate::real::Real;
use crate::var::Var;

/// Mean and biased variance of each channel, of one batch or running ones.
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

/// Which statistics batch norm uses in a forward pass. There is no default.
#[derive(Debug, Clone, Copy)]
pub enum Norm<'a> {
    /// Those of the batch itself. At test time this is transductive: the examples of a batch
    /// influence each other. The published MAML results use it.
    Batch,
    /// Those of the batch, which are also appended here, one entry per layer, for
    /// [`Moments::updated`].
    Observe(&'a RefCell<Vec<Moments>>),
    /// Given statistics, one entry per layer, usually running ones: each example is
    /// classified independently of the others.
    Running(&'a [Moments]),
}

/// Which statistics a learner's batch norms use; the owned form of [`Norm`].
#[derive(Debug, Clone, PartialEq)]
pub enum NormMode {
    /// Those of the batch itself (transductive).
    Batch,
    /// Given statistics, one entry per normalised layer.
    Running(Vec<Moments>),
}

impl NormMode {
    /// Whether given statistics fit a model.
    ///
    /// # Errors
    /// [`Error::Shape`] if their number differs, or the number of channels of a layer;
    /// [`Error::NotFinite`] if a value is not finite or a variance is negative. Both name the layer.
    pub fn check(&self, model: &(impl Network + ?Sized)) -> Result<()> {
        let (NormMode::Running(given), channels) = (self, model.norms()) else { return Ok(()) };
        let refuse = |what: String, expected, found| {
            Err(Error::Shape { what, expected: vec![expected], found: vec![found] })
        };
        if given.len() != channels.len() {
            return refuse("running statistics, one entry per layer".into(), channels.len(), given.len());
        }
        for (i, (moments, c)) in given.iter().zip(channels).enumerate() {
            for found in [moments.mean.len(), moments.var.len()] {
                if found != c {
                    return refuse(format!("running statistics of layer {i}"), c, found);
                }
            }
            let finite = |v: &f64| v.is_finite();
            if !(moments.mean.iter().all(finite) && moments.var.iter().map(|v| v.sqrt()).all(|v| finite(&v)))
            {
                let what = format!("a mean or a root of a variance in the running statistics of layer {i}");
                return Err(Error::NotFinite { what });
            }
        }
        Ok(())
    }

    /// The form that [`Model::forward`](crate::Model::forward) takes.
    pub fn as_norm(&self) -> Norm<'_> {
        match self {
            NormMode::Batch => Norm::Batch,
            NormMode::Running(moments) => Norm::Running(moments),
        }
    }
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
        [stride, pad, window]: [[usize; 2]; 3],
    ) -> Var<'t, T> {
        match self {
            Norm::Batch => x.conv_block(w, gamma, beta, ConvBlock { stride, pad, eps: EPS, window }),
            Norm::Observe(seen) => {
                let y = x.conv2d(w, stride, pad);
                seen.borrow_mut().push(observed(y, bias));
                y.batch_norm_relu_pool(gamma, beta, EPS, window)
            }
            Norm::Running(moments) => {
                let given = given_statistics(moments, layer, bias);
                let (scale, shift) = given_affine([gamma, beta, given.0, given.1], EPS);
                x.conv2d(w, stride, pad).affine_relu_pool(scale, shift, window)
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
            Norm::Observe(seen) => {
                seen.borrow_mut().push(observed(x, bias));
                x.batch_norm(gamma, beta, EPS)
            }
            Norm::Running(moments) => {
                let (mean, var) = given_statistics(moments, layer, bias);
                x.batch_norm_with(gamma, beta, mean, var, EPS)
            }
        }
    }
}

compiled_here!(T: Norm::conv_block::<T>, Norm::apply::<T>);

/// The statistics of the batch `x + bias`.
fn observed<'t, T: Real>(x: Var<'t, T>, bias: Var<'t, T>) -> Moments {
    let over: Vec<_> = (0..x.shape().len() - 1).collect();
    let numbers = |v: Var<'t, T>| v.value().iter().map(|v| v.as_f64()).collect();
    Moments { mean: numbers(x.mean_axes(&over) + bias), var: numbers(x.var_axes(&over)) }
}

/// Mean and variance given for a layer, for its input before `bias` is added.
#[track_caller]
fn given_statistics<'t, T: Real>(
    moments: &[Moments],
    layer: usize,
    bias: Var<'t, T>,
) -> (Var<'t, T>, Var<'t, T>) {
    let layers = moments.len();
    let given = moments.get(layer).unwrap_or_else(|| {
        panic!("batch norm: statistics of {layers} layers were given, layer {layer} has none")
    });
    let var = |v: &[f64]| {
        let array: ArrayD<T> = ndarray::Array1::from_iter(v.iter().map(|&v| T::of(v))).into_dyn();
        bias.tape().leaf(&array)
    };
    (var(&given.mean) - bias, var(&given.var))
}
