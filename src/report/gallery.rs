//! Test episodes with what the learner answered.

use ndarray::{ArrayD, ArrayViewD, Axis};

use super::picture::data_uri;
use crate::data::{Episode, Examples, PixelRange, Tasks};
use crate::error::Result;
use crate::meta::{Learned, Learner, Task};
use crate::real::Real;

/// Test episodes to look at: support set, queries, and answers before and after adaptation.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Gallery {
    /// The episodes.
    pub episodes: Vec<GalleryEpisode>,
}

/// One episode of a gallery.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct GalleryEpisode {
    /// Its number in the source.
    pub number: u64,
    /// Names of its classes, by label; numbers where there are no names.
    pub classes: Vec<String>,
    /// Support examples to show.
    pub support: Vec<GallerySupport>,
    /// Queries to show.
    pub queries: Vec<GalleryQuery>,
    /// The share of all queries that were answered correctly before adaptation; `None` if nobody was asked.
    pub before: Option<f64>,
    /// The same after adaptation.
    pub after: f64,
}

/// A support example.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct GallerySupport {
    /// A picture as a data URI; `None` for an input that is no image.
    pub picture: Option<String>,
    /// Its label.
    pub label: usize,
}

/// A query with its answers.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct GalleryQuery {
    /// A picture as a data URI; `None` for an input that is no image.
    pub picture: Option<String>,
    /// Its label.
    pub label: usize,
    /// The answer before adaptation, if there was one.
    pub before: Option<usize>,
    /// The answer after adaptation.
    pub after: usize,
}

/// The largest numbers that are shown: of each class, support examples and queries.
const SHOTS: usize = 3;
const QUERIES: usize = 5;
/// And of classes.
const WAYS: usize = 10;

impl Gallery {
    /// Episodes of a source by their numbers, answered by a learner with all queries of an episode together.
    /// `unadapted` is the same learner without inner steps, if it has any. `range` says which numbers are black and
    /// white; with the two exchanged, pictures are drawn inverted, as ink on paper.
    ///
    /// Episodes of values, which have no classes, are left out.
    ///
    /// # Errors
    /// As [`evaluate`](crate::evaluate).
    pub fn of<T: Real>(
        learner: &(impl Learner<T> + ?Sized),
        unadapted: Option<&dyn Learner<T>>,
        learned: &Learned<T>,
        source: &impl Tasks<Episode<T>>,
        numbers: &[u64],
        range: &PixelRange,
    ) -> Result<Gallery> {
        drawn(&learner, unadapted, learned, source, numbers, range)
    }
}

/// Not generic in learner and source, so that it is compiled with this crate.
#[inline(never)]
fn drawn<T: Real>(
    learner: &dyn Learner<T>,
    unadapted: Option<&dyn Learner<T>>,
    learned: &Learned<T>,
    source: &dyn Tasks<Episode<T>>,
    numbers: &[u64],
    range: &PixelRange,
) -> Result<Gallery> {
    source.check()?;
    let one = |&number: &u64| -> Result<Option<GalleryEpisode>> {
        let episode = source.task(number);
        Task::check(&episode, learner)?;
        let (Some(labels), Some(ways)) = (episode.query.y.labels(), episode.ways()) else { return Ok(None) };
        let answers = |learner: &dyn Learner<T>| -> Result<Vec<usize>> {
            let adapted = learner.adapt(learned, &episode.support)?;
            let outputs: ArrayD<T> = learner.predict_together(&adapted, &episode.query.x)?;
            Ok(outputs.axis_iter(Axis(0)).map(best).collect())
        };
        let after = answers(learner)?;
        let before = unadapted.map(answers).transpose()?;
        let share = |answers: &Vec<usize>| {
            answers.iter().zip(labels).filter(|(a, b)| a == b).count() as f64 / labels.len() as f64
        };
        let names = (0..ways).map(|label| episode.classes.get(label).cloned().unwrap_or(label.to_string()));
        let support = shown(&episode.support, SHOTS)
            .into_iter()
            .map(|(i, label)| GallerySupport { picture: picture(&episode.support, i, range), label });
        let queries = shown(&episode.query, QUERIES).into_iter().map(|(i, label)| GalleryQuery {
            picture: picture(&episode.query, i, range),
            label,
            before: before.as_ref().map(|answers| answers[i]),
            after: after[i],
        });
        let (support, queries) = (support.collect(), queries.collect());
        let (before, after) = (before.as_ref().map(share), share(&after));
        Ok(Some(GalleryEpisode { number, classes: names.collect(), support, queries, before, after }))
    };
    let episodes: Vec<_> = numbers
        .iter()
        .map(|number| one(number).map_err(|error| error.in_task(*number)))
        .collect::<Result<_>>()?;
    Ok(Gallery { episodes: episodes.into_iter().flatten().collect() })
}

/// Places and labels of the first examples of each class.
fn shown<T>(examples: &Examples<T>, each: usize) -> Vec<(usize, usize)> {
    let labels = examples.y.labels().unwrap_or_default();
    let of = |label: usize| (0..labels.len()).filter(move |&i| labels[i] == label).take(each);
    (0..WAYS).flat_map(|label| of(label).map(move |i| (i, label))).collect()
}

fn picture<T: Real>(examples: &Examples<T>, i: usize, range: &PixelRange) -> Option<String> {
    data_uri(&examples.x.index_axis(Axis(0), i), range)
}

/// The first of the largest outputs.
fn best<T: Real>(outputs: ArrayViewD<'_, T>) -> usize {
    let larger = |best: (usize, f64), (i, v): (usize, &T)| {
        if v.as_f64() > best.1 { (i, v.as_f64()) } else { best }
    };
    outputs.iter().enumerate().fold((0, f64::NEG_INFINITY), larger).0
}

compiled_here!(T: drawn::<T>);
