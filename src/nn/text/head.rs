//! What encoders of sentences share: a linear head that may be absent.

use crate::error::{Error, Result};
use crate::nn::spec::ParamSpec;
use crate::nn::specs::elements;
use crate::real::Real;
use crate::var::Var;

/// The parameters of a head of so many ways; none without.
pub(super) fn head_specs(features: usize, ways: Option<usize>) -> Vec<ParamSpec> {
    ways.map_or(Vec::new(), |ways| {
        vec![ParamSpec::linear("linear_w", features, ways), ParamSpec::bias("linear_b", ways)]
    })
}

/// The outputs of the head, whose parameters are the last two.
pub(super) fn head<'t, T: Real>(params: &[Var<'t, T>], features: Var<'t, T>) -> Var<'t, T> {
    let last = &params[params.len() - 2..];
    features.linear(last[0], last[1])
}

/// Refuses settings that are 0, or arrays of 2³² numbers or more; `name` is the setting that makes them large.
pub(super) fn check_settings(
    settings: &[(&'static str, usize)],
    name: &'static str,
    value: usize,
    arrays: &[&[usize]],
) -> Result<()> {
    if let Some((name, _)) = settings.iter().find(|(_, value)| *value == 0) {
        return Err(Error::Setting { name, value: "0".into(), need: "at least 1" });
    }
    if arrays.iter().any(|shape| elements(shape).is_none()) {
        let need = "such that each array of parameters has fewer than 2^32 numbers";
        return Err(Error::Setting { name, value: value.to_string(), need });
    }
    Ok(())
}
