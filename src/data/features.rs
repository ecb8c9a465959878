//! Vectors grouped by class.

use std::fmt;
use std::sync::Arc;

use super::class::ClassRef;
use super::groups::Groups;
use crate::error::{Error, Result};

/// Vectors of one width, grouped by class: embeddings that were computed with whatever encoder, measurements, word ids.
///
/// Episodes and batches are drawn from it as from an [`ImageSet`](crate::ImageSet), with inputs `[n, width]`: every metric
/// learner works on them over an [`Mlp`](crate::Mlp), and MAML too. Cloning shares the numbers.
///
/// ```
/// use innerloop::{Episode, EpisodeSampler, EpisodeShape, FeatureSet, Tasks};
///
/// let classes = vec![
///     ("dog".to_string(), vec![vec![0.9, 0.1], vec![0.8, 0.3]]),
///     ("cat".to_string(), vec![vec![-0.7, 0.2], vec![-0.9, 0.0]]),
/// ];
/// let features = FeatureSet::from_classes(classes)?;
/// let sampler = EpisodeSampler::new(&features, &features.all(), EpisodeShape::new(2, 1, 1), 0)?;
/// let episode: Episode<f32> = sampler.task(0);
/// assert_eq!(episode.support.x.shape(), [2, 2]);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct FeatureSet {
    numbers: Arc<[f32]>,
    width: usize,
    groups: Groups,
}

impl FeatureSet {
    /// Builds a set from `(class name, vectors)` pairs. Classes keep their order and may differ in their number of vectors.
    ///
    /// # Errors
    /// [`Error::Shape`] for a vector of another width than the first, or of width 0; [`Error::NotFinite`];
    /// [`Error::EmptyClass`], [`Error::RepeatedClass`]; [`Error::TooFewClasses`] without any class.
    pub fn from_classes(classes: Vec<(String, Vec<Vec<f32>>)>) -> Result<FeatureSet> {
        let width = classes.iter().find_map(|(_, vectors)| Some(vectors.first()?.len())).unwrap_or(1).max(1);
        let (mut numbers, mut counted) = (Vec::new(), Vec::with_capacity(classes.len()));
        for (class, vectors) in classes {
            for (i, vector) in vectors.iter().enumerate() {
                let what = || format!("vector {i} of class {class:?}");
                if vector.len() != width {
                    return Err(Error::Shape {
                        what: what(),
                        expected: vec![width],
                        found: vec![vector.len()],
                    });
                }
                if let Some(at) = vector.iter().position(|v| !v.is_finite()) {
                    return Err(Error::NotFinite { what: format!("number {at} of {}", what()) });
                }
                numbers.extend_from_slice(vector);
            }
            counted.push((class, vectors.len()));
        }
        Ok(FeatureSet { numbers: numbers.into(), width, groups: Groups::new(counted, "a feature set")? })
    }

    /// The number of vectors, all classes together.
    #[allow(clippy::len_without_is_empty)] // never empty: a set without vectors cannot be built
    pub fn len(&self) -> usize {
        self.groups.all()
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.groups.classes()
    }

    /// The length of each vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The name of class number `class`.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn class_name(&self, class: usize) -> &str {
        self.groups.name(class)
    }

    /// The number of the class called `name`.
    pub fn class_named(&self, name: &str) -> Option<usize> {
        self.groups.named(name)
    }

    /// The number of vectors of class number `class`.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn count(&self, class: usize) -> usize {
        self.groups.count(class)
    }

    /// One vector; `example` counts within the class.
    ///
    /// # Panics
    /// If there is no such class or vector.
    #[track_caller]
    pub fn vector(&self, class: usize, example: usize) -> &[f32] {
        &self.numbers[self.groups.at(class, example) * self.width..][..self.width]
    }

    /// Every class once, to draw episodes from when there is no split.
    pub fn all(&self) -> Vec<ClassRef> {
        self.groups.refs()
    }

    /// Whether there is such a class, not turned.
    pub(super) fn check(&self, class: ClassRef) -> Result<()> {
        self.groups.check(class)?;
        if class.turns > 0 {
            let (value, need) = (class.turns.to_string(), "0 for vectors, which cannot be turned");
            return Err(Error::Setting { name: "turns", value, need });
        }
        Ok(())
    }

    /// A sum over names and numbers, by which a checkpoint tells data sets apart.
    pub(super) fn sum(&self) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        self.groups.sum(&mut sum);
        self.numbers.iter().for_each(|v| sum.update(&v.to_le_bytes()));
        sum.finalize()
    }
}

impl fmt::Debug for FeatureSet {
    /// Counts and width, without the numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("FeatureSet");
        out.field("classes", &self.classes()).field("vectors", &self.len());
        out.field("width", &self.width).finish_non_exhaustive()
    }
}
