//! The data sets by name, and the split of their classes.

use clap::ValueEnum;
use innerloop::{
    Augment, ClassBatches, ClassData, ClassRef, EpisodeSampler, EpisodeShape, Error, Glyphs, ImageSet,
    Omniglot, Result, Split, TextSet, Warp, WordVectors,
};

use crate::files::{features, found, photos, text};
use crate::settings::Settings;
use crate::unseen::group;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Data {
    /// Invented characters: nothing to download
    Glyphs,
    /// Omniglot, Vinyals classes with rotations
    Omniglot,
    /// Omniglot, 1,100 random characters with rotations to train on, 100 to validate and 423 to test on, as in the MAML paper
    OmniglotRandom,
    /// Omniglot, the 30 background alphabets with rotations to train on and the other 20 to test on, as in its authors' task
    OmniglotBackground,
    /// The 20 runs of its authors' task, 20-way 1-shot within an alphabet (all_runs.zip): for --test-data
    OneShotRuns,
    /// Photographs by class, with class lists in `splits` or a random split (feature `photos`)
    Photos,
    /// CLINC150: sentences of 150 intents (feature `text`)
    Clinc150,
    /// BANKING77: sentences of 77 intents (feature `text`)
    Banking77,
    /// FewRel: sentences of 33 relations to train on, of 11 to validate, of the 16 of its validation set to test on (feature `text`)
    Fewrel,
    /// Your own sentences: a table with a header, or lines of JSON (.jsonl); see --columns (feature `text`)
    Sentences,
    /// Your own vectors by class: .csv with the class in the last column (feature `csv`), .npz (feature `npz`) or .safetensors
    Features,
}

impl Data {
    pub fn holds_images(self) -> bool {
        use Data::{Glyphs, Omniglot, OmniglotBackground, OmniglotRandom, Photos};
        matches!(self, Glyphs | Omniglot | OmniglotRandom | OmniglotBackground | Photos)
    }

    pub fn holds_sentences(self) -> bool {
        matches!(self, Data::Clinc150 | Data::Banking77 | Data::Fewrel | Data::Sentences)
    }
}

/// What examples are.
#[cfg_attr(not(all(feature = "text", feature = "csv")), allow(dead_code))] // made from such data alone
#[derive(Debug, Clone, Copy)]
pub enum Inputs {
    /// Height, width, channels.
    Images([usize; 3]),
    /// Sentences as ids below a number.
    Words(usize),
    /// Vectors of a width.
    Vectors(usize),
}

/// Examples with classes to train on and others to test on.
pub struct Source {
    pub data: ClassData,
    pub inputs: Inputs,
    pub train: Vec<ClassRef>,
    /// Classes to choose by; there may be none.
    pub validation: Vec<ClassRef>,
    pub test: Vec<ClassRef>,
    /// The sentences that the ids were made of.
    pub sentences: Option<Sentences>,
}

/// Sentences, and vectors of words that were given for them.
pub struct Sentences {
    pub text: TextSet,
    pub vectors: Option<WordVectors>,
}

/// How training images are changed at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Changes {
    /// Characters by affine maps, one for each class of an episode and one for each image; photographs by crops, mirror
    /// images and colours
    All,
    /// Half of the classes of an episode are mirrored, all images of a class alike: twice as many classes
    Mirror,
}

impl Source {
    /// The data that the settings name; with `--with-validation` the validation classes are among those to train on.
    pub fn load(settings: &Settings) -> Result<Source> {
        let mut source = Self::of_data(settings)?;
        if settings.with_validation {
            source.train.append(&mut source.validation);
        }
        Ok(source)
    }

