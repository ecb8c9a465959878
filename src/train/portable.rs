//! Files that are complete in themselves: the learner with its network and settings, what it learned, the names of its
//! classes, and how bytes become its inputs.

use std::path::Path;

use ndarray::ArrayD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::file::{File, Note, note, write};
use super::saved::{arrays_of, learned_of, write_adapted};
use crate::data::{Examples, PixelRange};
use crate::error::{Error, Result};
use crate::evaluation::Confidence;
use crate::meta::{Adapted, Learned, Learner, check_learned};

const PRETRAINED: &str = "a pretrained learner";
const CLASSIFIER: &str = "a classifier";

/// A meta-trained learner with all that a program needs to adapt it (features `serde` and `safetensors`).
///
/// ```
/// use innerloop::{Classifier, Conv4, Downsample, Examples, Learner, NormMode, PixelRange, Pretrained, ProtoNet};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("pretrained.safetensors");
/// let learner = ProtoNet::new(Conv4::new([28, 28, 1], 8, Downsample::MaxPool, None)?, NormMode::Batch);
/// let learned = learner.init(0).into(); // usually from a `Trainer`
/// Pretrained::new(learner, learned, PixelRange::default()).save(&path)?;
///
/// // in a program that knows the kind of learner, and nothing else of it
/// let pretrained = Pretrained::<ProtoNet<Conv4>>::load(&path)?;
/// let pictures: Vec<Vec<u8>> = vec![vec![0; 28 * 28], vec![255; 28 * 28]];
/// let pictures: Vec<&[u8]> = pictures.iter().map(Vec::as_slice).collect();
/// let x = pretrained.pixels.inputs(&pictures, [28, 28, 1])?;
/// let classifier = pretrained.adapt(&Examples::labelled(x, vec![0, 1], 2), &["dark", "light"])?;
/// # let path = folder.path().join("classifier.safetensors");
/// classifier.save(&path)?;
///
/// // and in another one
/// let classifier = Classifier::<ProtoNet<Conv4>>::load(&path)?;
/// let x = classifier.pixels.inputs(&pictures[1..], [28, 28, 1])?;
/// assert_eq!(classifier.names(&x)?, ["light"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pretrained<L> {
    /// The learner, with its network and settings.
    pub learner: L,
    /// What it learned.
    pub learned: Learned<f32>,
    /// The numbers that it was trained to take for bytes of images.
    pub pixels: PixelRange,
    /// What makes probabilities of its outputs, if it was measured.
    pub confidence: Option<Confidence>,
}

impl<L: Learner<f32>> Pretrained<L> {
    /// Of its parts.
    pub fn new(learner: L, learned: Learned<f32>, pixels: PixelRange) -> Pretrained<L> {
        Pretrained { learner, learned, pixels, confidence: None }
    }

    /// With a measured confidence, which classifiers take over.
    #[must_use]
    pub fn confidence(self, confidence: Confidence) -> Pretrained<L> {
        Pretrained { confidence: Some(confidence), ..self }
    }

    /// Adapts to a support set; `classes` are the names of its labels, in their order.
    ///
    /// # Errors
    /// As [`Learner::adapt`]; [`Error::Shape`] for another number of names than ways.
    pub fn adapt(self, support: &Examples<f32>, classes: &[impl ToString]) -> Result<Classifier<L>> {
        let adapted = self.learner.adapt(&self.learned, support)?;
        let classes: Vec<_> = classes.iter().map(|name| name.to_string()).collect();
        let ways = support.y.ways().unwrap_or(0);
        if classes.len() != ways {
            let what = "list of names of the support set's classes".into();
            return Err(Error::Shape { what, expected: vec![ways], found: vec![classes.len()] });
        }
        let Pretrained { learner, pixels, confidence, .. } = self;
        Ok(Classifier { learner, adapted, classes, pixels, confidence })
    }

