//! The worst episodes: a mean hides the users for whom it does not work.

use std::collections::BTreeMap;

/// So many of the worst episodes are named.
const NAMED: usize = 10;

/// The worst tenth of the episodes.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Worst {
    /// The mean over the worst tenth of the episodes, rounded up, of their accuracy in `0..=1`, or of their loss for
    /// regression.
    pub decile: f64,
    /// The ten worst episodes (fewer, if there are fewer), the worst first.
    pub episodes: Vec<WorstEpisode>,
}

/// One of the worst episodes.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct WorstEpisode {
    /// Its number in the source: [`Tasks::task`](crate::Tasks::task) makes it again.
    pub episode: u64,
    /// Its accuracy in `0..=1`, or its loss for regression.
    pub value: f64,
}

/// How often each value occurred, and the worst episodes. Accuracies have few different values, so the size does not
/// grow with the episodes; losses have one per episode.
#[derive(Debug, Clone, Default)]
pub(super) struct WorstSums {
    /// By rising badness.
    values: BTreeMap<i64, u64>,
    named: Vec<(i64, u64)>,
    count: u64,
}

/// Numbers in the same order as the values.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The value of a number.
fn value(ordered: i64) -> f64 {
    f64::from_bits((ordered ^ (((ordered >> 63) as u64) >> 1) as i64) as u64)
}

impl WorstSums {
    /// Takes in an episode by its badness; episodes come in order.
    pub(super) fn add(&mut self, episode: u64, badness: f64) {
        let key = ordered(badness);
        *self.values.entry(key).or_default() += 1;
        self.count += 1;
        let at = self.named.partition_point(|(k, _)| *k >= key); // of equal ones the earlier is first
        self.named.insert(at, (key, episode));
        self.named.truncate(NAMED);
    }

    /// `sign` makes a value of a badness.
    pub(super) fn worst(&self, sign: f64) -> Worst {
        let tenth = self.count.div_ceil(10);
        let (mut left, mut sum) = (tenth, 0.0);
        for (&key, &count) in self.values.iter().rev() {
            let taken = left.min(count);
            sum += taken as f64 * sign * value(key);
            left -= taken;
        }
        let one = |&(key, episode): &(i64, u64)| WorstEpisode { episode, value: sign * value(key) };
        Worst { decile: sum / tenth as f64, episodes: self.named.iter().map(one).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_tenth_is_that_of_the_sorted_values() {
        let mut sums = WorstSums::default();
        let accuracies: Vec<f64> = (0..25).map(|i| f64::from(i * 7 % 25) / 25.0).collect();
        accuracies.iter().enumerate().for_each(|(i, a)| sums.add(i as u64, -a));
        let worst = sums.worst(-1.0);
        assert!((worst.decile - (0.0 + 0.04 + 0.08) / 3.0).abs() < 1e-12, "{worst:?}");
        let named: Vec<f64> = worst.episodes.iter().map(|w| w.value).collect();
        assert_eq!(named[..3], [0.0, 0.04, 0.08]);
        assert!(worst.episodes.iter().all(|w| accuracies[w.episode as usize] == w.value));
        assert_eq!((named.len(), ordered(-2.0) < ordered(-1.0), value(ordered(-2.5))), (10, true, -2.5));
    }

    #[test]
    fn of_equal_episodes_the_earlier_are_named() {
        let mut sums = WorstSums::default();
        (0..30).for_each(|i| sums.add(i, 1.0));
        assert!(sums.worst(1.0).episodes.iter().map(|w| w.episode).eq(0..10));
    }
}
