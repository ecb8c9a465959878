//! Fully connected networks.

use super::model::Model;
use super::network::Network;
use super::norm::Norm;
use super::spec::ParamSpec;
use super::specs::{elements, fit_together};
use crate::error::{Error, Result};
use crate::real::Real;
use crate::var::Var;

/// What stands between the layers of an [`Mlp`].
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)`.
    #[default]
    Relu,
    /// `tanh x`.
    Tanh,
}

/// Linear layers with ReLU, or another activation, between them: `[n, widths[0]] → [n, widths[last]]`.
///
/// Inputs with more axes are flattened. Parameters by name: `linear1_w [inputs,
/// outputs]`, `linear1_b [outputs]`, `linear2_w`, … The MAML paper's regression
/// network is `Mlp::new(&[1, 40, 40, 1])`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mlp {
    widths: Vec<usize>,
    activation: Activation,
}

impl Mlp {
    /// A network with the given widths, inputs first and outputs last.
    ///
    /// # Errors
    /// [`Error::Setting`] with fewer than two widths, with one that is 0, or if a layer
    /// would have more than 1,073,741,824 weights.
    pub fn new(widths: &[usize]) -> Result<Mlp> {
        let refuse = |need| Err(Error::Setting { name: "widths", value: format!("{widths:?}"), need });
        if widths.len() < 2 || widths.contains(&0) {
            return refuse("at least two numbers, inputs and outputs, and each at least 1");
        }
        if widths.windows(2).any(|layer| elements(layer).is_none()) {
            return refuse("such that a layer has at most 2^30 weights");
        }
        let model = Mlp { widths: widths.to_vec(), activation: Activation::Relu };
        if !fit_together(&model.specs()) {
            return refuse("such that all layers together have at most 2^30 weights");
        }
        Ok(model)
    }

    /// The same with another activation.
    #[must_use]
    pub fn activation(self, activation: Activation) -> Mlp {
        Mlp { activation, ..self }
    }
}

impl Network for Mlp {
    fn specs(&self) -> Vec<ParamSpec> {
        let layer = |(i, pair): (usize, &[usize])| {
            let name = |part| format!("linear{}_{part}", i + 1);
            [ParamSpec::linear(name("w"), pair[0], pair[1]), ParamSpec::bias(name("b"), pair[1])]
        };
        self.widths.windows(2).enumerate().flat_map(layer).collect()
    }

    fn count(&self) -> usize {
        2 * (self.widths.len() - 1)
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        if shape.len() >= 2 && elements(&shape[1..]) == Some(self.widths[0]) {
            return Ok(());
        }
        let expected = vec![shape.first().copied().unwrap_or(1), self.widths[0]];
        Err(Error::Shape { what: "inputs for Mlp".into(), expected, found: shape.to_vec() })
    }

    fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }
}

impl<T: Real> Model<T> for Mlp {
    #[inline(never)]
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
        let hidden = self.features(params, x, norm).expect("a network of this kind has features");
        self.head(params, hidden).expect("and a head")
    }

    fn features<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, _norm: Norm<'_>) -> Option<Var<'t, T>> {
        let n = x.shape()[0];
        let mut x = if x.shape().len() == 2 { x } else { x.reshape(&[n, self.widths[0]]) };
        for layer in params[..params.len() - 2].chunks_exact(2) {
            x = match self.activation {
                Activation::Relu => x.linear_relu(layer[0], layer[1]),
                Activation::Tanh => x.linear(layer[0], layer[1]).tanh(),
            };
        }
        Some(x)
    }

    fn head<'t>(&self, params: &[Var<'t, T>], features: Var<'t, T>) -> Option<Var<'t, T>> {
        let last = &params[params.len() - 2..];
        Some(features.linear(last[0], last[1]))
    }
}

compiled_here!(T: <Mlp as Model<T>>::forward);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_that_of_the_specs() {
        for widths in [&[3, 2][..], &[1, 40, 40, 1]] {
            let model = Mlp::new(widths).unwrap();
            assert_eq!(model.count(), model.specs().len());
        }
    }

    #[test]
    fn widths_that_make_no_network_are_refused() {
        for widths in [&[][..], &[3], &[3, 0, 2], &[1 << 20, 1 << 20], &[1 << 33, 1 << 33]] {
            assert!(matches!(Mlp::new(widths), Err(Error::Setting { name: "widths", .. })), "{widths:?}");
        }
    }

    #[test]
    fn an_input_whose_size_wraps_around_does_not_fit() {
        let model = Mlp::new(&[1, 1]).unwrap();
        assert!(model.check_input(&[1, 1]).is_ok());
        // the product is 1 modulo 2^64
        assert!(model.check_input(&[1, 3, 0xaaaa_aaaa_aaaa_aaab]).is_err());
    }
}
