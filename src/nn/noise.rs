//! Networks that are random in training: dropout and its relatives.

use super::network::Network;
use super::norm::Norm;
use super::{Model, init_params};
use crate::ops::Key;
use crate::real::Real;
use crate::var::Var;
use ndarray::ArrayD;

/// What decides the random part of a network in one lesson: plain data, the same for every pass of this lesson, so
/// that a computation that is repeated gives the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Noise {
    /// The key of this lesson.
    pub key: Key,
    /// Meta-steps made before this one, for rates that change over training.
    pub iteration: u64,
}

impl Noise {
    /// The noise of a lesson.
    pub fn new(key: Key, iteration: u64) -> Noise {
        Noise { key, iteration }
    }
}

/// A network with a random part that is active in training only.
///
/// It is not a [`Model`], so no learner can take it and leave the random part out silently.
/// [`Regularized`](crate::Regularized) makes a learner with it: one that sees [`InTraining`] with noise in each lesson,
/// and without noise wherever it adapts and predicts.
pub trait NoisyModel<T: Real>: Network {
    /// Outputs for a batch of inputs, as [`Model::forward`]; without `noise` nothing is random.
    ///
    /// # Panics
    /// If parameters or inputs have other shapes than the network's.
    fn noisy_forward<'t>(
        &self,
        params: &[Var<'t, T>],
        x: Var<'t, T>,
        norm: Norm<'_>,
        noise: Option<&Noise>,
    ) -> Var<'t, T>;

    /// As [`Model::features`].
    ///
    /// # Panics
    /// As [`noisy_forward`](NoisyModel::noisy_forward).
    fn noisy_features<'t>(
        &self,
        params: &[Var<'t, T>],
        x: Var<'t, T>,
        norm: Norm<'_>,
        noise: Option<&Noise>,
    ) -> Option<Var<'t, T>> {
        let _ = (params, x, norm, noise);
        None
    }

    /// As [`Model::head`], which has no random part.
    fn plain_head<'t>(&self, params: &[Var<'t, T>], features: Var<'t, T>) -> Option<Var<'t, T>> {
        let _ = (params, features);
        None
    }

    /// As [`Model::init`].
    fn initial(&self, seed: u64) -> Vec<ArrayD<T>> {
        init_params(&self.specs(), seed)
    }
}

/// A noisy network as a model: with the noise of one lesson, or without noise. Made by
/// [`Regularized`](crate::Regularized).
#[derive(Debug, Clone, PartialEq)]
pub struct InTraining<M> {
    model: M,
    noise: Option<Noise>,
}

impl<M> InTraining<M> {
    /// The model of a network, with the noise of a lesson or without any.
    pub fn new(model: M, noise: Option<Noise>) -> InTraining<M> {
        InTraining { model, noise }
    }
}

impl<M: Network> Network for InTraining<M> {
    fn specs(&self) -> Vec<super::ParamSpec> {
        self.model.specs()
    }

    fn count(&self) -> usize {
        self.model.count()
    }

    fn check_input(&self, shape: &[usize]) -> crate::Result<()> {
        self.model.check_input(shape)
    }

    fn check_values(&self, shape: &[usize], values: &mut dyn Iterator<Item = f64>) -> crate::Result<()> {
        self.model.check_values(shape, values)
    }

    fn outputs(&self) -> usize {
        self.model.outputs()
    }

    fn norms(&self) -> Vec<usize> {
        self.model.norms()
    }
}

impl<T: Real, M: NoisyModel<T>> Model<T> for InTraining<M> {
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
        self.model.noisy_forward(params, x, norm, self.noise.as_ref())
    }

    fn features<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Option<Var<'t, T>> {
        self.model.noisy_features(params, x, norm, self.noise.as_ref())
    }

    fn head<'t>(&self, params: &[Var<'t, T>], features: Var<'t, T>) -> Option<Var<'t, T>> {
        self.model.plain_head(params, features)
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        self.model.initial(seed)
    }
}
