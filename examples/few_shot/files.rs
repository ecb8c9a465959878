//! Data sets from their files.

use std::path::{Path, PathBuf};

use innerloop::{ClassData, FeatureSet, Result, Split};

use crate::data::{Inputs, Source};
use crate::settings::Settings;

/// The folder of a data set: below the root if it is there, or else the root.
pub fn found(settings: &Settings, name: &str) -> PathBuf {
    let below = settings.root.join(name);
    if below.exists() { below } else { settings.root.clone() }
}

#[cfg(feature = "photos")]
pub fn photos(settings: &Settings) -> Result<Source> {
    use innerloop::Photos;
    let folder = found(settings, "grocery");
    let images = Photos::new(settings.size).load(&folder)?;
    let lists = folder.join("splits");
    let split = if lists.is_dir() {
        Photos::split(&images, lists)?
    } else {
        let [train, test] = shares(images.classes(), settings);
        Split::random(&images, train, test, false, settings.seed)?
    };
    Ok(Source::of_images(&images, split))
}

#[cfg(feature = "text")]
pub fn text(settings: &Settings) -> Result<Source> {
    use innerloop::{TextSet, Vocabulary, WordVectors};

    use crate::data::{Data, Sentences};
    let folder = |name: &str| found(settings, &format!("text/{name}"));
    let (text, split) = match settings.data {
        Data::Clinc150 => {
            let text = TextSet::read_clinc150(folder("clinc150").join("data_full.json"))?;
            let split = text.split(100, 50, settings.seed)?.hold_out(20)?;
            (text, split)
        }
        Data::Banking77 => {
            let files = ["train.csv", "test.csv"].map(|file| folder("banking77").join(file));
            let text = TextSet::read_csv(&files, "text", "category")?;
            let split = text.split(50, 27, settings.seed)?.hold_out(10)?;
            (text, split)
        }
        Data::Fewrel => few_rel(&folder("fewrel"))?,
        _ => {
            let [text, class] = &settings.columns[..] else { unreachable!("two, as its flag says") };
            let file = &settings.root;
            let text = match extension(file) {
                "jsonl" => TextSet::read_json_lines(file, text, class)?,
                _ => TextSet::read_csv(&[file], text, class)?,
            };
            let [train, test] = shares(text.classes(), settings);
            let split = text.split(train, test, settings.seed)?;
            (text, split)
        }
    };
    let vectors = match &settings.vectors {
        Some(path) => Some(WordVectors::read(path, Some(&text))?),
        None => None,
    };
    let own;
    let vocabulary = match &vectors {
        Some(vectors) => vectors.vocabulary(),
        None => {
            own = Vocabulary::new(&text, &split.train, 2)?;
            &own
        }
    };
    let (rows, words) = (vocabulary.rows(&text, WORDS)?, vocabulary.size());
    if let Err(error) = vocabulary.check(&text) {
        eprintln!("note: {error}"); // a test may have such sentences
    }
    let (data, inputs) = (ClassData::from(&rows), Inputs::Words(words));
    let sentences = Some(Sentences { text, vectors });
    Ok(Source::of(data, inputs, split, sentences))
}

/// Words of a sentence that are read.
#[cfg(feature = "text")]
const WORDS: usize = 40;

/// The 16 relations of Wikipedia to test on, and those of newspapers, medicine and SemEval that are not among them to
/// train on and, a fourth of each, to validate on.
#[cfg(feature = "text")]
fn few_rel(folder: &Path) -> Result<(innerloop::TextSet, Split)> {
    use innerloop::TextSet;

    let mut classes: Vec<(String, Vec<String>)> = Vec::new();
    for file in ["wiki", "nyt", "pubmed", "semeval"] {
        let set = TextSet::read_few_rel(folder.join(format!("val_{file}.json")))?;
        for class in 0..set.classes() {
            let name = set.class_name(class);
            if classes.iter().all(|(known, _)| known != name) {
                let sentences = (0..set.count(class)).map(|i| set.sentence(class, i).to_owned());
                classes.push((name.to_owned(), sentences.collect()));
            }
        }
    }
    let text = TextSet::from_classes(classes)?;
    let (test, train): (Vec<_>, Vec<_>) = text.all().into_iter().partition(|class| class.class < 16);
    let (val, train) = train.into_iter().partition(|class| class.class % 4 == 0);
    Ok((text, Split { train, val, test }))
}

/// Vectors from a file of the form that its name says.
pub fn features(settings: &Settings) -> Result<Source> {
    let features = match extension(&settings.root) {
        "npz" => npz(settings)?,
        "safetensors" => FeatureSet::read_safetensors(&settings.root)?,
        _ => csv(settings)?,
    };
    let [train, test] = shares(features.classes(), settings);
    let split = Split::random(&features, train, test, false, settings.seed)?;
    let (data, inputs) = (ClassData::from(&features), Inputs::Vectors(features.width()));
    Ok(Source::of(data, inputs, split, None))
}

#[cfg(feature = "csv")]
fn csv(settings: &Settings) -> Result<FeatureSet> {
    FeatureSet::read_csv(&settings.root, None)
}

#[cfg(feature = "npz")]
fn npz(settings: &Settings) -> Result<FeatureSet> {
    FeatureSet::read_npz(&settings.root)
}

/// What a file's name ends with.
fn extension(path: &Path) -> &str {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

/// How many classes to train on, and how many to test on: a third, or as many as an episode has.
fn shares(classes: usize, settings: &Settings) -> [usize; 2] {
    let test = (classes / 3).max(settings.ways);
    [classes.saturating_sub(test), test]
}

#[cfg(not(feature = "photos"))]
pub fn photos(settings: &Settings) -> Result<Source> {
    without(settings, "a build with `--features photos`")
}

#[cfg(not(feature = "text"))]
pub fn text(settings: &Settings) -> Result<Source> {
    without(settings, "a build with `--features text`")
}

#[cfg(not(feature = "csv"))]
fn csv(settings: &Settings) -> Result<FeatureSet> {
    without(settings, "a build with `--features csv`")
}

#[cfg(not(feature = "npz"))]
fn npz(settings: &Settings) -> Result<FeatureSet> {
    without(settings, "a build with `--features npz`")
}

/// Refuses a data set that this program was built without.
#[cfg(not(all(feature = "photos", feature = "text", feature = "csv", feature = "npz")))]
fn without<T>(settings: &Settings, need: &'static str) -> Result<T> {
    Err(innerloop::Error::Setting { name: "data", value: Settings::name(settings.data), need })
}
