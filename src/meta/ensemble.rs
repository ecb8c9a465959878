//! Several trainings of one learner as a learner.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::learner::{Learned, Learner};
use super::score::Score;
use super::task::check_learned;
use crate::data::{Examples, Targets};
use crate::error::{Error, Result};
use crate::nn::{ParamSpec, check_params};
use crate::real::Real;

/// What several trainings of one learner say together: each adapts by itself, and their outputs, logits or values, are
/// averaged. Cross-entropy and squared error are convex in outputs, so that its loss is at most the mean of the members'
/// losses. Members differ by their seed, by the data that they were trained on or by when they were taken from a training
/// ([`Run::keep`](crate::Run::keep)), not in settings. So Antoniou et al. (2019) test MAML++, with the five best parameters of
/// a training.
///
/// It adapts, predicts, is evaluated and saved as any learner, in so many times the memory and time as it has members. It is
/// not trained: its members are, each by itself. Evaluation sees the last inner step alone, as
/// [`LastStep`](crate::LastStep) does.
///
/// ```
/// use innerloop::{Ensemble, Learned, Learner, Maml, Mlp, NormMode, Order, Sinusoids, evaluate};
/// let maml = Maml::new(Mlp::new(&[1, 40, 1])?, 0.01, Order::First, NormMode::Batch);
/// let ensemble = Ensemble::new(&maml, 2);
/// let learned: Learned<f32> = ensemble.learned(vec![maml.init(0).into(), maml.init(1).into()])?;
/// let report = evaluate(&ensemble, &learned, &Sinusoids::new(10, 10, 0), 5)?;
/// assert_eq!(report.len(), 1);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Ensemble<L> {
    learner: L,
    members: usize,
}

impl<L> Ensemble<L> {
    /// Of so many members, at least one.
    pub fn new(learner: L, members: usize) -> Ensemble<L> {
        Ensemble { learner, members }
    }

    /// What the members learned, as the ensemble's.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of members; what [`Learner::check_settings`] and [`check_params`] refuse, naming
    /// the member.
    pub fn learned<T: Real>(&self, members: Vec<Learned<T>>) -> Result<Learned<T>>
    where
        L: Learner<T>,
    {
        if members.len() != self.members {
            let (expected, found) = (vec![self.members], vec![members.len()]);
            return Err(Error::Shape { what: "list of an ensemble's members".into(), expected, found });
        }
        Learner::<T>::check_settings(self)?;
        let (specs, state) = (self.learner.specs(), self.learner.state());
        let mut all = Learned { params: Vec::new(), state: Vec::new() };
        for (i, member) in members.into_iter().enumerate() {
            check_params(&of_member(i, &specs), &member.params)?;
            check_params(&of_member(i, &state), &member.state)?;
            all.params.extend(member.params);
            all.state.extend(member.state);
        }
        Ok(all)
    }

    /// The specs of all members.
    fn of_all(&self, specs: &[ParamSpec]) -> Vec<ParamSpec> {
        (0..self.members).flat_map(|i| of_member(i, specs)).collect()
    }

    /// The mean of what `outputs` of the learner and each adapted member gives.
    fn mean<T: Real>(
        &self,
        adapted: &Adapted<T>,
        outputs: impl Fn(&L, &Adapted<T>) -> Result<ArrayD<T>>,
    ) -> Result<ArrayD<T>> {
        let of_one = |i| outputs(&self.learner, &adapted.within(&prefix(i)));
        let sum = (1..self.members).try_fold(of_one(0)?, |sum, i| Ok(sum + of_one(i)?))?;
        Ok(sum / T::from_f64(self.members as f64))
    }
}

/// The specs under names of the member's own.
fn of_member(member: usize, specs: &[ParamSpec]) -> Vec<ParamSpec> {
    specs.iter().map(|spec| spec.clone().renamed(prefix(member) + &spec.name)).collect()
}

/// What the names of a member's arrays begin with.
fn prefix(member: usize) -> String {
    format!("member{member}/")
}

impl<T: Real, L: Learner<T>> Learner<T> for Ensemble<L> {
    fn specs(&self) -> Vec<ParamSpec> {
        self.of_all(&self.learner.specs())
    }

    /// Each member's from a seed of its own.
    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        (0..self.members as u64).flat_map(|i| self.learner.init(seed.wrapping_add(i))).collect()
    }

    fn state(&self) -> Vec<ParamSpec> {
        self.of_all(&self.learner.state())
    }

    fn check_settings(&self) -> Result<()> {
        if self.members == 0 {
            return Err(Error::Setting { name: "members", value: "0".into(), need: "at least 1" });
        }
        self.learner.check_settings()
    }

    fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
        self.learner.check(set, examples)
    }

    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        check_learned(self, learned)?;
        let [params, state] = [self.learner.specs().len(), self.learner.state().len()];
        let mut all = Adapted::new([]);
        for i in 0..self.members {
            let part = |arrays: &[ArrayD<T>], count| arrays[i * count..(i + 1) * count].to_vec();
            let member =
                Learned { params: part(&learned.params, params), state: part(&learned.state, state) };
            let adapted = self.learner.adapt(&member, support)?;
            for (name, array) in adapted.arrays() {
                all = all.with(prefix(i) + name, array.clone());
            }
        }
        Ok(all)
    }

    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.mean(adapted, |learner, adapted| learner.predict(adapted, x))
    }

    fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.mean(adapted, |learner, adapted| learner.predict_together(adapted, x))
    }

    fn score(&self, outputs: &ArrayD<T>, targets: &Targets<T>) -> Score {
        self.learner.score(outputs, targets)
    }
}
