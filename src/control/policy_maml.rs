//! MAML for policies: its settings.

use ndarray::ArrayD;

use super::policy::GaussianPolicy;
use super::trust_region::TrustRegion;
use crate::error::{Error, Result};
use crate::meta::Order;
use crate::nn::{Model, Network};
use crate::real::Real;
use crate::settings::{check_positive, check_rate};

/// MAML for reinforcement learning (Finn, Abbeel and Levine 2017, algorithm 3): the policy adapts to a task by a step of
/// vanilla policy gradient on trajectories of its own, and what it begins with is meta-learned by trust region steps on the
/// adapted policies, with exact second derivatives through the inner step.
///
/// - Inner: `φ = θ − inner_lr·∇(−mean(log π(a|o)·A))` on [`trajectories`](PolicyMaml::trajectories) of the policy; the
///   deviation adapts too. Advantages `A` are standardised, against a [`LinearBaseline`](crate::LinearBaseline)
///   that is fitted to the same trajectories.
/// - Outer: the likelihood ratio of new trajectories of the adapted policy, in a [`TrustRegion`].
///
/// ```
/// use innerloop::{GaussianPolicy, Key, Mlp, NavigationGoals, Order, PolicyMaml, Progress, Tasks};
/// let policy = GaussianPolicy::new(Mlp::new(&[2, 16, 2])?);
/// let maml = PolicyMaml::new(policy, 0.5, Order::Second).trajectories(5);
/// let goals = NavigationGoals::new(0);
/// let mut params = maml.policy.init::<f32>(0);
/// for iteration in 0..2 {
///     let envs: Vec<_> = (0..4).map(|i| goals.task(4 * iteration + i)).collect();
///     let progress = Progress::new(0, 2).at(iteration).of_task(4 * iteration);
///     let step = maml.meta_step(&params, &envs, &progress)?;
///     assert!(step.after.kl <= 0.01);
///     params = step.params;
/// }
/// let stages = maml.adapt(&params, &goals.task(99), 2, Key::new(7))?; // before, and after 1 and 2 updates
/// println!("{:.1} {:.1}", stages[0].rollout.mean_return(), stages[2].rollout.mean_return());
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PolicyMaml<M> {
    /// The policy.
    pub policy: GaussianPolicy<M>,
    /// The rate of the inner steps.
    pub inner_lr: f64,
    /// Whether the outer step sees the derivative of the inner gradients.
    pub order: Order,
    /// Inner steps in training; 1.
    pub steps: usize,
    /// Trajectories per task and step; 20.
    pub trajectories: usize,
    /// The discount γ of rewards; 0.99.
    pub discount: f64,
    /// The λ of generalised advantage estimates; 1.
    pub gae_lambda: f64,
    /// What the inner rate is multiplied by in steps beyond those of training; 0.5.
    pub later_rate: f64,
    /// The outer step.
    pub trust_region: TrustRegion,
}

impl<M> PolicyMaml<M> {
    /// With the settings of the paper for 2-D navigation.
    pub fn new(policy: GaussianPolicy<M>, inner_lr: f64, order: Order) -> PolicyMaml<M> {
        let trust_region = TrustRegion::default();
        let (discount, gae_lambda, later_rate) = (0.99, 1.0, 0.5);
        let (steps, trajectories) = (1, 20);
        PolicyMaml {
            policy,
            inner_lr,
            order,
            steps,
            trajectories,
            discount,
            gae_lambda,
            later_rate,
            trust_region,
        }
    }

    /// With so many inner steps in training.
    #[must_use]
    pub fn steps(self, steps: usize) -> PolicyMaml<M> {
        PolicyMaml { steps, ..self }
    }

    /// With so many trajectories per task and step.
    #[must_use]
    pub fn trajectories(self, trajectories: usize) -> PolicyMaml<M> {
        PolicyMaml { trajectories, ..self }
    }

    /// With a discount γ, and a λ for advantages.
    #[must_use]
    pub fn discount(self, discount: f64, gae_lambda: f64) -> PolicyMaml<M> {
        PolicyMaml { discount, gae_lambda, ..self }
    }

    /// With another factor of the inner rate in steps beyond those of training.
    #[must_use]
    pub fn later_rate(self, later_rate: f64) -> PolicyMaml<M> {
        PolicyMaml { later_rate, ..self }
    }

    /// With another outer step.
    #[must_use]
    pub fn trust_region(self, trust_region: TrustRegion) -> PolicyMaml<M> {
        PolicyMaml { trust_region, ..self }
    }

    fn check_settings(&self) -> Result<()> {
        check_positive("inner_lr", self.inner_lr)?;
        check_rate("later_rate", self.later_rate)?;
        for (name, value) in [("discount", self.discount), ("gae_lambda", self.gae_lambda)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::Setting { name, value: value.to_string(), need: "from 0 to 1" });
            }
        }
        self.trust_region.check()
    }

    /// Whether settings are in range and parameters fit.
    pub(super) fn check<T: Real>(&self, params: &[ArrayD<T>]) -> Result<()>
    where
        M: Model<T>,
    {
        self.check_settings()?;
        self.policy.check(params)
    }
}

impl<M: Network> PolicyMaml<M> {
    /// The same around a reference to the network.
    pub(super) fn as_dyn<T: Real>(&self) -> PolicyMaml<&dyn Model<T>>
    where
        M: Model<T>,
    {
        let &PolicyMaml { inner_lr, order, steps, trajectories, .. } = self;
        let &PolicyMaml { discount, gae_lambda, later_rate, trust_region, .. } = self;
        let policy = self.policy.as_dyn();
        PolicyMaml {
            policy,
            inner_lr,
            order,
            steps,
            trajectories,
            discount,
            gae_lambda,
            later_rate,
            trust_region,
        }
    }
}
