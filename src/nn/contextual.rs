//! Networks that are given a context beside their inputs.

use ndarray::ArrayD;

use super::init::Init;
use super::model::Model;
use super::network::Network;
use super::norm::Norm;
use super::spec::ParamSpec;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::var::Var;

/// The name of the parameter that holds a context.
pub(crate) const CONTEXT: &str = "context";

/// The parameter that holds a context of so many numbers. Every task begins with zeros, so it has outer rate 0.
pub(super) fn context_spec(size: usize) -> ParamSpec {
    ParamSpec::new(CONTEXT, &[size], Init::Constant(0.0)).with_rate(0.0)
}

/// A network for `[n, d + size]` as one for `[n, d]`: each input is followed by the same `size` numbers, the context, which
/// are a parameter (CAVIA, Zintgraf et al. 2019, figure 1).
///
/// The parameters are the network's and then `context`, zeros that training does not change:
/// [`Maml::cavia`](crate::Maml::cavia) adapts it alone.
///
/// ```
/// use innerloop::{Contextual, Mlp, Network};
/// let model = Contextual::new(Mlp::new(&[1 + 5, 40, 40, 1])?, 5);
/// assert!(model.check_input(&[10, 1]).is_ok());
/// assert_eq!(model.specs().last().unwrap().name, "context");
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contextual<M> {
    model: M,
    size: usize,
}

impl<M> Contextual<M> {
    /// With a context of so many numbers, which are among the inputs of `model`.
    pub fn new(model: M, size: usize) -> Contextual<M> {
        Contextual { model, size }
    }
}

impl<M: Network> Network for Contextual<M> {
    fn specs(&self) -> Vec<ParamSpec> {
        let mut specs = self.model.specs();
        specs.push(context_spec(self.size));
        specs
    }

    fn count(&self) -> usize {
        self.model.count() + 1
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        let &[n, d] = shape else {
            let what = "inputs of a network with a context, [n, d]".into();
            return Err(Error::Shape { what, expected: vec![1, 1], found: shape.to_vec() });
        };
        self.model.check_input(&[n, d.saturating_add(self.size)])
    }

    fn outputs(&self) -> usize {
        self.model.outputs()
    }

    fn norms(&self) -> Vec<usize> {
        self.model.norms()
    }
}

impl<T: Real, M: Model<T>> Model<T> for Contextual<M> {
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
        let (context, params) = params.split_last().expect("the context is the last parameter");
        self.model.forward(params, with_context(x, *context), norm)
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        let mut params = self.model.init(seed);
        params.push(ArrayD::zeros(vec![self.size]));
        params
    }
}

/// `[x, context]` for each row of `x: [n, d]`.
#[inline(never)]
fn with_context<'t, T: Real>(x: Var<'t, T>, context: Var<'t, T>) -> Var<'t, T> {
    let rows = context.broadcast_to(&[x.shape()[0], context.shape()[0]]);
    Var::concat(&[x, rows], 1)
}

compiled_here!(T: with_context::<T>);
