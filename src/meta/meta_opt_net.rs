//! Convex heads: MetaOptNet.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::closed_form::{self, ClosedForm, Solution, Support, closed_form_learner};
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::r2d2::ridge;
use super::svm::multiclass_svm;
use super::tracking::{absorb, state_specs};
use crate::data::{Episode, Examples};
use crate::error::{Error, Result};
use crate::nn::{Init, Model, Norm, NormMode, ParamSpec};
use crate::real::Real;
use crate::settings::check_rate;
use crate::var::Var;

/// The convex problem whose solution is the head of a [`MetaOptNet`].
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ConvexHead {
    /// Ridge regression on one-hot labels: `W = Zᵀ·(Z·Zᵀ + λI)⁻¹·Y`.
    Ridge {
        /// The ridge λ, above 0.
        lambda: f64,
    },
    /// The multi-class support vector machine of Crammer and Singer, by a fixed number of steps of the alternating direction
    /// method of multipliers on its dual problem. The gradient is that of what these steps compute, exactly; the more of
    /// them, the closer to the solution. A test holds the logits of 30 steps for 25 examples within 0.2 % of their
    /// solution.
    Svm {
        /// The bound of the dual variables, above 0.
        c: f64,
        /// Steps of the solver, at least 1.
        steps: usize,
    },
}

/// MetaOptNet (Lee, Maji, Ravichandran and Soatto 2019): the head is the solution of a convex problem on the support
/// set's embeddings, without a bias; logits are `scale·z·W`, and the scale is learned.
///
/// The dual problem of the support vector machine, with the authors' `+ I`, is to minimise
/// `½·Σₘ aₘᵀ(K + I)aₘ − Σᵢ a(i, yᵢ)` for `K = Z·Zᵀ`, where rows of `a` sum to 0 and `a(i, m) ≤ C·[m = yᵢ]`;
/// then `W = Zᵀ·a` (their equations 7 to 10). They solve it by an interior-point method and differentiate the optimality
/// conditions; at the scale of an episode it has no advantage over the ridge (their table 3: 52.9 against 53.2 %).
///
/// What [`adapt`](Learner::adapt) returns holds `weights`, `[d, ways]`. Initial values are the authors': `λ = 50`, `C = 0.1`,
/// scale 1.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MetaOptNet<M> {
    /// The embedding, usually a [`Conv4`](crate::Conv4) without its head.
    pub model: M,
    /// Which statistics batch norm uses.
    pub norm: NormMode,
    /// Which problem is solved.
    pub head: ConvexHead,
    /// What the scale of the logits begins with.
    pub scale: f64,
}

impl<M> MetaOptNet<M> {
    /// With ridge regression.
    pub fn ridge(model: M, norm: NormMode) -> MetaOptNet<M> {
        MetaOptNet { model, norm, head: ConvexHead::Ridge { lambda: 50.0 }, scale: 1.0 }
    }

    /// With a support vector machine that is solved by 30 steps.
    pub fn svm(model: M, norm: NormMode) -> MetaOptNet<M> {
        MetaOptNet { model, norm, head: ConvexHead::Svm { c: 0.1, steps: 30 }, scale: 1.0 }
    }

    /// With another head.
    #[must_use]
    pub fn head(self, head: ConvexHead) -> MetaOptNet<M> {
        MetaOptNet { head, ..self }
    }

    /// With another initial scale of the logits.
    #[must_use]
    pub fn scale(self, scale: f64) -> MetaOptNet<M> {
        MetaOptNet { scale, ..self }
    }
}

closed_form_learner!(MetaOptNet);

impl<T: Real, M: Model<T>> ClosedForm<T> for MetaOptNet<M> {
    fn body(&self) -> (&dyn Model<T>, &NormMode) {
        (&self.model, &self.norm)
    }

    fn own(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::new("scale", &[], Init::Constant(self.scale))]
    }

    fn check_own(&self) -> Result<()> {
        let (name, value) = match self.head {
            ConvexHead::Ridge { lambda } => ("lambda", lambda),
            ConvexHead::Svm { steps: 0, .. } => {
                return Err(Error::Setting { name: "steps", value: "0".into(), need: "at least 1" });
            }
            ConvexHead::Svm { c, .. } => ("c", c),
        };
        if value == 0.0 {
            return Err(Error::Setting { name, value: "0".into(), need: "above 0" });
        }
        check_rate(name, value)
    }

    fn name(&self) -> &'static str {
        "weights"
    }

    fn shape(&self, ways: usize, features: usize) -> [usize; 2] {
        [features, ways]
    }

    fn fit<'t>(&self, _: &[Var<'t, T>], support: &Support<'t, '_, T>) -> Result<Solution<'t, T>> {
        let (labels, ways) = (support.y.labels().expect("checked"), support.y.ways().expect("checked"));
        let (z, y) = (support.z, support.z.tape().one_hot(labels, ways));
        Ok(Solution::new(match self.head {
            ConvexHead::Ridge { lambda } => ridge(z, y, z.tape().scalar(lambda))?,
            ConvexHead::Svm { c, steps } => {
                z.matmul_with(multiclass_svm(z.matmul_t(z), y, c, steps)?, true, false)
            }
        }))
    }

    fn logits<'t>(&self, own: &[Var<'t, T>], weights: Var<'t, T>, z: Var<'t, T>, _: Norm<'_>) -> Var<'t, T> {
        own[0] * z.matmul(weights)
    }
}
