//! What a model is: a function of an explicit slice of parameters.

use ndarray::ArrayD;

use super::network::Network;
use super::norm::Norm;
use super::params::init_params;
use super::spec::ParamSpec;
use crate::error::Result;
use crate::real::Real;
use crate::var::Var;

/// A network as a pure function: no hidden state, nothing updated in place.
///
/// The trait can be used behind `dyn`, so a program can choose its network at run time.
/// References and boxes of models are models.
///
/// ```
/// use innerloop::{Conv4, Downsample, Learner, Maml, Mlp, Model, NormMode, Order};
/// # fn main() -> Result<(), innerloop::Error> {
/// # let convolutional = true;
/// let model: Box<dyn Model<f32>> = if convolutional {
///     Box::new(Conv4::new([28, 28, 1], 64, Downsample::Stride, Some(5))?)
/// } else {
///     Box::new(Mlp::new(&[784, 64, 5])?)
/// };
/// let maml = Maml::new(model, 0.4, Order::Second, NormMode::Batch).eval_steps(3);
/// assert_eq!(maml.init(0).len(), 18);
/// # Ok(()) }
/// ```
///
/// A model of your own implements both traits:
///
/// ```
/// use innerloop::{Error, Model, Network, Norm, ParamSpec, Real, Var};
///
/// /// `y = tanh(x·w) · s` for `x: [n, 3]`.
/// #[derive(Debug)]
/// struct Tiny;
///
/// impl Network for Tiny {
///     fn specs(&self) -> Vec<ParamSpec> {
///         vec![ParamSpec::linear("w", 3, 2), ParamSpec::scale("s", 2)]
///     }
///
///     fn check_input(&self, shape: &[usize]) -> Result<(), Error> {
///         match shape {
///             [_, 3] => Ok(()),
///             _ => Err(Error::Shape { what: "inputs for Tiny".into(), expected: vec![1, 3], found: shape.to_vec() }),
///         }
///     }
///
///     fn outputs(&self) -> usize {
///         2
///     }
/// }
///
/// impl<T: Real> Model<T> for Tiny {
///     fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, _norm: Norm<'_>) -> Var<'t, T> {
///         x.matmul(params[0]).tanh() * params[1]
///     }
/// }
/// ```
pub trait Model<T: Real>: Network {
    /// Outputs for a batch of inputs `x: [n, ..]`, usually logits `[n, ways]`.
    ///
    /// # Panics
    /// If parameters or inputs have other shapes than the model's.
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T>;

    /// What the last layer, the head, is given: its output for `x` before the head. `None`, the default, for a model that
    /// is not made of a body and a head. A loop that adapts the head alone then computes the body once.
    ///
    /// # Panics
    /// As [`forward`](Model::forward).
    fn features<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Option<Var<'t, T>> {
        let _ = (params, x, norm);
        None
    }

    /// The outputs for what [`features`](Model::features) returned, so that both together are
    /// [`forward`](Model::forward). `None`, the default, for a model that has no features.
    fn head<'t>(&self, params: &[Var<'t, T>], features: Var<'t, T>) -> Option<Var<'t, T>> {
        let _ = (params, features);
        None
    }

    /// Initial parameters, a function of the seed; by default what
    /// [`init_params`](crate::init_params) draws, which says when the bits are the same.
    /// Learners begin with these.
    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        init_params(&self.specs(), seed)
    }
}

/// Implements both traits for a pointer to a model.
macro_rules! forwarded {
    ($pointer:ty) => {
        impl<M: Network + ?Sized> Network for $pointer {
            fn specs(&self) -> Vec<ParamSpec> {
                (**self).specs()
            }

            fn count(&self) -> usize {
                (**self).count()
            }

            fn check_input(&self, shape: &[usize]) -> Result<()> {
                (**self).check_input(shape)
            }

            fn check_values(&self, shape: &[usize], values: &mut dyn Iterator<Item = f64>) -> Result<()> {
                (**self).check_values(shape, values)
            }

            fn outputs(&self) -> usize {
                (**self).outputs()
            }

            fn norms(&self) -> Vec<usize> {
                (**self).norms()
            }
        }

        impl<T: Real, M: Model<T> + ?Sized> Model<T> for $pointer {
            fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
                (**self).forward(params, x, norm)
            }

            fn features<'t>(
                &self,
                params: &[Var<'t, T>],
                x: Var<'t, T>,
                norm: Norm<'_>,
            ) -> Option<Var<'t, T>> {
                (**self).features(params, x, norm)
            }

            fn head<'t>(&self, params: &[Var<'t, T>], features: Var<'t, T>) -> Option<Var<'t, T>> {
                (**self).head(params, features)
            }

            fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
                (**self).init(seed)
            }
        }
    };
}

forwarded!(&M);
forwarded!(Box<M>);
