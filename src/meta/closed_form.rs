//! Learners that fit a head to embeddings, without an inner loop: what is written once for all of them.
//!
//! Each says its own parameters, how a head is made from the embeddings of a support set, and what the head says
//! about other embeddings. The rest (norms, training, adapting, predicting) is here.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::embed::{Passes, embedded, embedded_sets, embedding, inputs};
use super::kept::{SHOWN, support_of, with_support};
use super::learner::{Learned, Learner};
use super::lesson::Lesson;
use super::protonet::check_labelled;
use super::score::{Query, Score};
use super::task::{check_adapt, check_examples, check_inputs, finite_outputs};
use super::tracking;
use crate::data::{Episode, Examples, Targets};
use crate::error::{Error, Result};
use crate::nn::{Model, Moments, Norm, NormMode, Observer, ParamSpec, init_params};
use crate::real::Real;
use crate::tape::Tape;
use crate::var::Var;

/// A support set as its embeddings.
pub(super) struct Support<'t, 'a, T: Real> {
    /// Of the labelled examples, `[n, d]`.
    pub(super) z: Var<'t, T>,
    /// Their labels.
    pub(super) y: &'a Targets<T>,
    /// Of the unlabelled inputs, `[m, d]` with `m ≥ 1`.
    pub(super) unlabelled: Option<Var<'t, T>>,
}

/// What was fitted to a support set.
pub(super) struct Solution<'t, T: Real> {
    /// What predictions need.
    pub(super) head: Var<'t, T>,
    /// What is kept for the user to see, by name.
    pub(super) shown: Vec<(&'static str, Var<'t, T>)>,
}

impl<'t, T: Real> Solution<'t, T> {
    /// With nothing more to see.
    pub(super) fn new(head: Var<'t, T>) -> Solution<'t, T> {
        Solution { head, shown: Vec::new() }
    }
}

/// What the meta-parameters become for a task, before the head is fitted.
pub(super) struct Conditioned<'t, T: Real> {
    /// The meta-parameters, conditioned.
    pub(super) theta: Vec<Var<'t, T>>,
    /// What is kept for the user to see, by name.
    pub(super) shown: Vec<(&'static str, Var<'t, T>)>,
}

/// A model with a head that is fitted to each support set.
pub(super) trait ClosedForm<T: Real>: Learner<T> {
    /// The embedding, and which statistics its norms use.
    fn body(&self) -> (&dyn Model<T>, &NormMode);

    /// The parameters beside the model's; they follow these.
    fn own(&self) -> Vec<ParamSpec>;

    /// Whether its own settings are in range.
    fn check_own(&self) -> Result<()> {
        Ok(())
    }

    /// The meta-parameters for a task, where they depend on its support set; `None` where they do not.
    fn conditioned<'t>(
        &self,
        theta: &[Var<'t, T>],
        support: &Examples<T>,
    ) -> Result<Option<Conditioned<'t, T>>> {
        let _ = (theta, support);
        Ok(None)
    }

    /// The name of the fitted head in what [`Learner::adapt`] returns.
    fn name(&self) -> &'static str;

    /// The shape of the head for so many ways and features.
    fn shape(&self, ways: usize, features: usize) -> [usize; 2];

    /// Whether an array of this shape can be a head for so many features.
    fn fits(&self, head: &[usize], features: usize) -> bool {
        head.iter().any(|&ways| *head == self.shape(ways, features))
    }

    /// Fits the head; `own` are the values of its own parameters.
    fn fit<'t>(&self, own: &[Var<'t, T>], support: &Support<'t, '_, T>) -> Result<Solution<'t, T>>;

    /// The channels of each batch norm of the head; none for most.
    fn head_norms(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Outputs `[n, ways]` of embeddings `z: [n, d]`, usually logits; `norm` is for the head's batch norms.
    fn logits<'t>(&self, own: &[Var<'t, T>], head: Var<'t, T>, z: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T>;

    /// Loss and outputs for the targets of queries; cross-entropy for most.
    fn query<'t>(&self, outputs: Var<'t, T>, y: &Targets<T>) -> Query<'t, T> {
        Query::new(outputs, y)
    }
}

