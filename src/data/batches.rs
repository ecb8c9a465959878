//! Plain batches of images with the labels of many classes.

use std::collections::HashSet;

use ndarray::{ArrayD, IxDyn};

use super::augment::{Augment, Changes};
use super::class::ClassRef;
use super::class_data::ClassData;
use super::episode::Examples;
use super::sampler::described;
use super::tasks::Tasks;
use super::warp::Warp;
use crate::error::{Error, Result};
use crate::random::{Purpose, below, stream};
use crate::real::Real;

/// Batches of images drawn from a list of classes, to train an ordinary classifier of all of them, such as
/// [`Baseline`](crate::Baseline). The label of an image is the place of its class in the list.
///
/// Batch `i` is a pure function of the image set, the classes, the size, the seed and `i`. All its images are different,
/// and each image of the classes is equally likely. Different batches are drawn independently.
///
/// ```
/// use innerloop::{ClassBatches, Examples, Glyphs, Tasks};
///
/// let images = Glyphs::default().alphabets(1).characters_per_alphabet(8).generate()?;
/// let batches = ClassBatches::new(&images, &images.all(), 16, 42)?;
/// let batch: Examples<f32> = batches.task(7);
/// assert_eq!((batch.x.shape(), batch.y.ways()), (&[16, 28, 28, 1][..], Some(batches.classes())));
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClassBatches {
    data: ClassData,
    classes: Vec<ClassRef>,
    /// For each class the number of images before it, and at last the number of all.
    starts: Vec<usize>,
    size: usize,
    seed: u64,
    augment: Option<Augment>,
}

impl ClassBatches {
    /// Batches of `size` examples from `classes` of `data`, usually `&ImageSet` or `&FeatureSet`, which it shares.
    ///
    /// # Errors
    /// [`Error::TooFewClasses`] for fewer than two; [`Error::Setting`] if `size` is 0 or above the number of examples of the classes;
    /// [`Error::RepeatedClass`] for a class that is listed twice; the error of
    /// [`ImageSet::class`](crate::ImageSet::class) for a class that `data` does not have so.
    pub fn new(data: impl Into<ClassData>, classes: &[ClassRef], size: usize, seed: u64) -> Result<Self> {
        Self::of(data.into(), classes, size, seed)
    }

    fn of(data: ClassData, classes: &[ClassRef], size: usize, seed: u64) -> Result<Self> {
        if classes.len() < 2 {
            // with one there is nothing to tell apart
            return Err(Error::TooFewClasses { what: "a batch", need: 2, have: classes.len() });
        }
        data.check_list(classes)?;
        let mut starts = vec![0];
        for class in classes {
            starts.push(starts.last().expect("0 at least") + data.count(class.class));
        }
        let all = starts[classes.len()];
        if !(1..=all).contains(&size) {
            let need = "from 1 to the number of images of the classes";
            return Err(Error::Setting { name: "size", value: format!("{size} (of {all} images)"), need });
        }
        Ok(Self { data, classes: classes.to_vec(), starts, size, seed, augment: None })
    }

    /// The same batches with their images changed at random, each in its own way: a pure function of the seed, the batch and
    /// the place of the image in it.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting of `augment` out of range, or for data that are not images.
    pub fn augmented(self, augment: Augment) -> Result<Self> {
        self.data.check_augment(&augment)?;
        if augment.warp_classes != Warp::default() {
            let need =
                "left out: each class of a batch of many classes keeps its label, and so must keep its look";
            return Err(Error::Setting {
                name: "warp_classes",
                value: format!("{:?}", augment.warp_classes),
                need,
            });
        }
        Ok(Self { augment: Some(augment), ..self })
    }

    /// The number of classes, which is the number of outputs that a classifier of them needs.
    pub fn classes(&self) -> usize {
        self.classes.len()
    }

    /// What batch `i` is made of: the label of each image, and which image of its class it is.
    pub fn drawn(&self, i: u64) -> Vec<(usize, usize)> {
        let (all, mut rng) = (self.starts[self.classes.len()], stream(self.seed, Purpose::ClassBatch, i));
        let (mut taken, mut drawn) = (HashSet::new(), Vec::with_capacity(self.size));
        // Floyd's way to draw a subset: as many draws as images are wanted, however many there are
        for last in all - self.size..all {
            let chosen = below(&mut rng, last + 1);
            let chosen = if taken.insert(chosen) { chosen } else { last };
            taken.insert(chosen);
            let label = self.starts.partition_point(|&start| start <= chosen) - 1;
            drawn.push((label, chosen - self.starts[label]));
        }
        drawn
    }
}

impl<T: Real> Tasks<Examples<T>> for ClassBatches {
    fn describe(&self) -> String {
        let Self { data, classes, size, seed, augment, .. } = self;
        let augment = augment.map_or(String::new(), |augment| format!("\n{augment:?}"));
        format!("{}\n{}\nsize: {size}{augment}\nseed: {seed}", data.describe(), described(classes))
    }

    #[inline(never)]
    fn task(&self, i: u64) -> Examples<T> {
        let shape = [&[self.size], &self.data.shape()[..]].concat();
        let mut x = Vec::with_capacity(shape.iter().product());
        let changes = self.augment.map(|augment| Changes::new(augment, self.seed, i));
        let (drawn, mut reader) = (self.drawn(i), self.data.reader(changes));
        drawn.iter().for_each(|&(label, image)| reader.append(self.classes[label], image, &mut x));
        let x = ArrayD::from_shape_vec(IxDyn(&shape), x).expect("whole examples");
        Examples::labelled(x, drawn.into_iter().map(|(label, _)| label).collect(), self.classes.len())
    }
}

compiled_here!(T: <ClassBatches as Tasks<Examples<T>>>::task);
