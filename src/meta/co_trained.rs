//! An auxiliary task: a plain classifier of all training classes beside the episodes.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::inner::norm_of;
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::protonet::check_labelled;
use super::score::{Query, Score, Scores};
use super::task::{Task, check_examples};
use crate::data::{Accompanied, Episode, Examples, Targets};
use crate::error::{Error, Result};
use crate::nn::{Model, NormMode, ParamSpec, init_params};
use crate::real::Real;

/// A learner whose embedding is trained beside the episodes to classify all training classes, by a linear head of its own: the
/// auxiliary co-training of TADAM (Oreshkin et al. 2018, section 4.3), for any learner that begins with the parameters
/// of a model.
///
/// A meta-step `t` of `T` adds the cross-entropy of a plain batch to the loss of an episode with probability
/// `0.9^(1 + ⌊20t/T⌋)`, as in the authors' code, and so fades out. (They take a step of its own on the batch; here both
/// gradients are added.) The choice is a pure function of seed, meta-step and task. Adapting and predicting are the learner's.
///
/// The parameters are the learner's, then `auxiliary_w [features, classes]` and `auxiliary_b [classes]`. Tasks are
/// [`Accompanied`] episodes. The batch is normalised by its own statistics, or by the given ones with [`NormMode::Running`].
///
/// ```
/// use innerloop::{Adam, BesideBatches, ClassBatches, CoTrained, Conv4, Downsample, EpisodeSampler, EpisodeShape};
/// use innerloop::{Glyphs, NormMode, Tadam, TrainConfig, Trainer};
///
/// let glyphs = Glyphs::default().alphabets(2).characters_per_alphabet(5).drawers(4).generate()?;
/// let episodes = EpisodeSampler::new(&glyphs, &glyphs.all(), EpisodeShape::new(5, 1, 2), 0)?;
/// let batches = ClassBatches::new(&glyphs, &glyphs.all(), 16, 0)?;
/// let model = Conv4::new([28, 28, 1], 8, Downsample::MaxPool, None)?;
/// let tadam = Tadam::new(model.clone(), NormMode::Batch);
/// let learner = CoTrained::new(tadam, model, NormMode::Batch, batches.classes());
/// let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(2, 1e-3, 1))?;
/// trainer.step(&BesideBatches::new(episodes, batches))?;
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CoTrained<L, M> {
    /// The learner.
    pub learner: L,
    /// Its embedding: the first parameters of the learner are this model's.
    pub model: M,
    /// Which statistics batch norm uses for the batch.
    pub norm: NormMode,
    /// The number of training classes.
    pub classes: usize,
}

/// The purpose of the choice among the keys of a lesson: far from the numbers that learners give to theirs.
const PURPOSE: u64 = 0x6175_7869_6c00_0001;

/// Sets the seed of the head apart from that of the learner.
const HEAD_SEED: u64 = 0x6175_7869;

impl<L, M> CoTrained<L, M> {
    /// A learner whose first parameters are those of `model`, with a head of `classes` training classes.
    pub fn new(learner: L, model: M, norm: NormMode, classes: usize) -> CoTrained<L, M> {
        CoTrained { learner, model, norm, classes }
    }

    /// How likely the batch counts in a meta-step: `0.9^(1 + ⌊20t/T⌋)`.
    pub fn probability(&self, progress: &Progress) -> f64 {
        0.9f64.powf(1.0 + (20.0 * progress.share()).floor())
    }

    /// Whether the batch counts for a task.
    pub fn counts(&self, progress: &Progress) -> bool {
        use rand::Rng;
        let draw = f64::from(progress.key(PURPOSE).rng().next_u32()) / (f64::from(u32::MAX) + 1.0);
        draw < self.probability(progress)
    }

    fn head<T: Real>(&self) -> [ParamSpec; 2]
    where
        M: Model<T>,
    {
        let (inputs, classes) = (self.model.outputs(), self.classes);
        [ParamSpec::linear("auxiliary_w", inputs, classes), ParamSpec::bias("auxiliary_b", classes)]
    }

