//! The weights of MAML++'s multi-step loss.

use crate::error::{Error, Result};

/// MAML++'s multi-step loss (Antoniou et al. 2019, section 4): the query loss after each inner step counts, at first
/// all alike, then more and more the last alone.
///
/// With K steps and after `e` of E epochs, `d = 1/(K·E)`: the last weight is `min(1/K + e·(K−1)·d, 1 − (K−1)·0.03/K)`,
/// each other is `max(1/K − e·d, 0.03/K)`, as in the authors' code; from epoch E on, only the last loss counts.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
pub struct MultiStep {
    weights: Weights,
}

#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
enum Weights {
    Annealed { epochs: u64, epoch: u64 },
    Given(Vec<f64>),
}

impl MultiStep {
    /// Weights that move to the last step over `epochs` epochs of `epoch` meta-steps each. The authors take 10 epochs for
    /// Omniglot, 15 for miniImageNet, and 500 meta-steps.
    pub fn annealed(epochs: u64, epoch: u64) -> MultiStep {
        MultiStep { weights: Weights::Annealed { epochs, epoch: epoch.max(1) } }
    }

    /// Constant weights, one for each inner step of training.
    pub fn given(weights: &[f64]) -> MultiStep {
        MultiStep { weights: Weights::Given(weights.to_vec()) }
    }

    /// The weights of the losses after each of `steps` inner steps, at a meta-step of training.
    pub fn weights(&self, steps: usize, iteration: u64) -> Vec<f64> {
        let (epochs, epoch) = match &self.weights {
            Weights::Given(weights) => return weights.clone(),
            Weights::Annealed { epochs, epoch } => (*epochs, iteration / epoch),
        };
        let (k, e) = (steps as f64, epoch as f64);
        if epoch >= epochs {
            return (0..steps).map(|step| if step + 1 == steps { 1.0 } else { 0.0 }).collect();
        }
        let d = 1.0 / (k * epochs as f64);
        let floor = 0.03 / k;
        let other = (1.0 / k - e * d).max(floor);
        let last = (1.0 / k + e * (k - 1.0) * d).min(1.0 - (k - 1.0) * floor);
        (0..steps).map(|step| if step + 1 == steps { last } else { other }).collect()
    }

    /// Whether there is a finite weight for each of `steps` inner steps.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self, steps: usize) -> Result<()> {
        match &self.weights {
            Weights::Given(w) if w.len() != steps || w.iter().any(|w| !(w.is_finite() && *w >= 0.0)) => {
                let need = "a finite weight, 0 or more, for each inner step of training";
                Err(Error::Setting { name: "multi_step", value: format!("{w:?}"), need })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_move_from_all_steps_to_the_last_and_add_up_to_one() {
        let loss = MultiStep::annealed(10, 500);
        assert_eq!(loss.weights(5, 0), [0.2; 5]);
        for iteration in [0, 499, 500, 2_500, 4_999, 5_000, 60_000] {
            let sum: f64 = loss.weights(5, iteration).iter().sum();
            assert!((sum - 1.0).abs() < 1e-12, "{iteration}: {sum}");
        }
        assert_eq!(loss.weights(5, 5_000), [0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(loss.weights(1, 0), [1.0]);
    }
}
