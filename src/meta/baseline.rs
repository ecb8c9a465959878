//! The baselines: an ordinary classifier of all training classes, with a new head for each task.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::embed::embedded;
use super::head::BaselineHead;
use super::head_fit::HeadFit;
use super::inner::{inductive, norm_of};
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::protonet::check_labelled;
use super::score::Query;
use super::task::{check_adapt, check_examples};
use super::tracking::{absorb, seen, state_specs, tracked};
use crate::data::Examples;
use crate::error::{Error, Result};
use crate::nn::{Model, Network, Norm, NormMode, Observer, ParamSpec, check_params, init_params};
use crate::ops::Key;
use crate::real::Real;
use crate::tape::Tape;
use crate::value::Value;

/// Baseline and Baseline++ (Chen et al. 2019, section 3.2): a classifier of all training classes is trained on plain
/// batches, such as [`ClassBatches`](crate::ClassBatches). For a task its head is thrown away, and a new one is fitted to
/// the embeddings of the support set; the body stays as it is.
///
/// The published evaluation uses running statistics: [`NormMode::Tracked`] with momentum 0.1. Then both sets of a task
/// are embedded with the tracked statistics. In the modes without, a support set is embedded with
/// its own statistics, and [`predict`](Learner::predict) uses the same. [`predict_together`](Learner::predict_together) embeds
/// queries with the statistics of their own batch. This was not published; the head was not fitted to such embeddings.
///
/// The authors' cosine head has a fixed scale and learns a length for each class, which this one does not.
///
/// ```
/// use innerloop::{Adam, Baseline, ClassBatches, Conv4, Downsample, Glyphs, NormMode, TrainConfig, Trainer};
/// let images = Glyphs::default().alphabets(1).characters_per_alphabet(8).generate()?;
/// let batches = ClassBatches::new(&images, &images.all(), 16, 0)?;
/// let body = Conv4::new([28, 28, 1], 8, Downsample::Stride, None)?;
/// let baseline = Baseline::plus_plus(body, batches.classes(), NormMode::Tracked { momentum: 0.1 });
/// let mut trainer = Trainer::<f32, _, _>::new(&baseline, Adam::default(), TrainConfig::new(1, 1e-3, 100))?;
/// trainer.step(&batches)?;
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Baseline<M> {
    /// The body, usually a [`Conv4`](crate::Conv4) without its head.
    pub model: M,
    /// The number of training classes.
    pub classes: usize,
    /// Which statistics batch norm uses.
    pub norm: NormMode,
    /// How heads make logits, the one in training and new ones.
    pub head: BaselineHead,
    /// How a new head is fitted.
    pub fit: HeadFit,
    /// Decides the initial values of a new head and the order of its mini-batches.
    pub seed: u64,
}

impl<M> Baseline<M> {
    /// Baseline: a linear head.
    pub fn new(model: M, classes: usize, norm: NormMode) -> Baseline<M> {
        Baseline { model, classes, norm, head: BaselineHead::Linear, fit: HeadFit::default(), seed: 0 }
    }

    /// Baseline++: a cosine head, whose scale begins with 2 for up to 200 classes and with 10 for more, as in the
    /// authors' code, and is learned. The head of a new task has the scale of [`HeadFit`].
    pub fn plus_plus(model: M, classes: usize, norm: NormMode) -> Baseline<M> {
        let scale = if classes <= 200 { 2.0 } else { 10.0 };
        Baseline::new(model, classes, norm).head(BaselineHead::Cosine { scale })
    }

    /// Another kind of head.
    #[must_use]
    pub fn head(self, head: BaselineHead) -> Baseline<M> {
        Baseline { head, ..self }
    }

    /// Another way to fit a new head.
    #[must_use]
    pub fn fit(self, fit: HeadFit) -> Baseline<M> {
        Baseline { fit, ..self }
    }

    /// Another seed for new heads.
    #[must_use]
    pub fn seed(self, seed: u64) -> Baseline<M> {
        Baseline { seed, ..self }
    }

    /// Fits a new head, from the head given, to embeddings `[n, d]` with labels. The order of mini-batches comes from
    /// the learner's seed. A head has the arrays that [`BaselineHead`] names; a cosine head keeps the scale that is given.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::NotFinite`] if the head does not fit the examples; [`Error::NotFinite`] if a
    /// loss is not finite; what [`HeadFit::check`] and [`Examples::check`] refuse.
    pub fn fit_head<T: Real>(&self, head: Vec<ArrayD<T>>, embedded: &Examples<T>) -> Result<Vec<ArrayD<T>>>
    where
        M: Network,
    {
        self.fit.check()?;
        embedded.check("embedded")?;
        check_labelled(embedded)?;
        check_params(&self.head.specs(self.model.outputs(), embedded.y.ways().unwrap_or(1)), &head)?;
        self.fit.fit(&self.head, head, embedded, Key::new(self.seed))
    }
}

