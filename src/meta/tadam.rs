//! TADAM: prototypical networks with a task-dependent metric.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::closed_form::{self, ClosedForm, Conditioned, Solution, Support, closed_form_learner};
use super::embed::{class_means, squared_distances};
use super::inner::norm_of;
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::task_encoding::{can_be_encoded, encoded, encoding_specs};
use super::tracking::{absorb, state_specs};
use crate::data::{Episode, Examples};
use crate::error::{Error, Result};
use crate::nn::{Init, Model, Norm, NormMode, ParamSpec};
use crate::real::Real;
use crate::var::Var;

/// TADAM (Oreshkin, Rodriguez and Lacoste 2018): prototypical networks with a learned scale of distances and an
/// embedding that is conditioned on the task.
///
/// A first pass of the support set gives the task encoding `e`, the mean of the class means of its embeddings. For each
/// normalised layer of the network two small networks make a scale `γ = γ₀·g(e)` and a shift `β = β₀·h(e)`, and the
/// layer's `h` becomes `(1 + γ)·h + β` before its activation. Then both sets pass again, and the logit of a class is
/// `−alpha·‖z − c‖²`. `alpha`, `γ₀`, `β₀` and the small networks are meta-parameters. `γ₀` and `β₀` begin at 0, where this is
/// ProtoNet with scaled distances; their published decay of 0.01 is in the specs.
///
/// The authors' auxiliary task, a classification of all training classes beside the episodes, is
/// [`CoTrained`](crate::CoTrained).
///
/// The authors' code computes distances that are not squared ([`plain_distance`](Tadam::plain_distance)) and keeps `alpha`
/// constant at 7.5. The first pass normalises the support set by its own statistics in every mode but
/// [`NormMode::Running`].
///
/// What [`adapt`](Learner::adapt) returns holds the conditioned parameters, the `prototypes` `[ways, d]` and the
/// `encoding` `[1, d]`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Tadam<M> {
    /// The embedding, usually a [`Conv4`](crate::Conv4) without its head.
    pub model: M,
    /// Which statistics batch norm uses.
    pub norm: NormMode,
    /// What the scale of distances begins with.
    pub alpha: f64,
    /// Whether distances are not squared.
    pub plain: bool,
}

impl<M> Tadam<M> {
    /// With squared distances and a scale that begins at 1.
    pub fn new(model: M, norm: NormMode) -> Tadam<M> {
        Tadam { model, norm, alpha: 1.0, plain: false }
    }

    /// With another initial scale of distances.
    #[must_use]
    pub fn alpha(self, alpha: f64) -> Tadam<M> {
        Tadam { alpha, ..self }
    }

    /// With distances that are not squared, as in the authors' code.
    #[must_use]
    pub fn plain_distance(self) -> Tadam<M> {
        Tadam { plain: true, ..self }
    }
}

closed_form_learner!(Tadam);

impl<T: Real, M: Model<T>> ClosedForm<T> for Tadam<M> {
    fn body(&self) -> (&dyn Model<T>, &NormMode) {
        (&self.model, &self.norm)
    }

    fn own(&self) -> Vec<ParamSpec> {
        let mut specs = vec![ParamSpec::new("alpha", &[], Init::Constant(self.alpha))];
        specs.extend(encoding_specs(&self.model));
        specs
    }

    fn check_own(&self) -> Result<()> {
        if !self.alpha.is_finite() {
            let (value, need) = (self.alpha.to_string(), "a finite number");
            return Err(Error::Setting { name: "alpha", value, need });
        }
        if !can_be_encoded(&self.model) {
            let need = "one whose norms have a scale and then a shift of their channels each";
            return Err(Error::Setting { name: "model", value: format!("{:?}", self.model), need });
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        "prototypes"
    }

    fn shape(&self, ways: usize, features: usize) -> [usize; 2] {
        [ways, features]
    }

    fn conditioned<'t>(
        &self,
        theta: &[Var<'t, T>],
        support: &Examples<T>,
    ) -> Result<Option<Conditioned<'t, T>>> {
        let specs = self.model.specs();
        let (params, own) = theta.split_at(specs.len());
        let z = self.model.forward(params, theta[0].tape().constant(&support.x), norm_of(&self.norm));
        let encoding = class_means(z, &support.y).mean_axes_kept(&[0]);
        let theta = [encoded(&specs, params, &own[1..], encoding), own.to_vec()].concat();
        Ok(Some(Conditioned { theta, shown: vec![("encoding", encoding)] }))
    }

    fn fit<'t>(&self, _: &[Var<'t, T>], support: &Support<'t, '_, T>) -> Result<Solution<'t, T>> {
        Ok(Solution::new(class_means(support.z, support.y)))
    }

    fn logits<'t>(
        &self,
        own: &[Var<'t, T>],
        prototypes: Var<'t, T>,
        z: Var<'t, T>,
        _: Norm<'_>,
    ) -> Var<'t, T> {
        let squared = squared_distances(z, prototypes);
        // the root of 0 has no derivative: a query on a prototype takes that of a constant
        let distance = if self.plain { squared.clamp(1e-12, f64::INFINITY).sqrt() } else { squared };
        -(distance * own[0])
    }
}
