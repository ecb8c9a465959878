//! The values of parameters: how they begin, and whether they fit their specs.

use ndarray::ArrayD;

use super::spec::ParamSpec;
use super::specs::check_specs;
use crate::error::{Error, Result};
use crate::random::{Purpose, stream};
use crate::real::{Real, all_finite};

/// Initial values of parameters, each drawn from the distribution of its spec.
///
/// Parameter `i` has a random stream of its own, a function of `(seed, i)` alone; the words
/// of this stream are the same on every platform. Constants and uniform values are made of
/// them by exactly rounded arithmetic, so they are the same everywhere too. A normal
/// distribution (as of all weights by default) uses `exp` and `ln` of the platform's maths
/// library for about one draw in a hundred. On one platform the values are always the same
/// bits; where another library rounds differently, single values may differ in the last bit,
/// or, very rarely, a draw is rejected there and the values after it are different ones.
/// Load saved parameters where the bits must be the same on several platforms.
///
/// # Panics
/// If [`check_specs`] refuses the specs.
#[inline(never)]
#[track_caller]
pub fn init_params<T: Real>(specs: &[ParamSpec], seed: u64) -> Vec<ArrayD<T>> {
    if let Err(error) = check_specs(specs) {
        panic!("init_params: {error}");
    }
    let draw =
        |(i, spec): (u64, &ParamSpec)| spec.init.draw(&mut stream(seed, Purpose::Init, i), &spec.shape);
    (0..).zip(specs).map(draw).collect()
}

/// Whether specs are sound, and arrays are what they say and finite.
///
/// # Errors
/// What [`check_specs`] refuses; [`Error::Shape`] for a wrong number of arrays or a wrong
/// shape, [`Error::NotFinite`] for a NaN or infinity. All name the parameter.
#[inline(never)]
pub fn check_params<T: Real>(specs: &[ParamSpec], params: &[ArrayD<T>]) -> Result<()> {
    check_specs(specs)?;
    if specs.len() != params.len() {
        let what = "list of parameters".to_string();
        return Err(Error::Shape { what, expected: vec![specs.len()], found: vec![params.len()] });
    }
    for (spec, array) in specs.iter().zip(params) {
        if spec.shape != array.shape() {
            let what = format!("parameter {}", spec.name);
            return Err(Error::Shape { what, expected: spec.shape.clone(), found: array.shape().to_vec() });
        }
        if !all_finite(array) {
            return Err(Error::NotFinite { what: format!("parameter {}", spec.name) });
        }
    }
    Ok(())
}

compiled_here!(T: init_params::<T>, check_params::<T>);
