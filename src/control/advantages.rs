//! Returns and advantages.

use super::baseline::LinearBaseline;
use super::rollout::Rollout;
use crate::real::Real;

impl<T: Real> Rollout<T> {
    /// The discounted sum of rewards from each step to the end of its trajectory: `Rₜ = rₜ + γ·Rₜ₊₁`.
    pub fn discounted_returns(&self, discount: f64) -> Vec<f64> {
        self.summed(&self.rewards, discount)
    }

    /// Generalised advantage estimates (Schulman et al. 2016, equation 16): the sums `Σ (γλ)ˡ·δₜ₊ₗ` of
    /// `δₜ = rₜ + γ·V(t + 1) − V(t)` within a trajectory, with `V` the baseline's value, and 0 after the last step.
    /// `λ = 1` is the discounted return minus the baseline.
    ///
    /// # Panics
    /// If the baseline was fitted to observations of another width.
    #[track_caller]
    pub fn advantages(&self, baseline: &LinearBaseline, discount: f64, lambda: f64) -> Vec<f64> {
        let values = baseline.values(self);
        let mut errors = self.rewards.clone();
        for steps in self.trajectories() {
            for at in steps.clone() {
                let next = if at + 1 < steps.end { values[at + 1] } else { 0.0 };
                errors[at] += discount * next - values[at];
            }
        }
        self.summed(&errors, discount * lambda)
    }

    /// `sₜ = xₜ + factor·sₜ₊₁` within each trajectory.
    fn summed(&self, x: &[f64], factor: f64) -> Vec<f64> {
        let mut sums = x.to_vec();
        for steps in self.trajectories() {
            for at in steps.skip(1).rev() {
                sums[at - 1] += factor * sums[at];
            }
        }
        sums
    }
}

/// Shifted and scaled to mean 0 and standard deviation 1 (with 1e-8 added to the deviation).
pub fn standardized(x: &[f64]) -> Vec<f64> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let deviation = (x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt() + 1e-8;
    x.iter().map(|x| (x - mean) / deviation).collect()
}
