//! The adapted thing: all that a learner needs to predict.

use ndarray::{Array1, ArrayD};

use crate::error::{Error, Result};
use crate::nn::{Moments, ParamSpec, check_moments, check_params};
use crate::real::Real;

/// What a learner made of a support set: named arrays, complete in themselves. For MAML these are the adapted
/// parameters, for prototypical networks the embedding and the prototypes, each with the statistics of its norms.
///
/// Predict with the [`predict`](crate::Learner::predict) of the learner that made it. Two are equal if they hold equal
/// arrays under equal names, in whatever order.
#[derive(Debug, Clone)]
pub struct Adapted<T> {
    arrays: Vec<(String, ArrayD<T>)>,
}

impl<T: PartialEq> PartialEq for Adapted<T> {
    fn eq(&self, other: &Adapted<T>) -> bool {
        self.arrays.len() == other.arrays.len() && self.arrays.iter().all(|one| other.arrays.contains(one))
    }
}

impl<T: Real> Adapted<T> {
    /// Of arrays by name.
    ///
    /// # Panics
    /// If a name appears twice.
    #[track_caller]
    pub fn new(arrays: impl IntoIterator<Item = (String, ArrayD<T>)>) -> Adapted<T> {
        arrays.into_iter().fold(Adapted { arrays: Vec::new() }, |all, (name, array)| all.with(name, array))
    }

    /// Of parameters under the names of their specs.
    ///
    /// # Panics
    /// If there are not as many parameters as specs.
    #[track_caller]
    pub fn of_params(specs: &[ParamSpec], params: Vec<ArrayD<T>>) -> Adapted<T> {
        assert_eq!(specs.len(), params.len(), "Adapted: there must be as many parameters as specs");
        Adapted::new(specs.iter().map(|spec| spec.name.clone()).zip(params))
    }

    /// The same with one more array.
    ///
    /// # Panics
    /// If there is one of this name.
    #[must_use]
    #[track_caller]
    pub fn with(mut self, name: impl Into<String>, array: ArrayD<T>) -> Adapted<T> {
        let name = name.into();
        assert!(self.arrays.iter().all(|(n, _)| *n != name), "Adapted: there are two arrays named {name:?}");
        self.arrays.push((name, array));
        self
    }

    /// The same with statistics of normalised layers.
    #[must_use]
    pub fn with_moments(self, moments: &[Moments]) -> Adapted<T> {
        let array = |v: &[f64]| Array1::from_iter(v.iter().map(|&v| T::from_f64(v))).into_dyn();
        moments.iter().enumerate().fold(self, |all, (layer, m)| {
            all.with(moment_name(layer, "mean"), array(&m.mean))
                .with(moment_name(layer, "var"), array(&m.var))
        })
    }

    /// All arrays with their names.
    pub fn arrays(&self) -> impl Iterator<Item = (&str, &ArrayD<T>)> {
        self.arrays.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// The array of this name.
    ///
    /// # Errors
    /// [`Error::NotAdapted`] if there is none.
    pub fn array(&self, name: &str) -> Result<&ArrayD<T>> {
        let found = self.arrays.iter().find(|(n, _)| n == name);
        found.map(|(_, array)| array).ok_or_else(|| Error::NotAdapted { name: name.into() })
    }

    /// The arrays whose names begin with `prefix`, under what is left of their names.
    pub(super) fn within(&self, prefix: &str) -> Adapted<T> {
        let named =
            |(name, array): &(String, ArrayD<T>)| Some((name.strip_prefix(prefix)?.into(), array.clone()));
        Adapted { arrays: self.arrays.iter().filter_map(named).collect() }
    }

    /// The parameters that specs name, checked against them.
    ///
    /// # Errors
    /// As [`array`](Adapted::array); what [`check_params`] refuses.
    #[inline(never)]
    pub fn params(&self, specs: &[ParamSpec]) -> Result<Vec<ArrayD<T>>> {
        let params = specs.iter().map(|spec| self.array(&spec.name).cloned()).collect::<Result<Vec<_>>>()?;
        check_params(specs, &params)?;
        Ok(params)
    }

    /// The statistics of layers with so many `channels`.
    ///
    /// # Errors
    /// As [`array`](Adapted::array); [`Error::Shape`] or [`Error::NotFinite`] for statistics that do not fit, naming the layer.
    #[inline(never)]
    pub fn moments(&self, channels: &[usize]) -> Result<Vec<Moments>> {
        let numbers = |layer: usize, what: &str| -> Result<Vec<f64>> {
            Ok(self.array(&moment_name(layer, what))?.iter().map(|v| v.as_f64()).collect())
        };
        let layer = |layer| Ok(Moments { mean: numbers(layer, "mean")?, var: numbers(layer, "var")? });
        let moments = (0..channels.len()).map(layer).collect::<Result<Vec<_>>>()?;
        check_moments(&moments, channels)?;
        Ok(moments)
    }
}

/// The name of one statistic of a normalised layer, here and in a learner's state.
pub(super) fn moment_name(layer: usize, what: &str) -> String {
    format!("norm{layer}/{what}")
}

compiled_here!(T: Adapted::<T>::params, Adapted::<T>::moments);
