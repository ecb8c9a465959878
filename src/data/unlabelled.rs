//! Unlabelled images beside the support set of an episode.

use std::collections::HashSet;

use ndarray::{ArrayD, IxDyn};

use super::class::ClassRef;
use super::class_data::Reader;
use super::sampler::EpisodeSampler;
use crate::error::{Error, Result};
use crate::random::{Purpose, distinct, stream2};
use crate::real::Real;

/// How many unlabelled images come with a support set.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unlabelled {
    per_class: usize,
    distractors: usize,
    per_distractor: usize,
}

impl EpisodeSampler {
    /// The same episodes with unlabelled images beside each support set (Ren et al. 2018): `per_class` further images
    /// of each class of the episode, and `per_distractor` images of each of `distractors` other classes. They come class
    /// by class in [`Examples::unlabelled`](crate::Examples::unlabelled); labelled images and queries are the same as without.
    ///
    /// # Errors
    /// [`Error::TooFewImages`]; [`Error::TooFewClasses`]; [`Error::Setting`] for distractor classes without images, or
    /// images without classes.
    pub fn unlabelled(self, per_class: usize, distractors: usize, per_distractor: usize) -> Result<Self> {
        if (distractors == 0) != (per_distractor == 0) {
            let (name, value) = ("distractors", format!("{distractors} classes of {per_distractor} images"));
            return Err(Error::Setting {
                name,
                value,
                need: "a number of classes and of images that are both 0 or both at least 1",
            });
        }
        let classes = self.shape.ways.saturating_add(distractors);
        if self.classes.len() < classes {
            let what = "an episode (ways + distractors)";
            return Err(Error::TooFewClasses { what, need: classes, have: self.classes.len() });
        }
        let of_class = (self.shape.shots + self.shape.queries).saturating_add(per_class);
        let need = of_class.max(per_distractor);
        self.data.check_counts(&self.classes, need)?;
        Ok(Self { unlabelled: Unlabelled { per_class, distractors, per_distractor }, ..self })
    }

    /// What the unlabelled images of episode `i` are: first its classes, in the order of the labels, then the others,
    /// each with the images drawn, counted within their class. Nothing unless they were
    /// [asked for](EpisodeSampler::unlabelled).
    pub fn drawn_unlabelled(&self, i: u64) -> Vec<(ClassRef, Vec<usize>)> {
        let Unlabelled { per_class, distractors, per_distractor } = self.unlabelled;
        let (mut rng, drawn) = (stream2(self.seed, Purpose::Episode, i, 1), self.drawn(i));
        let mut all = Vec::new();
        if per_class > 0 {
            for (class, labelled) in &drawn {
                let others: Vec<_> =
                    (0..self.data.count(class.class)).filter(|image| !labelled.contains(image)).collect();
                let chosen = distinct(&mut rng, others.len(), per_class);
                all.push((*class, chosen.into_iter().map(|at| others[at]).collect()));
            }
        }
        let of_episode: HashSet<_> = drawn.iter().map(|(class, _)| *class).collect();
        let others: Vec<_> = self.classes.iter().filter(|class| !of_episode.contains(class)).collect();
        for at in distinct(&mut rng, others.len(), distractors) {
            let images = distinct(&mut rng, self.data.count(others[at].class), per_distractor);
            all.push((*others[at], images));
        }
        all
    }

    /// The unlabelled images of episode `i`, if there are any.
    pub(super) fn more<T: Real>(&self, i: u64, reader: &mut Reader<'_, T>) -> Option<ArrayD<T>> {
        let (drawn, mut x) = (self.drawn_unlabelled(i), Vec::new());
        for (class, images) in &drawn {
            images.iter().for_each(|&image| reader.append(*class, image, &mut x));
        }
        let shape = self.data.shape();
        let n = x.len() / shape.iter().product::<usize>();
        let array =
            || ArrayD::from_shape_vec(IxDyn(&[&[n], &shape[..]].concat()), x).expect("n whole examples");
        (n > 0).then(array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Episode, EpisodeShape, ImageSet, Tasks};

    /// Classes of 4 images of 2x2; the first byte of an image is 10 * class + image.
    fn images(classes: u8) -> ImageSet {
        let class = |k| (format!("class{k}"), (0..4).map(|i| vec![10 * k + i, 0, 1, 2]).collect());
        ImageSet::from_classes((0..classes).map(class).collect(), 2, 2, 1).unwrap()
    }

    fn sampler(seed: u64) -> EpisodeSampler {
        let images = images(6);
        EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 1, 2), seed).unwrap()
    }

    #[test]
    fn unlabelled_images_are_others_and_change_nothing_else() {
        let (plain, more) = (sampler(5), sampler(5).unlabelled(1, 2, 3).unwrap());
        for i in 0..20 {
            let (with, without): (Episode<f64>, Episode<f64>) = (more.task(i), plain.task(i));
            let (drawn, unlabelled) = (more.drawn(i), more.drawn_unlabelled(i));
            assert_eq!((&drawn, &unlabelled), (&plain.drawn(i), &more.clone().drawn_unlabelled(i)));
            assert_eq!(
                unlabelled.iter().map(|(_, images)| images.len()).collect::<Vec<_>>(),
                [1, 1, 1, 3, 3]
            );
            for ((class, images), (same, more)) in drawn.iter().zip(&unlabelled) {
                assert!(class == same && !images.contains(&more[0]));
            }
            let classes: HashSet<_> = unlabelled.iter().map(|(class, _)| class.class).collect();
            assert_eq!(classes.len(), 5);
            let bytes: Vec<_> = unlabelled
                .iter()
                .flat_map(|(class, images)| {
                    images.iter().map(|image| (10 * class.class + image) as f64 / 255.0)
                })
                .collect();
            let x = with.support.unlabelled.as_ref().unwrap();
            assert_eq!(x.outer_iter().map(|image| image[[0, 0, 0]]).collect::<Vec<_>>(), bytes);
            with.check().unwrap();
            assert_eq!((with.support.x, with.query), (without.support.x, without.query));
            assert_eq!(without.support.unlabelled, None);
        }
        assert_ne!(more.drawn_unlabelled(0), more.drawn_unlabelled(1));
        assert_ne!(more.drawn_unlabelled(0), sampler(6).unlabelled(1, 2, 3).unwrap().drawn_unlabelled(0));
    }

    #[test]
    fn unlabelled_images_that_there_are_not_are_refused() {
        let more = |of, classes, each| sampler(5).unlabelled(of, classes, each).map(|_| ());
        assert!(matches!(more(2, 0, 0), Err(Error::TooFewImages { need: 5, have: 4, .. })));
        assert!(matches!(more(usize::MAX, 0, 0), Err(Error::TooFewImages { .. })));
        assert!(matches!(more(0, 1, 5), Err(Error::TooFewImages { need: 5, .. })));
        assert!(matches!(more(1, 4, 1), Err(Error::TooFewClasses { need: 7, have: 6, .. })));
        assert!(matches!(more(1, usize::MAX, 1), Err(Error::TooFewClasses { .. })));
        assert!(matches!(more(1, 0, 1), Err(Error::Setting { name: "distractors", .. })));
        assert!(matches!(more(1, 1, 0), Err(Error::Setting { name: "distractors", .. })));
        assert!(more(0, 3, 4).is_ok() && more(0, 0, 0).is_ok());
    }
}
