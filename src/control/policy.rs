//! Policies.

use ndarray::ArrayD;

use super::environment::Environment;
use super::gaussian::Gaussian;
use super::rollout::Rollout;
use super::sample::sample;
use crate::error::{Error, Result};
use crate::nn::{Init, Model, Network, Norm, ParamSpec, check_params};
use crate::ops::Key;
use crate::real::Real;
use crate::settings::check_positive;
use crate::tape::Tape;
use crate::var::Var;

/// Actions drawn from a Gaussian whose mean is a network's output for the observation, and whose deviation per number of the
/// action is learned and the same everywhere.
///
/// Parameters are the network's and, last, `log_std: [actions]`. The paper's policy for navigation is a network of two
/// hidden layers of 100 units with ReLU:
///
/// ```
/// use innerloop::{GaussianPolicy, Key, Mlp, Navigation};
/// let policy = GaussianPolicy::new(Mlp::new(&[2, 100, 100, 2])?);
/// let params = policy.init::<f32>(0);
/// let rollout = policy.rollout(&params, &Navigation::new([0.3, 0.1]), 20, Key::new(1))?;
/// assert_eq!(rollout.lengths.len(), 20);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GaussianPolicy<M> {
    /// The network, from observations `[n, o]` to means of actions `[n, a]`.
    pub mean: M,
    /// The standard deviation that each number of an action begins with; 1 unless said otherwise.
    pub std: f64,
}

impl<M> GaussianPolicy<M> {
    /// Around the outputs of a network, with deviation 1 at first.
    pub fn new(mean: M) -> GaussianPolicy<M> {
        GaussianPolicy { mean, std: 1.0 }
    }

    /// The same with another deviation at first.
    #[must_use]
    pub fn with_std(self, std: f64) -> GaussianPolicy<M> {
        GaussianPolicy { std, ..self }
    }
}

impl<M: Network> GaussianPolicy<M> {
    /// Its parameters: those of the network, then `log_std`.
    pub fn specs(&self) -> Vec<ParamSpec> {
        let mut specs = self.mean.specs();
        specs.push(ParamSpec::new("log_std", &[self.mean.outputs()], Init::Constant(self.std.ln())));
        specs
    }

    /// Initial parameters, a function of the seed.
    pub fn init<T: Real>(&self, seed: u64) -> Vec<ArrayD<T>>
    where
        M: Model<T>,
    {
        let mut params = self.mean.init(seed);
        params.push(ArrayD::from_elem(vec![self.mean.outputs()], T::from_f64(self.std.ln())));
        params
    }

    /// The distributions of actions at `observations: [n, o]`.
    ///
    /// # Panics
    /// If parameters or observations have other shapes than the network's.
    pub fn at<'t, T: Real>(&self, params: &[Var<'t, T>], observations: Var<'t, T>) -> Gaussian<'t, T>
    where
        M: Model<T>,
    {
        let (log_std, network) = params.split_last().expect("a policy has a deviation");
        // without norms, which `check` sees to, no statistics are needed
        Gaussian { mean: self.mean.forward(network, observations, Norm::Batch), log_std: *log_std }
    }

    /// The most probable actions at `observations: [n, o]`, the means.
    ///
    /// # Errors
    /// Parameters or observations that do not fit.
    pub fn means<T: Real>(&self, params: &[ArrayD<T>], observations: &ArrayD<T>) -> Result<ArrayD<T>>
    where
        M: Model<T>,
    {
        self.check(params)?;
        self.mean.check_input(observations.shape())?;
        let tape = Tape::new();
        Ok(self.at(&tape.leaves(params), tape.leaf(observations)).mean.to_array())
    }

    /// Draws so many trajectories in one environment; a pure function of its arguments.
    ///
    /// # Errors
    /// Parameters that do not fit, or are not finite; [`Error::Setting`] for no trajectories or no steps;
    /// [`Error::Shape`] where the environment has other widths than the network;
    /// [`Error::Environment`] for what it returns: a width that it did not announce, a number that is not finite.
    pub fn rollout<T: Real>(
        &self,
        params: &[ArrayD<T>],
        env: &dyn Environment,
        trajectories: usize,
        key: Key,
    ) -> Result<Rollout<T>>
    where
        M: Model<T>,
    {
        self.check(params)?;
        sample(&self.as_dyn(), params, env, trajectories, key)
    }

    /// The same around a reference, so that what uses it is not generic in the network.
    pub(super) fn as_dyn<T: Real>(&self) -> GaussianPolicy<&dyn Model<T>>
    where
        M: Model<T>,
    {
        GaussianPolicy { mean: &self.mean, std: self.std }
    }

    /// Whether the network can be a policy's, and the parameters fit.
    pub(super) fn check<T: Real>(&self, params: &[ArrayD<T>]) -> Result<()> {
        check_positive("std", self.std)?;
        if !self.mean.norms().is_empty() {
            let need =
                "a network without batch norm, which would make an action depend on other observations";
            return Err(Error::Setting { name: "mean", value: format!("{:?}", self.mean), need });
        }
        check_params(&self.specs(), params)
    }
}
