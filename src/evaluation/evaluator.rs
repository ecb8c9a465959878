//! Runs the episodes.

use std::fmt;

use ndarray::ArrayD;
use rayon::prelude::*;

use super::answers::{Answers, check_outputs, temperature_sums};
use super::figures::{FigureSums, Figures, ScoreSums};
use super::temperature::TemperatureSums;
use super::times::{Times, measured};
use crate::data::{Episode, Tasks};
use crate::error::{Error, Result};
use crate::kernels::with_image_threads;
use crate::meta::{Learned, Learner, Scores, StepReport, Task, check_learned};
use crate::real::Real;

/// Everything that an [`Evaluator`] found out about a learner. `Display` prints it as a table; with the feature `serde`
/// it is data for JSON.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// Episodes that were evaluated.
    pub episodes: u64,
    /// Their queries together.
    pub queries: u64,
    /// Loss and accuracy before adaptation and after each inner step, as [`evaluate`](crate::evaluate) returns them;
    /// one entry for a learner that does not adapt in steps.
    pub curve: Vec<StepReport>,
    /// Each query by itself, after the last step.
    pub inductive: Figures,
    /// All queries of an episode together, after the last step.
    pub transductive: Figures,
    /// Milliseconds of single requests.
    pub times: Times,
}

/// Evaluates a learner in full: accuracy after each inner step, by class and of the worst episodes; calibration
/// before and after a temperature; confusion of chosen classes; times.
///
/// Memory does not grow with the number of episodes (for regression, by a few words per episode). All figures but the times
/// are the same bits on any number of threads. It takes about twice as long as [`evaluate`](crate::evaluate) for a
/// learner that adapts in steps.
///
/// ```
/// use innerloop::{Conv4, Downsample, EpisodeSampler, EpisodeShape, Evaluator, Glyphs, Learned, Learner};
/// use innerloop::{NormMode, ProtoNet};
///
/// let glyphs = Glyphs::default().alphabets(1).characters_per_alphabet(6).drawers(6).generate()?;
/// let shape = EpisodeShape::new(3, 1, 2);
/// let test = EpisodeSampler::new(&glyphs, &glyphs.all(), shape, 1)?;
/// let validation = EpisodeSampler::new(&glyphs, &glyphs.all(), shape, 2)?; // usually of other classes
/// let learner = ProtoNet::new(Conv4::new([28, 28, 1], 4, Downsample::MaxPool, None)?, NormMode::Batch);
/// let learned: Learned<f32> = learner.init(0).into();
/// let evaluation = Evaluator::new(&test, 20).validation(&validation, 10).evaluate(&learner, &learned)?;
/// println!("{evaluation}");
/// let calibration = evaluation.inductive.calibration.unwrap();
/// assert!(calibration.before.ece <= 1.0 && calibration.temperature.unwrap() > 0.0);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Clone)]
pub struct Evaluator<'s, T> {
    test: &'s dyn Tasks<Episode<T>>,
    episodes: u64,
    validation: Option<(&'s dyn Tasks<Episode<T>>, u64)>,
    confused: Vec<String>,
}

impl<T> fmt::Debug for Evaluator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let validation = self.validation.map(|(_, count)| count);
        f.debug_struct("Evaluator")
            .field("episodes", &self.episodes)
            .field("validation", &validation)
            .field("confused", &self.confused)
            .finish_non_exhaustive()
    }
}

/// What one episode says.
struct Seen {
    queries: u64,
    classes: Vec<String>,
    curve: Vec<Scores>,
    /// Inductive and transductive.
    answers: [Answers; 2],
}

