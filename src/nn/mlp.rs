//! Fully connected networks.

use super::model::{Model, Norm};
use super::params::{ParamSpec, Role};
use crate::error::{Error, Result};
use crate::real::Real;
use crate::var::Var;

/// Linear layers with ReLU between them: `[n, widths[0]] → [n, widths[last]]`.
///
/// Inputs with more axes are flattened. Parameters by name: `linear1_w [inputs,
/// outputs]`, `linear1_b [outputs]`, `linear2_w`, … The MAML paper's regression
/// network is `Mlp::new(&[1, 40, 40, 1])`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mlp {
    widths: Vec<usize>,
}

impl Mlp {
    /// A network with the given widths, inputs first and outputs last.
    ///
    /// # Errors
    /// [`Error::Setting`] with fewer than two widths or one that is 0.
    pub fn new(widths: &[usize]) -> Result<Mlp> {
        if widths.len() < 2 || widths.contains(&0) {
            let need = "at least inputs and outputs, each at least 1";
            return Err(Error::Setting { name: "widths", value: format!("{widths:?}"), need });
        }
        Ok(Mlp { widths: widths.to_vec() })
    }
}

impl Model for Mlp {
    fn specs(&self) -> Vec<ParamSpec> {
        let layer = |(i, pair): (usize, &[usize])| {
            let role = Role::Linear { image: None };
            let name = |part| format!("linear{}_{part}", i + 1);
            [ParamSpec::new(name("w"), pair, role), ParamSpec::new(name("b"), &pair[1..], Role::Bias)]
        };
        self.widths.windows(2).enumerate().flat_map(layer).collect()
    }

    fn forward<'t, T: Real>(&self, params: &[Var<'t, T>], x: Var<'t, T>, _norm: Norm<'_>) -> Var<'t, T> {
        let n = x.shape()[0];
        let mut x = if x.shape().len() == 2 { x } else { x.reshape(&[n, self.widths[0]]) };
        let (hidden, last) = params.split_at(params.len() - 2);
        for layer in hidden.chunks_exact(2) {
            x = x.linear_relu(layer[0], layer[1]);
        }
        x.linear(last[0], last[1])
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        if shape.len() >= 2 && shape[1..].iter().product::<usize>() == self.widths[0] {
            return Ok(());
        }
        let expected = vec![shape.first().copied().unwrap_or(1), self.widths[0]];
        Err(Error::Shape { what: "inputs for Mlp".into(), expected, found: shape.to_vec() })
    }

    fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }
}