/// Implements the public traits for a learner that is a [`ClosedForm`] and has the fields `model` and `norm`. The type may come
/// with the bounds of its parameters; by default it has one, the model.
macro_rules! closed_form_learner {
    ($learner:ident) => {
        closed_form_learner!($learner<M>, M: Model<T>);
    };
    ($learner:ty, $($bounds:tt)*) => {
        impl<T: Real, $($bounds)*> Learner<T> for $learner {
            fn specs(&self) -> Vec<ParamSpec> {
                [self.model.specs(), ClosedForm::<T>::own(self)].concat()
            }

            fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
                closed_form::init(self, seed)
            }

            fn state(&self) -> Vec<ParamSpec> {
                state_specs(&self.model, &self.norm, 1)
            }

            fn check_settings(&self) -> Result<()> {
                closed_form::check_settings::<T>(self)
            }

            fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
                closed_form::check(self, set, examples)
            }

            fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
                closed_form::adapt(self, learned, support)
            }

            fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
                closed_form::predict(self, adapted, x)
            }

            fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
                closed_form::predict_together(self, adapted, x)
            }

            fn score(&self, outputs: &ArrayD<T>, targets: &crate::data::Targets<T>) -> crate::meta::Score {
                closed_form::score(self, outputs, targets)
            }
        }

        impl<T: Real, $($bounds)*> Trainable<T> for $learner {
            fn lesson(&self, learned: &Learned<T>, episode: &Episode<T>, _: &Progress) -> Result<Lesson<T>> {
                closed_form::lesson(self, learned, episode)
            }

            fn absorb(&self, state: &mut [ArrayD<T>], seen: &[Vec<ArrayD<T>>]) {
                absorb(&self.norm, state, seen);
            }
        }
    };
}
pub(super) use closed_form_learner;

/// Sets the seed of a head's own parameters apart from that of the model's.
const OWN_SEED: u64 = 0x6865_6164;

/// The model's initial parameters, then the head's.
#[inline(never)]
pub(super) fn init<T: Real>(learner: &dyn ClosedForm<T>, seed: u64) -> Vec<ArrayD<T>> {
    [learner.body().0.init(seed), init_params(&learner.own(), seed ^ OWN_SEED)].concat()
}

/// Refuses names of parameters that are taken, and statistics that do not fit.
#[inline(never)]
pub(super) fn check_settings<T: Real>(learner: &dyn ClosedForm<T>) -> Result<()> {
    let (model, mode) = learner.body();
    let taken = |spec: &&ParamSpec| spec.name == learner.name() || SHOWN.contains(&spec.name.as_str());
    if let Some(spec) = learner.specs().iter().find(taken) {
        let reason = "an array that the learner makes has this name: choose another one".into();
        return Err(Error::Spec { name: format!("{:?}", spec.name), reason });
    }
    learner.check_own()?;
    mode.check(model)
}

/// Refuses values where classes are needed, and inputs that do not fit.
#[inline(never)]
pub(super) fn check<T: Real>(
    learner: &dyn ClosedForm<T>,
    set: &'static str,
    examples: &Examples<T>,
) -> Result<()> {
    check_labelled(examples)?;
    check_examples(learner.body().0, usize::MAX, set, examples)
}

/// The head for embeddings of the sets of a support set, in the order of [`inputs`].
fn fitted<'t, T: Real>(
    learner: &dyn ClosedForm<T>,
    theta: &[Var<'t, T>],
    z: &[Var<'t, T>],
    y: &Targets<T>,
) -> Result<Solution<'t, T>> {
    let own = &theta[learner.body().0.count()..];
    learner.fit(own, &Support { z: z[0], y, unlabelled: z.get(1).copied() })
}

/// Logits of queries that are embedded together with the support set, as in training.
fn joint_logits<'t, T: Real>(
    learner: &dyn ClosedForm<T>,
    theta: &[Var<'t, T>],
    support: &Examples<T>,
    query: &ArrayD<T>,
    passes: Option<&Passes>,
) -> Result<Var<'t, T>> {
    let (model, mode) = learner.body();
    let mut sets = inputs(support);
    sets.push(query);
    let mut z = embedded_sets(model, mode, theta, &sets, passes);
    let query = z.pop().expect("the query set");
    let head = fitted(learner, theta, &z, &support.y)?.head;
    Ok(learner.logits(&theta[model.count()..], head, query, Norm::Batch))
}

/// The gradient of the query loss.
#[inline(never)]
pub(super) fn lesson<T: Real>(
    learner: &dyn ClosedForm<T>,
    learned: &Learned<T>,
    episode: &Episode<T>,
) -> Result<Lesson<T>> {
    let passes = Passes::default();
    let tracks = learner.body().1.momentum().is_some().then_some(&passes);
    let (support, y) = (&episode.support, &episode.query.y);
    let lesson = Lesson::of_query(&learned.params, y, &|theta| {
        let conditioned = learner.conditioned(theta, support)?;
        let theta = conditioned.as_ref().map_or(theta, |c| &c.theta);
        Ok(learner.query(joint_logits(learner, theta, support, &episode.query.x, tracks)?, y))
    })?;
    Ok(lesson.with_seen(tracking::seen(1, &passes.into_inner())))
}

