//! Episodes whose classes are all of one superclass.

use std::collections::BTreeMap;

use rand::rngs::ChaCha8Rng;

use super::sampler::EpisodeSampler;
use crate::error::{Error, Result};
use crate::random::{below, distinct};

/// Places in the list of classes, superclass by superclass in the order of their names; nothing if classes are drawn from all.
#[derive(Debug, Clone, Default)]
pub(super) struct Superclasses(Vec<Vec<usize>>);

impl EpisodeSampler {
    /// Episodes whose classes are all of one superclass: an alphabet, a genus, a shelf. `superclass` says it of a class's
    /// name. Each superclass is equally likely. Such episodes are harder, and they are what Omniglot's author asks
    /// (Lake et al. 2015: 20 characters of one alphabet).
    ///
    /// ```
    /// use innerloop::{EpisodeSampler, EpisodeShape, Glyphs};
    ///
    /// let images = Glyphs::default().alphabets(3).characters_per_alphabet(8).generate()?;
    /// let sampler = EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(5, 1, 3), 42)?;
    /// let alphabet = |name: &str| name.split('/').next().unwrap_or(name).to_string();
    /// let sampler = sampler.within(alphabet)?;
    /// let names: Vec<_> = sampler.drawn(7).iter().map(|(c, _)| images.class_name(c.class)).collect();
    /// assert!(names.iter().all(|name| alphabet(name) == alphabet(names[0])));
    /// # Ok::<(), innerloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::SmallSuperclass`] for one with fewer classes than an episode has.
    pub fn within(self, superclass: impl Fn(&str) -> String) -> Result<Self> {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, class) in self.classes.iter().enumerate() {
            groups.entry(superclass(self.data.name(class.class))).or_default().push(place);
        }
        let need = self.shape.ways;
        if let Some((superclass, classes)) = groups.iter().find(|(_, classes)| classes.len() < need) {
            let (superclass, have) = (superclass.clone(), classes.len());
            return Err(Error::SmallSuperclass { superclass, need, have });
        }
        Ok(Self { superclasses: Superclasses(groups.into_values().collect()), ..self })
    }
}

impl Superclasses {
    /// Places of `ways` different classes in a list of `classes`.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng, classes: usize, ways: usize) -> Vec<usize> {
        if self.0.is_empty() {
            return distinct(rng, classes, ways);
        }
        let group = &self.0[below(rng, self.0.len())];
        distinct(rng, group.len(), ways).into_iter().map(|at| group[at]).collect()
    }

    /// For the description of a source of tasks; nothing if there are none.
    pub(super) fn describe(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut sum = crc32fast::Hasher::new();
        for group in &self.0 {
            group.iter().for_each(|&place| sum.update(&(place as u64).to_le_bytes()));
            sum.update(&u64::MAX.to_le_bytes());
        }
        format!("\nsuperclasses: {}, with the sum {:08x}", self.0.len(), sum.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ClassRef, Episode, EpisodeShape, ImageSet, Tasks};
    use std::collections::HashMap;

    fn sampler() -> EpisodeSampler {
        let class = |k: usize| (format!("{}/{k}", ["x", "y", "z"][k % 3]), vec![vec![k as u8]; 4]);
        let images = ImageSet::from_classes((0..12).map(class).collect(), 1, 1, 1).unwrap();
        EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 1, 2), 8).unwrap()
    }

    #[test]
    fn classes_of_an_episode_share_a_superclass_and_all_superclasses_come_up_equally() {
        let sampler = sampler().within(|name| name[..1].to_string()).unwrap();
        let mut count = HashMap::new();
        for i in 0..3000 {
            let drawn = sampler.drawn(i);
            let first = drawn[0].0.class % 3;
            let mut classes: Vec<_> = drawn.iter().map(|(class, _)| class.class).collect();
            assert!(classes.iter().all(|class| class % 3 == first));
            classes.sort_unstable();
            classes.dedup();
            assert_eq!(classes.len(), 3);
            *count.entry(first).or_insert(0u32) += 1;
        }
        assert!(count.values().all(|n| n.abs_diff(1000) < 130), "{count:?}"); // 5 deviations
    }

    #[test]
    fn a_superclass_that_is_too_small_is_named_and_the_choice_is_described() {
        let error = sampler().within(|name| if name == "y/4" { "tiny" } else { "rest" }.into()).unwrap_err();
        assert!(
            matches!(&error, Error::SmallSuperclass { superclass, need: 3, have: 1 } if superclass == "tiny")
        );
        let text = |sampler: &EpisodeSampler| Tasks::<Episode<f32>>::describe(sampler);
        let within = sampler().within(|name| name[..1].to_string()).unwrap();
        assert_ne!(text(&within), text(&sampler()));
        assert_eq!(within.drawn(3), within.clone().drawn(3));
        let all: Vec<(ClassRef, Vec<usize>)> = sampler().within(|_| "all".into()).unwrap().drawn(0);
        assert_eq!(all.len(), 3);
    }
}