    fn of_data(settings: &Settings) -> Result<Source> {
        match settings.data {
            Data::Glyphs => {
                let images = Glyphs::default().generate()?;
                let split = Split::random(&images, 480, 120, true, settings.seed)?;
                Ok(Source::of_images(&images, split))
            }
            Data::Omniglot => {
                let images = Omniglot::load(found(settings, "omniglot"))?;
                let split = Split::vinyals(&images, found(settings, "omniglot").join("splits/vinyals"))?;
                Ok(Source::of_images(&images, split))
            }
            Data::OmniglotRandom => {
                let images = Omniglot::load(found(settings, "omniglot"))?;
                let split = Split::random(&images, 1200, 423, true, settings.seed)?.hold_out(100)?;
                Ok(Source::of_images(&images, split))
            }
            Data::OmniglotBackground => {
                let images = Omniglot::load(found(settings, "omniglot"))?;
                Ok(Source::of_images(&images, Split::background(&images)?))
            }
            Data::OneShotRuns => {
                let need = "another: there are no training classes in it, give it to --test-data";
                Err(Error::Setting { name: "data", value: Settings::name(settings.data), need })
            }
            Data::Photos => photos(settings),
            Data::Clinc150 | Data::Banking77 | Data::Fewrel | Data::Sentences => text(settings),
            Data::Features => features(settings),
        }
    }

    pub fn of_images(images: &ImageSet, split: Split) -> Source {
        let (data, inputs) = (images.into(), Inputs::Images(images.shape()));
        Source::of(data, inputs, split, None)
    }

    pub fn of(data: ClassData, inputs: Inputs, split: Split, sentences: Option<Sentences>) -> Source {
        let Split { train, val: validation, test } = split;
        Source { data, inputs, train, validation, test, sentences }
    }

    /// Whether examples are images larger than a character.
    pub fn large(&self) -> bool {
        matches!(self.inputs, Inputs::Images([height, ..]) if height > 32)
    }

    /// Images no larger than characters.
    pub fn small(&self) -> bool {
        matches!(self.inputs, Inputs::Images(_)) && !self.large()
    }

    /// Queries per class of a training episode at least: a mean over few sentences says little, and they cost little.
    pub fn least(&self) -> usize {
        if matches!(self.inputs, Inputs::Images(_)) { 1 } else { 5 }
    }

    /// Training episodes of this shape, but for what the settings say; fewer ways if there are fewer classes.
    pub fn train(
        &self,
        settings: &Settings,
        ways: usize,
        shots: usize,
        queries: usize,
    ) -> Result<EpisodeSampler> {
        let ways = settings.train_ways.unwrap_or(ways).min(self.train.len());
        let shape = EpisodeShape::new(ways, shots, settings.queries.unwrap_or(queries));
        let mut tasks = EpisodeSampler::new(self.data.clone(), &self.train, shape, settings.seed)?;
        if settings.train_within {
            tasks = tasks.within(group)?;
        }
        match settings.augment {
            Some(changes) => tasks.augmented(self.augment(changes)),
            None => Ok(tasks),
        }
    }

    /// Plain batches of examples of all training classes.
    pub fn batches(&self, settings: &Settings, size: usize) -> Result<ClassBatches> {
        let batches = ClassBatches::new(self.data.clone(), &self.train, size, settings.seed)?;
        match settings.augment {
            // the class of an image is its label in all batches, so it keeps its look
            Some(Changes::All) => batches.augmented(self.augment(Changes::All).warp_classes(Warp::new())),
            Some(Changes::Mirror) => batches.augmented(self.augment(Changes::Mirror)), // refused
            None => Ok(batches),
        }
    }

    /// The changes of photographs are those of MetaOptNet, of characters by measurement, see docs/results.md.
    fn augment(&self, changes: Changes) -> Augment {
        if changes == Changes::Mirror {
            return Augment::new().warp_classes(Warp::new().mirror());
        }
        if self.large() {
            return Augment::new().crop(8).flip().brightness(0.4).contrast(0.4).saturation(0.4);
        }
        let hand = Warp::new().rotate(5.0).stretch(0.1).shear(0.1).shift(1.0);
        let class = Warp::new().mirror().rotate(15.0).stretch(0.2).shear(0.4);
        Augment::new().warp(hand).warp_classes(class)
    }
}
