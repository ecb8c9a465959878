//! Adapting a policy to a task by trial.

use ndarray::ArrayD;

use super::batch::PolicyBatch;
use super::environment::Environment;
use super::experience::{Dyn, stepped};
use super::over_tasks::{all, each};
use super::policy_maml::PolicyMaml;
use super::rollout::Rollout;
use super::sample::sample;
use crate::error::Result;
use crate::meta::{Mean, Progress};
use crate::nn::Model;
use crate::ops::Key;
use crate::real::Real;

/// A policy after some inner steps, with trajectories of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PolicyStage<T> {
    /// Its parameters.
    pub params: Vec<ArrayD<T>>,
    /// Trajectories that it drew.
    pub rollout: Rollout<T>,
}

impl<M> PolicyMaml<M> {
    /// Adapts to one task by trial: returns the policy before adaptation and after each of `steps` updates, with the
    /// trajectories that each drew. An update learns from those of the stage before it. A pure function of its arguments.
    ///
    /// # Errors
    /// Settings out of range, and what [`GaussianPolicy::rollout`](crate::GaussianPolicy::rollout) refuses;
    /// [`Error::NotFinite`](crate::Error::NotFinite) for an update that diverges.
    pub fn adapt<T: Real>(
        &self,
        params: &[ArrayD<T>],
        env: &dyn Environment,
        steps: usize,
        key: Key,
    ) -> Result<Vec<PolicyStage<T>>>
    where
        M: Model<T>,
    {
        self.check(params)?;
        adapt(&self.as_dyn(), params, env, steps, key)
    }

    /// Adapts to each environment and returns the mean over environments of the mean return, not discounted, before
    /// adaptation and after each of `steps` updates. In parallel; environment `i` is task `progress.task + i`.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for no environments; within [`Error::Task`](crate::Error::Task), as [`adapt`](PolicyMaml::adapt).
    pub fn evaluate<T: Real, E: Environment>(
        &self,
        params: &[ArrayD<T>],
        envs: &[E],
        steps: usize,
        progress: &Progress,
    ) -> Result<Vec<Mean>>
    where
        M: Model<T>,
    {
        self.check(params)?;
        let maml = self.as_dyn();
        let returns = each(&all(envs)?, progress, |env, key| {
            let stages = adapt(&maml, params, env, steps, key)?;
            Ok(stages.iter().map(|stage| stage.rollout.mean_return()).collect::<Vec<_>>())
        })?;
        Ok((0..=steps).map(|step| Mean::of(returns.iter().map(|r| r[step]))).collect())
    }
}

#[inline(never)]
fn adapt<T: Real>(
    maml: &Dyn<'_, T>,
    params: &[ArrayD<T>],
    env: &dyn Environment,
    steps: usize,
    key: Key,
) -> Result<Vec<PolicyStage<T>>> {
    let (mut phi, mut stages) = (params.to_vec(), Vec::with_capacity(steps + 1));
    for step in 0..=steps {
        let rollout = sample(&maml.policy, &phi, env, maml.trajectories, key.with(step as u64))?;
        let mut next = Vec::new();
        if step < steps {
            let batch = PolicyBatch::new(rollout.clone(), maml.discount, maml.gae_lambda)?;
            let rate = if step < maml.steps { 1.0 } else { maml.later_rate };
            next = stepped(maml, &phi, &batch, rate * maml.inner_lr)?;
        }
        stages.push(PolicyStage { params: std::mem::replace(&mut phi, next), rollout });
    }
    Ok(stages)
}

compiled_here!(T: adapt::<T>);