impl<'s, T: Real> Evaluator<'s, T> {
    /// On episodes `0..episodes` of a source, usually of classes never seen in training.
    pub fn new(test: &'s impl Tasks<Episode<T>>, episodes: u64) -> Evaluator<'s, T> {
        Evaluator { test, episodes, validation: None, confused: Vec::new() }
    }

    /// With a temperature fitted on episodes `0..episodes` of another source, usually of the classes of the validation part. It
    /// minimises the negative log-likelihood of their queries, for each way of normalising by itself.
    #[must_use]
    pub fn validation(self, validation: &'s impl Tasks<Episode<T>>, episodes: u64) -> Self {
        Evaluator { validation: Some((validation, episodes)), ..self }
    }

    /// With a confusion matrix of classes, by their names in the episodes.
    #[must_use]
    pub fn confusion(self, classes: &[impl ToString]) -> Self {
        Evaluator { confused: classes.iter().map(|class| class.to_string()).collect(), ..self }
    }

    /// Evaluates a learner.
    ///
    /// # Errors
    /// As [`evaluate`](crate::evaluate); [`Error::Setting`] for no validation episodes;
    /// [`Error::RepeatedClass`] for a class that is listed twice for the confusion matrix; within [`Error::Task`],
    /// [`Error::Shape`] or [`Error::NotFinite`] for predictions that are none.
    pub fn evaluate(&self, learner: &(impl Learner<T> + ?Sized), learned: &Learned<T>) -> Result<Evaluation> {
        self.evaluated(&learner, learned)
    }

    /// Not generic in the learner, so that it is compiled with this crate.
    #[inline(never)]
    fn evaluated(&self, learner: &dyn Learner<T>, learned: &Learned<T>) -> Result<Evaluation> {
        for (name, count) in [("episodes", Some(self.episodes)), ("validation", self.validation.map(|v| v.1))]
        {
            if count == Some(0) {
                return Err(Error::Setting { name, value: "0".into(), need: "at least 1" });
            }
        }
        check_learned(learner, learned)?;
        self.test.check_evaluation()?;
        let betas = self.betas(learner, learned)?;
        let sums = |beta: Option<f64>| FigureSums::new(&self.confused, beta.map(|beta| 1.0 / beta));
        let mut figures = [sums(betas[0])?, sums(betas[1])?];
        let (mut curve, mut queries): (Vec<[ScoreSums; 2]>, u64) = (Vec::new(), 0);
        // a learner that does not adapt in steps has one score, which its predictions give without adapting twice
        let steps = scored(learner, learned, &self.test.task(0)).map_err(|e| e.in_task(0))?.len();
        let one = |episode: &Episode<T>| seen(learner, learned, episode, steps, betas);
        each(self.test, self.episodes, learner, &one, &mut |i, seen: Seen| {
            curve.resize(seen.curve.len(), Default::default());
            for (sums, scores) in curve.iter_mut().zip(&seen.curve) {
                sums[0].add(scores.inductive);
                sums[1].add(scores.transductive);
            }
            queries += seen.queries;
            for (figures, answers) in figures.iter_mut().zip(&seen.answers) {
                figures.add(i, &seen.classes, answers);
            }
        })?;
        let [inductive, transductive] = figures.map(|sums| sums.figures());
        let report = |[inductive, transductive]: &[ScoreSums; 2]| StepReport {
            inductive: inductive.report(),
            transductive: transductive.report(),
        };
        let curve = curve.iter().map(report).collect();
        let times = measured(learner, learned, self.test, self.episodes)?;
        Ok(Evaluation { episodes: self.episodes, queries, curve, inductive, transductive, times })
    }

    /// The inverse temperatures of both ways of normalising.
    fn betas(&self, learner: &dyn Learner<T>, learned: &Learned<T>) -> Result<[Option<f64>; 2]> {
        let Some((source, count)) = self.validation else { return Ok([None; 2]) };
        source.check_evaluation()?;
        let mut all = [TemperatureSums::default(), TemperatureSums::default()];
        let one = |episode: &Episode<T>| {
            Ok(outputs(learner, learned, episode)?
                .map(|outputs| temperature_sums(&outputs, &episode.query.y)))
        };
        each(source, count, learner, &one, &mut |_, sums: [TemperatureSums; 2]| {
            all.iter_mut().zip(&sums).for_each(|(all, sums)| all.merge(sums));
        })?;
        Ok(all.map(|sums| sums.best_beta()))
    }
}

/// Episodes of a block of threads at a time, in parallel; what each gives is taken in their order, so that nothing depends
/// on the number of threads and little is kept.
fn each<T: Real, R: Send>(
    source: &dyn Tasks<Episode<T>>,
    count: u64,
    learner: &dyn Learner<T>,
    of: &(dyn Fn(&Episode<T>) -> Result<R> + Sync),
    take: &mut dyn FnMut(u64, R),
) -> Result<()> {
    let threads = rayon::current_num_threads() as u64;
    let (few, block) = (count < threads, 8 * threads);
    let one = |i: u64| {
        let episode = source.task(i);
        let result = Task::check(&episode, learner).and_then(|()| with_image_threads(few, || of(&episode)));
        result.map_err(|error| error.in_task(i))
    };
    let mut first = 0;
    while first < count {
        let last = count.min(first + block);
        let results: Vec<Result<R>> = (first..last).into_par_iter().map(one).collect();
        for (i, result) in (first..last).zip(results) {
            take(i, result?);
        }
        first = last;
    }
    Ok(())
}

/// Predictions for an episode's queries, inductive and transductive.
fn outputs<T: Real>(
    learner: &dyn Learner<T>,
    learned: &Learned<T>,
    episode: &Episode<T>,
) -> Result<[ArrayD<T>; 2]> {
    let adapted = learner.adapt(learned, &episode.support)?;
    let x = &episode.query.x;
    let outputs = [learner.predict(&adapted, x)?, learner.predict_together(&adapted, x)?];
    outputs.iter().try_for_each(|outputs| check_outputs(outputs, &episode.query.y))?;
    Ok(outputs)
}

/// The scores after each step, checked.
fn scored<T: Real>(
    learner: &dyn Learner<T>,
    learned: &Learned<T>,
    episode: &Episode<T>,
) -> Result<Vec<Scores>> {
    Task::check(episode, learner)?;
    finite(learner.scores(learned, episode)?)
}

fn finite(scores: Vec<Scores>) -> Result<Vec<Scores>> {
    let finite = |s: &Scores| s.inductive.loss.is_finite() && s.transductive.loss.is_finite();
    match scores.iter().position(|s| !finite(s)) {
        Some(step) => Err(Error::NotFinite { what: format!("the query loss after {step} inner steps") }),
        None => Ok(scores),
    }
}

fn seen<T: Real>(
    learner: &dyn Learner<T>,
    learned: &Learned<T>,
    episode: &Episode<T>,
    steps: usize,
    betas: [Option<f64>; 2],
) -> Result<Seen> {
    let [alone, together] = outputs(learner, learned, episode)?;
    let y = &episode.query.y;
    let answers = [(alone, betas[0]), (together, betas[1])]
        .map(|(outputs, beta)| Answers::of(learner.score(&outputs, y), &outputs, y, beta));
    let last = Scores { inductive: answers[0].score, transductive: answers[1].score };
    let curve = if steps > 1 { scored(learner, learned, episode)? } else { finite(vec![last])? };
    if curve.len() != steps.max(1) {
        let (expected, found) = (vec![steps.max(1)], vec![curve.len()]);
        return Err(Error::Shape { what: "list of scores".into(), expected, found });
    }
    Ok(Seen { queries: y.len() as u64, classes: episode.classes.clone(), curve, answers })
}

compiled_here!(T: Evaluator::<'static, T>::evaluated);
