//! What samplers draw from: images or vectors by class.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use ndarray::ArrayD;

use super::augment::{Augment, Changes};
use super::class::ClassRef;
use super::features::FeatureSet;
use super::images::ImageSet;
use crate::error::{Error, Result};
use crate::real::Real;

/// A data set whose examples are grouped by class: made from `&ImageSet` or `&FeatureSet`, which it shares. Samplers, batches and
/// random splits take either.
#[derive(Debug, Clone)]
pub struct ClassData(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Images(ImageSet),
    Features(FeatureSet),
}

impl From<&ImageSet> for ClassData {
    fn from(images: &ImageSet) -> ClassData {
        ClassData(Kind::Images(images.clone()))
    }
}

impl From<&FeatureSet> for ClassData {
    fn from(features: &FeatureSet) -> ClassData {
        ClassData(Kind::Features(features.clone()))
    }
}

impl ClassData {
    /// The number of classes.
    pub fn classes(&self) -> usize {
        match &self.0 {
            Kind::Images(set) => set.classes(),
            Kind::Features(set) => set.classes(),
        }
    }

    /// The number of examples of a class.
    pub(crate) fn count(&self, class: usize) -> usize {
        match &self.0 {
            Kind::Images(set) => set.images_of(class),
            Kind::Features(set) => set.count(class),
        }
    }

    pub(crate) fn name(&self, class: usize) -> &str {
        match &self.0 {
            Kind::Images(set) => set.class_name(class),
            Kind::Features(set) => set.class_name(class),
        }
    }

    /// The number of the class of this name.
    #[cfg(feature = "photos")]
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        match &self.0 {
            Kind::Images(set) => set.class_named(name),
            Kind::Features(set) => set.class_named(name),
        }
    }

    /// The shape of one example.
    pub(super) fn shape(&self) -> Vec<usize> {
        match &self.0 {
            Kind::Images(set) => set.shape().to_vec(),
            Kind::Features(set) => vec![set.width()],
        }
    }

    /// Whether there is such a class and it can be turned so.
    pub(super) fn check(&self, class: ClassRef) -> Result<()> {
        match &self.0 {
            Kind::Images(set) => set.class(class).map(drop),
            Kind::Features(set) => set.check(class),
        }
    }

    /// Whether each class of a list is there and none is listed twice: classes to draw from.
    pub(crate) fn check_list(&self, classes: &[ClassRef]) -> Result<()> {
        let mut seen = HashSet::new();
        for &class in classes {
            self.check(class)?;
            if !seen.insert(class) {
                let class = format!("{} turned {} times", self.name(class.class), class.turns);
                return Err(Error::RepeatedClass { class, place: "the classes to draw from".into() });
            }
        }
        Ok(())
    }

    /// Whether each class of a list has so many examples.
    pub(super) fn check_counts(&self, classes: &[ClassRef], need: usize) -> Result<()> {
        match classes.iter().find(|class| self.count(class.class) < need) {
            Some(ClassRef { class, .. }) => {
                let (class, have) = (self.name(*class).into(), self.count(*class));
                Err(Error::TooFewImages { class, need, have })
            }
            None => Ok(()),
        }
    }

    /// What tells this data from others, for [`Tasks::describe`](crate::Tasks::describe).
    pub(super) fn describe(&self) -> String {
        let (set, sum): (&dyn fmt::Debug, u32) = match &self.0 {
            Kind::Images(set) => (set, set.sum()),
            Kind::Features(set) => (set, set.sum()),
        };
        format!("data: {set:?}\nsum of the data: {sum:08x}")
    }

    /// Whether examples can be changed so.
    pub(super) fn check_augment(&self, augment: &Augment) -> Result<()> {
        match &self.0 {
            Kind::Images(set) => augment.check(set.shape()),
            Kind::Features(_) => {
                let need = "left out: only images can be cropped, flipped and jittered";
                Err(Error::Setting { name: "augment", value: format!("{augment:?} of vectors"), need })
            }
        }
    }

    /// Some examples of a class that [`check`](Self::check) accepted, `[n, ..]`.
    pub(crate) fn examples<T: Real>(&self, class: ClassRef, examples: Range<usize>) -> ArrayD<T> {
        let shape = [vec![examples.len()], self.shape()].concat();
        let (mut reader, mut x) = (self.reader(None), Vec::new());
        examples.for_each(|example| reader.append(class, example, &mut x));
        ArrayD::from_shape_vec(shape, x).expect("so many examples of one shape")
    }

    /// Reads examples as numbers of one type, each changed as `changes` say.
    pub(super) fn reader<T: Real>(&self, changes: Option<Changes>) -> Reader<'_, T> {
        match &self.0 {
            Kind::Images(set) => Reader::Images {
                set,
                levels: set.levels(),
                changes: changes.map(Box::new),
                scratch: Default::default(),
            },
            Kind::Features(set) => Reader::Features(set),
        }
    }
}

/// Appends examples to a list of numbers.
pub(super) enum Reader<'a, T> {
    Images { set: &'a ImageSet, levels: Vec<[T; 256]>, changes: Option<Box<Changes>>, scratch: [Vec<u8>; 2] },
    Features(&'a FeatureSet),
}

impl<T: Real> Reader<'_, T> {
    /// Appends one example of a class that [`ClassData::check`] accepted.
    pub(super) fn append(&mut self, class: ClassRef, example: usize, out: &mut Vec<T>) {
        match self {
            Reader::Images { set, levels, changes, scratch } => {
                set.append(class, example, levels, changes.as_deref_mut(), scratch, out);
            }
            Reader::Features(set) => {
                out.extend(set.vector(class.class, example).iter().map(|&v| T::from_f64(v.into())));
            }
        }
    }
}
