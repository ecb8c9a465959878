//! A mean with its interval over values that are not kept (Welford 1962).

use crate::meta::Mean;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Running {
    count: f64,
    mean: f64,
    /// The sum of squared differences from the mean.
    squares: f64,
}

impl Running {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
    }

    /// The mean and `1.96·σ/√n`, as [`evaluate`](crate::evaluate) reports it; NaN of no values.
    pub(super) fn mean(&self) -> Mean {
        if self.count == 0.0 {
            return Mean { mean: f64::NAN, interval: f64::NAN };
        }
        let variance = (self.squares / self.count).max(0.0);
        Mean { mean: self.mean, interval: 1.96 * (variance / self.count).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_mean_is_that_of_all_values() {
        let mut running = Running::default();
        [1e6, 1e6 + 1.0, 1e6 + 1.0, 1e6].iter().for_each(|&v| running.add(v));
        assert_eq!(running.mean(), Mean { mean: 1e6 + 0.5, interval: 1.96 * 0.25 });
        assert!(Running::default().mean().mean.is_nan());
    }
}
