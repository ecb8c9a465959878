//! MAML for policies: the meta-step and what it is made of.

use ndarray::ArrayD;
use rayon::prelude::*;

use super::environment::Environment;
use super::experience::{Experience, Outer, experience, kl_product, outer, outer_gradient};
use super::over_tasks::{all, each, some};
use super::policy_maml::PolicyMaml;
use super::trust_region::{Taken, mean_arrays, mean_outer};
use crate::error::Result;
use crate::meta::Progress;
use crate::nn::Model;
use crate::real::Real;

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

impl<M> PolicyMaml<M> {
    /// Draws trajectories in each environment, adapts, and draws trajectories of the adapted policy. In parallel;
    /// environment `i` is task `progress.task + i`, and its trajectories are a pure function of parameters, seed, iteration
    /// and task.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for no environments; within [`Error::Task`](crate::Error::Task), as [`adapt`](PolicyMaml::adapt).
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
    /// Settings out of range, parameters that do not fit; [`Error::Setting`](crate::Error::Setting) for no trajectories.
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
    /// As [`experience`](PolicyMaml::experience); [`Error::NotFinite`](crate::Error::NotFinite) for a gradient that is not.
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
