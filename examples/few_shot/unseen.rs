//! Episodes of classes that were not trained on.

use innerloop::{
    ClassData, ClassRef, Episode, EpisodeSampler, EpisodeShape, Error, OneShotRuns, Result, Tasks, TextSet,
    TfIdf,
};

use crate::data::{Data, Inputs, Sentences, Source};
use crate::settings::Settings;

/// Every learner is tested on the same episodes, and validated on the same.
const TEST_SEED: u64 = 2017;
const VALIDATION_SEED: u64 = 2018;

/// What chooses parameters and a temperature, and what is looked at once.
pub struct Unseen {
    pub validation: Option<Box<Episodes>>,
    pub test: Box<Episodes>,
    /// Episodes of the test, where they are a fixed number.
    pub count: Option<u64>,
}

type Episodes = dyn Tasks<Episode<f32>>;

impl Unseen {
    /// Episodes of the data that the training is of, tested on another data set if the settings say so.
    pub fn new(settings: &Settings, source: &Source) -> Result<Unseen> {
        Unseen::changed(settings, source, Ok)
    }

    /// The same, with episodes that are changed.
    pub fn changed(
        settings: &Settings,
        source: &Source,
        change: impl Fn(EpisodeSampler) -> Result<EpisodeSampler>,
    ) -> Result<Unseen> {
        let of = |data: &ClassData, classes: &[ClassRef], seed| -> Result<Box<Episodes>> {
            Ok(Box::new(change(episodes(settings, data.clone(), classes, seed)?)?))
        };
        let mut count = None;
        let test = match settings.test_data {
            None => of(&source.data, &source.test, TEST_SEED)?,
            Some(Data::OneShotRuns) => {
                let runs = OneShotRuns::load(&settings.root, 28)?;
                check_same(settings, source.inputs, Inputs::Images([28, 28, 1]))?;
                count = Some(runs.len() as u64);
                Box::new(runs)
            }
            Some(data) => {
                let other = Source::load(&Settings { data, ..settings.clone() })?;
                check_same(settings, source.inputs, other.inputs)?;
                of(&other.data, &other.test, TEST_SEED)?
            }
        };
        let enough = source.validation.len() >= settings.ways;
        let validation = enough.then(|| of(&source.data, &source.validation, VALIDATION_SEED));
        Ok(Unseen { validation: validation.transpose()?, test, count })
    }

    /// Test episodes in the form in which they are compared where nothing is learned: sentences as the weights of their
    /// words (TF-IDF of the training classes), all else as it is.
    pub fn unlearned(settings: &Settings, source: &Source) -> Result<Unseen> {
        // with other data to test on too, which are refused for sentences
        let (Some(Sentences { text, .. }), None) = (&source.sentences, settings.test_data) else {
            return Unseen::new(settings, source);
        };
        let class = |class: &ClassRef| {
            let sentences = (0..text.count(class.class)).map(|i| text.sentence(class.class, i).to_owned());
            (text.class_name(class.class).to_owned(), sentences.collect())
        };
        let unseen = TextSet::from_classes(source.test.iter().map(class).collect())?;
        let rows = TfIdf::new(text, &source.train, 2)?.rows(&unseen)?;
        let test = Box::new(episodes(settings, (&rows).into(), &rows.all(), TEST_SEED)?);
        Ok(Unseen { validation: None, test, count: None })
    }
}

fn episodes(settings: &Settings, data: ClassData, classes: &[ClassRef], seed: u64) -> Result<EpisodeSampler> {
    let shape = EpisodeShape::new(settings.ways, settings.shots, settings.eval_queries);
    let episodes = EpisodeSampler::new(data, classes, shape, seed)?;
    if settings.within { episodes.within(group) } else { Ok(episodes) }
}

/// The alphabet of a character: what stands before the slash in the name of a class.
pub fn group(class: &str) -> String {
    class.split('/').next().unwrap_or(class).to_owned()
}

/// Refuses data to test on whose examples are not like those of the training.
fn check_same(settings: &Settings, train: Inputs, test: Inputs) -> Result<()> {
    let same = match (train, test) {
        (Inputs::Images(a), Inputs::Images(b)) => a == b,
        (Inputs::Vectors(a), Inputs::Vectors(b)) => a == b,
        // the words of one set have other numbers in another
        _ => false,
    };
    if same {
        return Ok(());
    }
    let value = settings.test_data.map_or(String::new(), Settings::name);
    Err(Error::Setting { name: "test_data", value, need: "images or vectors of the size of those of --data" })
}
