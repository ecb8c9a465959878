//! The weights of MAML++'s multi-step loss.

/// MAML++'s multi-step loss (Antoniou et al. 2019, section 4): the query loss after each inner step counts, at first
/// all alike, then more and more the last alone.
///
/// With K steps and after `e` of E epochs, `d = 1/(K·E)`: the last weight is `min(1/K + e·(K−1)·d, 1 − (K−1)·0.03/K)`,
/// each other is `max(1/K − e·d, 0.03/K)`, as in the authors' code; from epoch E on, only the last loss counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MultiStep {
    /// E, the epochs over which the weights move to the last step. The authors take 10 for Omniglot, 15 for miniImageNet.
    pub epochs: u64,
    /// Meta-steps in an epoch; the authors take 500.
    pub epoch: u64,
}

impl MultiStep {
    /// The weights of the losses after each of `steps` inner steps, at a meta-step of training. Their sum is 1.
    pub fn weights(&self, steps: usize, iteration: u64) -> Vec<f64> {
        let last = steps.saturating_sub(1);
        let epoch = iteration / self.epoch.max(1);
        if epoch >= self.epochs {
            return (0..steps).map(|k| if k == last { 1.0 } else { 0.0 }).collect();
        }
        self.annealed(steps, epoch)
    }

    /// The weights in an epoch, without the end of the multi-step loss.
    pub(super) fn annealed(&self, steps: usize, epoch: u64) -> Vec<f64> {
        let (k, e) = (steps as f64, epoch as f64);
        let d = 1.0 / (k * self.epochs.max(1) as f64);
        let floor = 0.03 / k;
        let other = (1.0 / k - e * d).max(floor);
        let final_ = (1.0 / k + e * (k - 1.0) * d).min(1.0 - (k - 1.0) * floor);
        (0..steps).map(|step| if step + 1 == steps { final_ } else { other }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_move_from_all_steps_to_the_last_and_add_up_to_one() {
        let loss = MultiStep { epochs: 10, epoch: 500 };
        assert_eq!(loss.weights(5, 0), [0.2; 5]);
        for iteration in [0, 499, 500, 2_500, 4_999, 5_000, 60_000] {
            let sum: f64 = loss.weights(5, iteration).iter().sum();
            assert!((sum - 1.0).abs() < 1e-12, "{iteration}: {sum}");
        }
        assert_eq!(loss.weights(5, 5_000), [0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(loss.weights(1, 0), [1.0]);
    }
}
