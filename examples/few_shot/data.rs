//! Images, and the split of their classes.

use innerloop::{ClassRef, EpisodeSampler, EpisodeShape, Glyphs, ImageSet, Omniglot, Result, Split};

use crate::settings::{Data, Settings};

/// Images with classes to train on and others to test on.
pub struct Images {
    pub images: ImageSet,
    pub train: Vec<ClassRef>,
    pub test: Vec<ClassRef>,
}

/// Every learner is tested on the same episodes.
const TEST_SEED: u64 = 2017;

impl Images {
    pub fn load(settings: &Settings) -> Result<Images> {
        let (images, split) = match settings.data {
            Data::Glyphs => {
                let images = Glyphs::default().generate()?;
                let split = Split::random(&images, 480, 120, true, settings.seed)?;
                (images, split)
            }
            Data::Omniglot => {
                let images = Omniglot::load(&settings.root)?;
                let lists = ["splits/vinyals", "omniglot/splits/vinyals"].map(|l| settings.root.join(l));
                let folder = lists.iter().find(|folder| folder.is_dir()).unwrap_or(&lists[0]);
                let split = Split::vinyals(&images, folder)?;
                (images, split)
            }
        };
        Ok(Images { images, train: split.train, test: split.test })
    }

    /// Training episodes.
    pub fn train(
        &self,
        settings: &Settings,
        ways: usize,
        shots: usize,
        queries: usize,
    ) -> Result<EpisodeSampler> {
        EpisodeSampler::new(&self.images, &self.train, EpisodeShape::new(ways, shots, queries), settings.seed)
    }

    /// Test episodes.
    pub fn test(&self, settings: &Settings) -> Result<EpisodeSampler> {
        let Settings { ways, shots, eval_queries: queries, .. } = *settings;
        EpisodeSampler::new(&self.images, &self.test, EpisodeShape::new(ways, shots, queries), TEST_SEED)
    }
}
