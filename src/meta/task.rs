//! What a task may be, and the checks of tasks, examples and parameters where they enter a library call.

use ndarray::ArrayD;

use super::learner::{Learned, Learner};
use crate::data::{Episode, Examples};
use crate::error::{Error, Result};
use crate::nn::{Network, ParamSpec, check_params, check_specs};
use crate::real::{Real, all_finite};

/// A kind of task that a learner can be trained on: an [`Episode`], a plain batch of [`Examples`], or a type of your own.
pub trait Task<T: Real>: Sync + Send {
    /// Whether the task is whole and fits the learner. By default yes.
    ///
    /// # Errors
    /// What does not fit.
    fn check(&self, learner: &dyn Learner<T>) -> Result<()> {
        let _ = learner;
        Ok(())
    }
}

impl<T: Real> Task<T> for Episode<T> {
    #[inline(never)]
    fn check(&self, learner: &dyn Learner<T>) -> Result<()> {
        Episode::check(self)?;
        learner.check("support", &self.support)?;
        learner.check("query", &self.query)
    }
}

/// A plain batch. That its labels fit the classes that are trained on is for the learner to see.
impl<T: Real> Task<T> for Examples<T> {
    fn check(&self, _: &dyn Learner<T>) -> Result<()> {
        Examples::check(self, "batch")
    }
}

/// Whether a learner's settings are sound and what was learned fits it: sound specs, and arrays of their number and
/// shape that are finite. Returns the specs of the meta-parameters.
///
/// # Errors
/// What [`Learner::check_settings`] and [`check_params`] refuse.
#[inline(never)]
pub fn check_learned<T: Real>(learner: &dyn Learner<T>, learned: &Learned<T>) -> Result<Vec<ParamSpec>> {
    learner.check_settings()?;
    let specs = learner.specs();
    check_params(&specs, &learned.params)?;
    check_params(&learner.state(), &learned.state)?;
    Ok(specs)
}

/// Whether a learner can adapt from `learned` to a support set: what [`Learner::adapt`] should ask first.
///
/// # Errors
/// What [`check_learned`], [`Examples::check_support`] and [`Learner::check`] refuse.
#[inline(never)]
pub fn check_adapt<T: Real>(
    learner: &dyn Learner<T>,
    learned: &Learned<T>,
    support: &Examples<T>,
) -> Result<()> {
    check_learned(learner, learned)?;
    support.check_support()?;
    learner.check("support", support)
}

/// Whether `x: [n, ..]` are inputs that a network can predict for: what [`Learner::predict`] should ask first.
///
/// # Errors
/// What [`Network::check_input`] and [`Network::check_values`] refuse; [`Error::Shape`] for no inputs; [`Error::NotFinite`].
#[inline(never)]
pub fn check_inputs<T: Real>(network: &dyn Network, x: &ArrayD<T>) -> Result<()> {
    network.check_input(x.shape())?;
    if x.is_empty() {
        let (mut expected, found) = (x.shape().to_vec(), x.shape().to_vec());
        expected[0] = expected[0].max(1);
        return Err(Error::Shape { what: "inputs to predict for".into(), expected, found });
    }
    if !all_finite(x) {
        return Err(Error::NotFinite { what: "the array of inputs to predict for".into() });
    }
    check_values(network, x)
}

fn check_values<T: Real>(network: &dyn Network, x: &ArrayD<T>) -> Result<()> {
    network.check_values(x.shape(), &mut x.iter().map(|v| v.as_f64()))
}

/// Passes outputs on that a prediction may return.
pub(super) fn finite_outputs<T: Real>(outputs: ArrayD<T>) -> Result<ArrayD<T>> {
    match all_finite(&outputs) {
        true => Ok(outputs),
        false => Err(Error::NotFinite { what: "a prediction".into() }),
    }
}

/// Whether examples fit a network that gives `outputs` numbers for each: the shape and the values of the inputs, the
/// number of ways, the width of the targets' values. A learner whose number of ways is not bounded by its network gives `usize::MAX`.
///
/// # Errors
/// [`Error::Shape`], [`Error::Setting`] for more ways than outputs; what [`Network::check_values`] refuses.
#[inline(never)]
pub fn check_examples<T: Real>(
    network: &dyn Network,
    outputs: usize,
    set: &'static str,
    examples: &Examples<T>,
) -> Result<()> {
    network.check_input(examples.x.shape())?;
    check_values(network, &examples.x)?;
    examples.unlabelled.iter().try_for_each(|x| check_values(network, x))?;
    if let Some(ways) = examples.y.ways().filter(|ways| *ways > outputs) {
        let need = "at most the number of outputs of the model";
        return Err(Error::Setting { name: "ways", value: ways.to_string(), need });
    }
    match examples.y.values() {
        Some(values) if values.shape() != [examples.len(), outputs] => Err(Error::Shape {
            what: format!("{set} values for the model's outputs"),
            expected: vec![examples.len(), outputs],
            found: values.shape().to_vec(),
        }),
        _ => Ok(()),
    }
}

/// Refuses a learner without meta-parameters, which cannot be trained.
pub(crate) fn check_trainable(specs: &[ParamSpec]) -> Result<()> {
    check_specs(specs)?;
    if specs.is_empty() {
        let need = "a list of at least one array";
        return Err(Error::Setting { name: "parameters", value: "empty".into(), need });
    }
    Ok(())
}

compiled_here!(T: <Episode<T> as Task<T>>::check, check_learned::<T>, check_adapt::<T>, check_inputs::<T>, check_examples::<T>);