    /// Saves it.
    ///
    /// # Errors
    /// As [`save_learned`](crate::save_learned); [`Error::Own`] for a learner that cannot be written as JSON.
    pub fn save(&self, path: &Path) -> Result<()>
    where
        L: Serialize,
    {
        let Pretrained { learner, learned, pixels, confidence } = self;
        check_learned(learner, learned)?;
        let note = described(PRETRAINED, learner, pixels, *confidence)?;
        write(path, arrays_of([&learner.specs(), &Learner::<f32>::state(learner)], learned), &note)
    }

    /// Loads what [`save`](Pretrained::save) saved.
    ///
    /// # Errors
    /// As [`load_learned`](crate::load_learned); [`Error::BadFile`] for a learner of another type.
    pub fn load(path: &Path) -> Result<Pretrained<L>>
    where
        L: Serialize + DeserializeOwned,
    {
        Pretrained::of(&File::of_kind(path, &[PRETRAINED])?)
    }

    /// The same from the bytes of such a file, for programs that carry it in themselves or have no files.
    ///
    /// # Errors
    /// As [`load`](Pretrained::load).
    pub fn from_bytes(bytes: &[u8]) -> Result<Pretrained<L>>
    where
        L: Serialize + DeserializeOwned,
    {
        Pretrained::of(&File::in_memory(bytes, &[PRETRAINED])?)
    }

    fn of(file: &File<'_>) -> Result<Pretrained<L>>
    where
        L: Serialize + DeserializeOwned,
    {
        let learner: L = learner(file)?;
        let learned = learned_of(file, &learner)?;
        let held = learned.params.len() + learned.state.len();
        if held != file.all::<f32>()?.len() {
            return Err(file.bad("its learner is of another type: it has arrays that this type has not"));
        }
        let (pixels, confidence) = (read(file, "pixels")?, confidence(file)?);
        Ok(Pretrained { learner, learned, pixels, confidence })
    }
}

/// An adapted learner with the names of its classes: a file of it is enough to predict (features `serde` and
/// `safetensors`).
///
/// [`Pretrained`] makes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Classifier<L> {
    /// The learner, with its network and settings.
    pub learner: L,
    /// What it adapted to.
    pub adapted: Adapted<f32>,
    /// The name of each class.
    pub classes: Vec<String>,
    /// The numbers that it takes for bytes of images.
    pub pixels: PixelRange,
    /// What makes probabilities of its outputs, if it was measured.
    pub confidence: Option<Confidence>,
}

/// The answer to one input.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Answer<'c> {
    /// The name of the most probable class.
    pub name: &'c str,
    /// Its probability among the classes.
    pub probability: f64,
    /// Whether the input belongs to any of the classes, as far as the learner can tell; true without a measured [`Confidence`].
    pub fits: bool,
}

impl<L: Learner<f32>> Classifier<L> {
    /// Outputs of the learner for inputs `x: [n, ..]`, each by itself: `[n, classes]`, or more columns if its network has
    /// more outputs.
    ///
    /// # Errors
    /// As [`Learner::predict`].
    pub fn predict(&self, x: &ArrayD<f32>) -> Result<ArrayD<f32>> {
        self.learner.predict(&self.adapted, x)
    }

    /// The probability of each class for each input, `[n, classes]`: the softmax of the classes' outputs, over the temperature if
    /// there is a measured [`Confidence`]. A network may have more outputs than there are classes: the others do not count.
    ///
    /// # Errors
    /// As [`predict`](Classifier::predict).
    pub fn probabilities(&self, x: &ArrayD<f32>) -> Result<ArrayD<f32>> {
        let rows = self.rows(x)?;
        let shape = [rows.len(), self.classes.len()];
        let each = rows.iter().flat_map(|(outputs, confidence)| confidence.probabilities(outputs));
        let all = each.map(|p| p as f32).collect();
        Ok(ArrayD::from_shape_vec(&shape[..], all).expect("a probability per class"))
    }