    /// What was learned without the head.
    fn own<T: Real>(learned: &Learned<T>) -> Learned<T> {
        let count = learned.params.len().saturating_sub(2);
        Learned { params: learned.params[..count].to_vec(), state: learned.state.clone() }
    }
}

impl<T: Real, L: Learner<T>, M: Model<T>> Learner<T> for CoTrained<L, M> {
    fn specs(&self) -> Vec<ParamSpec> {
        [self.learner.specs(), self.head::<T>().to_vec()].concat()
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        let mut params = self.learner.init(seed);
        params.extend(init_params::<T>(&self.head::<T>(), seed ^ HEAD_SEED));
        params
    }

    fn state(&self) -> Vec<ParamSpec> {
        self.learner.state()
    }

    fn check_settings(&self) -> Result<()> {
        self.norm.check(&self.model)?;
        if self.classes == 0 {
            return Err(Error::Setting { name: "classes", value: "0".into(), need: "at least 1" });
        }
        let (own, body) = (self.learner.specs(), self.model.specs());
        if own.len() < body.len() || own[..body.len()].iter().zip(&body).any(|(a, b)| a.shape != b.shape) {
            let need = "the embedding of the learner, whose first parameters it has";
            return Err(Error::Setting { name: "model", value: format!("{:?}", self.model), need });
        }
        self.learner.check_settings()
    }

    fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
        self.learner.check(set, examples)
    }

    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        self.learner.adapt(&Self::own(learned), support)
    }

    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.learner.predict(adapted, x)
    }

    fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        self.learner.predict_together(adapted, x)
    }

    fn score(&self, outputs: &ArrayD<T>, targets: &Targets<T>) -> Score {
        self.learner.score(outputs, targets)
    }

    fn scores(&self, learned: &Learned<T>, episode: &Episode<T>) -> Result<Vec<Scores>> {
        self.learner.scores(&Self::own(learned), episode)
    }
}

impl<T: Real, L: Trainable<T>, M: Model<T>> Trainable<T, Accompanied<T>> for CoTrained<L, M> {
    /// Score, and what was seen for the state, are those of the episode.
    fn lesson(&self, learned: &Learned<T>, task: &Accompanied<T>, progress: &Progress) -> Result<Lesson<T>> {
        check_labelled(&task.batch)?;
        check_examples(&self.model, usize::MAX, "batch", &task.batch)?;
        let ways = task.batch.y.ways().unwrap_or(0);
        if ways != self.classes {
            let need = "the number of classes that the learner was made for";
            return Err(Error::Setting { name: "ways", value: ways.to_string(), need });
        }
        let mut lesson = self.learner.lesson(&Self::own(learned), &task.episode, progress)?;
        if !self.counts(progress) {
            lesson
                .grads
                .extend(learned.params[lesson.grads.len()..].iter().map(|p| ArrayD::zeros(p.shape())));
            return Ok(lesson);
        }
        let (body, head) = (self.model.count(), learned.params.len() - 2);
        let auxiliary = Lesson::of_query(&learned.params, &task.batch.y, &|theta| {
            let x = theta[0].tape().constant(&task.batch.x);
            let z = self.model.forward(&theta[..body], x, norm_of(&self.norm));
            Ok(Query::new(z.linear(theta[head], theta[head + 1]), &task.batch.y))
        })?;
        let mut grads = auxiliary.grads;
        grads.iter_mut().zip(&lesson.grads).for_each(|(sum, own)| *sum += own);
        lesson.grads = grads;
        Ok(lesson)
    }

    fn absorb(&self, state: &mut [ArrayD<T>], seen: &[Vec<ArrayD<T>>]) {
        self.learner.absorb(state, seen);
    }
}

impl<T: Real> Task<T> for Accompanied<T> {
    fn check(&self, learner: &dyn Learner<T>) -> Result<()> {
        Task::check(&self.episode, learner)?;
        Examples::check(&self.batch, "batch")
    }
}
