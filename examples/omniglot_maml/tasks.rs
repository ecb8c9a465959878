//! The data set, its split, and the episodes drawn from both sides of it.

use innerloop::{EpisodeSampler, Error, Glyphs, ImageSet, Omniglot, Result, Split};

use crate::settings::{Data, Settings, SplitKind};

/// Where training and test episodes come from; the two have no class in common.
pub struct Tasks {
    pub images: ImageSet,
    pub train_classes: usize,
    pub test_classes: usize,
    pub train: EpisodeSampler,
    pub test: EpisodeSampler,
}

/// Every run is evaluated on the same episodes, whatever its seed.
const TEST_SEED: u64 = 2017;

impl Tasks {
    pub fn new(settings: &Settings) -> Result<Tasks> {
        let (images, random) = match settings.data {
            Data::Glyphs => (Glyphs::default().generate()?, (480, 120)),
            Data::Omniglot => (Omniglot::load(&settings.root)?, (1200, 423)),
        };
        let split = match (settings.split(), settings.data) {
            (SplitKind::Random, _) => Split::random(&images, random.0, random.1, true, settings.seed)?,
            (SplitKind::Vinyals, Data::Omniglot) => {
                let lists = ["splits/vinyals", "omniglot/splits/vinyals"].map(|l| settings.root.join(l));
                let found = lists.iter().find(|folder| folder.is_dir()).unwrap_or(&lists[0]);
                Split::vinyals(&images, found)?
            }
            (SplitKind::Vinyals, Data::Glyphs) => {
                let need =
                    "random for glyphs, because the lists of Vinyals et al. name characters of Omniglot";
                return Err(Error::Setting { name: "split", value: "vinyals".into(), need });
            }
        };
        Ok(Tasks {
            train: EpisodeSampler::new(&images, &split.train, settings.train_shape(), settings.seed)?,
            test: EpisodeSampler::new(&images, &split.test, settings.eval_shape(), TEST_SEED)?,
            train_classes: split.train.len(),
            test_classes: split.test.len(),
            images,
        })
    }
}