    /// The most probable class of each input, its probability, and whether the input belongs to any class.
    ///
    /// # Errors
    /// As [`predict`](Classifier::predict).
    pub fn answers(&self, x: &ArrayD<f32>) -> Result<Vec<Answer<'_>>> {
        let answer = |(outputs, confidence): &(Vec<f64>, Confidence)| {
            let best = (0..outputs.len()).max_by(|&a, &b| outputs[a].total_cmp(&outputs[b]));
            let best = best.expect("checked: at least one class");
            let probability = confidence.probabilities(outputs)[best];
            Answer { name: &self.classes[best], probability, fits: confidence.fits(outputs) }
        };
        Ok(self.rows(x)?.iter().map(answer).collect())
    }

    /// The name of the most probable class of each input.
    ///
    /// # Errors
    /// As [`predict`](Classifier::predict).
    pub fn names(&self, x: &ArrayD<f32>) -> Result<Vec<&str>> {
        Ok(self.answers(x)?.iter().map(|answer| answer.name).collect())
    }

    /// The outputs of the classes for each input, and what makes probabilities of them.
    fn rows(&self, x: &ArrayD<f32>) -> Result<Vec<(Vec<f64>, Confidence)>> {
        let plain = Confidence { temperature: 1.0, least_fit: f64::NEG_INFINITY };
        let confidence = self.confidence.unwrap_or(plain);
        let outputs = self.predict(x)?;
        let rows = outputs.outer_iter();
        Ok(rows
            .map(|row| (row.iter().take(self.classes.len()).map(|&z| z.into()).collect(), confidence))
            .collect())
    }

    /// Saves it.
    ///
    /// # Errors
    /// As [`save_adapted`](crate::save_adapted); [`Error::Own`] for a learner that cannot be written as JSON.
    pub fn save(&self, path: &Path) -> Result<()>
    where
        L: Serialize,
    {
        let mut note = described(CLASSIFIER, &self.learner, &self.pixels, self.confidence)?;
        note.insert("classes".into(), self.classes.clone().into());
        write_adapted(path, &self.adapted, &note)
    }

    /// Loads what [`save`](Classifier::save) saved.
    ///
    /// # Errors
    /// As [`load_adapted`](crate::load_adapted); [`Error::BadFile`] for a learner of another type.
    pub fn load(path: &Path) -> Result<Classifier<L>>
    where
        L: Serialize + DeserializeOwned,
    {
        let file = File::of_kind(path, &[CLASSIFIER])?;
        let (learner, pixels, classes) = (learner(&file)?, read(&file, "pixels")?, read(&file, "classes")?);
        let confidence = confidence(&file)?;
        Ok(Classifier { learner, adapted: Adapted::new(file.all()?), classes, pixels, confidence })
    }
}

/// A note that holds a learner.
fn described<L: Serialize>(
    kind: &str,
    learner: &L,
    pixels: &PixelRange,
    confidence: Option<Confidence>,
) -> Result<Note> {
    let mut note = note(kind);
    note.insert("learner".into(), serde_json::to_value(learner).map_err(own)?);
    note.insert("pixels".into(), serde_json::to_value(pixels).map_err(own)?);
    if let Some(confidence) = confidence {
        note.insert("confidence".into(), serde_json::to_value(confidence).map_err(own)?);
    }
    Ok(note)
}

/// The confidence of a file that has one.
fn confidence(file: &File<'_>) -> Result<Option<Confidence>> {
    if file.value("confidence").is_none() { Ok(None) } else { read(file, "confidence").map(Some) }
}

/// The learner of a file, with all of the settings that are written there.
fn learner<L: Serialize + DeserializeOwned>(file: &File<'_>) -> Result<L> {
    let learner: L = read(file, "learner")?;
    // serde ignores what a type has no field for: another rule of inner steps would become gradient descent
    if serde_json::to_value(&learner).map_err(own)? != file.value("learner").cloned().unwrap_or_default() {
        return Err(file.bad("its learner is of another type: it has settings that this type has not"));
    }
    Ok(learner)
}

fn own(error: serde_json::Error) -> Error {
    Error::own(error.to_string())
}

/// A part of a file's note.
fn read<V: DeserializeOwned>(file: &File<'_>, key: &str) -> Result<V> {
    let value = file.value(key).ok_or_else(|| file.bad(format!("its note has no {key:?}")))?;
    serde_json::from_value(value.clone()).map_err(|e| file.bad(format!("its {key} is of another type: {e}")))
}
