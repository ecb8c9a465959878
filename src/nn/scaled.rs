//! Vectors that are embeddings already.

use super::init::Init;
use super::model::Model;
use super::network::Network;
use super::norm::Norm;
use super::spec::ParamSpec;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::var::Var;

/// Vectors times one number that begins with 1 and may be learned: `[n, width] → [n, width]`, `x ↦ s·x`.
///
/// The network of learners on embeddings that were computed before, by [`embed`](crate::embed) or by an encoder of your own: with
/// its first parameter a metric learner compares the vectors of a [`FeatureSet`](crate::FeatureSet) as they are. Trained, its square is a
/// learned scale of squared distances (see [`Distance::Scaled`](crate::Distance::Scaled)). Its parameter: `factor []`.
///
/// ```
/// use innerloop::{Model, NormMode, ProtoNet, Scaled};
/// let learner = ProtoNet::new(Scaled::new(640)?, NormMode::Batch);
/// let params: Vec<ndarray::ArrayD<f32>> = learner.model.init(0);
/// assert_eq!(params[0][[]], 1.0);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaled {
    width: usize,
}

impl Scaled {
    /// For vectors of so many numbers.
    ///
    /// # Errors
    /// [`Error::Setting`] if that is none.
    pub fn new(width: usize) -> Result<Scaled> {
        if width == 0 {
            return Err(Error::Setting { name: "width", value: "0".into(), need: "at least 1" });
        }
        Ok(Scaled { width })
    }
}

impl Network for Scaled {
    fn specs(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::new("factor", &[], Init::Constant(1.0))]
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        if shape.len() == 2 && shape[1] == self.width {
            return Ok(());
        }
        let expected = vec![shape.first().copied().unwrap_or(1), self.width];
        Err(Error::Shape { what: "inputs for Scaled".into(), expected, found: shape.to_vec() })
    }

    fn outputs(&self) -> usize {
        self.width
    }
}

impl<T: Real> Model<T> for Scaled {
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, _: Norm<'_>) -> Var<'t, T> {
        x * params[0]
    }
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;
    use crate::check_grads;

    #[test]
    fn it_scales_and_can_learn_to() {
        let model = Scaled::new(3).unwrap();
        let init: Vec<ArrayD<f64>> = model.init(5);
        assert_eq!(init, [ArrayD::from_elem(vec![], 1.0)]);
        check_grads(&[&[2, 3], &[]], 2, |x| model.forward(&x[1..], x[0], Norm::Batch).tanh());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(matches!(Scaled::new(0), Err(Error::Setting { name: "width", .. })));
        let model = Scaled::new(3).unwrap();
        assert!(model.check_input(&[7, 3]).is_ok());
        for shape in [&[7, 4][..], &[7], &[7, 3, 1], &[]] {
            assert!(matches!(model.check_input(shape), Err(Error::Shape { .. })), "{shape:?}");
        }
    }
}