impl<T: Real, M: Model<T>> Learner<T> for Baseline<M> {
    /// The body's parameters, then those of the training head.
    fn specs(&self) -> Vec<ParamSpec> {
        [self.model.specs(), self.head.specs(self.model.outputs(), self.classes)].concat()
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        let mut params = self.model.init(seed);
        params
            .extend(init_params::<T>(&self.head.specs(self.model.outputs(), self.classes), seed ^ HEAD_SEED));
        params
    }

    fn state(&self) -> Vec<ParamSpec> {
        state_specs(&self.model, &self.norm, 1)
    }

    fn check_settings(&self) -> Result<()> {
        self.norm.check(&self.model)?;
        self.fit.check()
    }

    fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
        check_labelled(examples)?;
        check_examples(&self.model, usize::MAX, set, examples)
    }

    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        check_adapt(self, learned, support)?;
        let ways = support.y.ways().expect("checked: labels");
        let specs = self.model.specs();
        let body = &learned.params[..specs.len()];
        let (tape, x) = (Tape::new(), Value::from_array(support.x.view()));
        let theta = tape.leaves(body);
        let moments = inductive(&self.model, &self.norm, &theta, &x, &|| tracked(&learned.state, 0));
        // with the statistics that single queries get, so that a support image is embedded as a query is
        let z = self.model.forward(&theta, tape.push_leaf(x), Norm::Running(&moments)).to_array();
        let specs_of_head = self.head.with_scale(self.fit.scale).specs(self.model.outputs(), ways);
        let head = init_params::<T>(&specs_of_head, self.seed ^ HEAD_SEED);
        let labels = support.y.labels().expect("checked: labels").to_vec();
        let head = self.fit_head(head, &Examples::labelled(z, labels, ways))?;
        let adapted = Adapted::of_params(&specs, body.to_vec()).with_moments(&moments);
        let named = specs_of_head.into_iter().zip(head);
        Ok(named.fold(adapted, |adapted, (spec, array)| adapted.with(spec.name, array)))
    }

    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.logits(adapted, x, false)
    }

    fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.logits(adapted, x, true)
    }
}

impl<M> Baseline<M> {
    fn logits<T: Real>(&self, adapted: &Adapted<T>, x: &ArrayD<T>, batch: bool) -> Result<ArrayD<T>>
    where
        M: Model<T>,
    {
        let head = adapted.params(&self.head.adapted_specs(self.model.outputs(), adapted)?)?;
        let tape = Tape::new();
        let theta = tape.leaves(&adapted.params(&self.model.specs())?);
        let z = embedded(&self.model, &self.norm, &theta, adapted, x, batch)?;
        Ok(self.head.logits(&tape.leaves(&head), z).to_array())
    }
}

impl<T: Real, M: Model<T>> Trainable<T, Examples<T>> for Baseline<M> {
    fn lesson(&self, learned: &Learned<T>, batch: &Examples<T>, _: &Progress) -> Result<Lesson<T>> {
        Learner::<T>::check(self, "batch", batch)?;
        if let Some(ways) = batch.y.ways().filter(|ways| *ways != self.classes) {
            let need = "the number of classes that the learner was made for";
            return Err(Error::Setting { name: "ways", value: ways.to_string(), need });
        }
        let (body, observer) = (self.model.count(), Observer::new());
        let track = self.norm.momentum().is_some();
        let lesson = Lesson::of_query(&learned.params, &batch.y, &|theta| {
            let norm = if track { Norm::Observe(&observer) } else { norm_of(&self.norm) };
            let z = self.model.forward(&theta[..body], theta[0].tape().constant(&batch.x), norm);
            Ok(Query::new(self.head.logits(&theta[body..], z), &batch.y))
        })?;
        Ok(lesson.with_seen(if track { seen(1, &[(0, observer.into_moments())]) } else { Vec::new() }))
    }

    fn absorb(&self, state: &mut [ArrayD<T>], seen: &[Vec<ArrayD<T>>]) {
        absorb(&self.norm, state, seen);
    }
}

/// Sets the seed of heads apart from that of the body.
const HEAD_SEED: u64 = 0x6865_6164;
