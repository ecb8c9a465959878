//! The temperature: one scalar that outputs are divided by, fitted on validation episodes (Guo et al. 2017, section 4.2).
//!
//! With `β = 1/T` the mean of `−ln softmax(βz)_label` is convex in β, with derivative `E_p[z] − z_label` and second
//! derivative `Var_p[z]`. Both are summed at fixed points `β = 2^(k/4)`, so queries need not be kept and one pass is
//! enough. The sign of the derivative names the interval of the minimum; inside, the zero of the cubic with the four
//! numbers at its ends is found by bisection. Nothing can diverge, and the result is right to about 1e-5.

/// Quarters of octaves: β from 2⁻¹² to 2⁸.
const FIRST: i32 = -48;
const POINTS: usize = 81;

fn beta(point: usize) -> f64 {
    (0.25 * f64::from(FIRST + point as i32)).exp2()
}

/// Sums of derivatives over queries at each point.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TemperatureSums {
    slopes: [(f64, f64); POINTS],
    queries: u64,
}

impl Default for TemperatureSums {
    fn default() -> Self {
        TemperatureSums { slopes: [(0.0, 0.0); POINTS], queries: 0 }
    }
}

impl TemperatureSums {
    /// Takes in one query.
    pub(super) fn add(&mut self, logits: &[f64], label: usize) {
        let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for (point, (first, second)) in self.slopes.iter_mut().enumerate() {
            let (mut total, mut mean, mut square) = (0.0, 0.0, 0.0);
            for z in logits.iter().map(|z| z - max) {
                let weight = (beta(point) * z).exp();
                total += weight;
                mean += weight * z;
                square += weight * z * z;
            }
            let mean = mean / total;
            *first += mean - (logits[label] - max);
            *second += square / total - mean * mean;
        }
        self.queries += 1;
    }

    pub(super) fn merge(&mut self, more: &TemperatureSums) {
        for (sum, more) in self.slopes.iter_mut().zip(&more.slopes) {
            *sum = (sum.0 + more.0, sum.1 + more.1);
        }
        self.queries += more.queries;
    }

    /// The β of the smallest negative log-likelihood; `None` without queries.
    pub(super) fn best_beta(&self) -> Option<f64> {
        if self.queries == 0 {
            return None;
        }
        let Some(right) = self.slopes.iter().position(|(slope, _)| *slope > 0.0) else {
            return Some(beta(POINTS - 1));
        };
        let Some(left) = right.checked_sub(1) else { return Some(beta(0)) };
        let (low, high) = (beta(left), beta(right));
        let [(a, da), (b, db)] = [self.slopes[left], self.slopes[right]];
        let width = high - low;
        // the cubic in u = (β − low)/width with values a, b and slopes da, db at its ends
        let cubic = |u: f64| {
            let v = 1.0 - u;
            a * (1.0 + 2.0 * u) * v * v + b * u * u * (3.0 - 2.0 * u) + width * u * v * (da * v - db * u)
        };
        let (mut from, mut to) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = 0.5 * (from + to);
            if cubic(middle) > 0.0 { to = middle } else { from = middle }
        }
        Some(low + width * 0.5 * (from + to))
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;
    use crate::random::{Purpose, stream, unit};

    /// 400 queries of four classes; labels are drawn from the softmax of the logits at `beta`.
    fn queries(beta: f64, seed: u64) -> Vec<(Vec<f64>, usize)> {
        let mut rng = stream(seed, Purpose::Episode, 0);
        let mut draw = || {
            let logits: Vec<f64> = (0..4).map(|_| (unit(&mut rng) - 0.5) * 4.0 / beta).collect();
            let weights: Vec<f64> = logits.iter().map(|z| (beta * z).exp()).collect();
            let mut at = unit(&mut rng) * weights.iter().sum::<f64>();
            let label = weights.iter().position(|w| {
                at -= w;
                at < 0.0
            });
            rng.next_u64();
            (logits, label.unwrap_or(3))
        };
        (0..400).map(|_| draw()).collect()
    }

    fn nll(queries: &[(Vec<f64>, usize)], beta: f64) -> f64 {
        let one = |(z, label): &(Vec<f64>, usize)| {
            z.iter().map(|z| (beta * z).exp()).sum::<f64>().ln() - beta * z[*label]
        };
        queries.iter().map(one).sum()
    }

    #[test]
    fn the_fitted_temperature_is_the_minimum_that_a_search_over_all_queries_finds() {
        for (seed, truth) in [(1, 0.03), (2, 0.7), (3, 1.0), (4, 11.0)] {
            let queries = queries(truth, seed);
            let mut sums = TemperatureSums::default();
            queries.iter().for_each(|(z, label)| sums.add(z, *label));
            let found = sums.best_beta().unwrap();
            let (mut low, mut high) = (0.1 * truth, 10.0 * truth);
            for _ in 0..200 {
                let [a, b] = [0.382, 0.618].map(|u| low + u * (high - low));
                if nll(&queries, a) < nll(&queries, b) { high = b } else { low = a }
            }
            assert!((found / low - 1.0).abs() < 1e-5, "{found} {low}");
            assert!((found / truth - 1.0).abs() < 0.2, "{found} {truth}");
        }
    }

    #[test]
    fn answers_that_are_all_right_or_all_wrong_give_the_ends_of_the_range() {
        let end = |label| {
            let mut sums = TemperatureSums::default();
            sums.add(&[1.0, 0.0], label);
            sums.best_beta().unwrap()
        };
        assert_eq!((end(0), end(1)), (2f64.powi(8), 2f64.powi(-12)));
        assert_eq!(TemperatureSums::default().best_beta(), None);
    }
}
