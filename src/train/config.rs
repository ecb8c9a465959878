//! Settings of the outer loop.

use crate::error::{Error, Result};
use crate::optim::Schedule;

/// Settings of the outer loop.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TrainConfig {
    /// Tasks per meta-step.
    pub meta_batch: usize,
    /// Outer learning rate, before the schedule changes it.
    pub outer_lr: f64,
    /// Meta-steps that the whole training is to make: what changes over training is a share of it.
    pub iterations: u64,
    /// Decides initial parameters and whatever a learner draws; 0 unless said otherwise.
    pub seed: u64,
    /// How the outer learning rate changes over training; constant unless said otherwise.
    pub schedule: Schedule,
    /// Clip the meta-gradient to this L2 norm; `None`, unless said otherwise, leaves it as it is.
    pub clip_norm: Option<f64>,
    /// Whether tasks that diverge are left out; no unless said otherwise.
    pub skip_diverged: bool,
    /// Weight decay of all meta-parameters, beside their own ([`ParamSpec::decay`](crate::ParamSpec::decay)); 0 unless said
    /// otherwise.
    pub weight_decay: f64,
}

impl TrainConfig {
    /// `iterations` meta-steps of `meta_batch` tasks each at rate `outer_lr`.
    pub fn new(meta_batch: usize, outer_lr: f64, iterations: u64) -> TrainConfig {
        TrainConfig {
            meta_batch,
            outer_lr,
            iterations,
            seed: 0,
            schedule: Schedule::Constant,
            clip_norm: None,
            skip_diverged: false,
            weight_decay: 0.0,
        }
    }

    /// With another seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> TrainConfig {
        TrainConfig { seed, ..self }
    }

    /// With a schedule of the outer rate.
    #[must_use]
    pub fn schedule(self, schedule: Schedule) -> TrainConfig {
        TrainConfig { schedule, ..self }
    }

    /// With the meta-gradient clipped to an L2 norm.
    #[must_use]
    pub fn clip_norm(self, norm: f64) -> TrainConfig {
        TrainConfig { clip_norm: Some(norm), ..self }
    }

    /// Leaves a task whose loss or meta-gradient is not finite out of its meta-step's mean, where it would else end the
    /// training: one inner loop of a million may diverge. [`StepLog::skipped`](crate::StepLog::skipped) counts such tasks; a
    /// meta-step with more than half of its tasks left out is an error. So is a task with inputs that are not finite.
    #[must_use]
    pub fn skip_diverged(self) -> TrainConfig {
        TrainConfig { skip_diverged: true, ..self }
    }

    /// With so many times each meta-parameter added to its meta-gradient. A little of it holds what the loss does not see, such as
    /// a shift of all embeddings of a [`ProtoNet`](crate::ProtoNet), which Adam else moves on and on. What decay alone moves ends at
    /// 0: parameters below the square root of the smallest normal number (1.1e-19 in `f32`) are put there, with or without decay.
    #[must_use]
    pub fn weight_decay(self, decay: f64) -> TrainConfig {
        TrainConfig { weight_decay: decay, ..self }
    }

    /// Whether each setting is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`], which names the one that is not.
    pub fn check(&self) -> Result<()> {
        let refuse = |name, value: f64, need| Err(Error::Setting { name, value: value.to_string(), need });
        if !(1..=1 << 20).contains(&self.meta_batch) {
            return refuse("meta_batch", self.meta_batch as f64, "from 1 to 1048576 tasks");
        }
        if self.iterations == 0 {
            return refuse("iterations", 0.0, "at least 1");
        }
        if !(self.outer_lr.is_finite() && self.outer_lr > 0.0) {
            return refuse("outer_lr", self.outer_lr, "a finite number above 0");
        }
        if let Some(norm) = self.clip_norm.filter(|norm| norm.is_nan() || *norm <= 0.0) {
            return refuse("clip_norm", norm, "above 0");
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return refuse("weight_decay", self.weight_decay, "a finite number, 0 or more");
        }
        if let Schedule::Cosine { floor, .. } | Schedule::Linear { floor, .. } = self.schedule
            && !(floor.is_finite() && floor >= 0.0)
        {
            return refuse("floor", floor, "a finite number, 0 or more");
        }
        Ok(())
    }
}