fn arrays<T: Real>(vars: &[Var<'_, T>]) -> Vec<ArrayD<T>> {
    vars.iter().map(|v| v.to_array()).collect()
}

/// The parameters, the statistics and the fitted head; also the support set itself, where
/// [`predict_together`] embeds it again.
#[inline(never)]
pub(super) fn adapt<T: Real>(
    learner: &dyn ClosedForm<T>,
    learned: &Learned<T>,
    support: &Examples<T>,
) -> Result<Adapted<T>> {
    check_adapt(&learner, learned, support)?;
    let (tape, (model, mode)) = (Tape::new(), learner.body());
    let theta = tape.leaves(&learned.params);
    let Conditioned { theta, shown: before } =
        learner.conditioned(&theta, support)?.unwrap_or(Conditioned { theta, shown: Vec::new() });
    let (z, moments) = embedding(model, mode, &theta, &inputs(support), &learned.state);
    let Solution { head, shown } = fitted(learner, &theta, &z, &support.y)?;
    let moments = [moments, head_moments(learner, &theta, head, z[0])].concat();
    let adapted = Adapted::of_params(&learner.specs(), arrays(&theta)).with_moments(&moments);
    let adapted = adapted.with(learner.name(), head.to_array());
    let adapted =
        before.into_iter().chain(shown).fold(adapted, |all, (name, array)| all.with(name, array.to_array()));
    Ok(if embeds_again(model, mode) { with_support(adapted, support) } else { adapted })
}

/// The statistics of the head's batch norms on the support set itself.
fn head_moments<'t, T: Real>(
    learner: &dyn ClosedForm<T>,
    theta: &[Var<'t, T>],
    head: Var<'t, T>,
    z: Var<'t, T>,
) -> Vec<Moments> {
    if learner.head_norms().is_empty() {
        return Vec::new();
    }
    let observer = Observer::new();
    let own = &theta[learner.body().0.count()..];
    let _ = learner.logits(own, head, z, Norm::Observe(&observer));
    observer.into_moments()
}

/// The score of outputs by the learner's own loss.
#[inline(never)]
pub(super) fn score<T: Real>(learner: &dyn ClosedForm<T>, outputs: &ArrayD<T>, y: &Targets<T>) -> Score {
    let tape = Tape::new();
    learner.query(tape.constant(outputs), y).score(y)
}

/// Logits of inputs, each by itself.
#[inline(never)]
pub(super) fn predict<T: Real>(
    learner: &dyn ClosedForm<T>,
    adapted: &Adapted<T>,
    x: &ArrayD<T>,
) -> Result<ArrayD<T>> {
    logits(learner, adapted, x, false)
}

/// Logits of inputs in one batch. With tracked statistics the support set then has its own, as in training;
/// in the modes that join both sets it is in the same batch.
#[inline(never)]
pub(super) fn predict_together<T: Real>(
    learner: &dyn ClosedForm<T>,
    adapted: &Adapted<T>,
    x: &ArrayD<T>,
) -> Result<ArrayD<T>> {
    let (model, mode) = learner.body();
    if !embeds_again(model, mode) {
        return logits(learner, adapted, x, true);
    }
    check_inputs(model, x)?;
    let support = support_of(adapted)?;
    support.check_support()?;
    learner.check("support", &support)?;
    let tape = Tape::new();
    let theta = tape.leaves(&adapted.params(&learner.specs())?);
    finite_outputs(joint_logits(learner, &theta, &support, x, None)?.to_array())
}

fn logits<T: Real>(
    learner: &dyn ClosedForm<T>,
    adapted: &Adapted<T>,
    x: &ArrayD<T>,
    batch: bool,
) -> Result<ArrayD<T>> {
    let (tape, (model, mode)) = (Tape::new(), learner.body());
    let theta = tape.leaves(&adapted.params(&learner.specs())?);
    let z = embedded(model, mode, &theta, adapted, x, batch)?;
    let head = adapted.array(learner.name())?;
    let d = z.shape()[1];
    if !learner.fits(head.shape(), d) {
        let (what, expected) = (format!("adapted {}", learner.name()), learner.shape(1, d).to_vec());
        return Err(Error::Shape { what, expected, found: head.shape().to_vec() });
    }
    let (head, own, head_norms) = (tape.leaf(head), &theta[model.count()..], learner.head_norms());
    if batch || head_norms.is_empty() {
        return finite_outputs(learner.logits(own, head, z, Norm::Batch).to_array());
    }
    let moments = adapted.moments(&[model.norms(), head_norms].concat())?;
    let norm = Norm::Running(&moments[model.norms().len()..]);
    finite_outputs(learner.logits(own, head, z, norm).to_array())
}

/// Whether queries in one batch have a head that was fitted to other embeddings than those of
/// [`Learner::predict`].
fn embeds_again<T: Real>(model: &dyn Model<T>, mode: &NormMode) -> bool {
    (mode.joins() || mode.momentum().is_some()) && !model.norms().is_empty()
}

compiled_here!(
    T: init::<T>, check_settings::<T>, check::<T>, lesson::<T>, adapt::<T>, predict::<T>, predict_together::<T>, score::<T>,
);
