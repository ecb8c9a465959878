//! What encoders of sentences share: inputs that are rows of ids, and a linear head that may be absent.

use std::fmt::Debug;

use super::ids::{check_shape, check_values};
use super::{EmbeddingBag, TextConv, TextLstm};
use crate::error::{Error, Result};
use crate::nn::model::Model;
use crate::nn::network::Network;
use crate::nn::norm::Norm;
use crate::nn::spec::ParamSpec;
use crate::nn::specs::elements;
use crate::real::Real;
use crate::var::Var;

/// A network of rows of word ids: a body that encodes a sentence, and a head or none. The macro below makes it a
/// [`Network`] and a [`Model`].
pub(super) trait Encoder: Sync + Debug {
    /// Its name in messages.
    const NAME: &'static str;

    /// The parameters of the body.
    fn body(&self) -> Vec<ParamSpec>;

    /// Ids are below this number.
    fn words(&self) -> usize;

    /// The numbers that the body says of a sentence.
    fn encoded(&self) -> usize;

    /// The outputs of the head, if there is one.
    fn ways(&self) -> Option<usize>;

    /// Rows of ids `x: [n, length]` to `[n, encoded]`; the parameters of the body stand first.
    fn encode<'t, T: Real>(&self, params: &[Var<'t, T>], x: Var<'t, T>) -> Var<'t, T>;
}

/// A macro, since [`Network`] and [`Model`] are already there for references and boxes of everything that has them.
macro_rules! sentence_networks {
    ($($encoder:ty),+) => {$(
        impl Network for $encoder {
            fn specs(&self) -> Vec<ParamSpec> {
                let mut specs = self.body();
                if let Some(ways) = self.ways() {
                    let weights = ParamSpec::linear("linear_w", self.encoded(), ways);
                    specs.extend([weights, ParamSpec::bias("linear_b", ways)]);
                }
                specs
            }

            fn check_input(&self, shape: &[usize]) -> Result<()> {
                check_shape(Self::NAME, shape)
            }

            fn check_values(&self, shape: &[usize], values: &mut dyn Iterator<Item = f64>) -> Result<()> {
                check_values(shape, values, self.words())
            }

            fn outputs(&self) -> usize {
                self.ways().unwrap_or(self.encoded())
            }
        }

        impl<T: Real> Model<T> for $encoder {
            /// # Panics
            /// If an id is no whole number or not below the number of words.
            fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, _norm: Norm<'_>) -> Var<'t, T> {
                let encoded = self.encode(params, x);
                if self.ways().is_some() { linear_head(params, encoded) } else { encoded }
            }

            fn features<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, _norm: Norm<'_>) -> Option<Var<'t, T>> {
                self.ways().map(|_| self.encode(params, x))
            }

            fn head<'t>(&self, params: &[Var<'t, T>], features: Var<'t, T>) -> Option<Var<'t, T>> {
                self.ways().map(|_| linear_head(params, features))
            }
        }
    )+};
}

sentence_networks!(EmbeddingBag, TextConv, TextLstm);

/// The outputs of a head, whose parameters are the last two.
fn linear_head<'t, T: Real>(params: &[Var<'t, T>], features: Var<'t, T>) -> Var<'t, T> {
    let last = &params[params.len() - 2..];
    features.linear(last[0], last[1])
}

/// Refuses settings that are 0, or arrays of more than 2³⁰ numbers; `name` is the setting that makes them large.
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
        let need = "such that each array of parameters has at most 2^30 numbers";
        return Err(Error::Setting { name, value: value.to_string(), need });
    }
    Ok(())
}
