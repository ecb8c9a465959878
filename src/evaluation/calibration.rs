//! Whether confidences are frequencies: a reliability diagram and the numbers that sum it up.

/// So many bins of equal width, as in Guo et al. 2017.
pub(super) const BINS: usize = 15;

/// One bar of a reliability diagram: queries whose confidence lies in `low..high`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct ReliabilityBin {
    /// The bin's lower end, in `0..1`.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Queries in the bin.
    pub queries: u64,
    /// Their mean confidence, the largest probability; 0 for an empty bin.
    pub confidence: f64,
    /// The share of them that was answered correctly; 0 for an empty bin.
    pub accuracy: f64,
}

/// How far probabilities can be trusted, over all queries of all episodes.
///
/// The probabilities of a query are the softmax of its outputs, divided by the temperature first.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reliability {
    /// Expected calibration error in `0..=1`: the mean over queries of their bin's `|accuracy − confidence|`
    /// (Guo et al. 2017, equation 3, 15 bins of equal width).
    pub ece: f64,
    /// Negative log-likelihood, the mean of `−ln p(label)`, in nats.
    pub nll: f64,
    /// Brier score in `0..=2`: the mean of `Σₖ (pₖ − yₖ)²`.
    pub brier: f64,
    /// The reliability diagram, by rising confidence.
    pub bins: Vec<ReliabilityBin>,
}

/// Calibration before and after a temperature that was fitted on validation episodes.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Calibration {
    /// With the outputs as they are.
    pub before: Reliability,
    /// What outputs are divided by to be calibrated, from 2⁻⁸ to 2¹²; `None` without validation episodes. At an end of
    /// the range the validation episodes say no more than "smaller" or "larger".
    pub temperature: Option<f64>,
    /// With the outputs divided by the temperature.
    pub after: Option<Reliability>,
}

/// Sums over queries.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ReliabilitySums {
    /// Queries, correct ones, and the sum of confidences, of each bin.
    bins: [(u64, u64, f64); BINS],
    nll: f64,
    brier: f64,
}

impl ReliabilitySums {
    /// Takes in one query by its logits at an inverse temperature. Returns the answer, the first of the largest logits.
    pub(super) fn add(&mut self, logits: &[f64], label: usize, beta: f64) -> usize {
        let larger = |best: (usize, f64), (i, &z): (usize, &f64)| if z > best.1 { (i, z) } else { best };
        let (answer, max) = logits.iter().enumerate().fold((0, f64::NEG_INFINITY), larger);
        let total: f64 = logits.iter().map(|z| (beta * (z - max)).exp()).sum();
        let p = |k: usize| (beta * (logits[k] - max)).exp() / total;
        let confidence = 1.0 / total;
        let bin = &mut self.bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += 1;
        bin.1 += u64::from(answer == label);
        bin.2 += confidence;
        self.nll += total.ln() - beta * (logits[label] - max);
        self.brier +=
            (0..logits.len()).map(|k| (p(k) - f64::from(u8::from(k == label))).powi(2)).sum::<f64>();
        answer
    }

    pub(super) fn merge(&mut self, more: &ReliabilitySums) {
        for (bin, more) in self.bins.iter_mut().zip(&more.bins) {
            *bin = (bin.0 + more.0, bin.1 + more.1, bin.2 + more.2);
        }
        self.nll += more.nll;
        self.brier += more.brier;
    }

    pub(super) fn queries(&self) -> u64 {
        self.bins.iter().map(|bin| bin.0).sum()
    }

    pub(super) fn reliability(&self) -> Reliability {
        let n = self.queries() as f64;
        let bin = |(i, &(queries, right, confidence)): (usize, &(u64, u64, f64))| {
            let of = |sum: f64| if queries == 0 { 0.0 } else { sum / queries as f64 };
            let (low, high) = (i as f64 / BINS as f64, (i + 1) as f64 / BINS as f64);
            ReliabilityBin { low, high, queries, confidence: of(confidence), accuracy: of(right as f64) }
        };
        let bins: Vec<_> = self.bins.iter().enumerate().map(bin).collect();
        let gap = |bin: &ReliabilityBin| bin.queries as f64 / n * (bin.accuracy - bin.confidence).abs();
        Reliability { ece: bins.iter().map(gap).sum(), nll: self.nll / n, brier: self.brier / n, bins }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_two_queries_are_those_of_a_calculation_by_hand() {
        let logits = [[0.9f64.ln(), 0.1f64.ln()], [0.7f64.ln(), 0.3f64.ln()]];
        let mut sums = ReliabilitySums::default();
        assert_eq!(sums.add(&logits[0], 0, 1.0), 0);
        let mut more = ReliabilitySums::default();
        assert_eq!(more.add(&logits[1], 1, 1.0), 0);
        sums.merge(&more);
        let Reliability { ece, nll, brier, bins } = sums.reliability();
        // alone in their bins: |1 − 0.9| and |0 − 0.7|
        assert!((ece - 0.5 * (0.1 + 0.7)).abs() < 1e-12, "{ece}");
        assert!((nll - 0.5 * (-(0.9f64.ln()) - 0.3f64.ln())).abs() < 1e-12, "{nll}");
        assert!((brier - 0.5 * (0.02 + 0.98)).abs() < 1e-12, "{brier}");
        assert_eq!(
            (bins[13].queries, bins[13].accuracy, bins[10].queries, bins[10].accuracy),
            (1, 1.0, 1, 0.0)
        );
    }

    #[test]
    fn a_temperature_acts_on_probabilities_and_not_on_answers() {
        let logits = [2.0 * 0.9f64.ln(), 2.0 * 0.1f64.ln()];
        let mut sums = ReliabilitySums::default();
        assert_eq!(sums.add(&logits, 0, 0.5), 0);
        assert!((sums.reliability().nll + 0.9f64.ln()).abs() < 1e-12);
    }
}
