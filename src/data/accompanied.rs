//! Episodes with a plain batch beside each.

use super::episode::{Episode, Examples};
use super::tasks::Tasks;
use crate::error::Result;

/// An episode, and a plain batch of training classes: what a [`CoTrained`](crate::CoTrained) learner is trained on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Accompanied<T> {
    /// The episode.
    pub episode: Episode<T>,
    /// The batch, labelled with all training classes.
    pub batch: Examples<T>,
}

impl<T> Accompanied<T> {
    /// Of an episode and a batch.
    pub fn new(episode: Episode<T>, batch: Examples<T>) -> Accompanied<T> {
        Accompanied { episode, batch }
    }
}

/// A source of episodes beside a source of batches, usually an [`EpisodeSampler`](crate::EpisodeSampler) and
/// [`ClassBatches`](crate::ClassBatches): task `i` is episode `i` and batch `i`.
#[derive(Debug, Clone)]
pub struct BesideBatches<E, B> {
    episodes: E,
    batches: B,
}

impl<E, B> BesideBatches<E, B> {
    /// Of a source of episodes and a source of batches.
    pub fn new(episodes: E, batches: B) -> BesideBatches<E, B> {
        BesideBatches { episodes, batches }
    }
}

impl<T, E: Tasks<Episode<T>>, B: Tasks<Examples<T>>> Tasks<Accompanied<T>> for BesideBatches<E, B> {
    fn task(&self, i: u64) -> Accompanied<T> {
        Accompanied::new(self.episodes.task(i), self.batches.task(i))
    }

    fn check(&self) -> Result<()> {
        self.episodes.check()?;
        self.batches.check()
    }

    fn describe(&self) -> String {
        format!("{}\nbatches beside them\n{}", self.episodes.describe(), self.batches.describe())
    }
}
