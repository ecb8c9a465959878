//! Trajectories.

use std::ops::Range;

use ndarray::ArrayD;

use crate::error::{Error, Result};
use crate::real::{Real, all_finite};

/// Some trajectories of one task, one after another in the same arrays: `n` steps in all.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Rollout<T> {
    /// What the policy saw before each action, `[n, o]`.
    pub observations: ArrayD<T>,
    /// What it did, `[n, a]`.
    pub actions: ArrayD<T>,
    /// The reward of each action.
    pub rewards: Vec<f64>,
    /// How many steps each trajectory has.
    pub lengths: Vec<usize>,
}

impl<T: Real> Rollout<T> {
    /// From its parts, for trajectories that were recorded elsewhere.
    ///
    /// # Errors
    /// [`Error::Setting`] for no trajectories, or one without steps; [`Error::Shape`] where the numbers of steps differ;
    /// [`Error::NotFinite`], naming the step.
    pub fn new(
        observations: ArrayD<T>,
        actions: ArrayD<T>,
        rewards: Vec<f64>,
        lengths: Vec<usize>,
    ) -> Result<Rollout<T>> {
        if lengths.is_empty() || lengths.contains(&0) {
            let need = "at least one number, and each at least 1";
            return Err(Error::Setting { name: "lengths", value: format!("{lengths:?}"), need });
        }
        let n = lengths.iter().sum();
        for (what, array) in [("observations", &observations), ("actions", &actions)] {
            let found = array.shape();
            if found.len() != 2 || found[0] != n || found[1] == 0 {
                let expected = vec![n, found.get(1).copied().unwrap_or(1).max(1)];
                let what = format!("{what} of a rollout");
                return Err(Error::Shape { what, expected, found: found.to_vec() });
            }
            if !all_finite(array) {
                let bad = |row: ndarray::ArrayViewD<'_, T>| row.iter().any(|x| !x.is_finite());
                let step = array.outer_iter().position(bad).unwrap_or(0);
                return Err(Error::NotFinite { what: format!("step {step} of the {what} of a rollout") });
            }
        }
        if rewards.len() != n {
            let what = "rewards of a rollout".into();
            return Err(Error::Shape { what, expected: vec![n], found: vec![rewards.len()] });
        }
        if let Some(step) = rewards.iter().position(|r| !r.is_finite()) {
            return Err(Error::NotFinite { what: format!("step {step} of the rewards of a rollout") });
        }
        Ok(Rollout { observations, actions, rewards, lengths })
    }

    /// Which steps each trajectory has.
    pub fn trajectories(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.lengths.iter().scan(0, |end, &length| {
            *end += length;
            Some(*end - length..*end)
        })
    }

    /// The mean over trajectories of the sum of rewards, not discounted.
    pub fn mean_return(&self) -> f64 {
        self.rewards.iter().sum::<f64>() / self.lengths.len() as f64
    }
}
