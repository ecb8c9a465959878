//! What a model's parameters are, and how they begin.

use ndarray::ArrayD;
use rand_distr::{Distribution, StandardNormal};

use crate::data::{Purpose, stream};
use crate::error::{Error, Result};
use crate::real::{Real, all_finite};

/// What a parameter does, which says how it begins and how its axes are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Convolution weights `[kh, kw, c_in, c_out]`; normal with variance
    /// `2/(kh·kw·c_in)` (He et al. 2015, equation 10).
    Conv,
    /// Weights `[inputs, outputs]` of a linear layer; normal with variance
    /// `2/(inputs + outputs)` (Glorot and Bengio 2010, equation 12). `image` is the
    /// `[h, w, c]` whose flattening are the inputs, if they are one.
    Linear {
        /// Height, width and channels before flattening.
        image: Option<[usize; 3]>,
    },
    /// Added to each channel or output; zeros.
    Bias,
    /// Multiplies each channel; ones.
    Scale,
}

/// One parameter of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamSpec {
    /// Unique in its model, as `conv1_w`.
    pub name: String,
    /// Axis lengths, channels last.
    pub shape: Vec<usize>,
    /// What it does.
    pub role: Role,
}

impl ParamSpec {
    pub(crate) fn new(name: impl Into<String>, shape: &[usize], role: Role) -> ParamSpec {
        ParamSpec { name: name.into(), shape: shape.to_vec(), role }
    }
}

/// Initial values of parameters; parameter `i` depends on `(seed, i)` alone.
pub fn init_params<T: Real>(specs: &[ParamSpec], seed: u64) -> Vec<ArrayD<T>> {
    let draw = |(i, spec): (usize, &ParamSpec)| {
        let variance = match (spec.role, &*spec.shape) {
            (Role::Bias, _) => return ArrayD::zeros(&*spec.shape),
            (Role::Scale, _) => return ArrayD::ones(&*spec.shape),
            (Role::Linear { .. }, shape) => 2.0 / shape.iter().sum::<usize>() as f64,
            (Role::Conv, [inputs @ .., _]) => 2.0 / inputs.iter().product::<usize>() as f64,
            (Role::Conv, []) => unreachable!("weights have axes"),
        };
        let (mut rng, deviation) = (stream(seed, Purpose::Init, i as u64), variance.sqrt());
        ArrayD::from_shape_simple_fn(&*spec.shape, || {
            let unit: f64 = StandardNormal.sample(&mut rng);
            T::of(deviation * unit)
        })
    };
    specs.iter().enumerate().map(draw).collect()
}

/// Whether arrays are what the specs say, and finite.
///
/// # Errors
/// [`Error::Shape`] for a wrong number of arrays or a wrong shape,
/// [`Error::NotFinite`] for a NaN or infinity; both name the parameter.
pub fn check_params<T: Real>(specs: &[ParamSpec], params: &[ArrayD<T>]) -> Result<()> {
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
