//! MAML for policies: the algorithm.

use ndarray::ArrayD;
use rayon::prelude::*;

use super::batch::PolicyBatch;
use super::environment::Environment;
use super::experience::{Dyn, Experience, Outer, experience, kl_product, outer, outer_gradient, stepped};
use super::policy_maml::PolicyMaml;
use super::rollout::Rollout;
use super::sample::sample;
use super::trust_region::{Taken, mean_arrays, mean_outer};
use crate::error::{Error, Result};
use crate::meta::{Mean, Progress};
use crate::nn::Model;
use crate::ops::Key;
use crate::real::Real;

/// The purpose of the keys of trajectories.
const TRAJECTORIES: u64 = 1;

/// What a meta-step came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PolicyStep<T> {
    /// The meta-parameters after the step.
    pub params: Vec<ArrayD<T>>,
    /// The mean return of the tasks, not discounted, before adaptation and after each inner step; of the meta-parameters
    /// before the step.
    pub returns: Vec<f64>,
    /// The outer objective before the step.
    pub before: Outer,
    /// The outer objective after the step.
    pub after: Outer,
    /// How often the line search shortened the step; `None` if it found none, and the parameters are those before.
    pub backtracks: Option<usize>,
}

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
    /// [`Error::NotFinite`] for an update that diverges.
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
    /// [`Error::Setting`] for no environments; within [`Error::Task`], as [`adapt`](PolicyMaml::adapt).
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

    /// Draws trajectories in each environment, adapts, and draws trajectories of the adapted policy. In parallel;
    /// environment `i` is task `progress.task + i`, and its trajectories are a pure function of parameters, seed, iteration
    /// and task.
    ///
    /// # Errors
    /// [`Error::Setting`] for no environments; within [`Error::Task`], as [`adapt`](PolicyMaml::adapt).
    pub fn experience<T: Real, E: Environment>(
        &self,
        params: &[ArrayD<T>],
        envs: &[E],
        progress: &Progress,
    ) -> Result<Vec<Experience<T>>>
    where
        M: Model<T>,
    {
        self.check(params)?;
        let maml = self.as_dyn();
        each(&all(envs)?, progress, |env, key| experience(&maml, params, env, key))
    }

    /// The mean outer objective at any meta-parameters, of trajectories that were drawn before, and the gradient of its loss.
    ///
    /// # Errors
    /// Settings out of range, parameters that do not fit; [`Error::Setting`] for no trajectories.
    pub fn outer_gradient<T: Real>(
        &self,
        params: &[ArrayD<T>],
        seen: &[Experience<T>],
    ) -> Result<(Outer, Vec<ArrayD<T>>)>
    where
        M: Model<T>,
    {
        self.check(params)?;
        some(seen)?;
        let maml = self.as_dyn();
        let all: Vec<_> = seen.par_iter().map(|seen| outer_gradient(&maml, params, seen)).collect();
        let (outers, grads): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        Ok((mean_outer(&outers), mean_arrays(grads)))
    }

    /// The mean outer objective alone.
    ///
    /// # Errors
    /// As [`outer_gradient`](PolicyMaml::outer_gradient).
    pub fn outer<T: Real>(&self, params: &[ArrayD<T>], seen: &[Experience<T>]) -> Result<Outer>
    where
        M: Model<T>,
    {
        self.check(params)?;
        some(seen)?;
        let maml = self.as_dyn();
        Ok(mean_outer(&seen.par_iter().map(|seen| outer(&maml, params, seen)).collect::<Vec<_>>()))
    }

    /// The product of the Hessian of the mean divergence, in the meta-parameters, with `v`. At the parameters that the
    /// trajectories were drawn with it is the Fisher information of the adapted policies.
    ///
    /// # Errors
    /// As [`outer_gradient`](PolicyMaml::outer_gradient), also for `v` that does not fit.
    pub fn kl_product<T: Real>(
        &self,
        params: &[ArrayD<T>],
        seen: &[Experience<T>],
        v: &[ArrayD<T>],
    ) -> Result<Vec<ArrayD<T>>>
    where
        M: Model<T>,
    {
        self.check(params)?;
        self.check(v)?;
        some(seen)?;
        let maml = self.as_dyn();
        Ok(mean_arrays(seen.par_iter().map(|seen| kl_product(&maml, params, seen, v)).collect()))
    }

    /// One meta-step over a batch of tasks, in parallel with the same bits on any number of threads. Environment `i` is task
    /// `progress.task + i`; trajectories are a pure function of parameters, seed, iteration and task. So a training that
    /// kept parameters and iteration goes on as if it had not stopped.
    ///
    /// # Errors
    /// As [`experience`](PolicyMaml::experience); [`Error::NotFinite`] for a gradient that is not.
    pub fn meta_step<T: Real, E: Environment>(
        &self,
        params: &[ArrayD<T>],
        envs: &[E],
        progress: &Progress,
    ) -> Result<PolicyStep<T>>
    where
        M: Model<T>,
    {
        let seen = self.experience(params, envs, progress)?;
        let taken = self.trust_region.step(&self.as_dyn(), params, &seen)?;
        Ok(report(&seen, self.steps, taken))
    }

    fn check<T: Real>(&self, params: &[ArrayD<T>]) -> Result<()>
    where
        M: Model<T>,
    {
        self.check_settings()?;
        self.policy.check(params)
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

fn report<T: Real>(seen: &[Experience<T>], steps: usize, taken: Taken<T>) -> PolicyStep<T> {
    let at = |task: &Experience<T>, step: usize| {
        task.before.get(step).unwrap_or(&task.after).rollout.mean_return()
    };
    let mean = |step| seen.iter().map(|task| at(task, step)).sum::<f64>() / seen.len() as f64;
    let returns = (0..=steps).map(mean).collect();
    let Taken { params, before, after, backtracks } = taken;
    PolicyStep { params, returns, before, after, backtracks }
}

fn all<E: Environment>(envs: &[E]) -> Result<Vec<&dyn Environment>> {
    some(envs)?;
    Ok(envs.iter().map(|env| env as &dyn Environment).collect())
}

fn some<X>(tasks: &[X]) -> Result<()> {
    if tasks.is_empty() {
        return Err(Error::Setting { name: "tasks", value: "0".into(), need: "at least 1 task" });
    }
    Ok(())
}

/// Runs tasks in parallel and returns what they found in their order, or the error of the first in order that has one.
fn each<R: Send>(
    envs: &[&dyn Environment],
    progress: &Progress,
    run: impl Fn(&dyn Environment, Key) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let task = |(i, env): (usize, &&dyn Environment)| {
        let number = progress.task.saturating_add(i as u64);
        run(*env, progress.of_task(number).key(TRAJECTORIES)).map_err(|error| error.in_task(number))
    };
    let found: Vec<Result<R>> = envs.par_iter().enumerate().map(task).collect();
    found.into_iter().collect()
}

compiled_here!(T: adapt::<T>);
