//! Embeddings of a whole data set, each computed once.

use ndarray::ArrayD;
use rayon::prelude::*;

use super::learner::Learned;
use super::task::check_inputs;
use super::tracking::{state_specs, tracked};
use crate::data::{ClassData, ClassRef, FeatureSet};
use crate::error::{Error, Result};
use crate::nn::{Model, Moments, Norm, NormMode, check_params};
use crate::real::Real;
use crate::tape::Tape;

/// Examples that go through the network at a time.
const BATCH: usize = 16;

/// The embeddings of all examples of some classes, with the parameters that a metric learner or a baseline learned for
/// `model` (the first of `learned.params`) and with the running statistics of its norms (`learned.state`, of
/// [`NormMode::Tracked`] or [`NormMode::TrackedTogether`]).
///
/// A vector is the output of the network for one example, flattened, as `f32`. [`Tadam`](crate::Tadam) has no such embeddings: its
/// network depends on the task.
///
/// They are what the learner itself compares in single predictions, so a head on them gives the same answers without the network:
/// for many episodes from few examples, or for a product with a large network, each example passes through it once. A class
/// keeps its name; a turned one has its degrees added. Examples run in parallel, with the same bits on any number of threads.
///
/// ```
/// use innerloop::{Adam, Conv4, Downsample, Glyphs, NormMode, ProtoNet, TrainConfig, Trainer, embed};
///
/// let glyphs = Glyphs::default().alphabets(1).characters_per_alphabet(3).drawers(4).generate()?;
/// let model = Conv4::new([28, 28, 1], 8, Downsample::MaxPool, None)?;
/// let learner = ProtoNet::new(model, NormMode::TrackedTogether { momentum: 0.1 });
/// let trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(1, 1e-3, 100))?;
/// // and train it
/// let features = embed(&learner.model, trainer.learned(), &glyphs, &glyphs.all())?;
/// assert_eq!((features.classes(), features.len(), features.width()), (3, 12, 8));
/// # Ok::<(), innerloop::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] if `learned` does not begin with the model's parameters or has other statistics, [`Error::Setting`] if it has
/// none and the model has norms; what [`check_inputs`] refuses; [`Error::NotFinite`] if an embedding is not finite; errors of
/// `classes` as in [`EpisodeSampler::new`](crate::EpisodeSampler::new).
pub fn embed<T: Real>(
    model: &(impl Model<T> + ?Sized),
    learned: &Learned<T>,
    data: impl Into<ClassData>,
    classes: &[ClassRef],
) -> Result<FeatureSet> {
    embedded(&model, learned, &data.into(), classes)
}

/// Not generic in the model, so that it is compiled with this crate.
#[inline(never)]
fn embedded<T: Real>(
    model: &dyn Model<T>,
    learned: &Learned<T>,
    data: &ClassData,
    classes: &[ClassRef],
) -> Result<FeatureSet> {
    let specs = model.specs();
    let params = &learned.params[..specs.len().min(learned.params.len())];
    check_params(&specs, params)?;
    if learned.state.is_empty() && !model.norms().is_empty() {
        let need = "one that tracks statistics: without them an embedding depends on the rest of its batch";
        return Err(Error::Setting { name: "norm", value: "a mode without running statistics".into(), need });
    }
    check_params(&state_specs(model, &NormMode::Tracked { momentum: 1.0 }, 1), &learned.state)?;
    data.check_list(classes)?;
    let moments = tracked(&learned.state, 0);
    let rows = |class: &ClassRef| {
        let batch = |from: usize| {
            let examples = from..(from + BATCH).min(data.count(class.class));
            vectors(model, params, &moments, data.examples(*class, examples))
        };
        let starts: Vec<_> = (0..data.count(class.class)).step_by(BATCH).collect();
        let vectors: Vec<Vec<_>> = starts.into_par_iter().map(batch).collect::<Result<_>>()?;
        let turned =
            if class.turns == 0 { String::new() } else { format!(", {}°", 90 * u32::from(class.turns)) };
        Ok((format!("{}{turned}", data.name(class.class)), vectors.concat()))
    };
    FeatureSet::from_classes(classes.par_iter().map(rows).collect::<Result<_>>()?)
}

/// The embeddings of a batch.
fn vectors<T: Real>(
    model: &dyn Model<T>,
    params: &[ArrayD<T>],
    moments: &[Moments],
    x: ArrayD<T>,
) -> Result<Vec<Vec<f32>>> {
    check_inputs(&model, &x)?;
    let tape = Tape::new();
    let z = model.forward(&tape.leaves(params), tape.constant(&x), Norm::Running(moments)).to_array();
    Ok(z.outer_iter().map(|row| row.iter().map(|v| v.as_f64() as f32).collect()).collect())
}

compiled_here!(T: embedded::<T>);
