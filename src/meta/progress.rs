//! Where training stands.

use crate::ops::Key;

/// Where training stands when a learner sees a task. What a learner changes over training (weights of losses, orders,
/// rates, masks) is a function of this, so that a resumed run goes on with the same bits.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Meta-steps made before this one.
    pub iteration: u64,
    /// Meta-steps that the whole training is to make, at least 1.
    pub iterations: u64,
    /// The number of the task in its source.
    pub task: u64,
    /// The seed of the training.
    pub seed: u64,
}

impl Progress {
    /// The first task of the first of `iterations` meta-steps.
    pub fn new(seed: u64, iterations: u64) -> Progress {
        Progress { iteration: 0, iterations: iterations.max(1), task: 0, seed }
    }

    /// The same at another meta-step.
    #[must_use]
    pub fn at(self, iteration: u64) -> Progress {
        Progress { iteration, ..self }
    }

    /// The same for another task.
    #[must_use]
    pub fn of_task(self, task: u64) -> Progress {
        Progress { task, ..self }
    }

    /// How much of the training is done, in `0..=1`.
    pub fn share(&self) -> f64 {
        (self.iteration as f64 / self.iterations as f64).min(1.0)
    }

    /// What decides random numbers inside this task, for one purpose of the learner's own numbering: a pure function
    /// of seed, iteration, task and purpose, the same on any thread and after a resume.
    pub fn key(&self, purpose: u64) -> Key {
        Key::new(self.seed).with(self.iteration).with(self.task).with(purpose)
    }
}

/// A single step with seed 0.
impl Default for Progress {
    fn default() -> Progress {
        Progress::new(0, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_depends_on_everything_and_on_nothing_else() {
        let here = Progress::new(3, 100).at(7).of_task(2);
        assert_eq!(here.key(1), Progress::new(3, 500).at(7).of_task(2).key(1));
        for other in
            [here.key(2), here.at(8).key(1), here.of_task(3).key(1), Progress { seed: 4, ..here }.key(1)]
        {
            assert_ne!(here.key(1), other);
        }
    }

    #[test]
    fn the_share_ends_at_one() {
        assert_eq!(Progress::new(0, 4).at(1).share(), 0.25);
        assert_eq!(Progress::new(0, 0).at(9).share(), 1.0);
    }
}
