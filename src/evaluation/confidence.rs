//! How sure an answer is, and whether an input belongs to any class at all.

use super::answers::{check_outputs, each_row};
use super::temperature::TemperatureSums;
use crate::data::{Episode, Tasks};
use crate::error::{Error, Result};
use crate::meta::{Learned, Learner};
use crate::real::Real;

/// What turns a learner's outputs into probabilities and tells inputs that belong to no class: a temperature (Guo et al. 2017) and
/// a bound on the fit, both measured on validation episodes.
///
/// The fit of an input is `ln Σ exp z` over the outputs `z` of the classes, the negative energy of Liu et al. (2020): for
/// prototypes about `-d²` to the nearest one. An input whose fit is below the bound belongs to none of the classes as far as
/// the learner can tell. Fits depend on how the learner was trained and on the ways and shots: measure with episodes like those
/// of the use.
///
/// ```
/// use innerloop::{Confidence, Conv4, Downsample, EpisodeSampler, EpisodeShape, Glyphs, Learner, NormMode, ProtoNet};
/// let glyphs = Glyphs::default().alphabets(1).characters_per_alphabet(6).drawers(6).generate()?;
/// let validation = EpisodeSampler::new(&glyphs, &glyphs.all(), EpisodeShape::new(5, 1, 3), 1)?;
/// let learner = ProtoNet::new(Conv4::new([28, 28, 1], 4, Downsample::MaxPool, None)?, NormMode::Support);
/// let learned = Learner::<f32>::init(&learner, 0).into();
/// let confidence = Confidence::measure(&learner, &learned, &validation, 20, 0.95)?;
/// assert!(confidence.temperature > 0.0);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confidence {
    /// What outputs are divided by before the softmax.
    pub temperature: f64,
    /// The smallest fit of an input that belongs to a class.
    pub least_fit: f64,
}

impl Confidence {
    /// Measures both on episodes `0..episodes` of validation classes, each query by itself: the temperature of the smallest
    /// negative log-likelihood, and the bound that a share `accepted` of the queries reach.
    ///
    /// # Errors
    /// [`Error::Setting`] for no episodes, episodes without labels, or `accepted` outside of 0 to 1; the learner's error on an episode, within
    /// [`Error::Task`].
    pub fn measure<T: Real>(
        learner: &(impl Learner<T> + ?Sized),
        learned: &Learned<T>,
        validation: &impl Tasks<Episode<T>>,
        episodes: u64,
        accepted: f64,
    ) -> Result<Confidence> {
        measured(&learner, learned, validation, episodes, accepted)
    }

    /// `ln Σ exp z` of the outputs of the classes for one input; negative infinity without classes.
    pub fn fit(outputs: &[f64]) -> f64 {
        let max = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if max == f64::NEG_INFINITY {
            return max;
        }
        max + outputs.iter().map(|z| (z - max).exp()).sum::<f64>().ln()
    }

    /// The probability of each class for one input: the softmax of its outputs over the temperature.
    pub fn probabilities(&self, outputs: &[f64]) -> Vec<f64> {
        let scaled: Vec<f64> = outputs.iter().map(|z| z / self.temperature).collect();
        let whole = Confidence::fit(&scaled);
        scaled.iter().map(|z| (z - whole).exp()).collect()
    }

    /// Whether an input with these outputs belongs to one of the classes.
    pub fn fits(&self, outputs: &[f64]) -> bool {
        Confidence::fit(outputs) >= self.least_fit
    }
}

fn measured<T: Real>(
    learner: &dyn Learner<T>,
    learned: &Learned<T>,
    validation: &dyn Tasks<Episode<T>>,
    episodes: u64,
    accepted: f64,
) -> Result<Confidence> {
    let refuse = |name, value: String, need| Err(Error::Setting { name, value, need });
    if episodes == 0 {
        return refuse("episodes", "0".into(), "at least 1");
    }
    if !(0.0..=1.0).contains(&accepted) {
        return refuse("accepted", accepted.to_string(), "a share from 0 to 1");
    }
    validation.check_evaluation()?;
    let (mut sums, mut fits) = (TemperatureSums::default(), Vec::new());
    for i in 0..episodes {
        let episode = validation.task(i);
        let outputs = learner
            .adapt(learned, &episode.support)
            .and_then(|adapted| learner.predict(&adapted, &episode.query.x))
            .and_then(|outputs| check_outputs(&outputs, &episode.query.y).map(|()| outputs))
            .map_err(|error| error.in_task(i))?;
        let (Some(labels), Some(ways)) = (episode.query.y.labels(), episode.query.y.ways()) else {
            return refuse("validation", "episodes without labels".into(), "episodes of classes");
        };
        each_row(&outputs, labels, |logits, label| {
            sums.add(&logits[..ways], label);
            fits.push(Confidence::fit(&logits[..ways]));
        });
    }
    fits.sort_by(f64::total_cmp);
    let refused = ((1.0 - accepted) * fits.len() as f64).floor() as usize;
    let least_fit = fits[refused.min(fits.len() - 1)];
    let beta = sums.best_beta().expect("checked: at least one episode");
    Ok(Confidence { temperature: 1.0 / beta, least_fit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{EpisodeSampler, EpisodeShape, ImageSet};
    use crate::meta::{Nearest, Nearness};

    /// Classes of images of one pixel pattern each, with a little noise.
    fn images() -> ImageSet {
        let image = |k: usize, i: usize| {
            (0..16).map(move |p| if p / 3 == k { 200 + 5 * i as u8 } else { 3 * i as u8 })
        };
        let class = |k: usize| (format!("c{k}"), (0..6).map(|i| image(k, i).collect()).collect());
        ImageSet::from_classes((0..5).map(class).collect(), 4, 4, 1).unwrap()
    }

    fn episodes(images: &ImageSet) -> EpisodeSampler {
        EpisodeSampler::new(images, &images.all()[..4], EpisodeShape::new(3, 1, 4), 0).unwrap()
    }

    #[test]
    fn the_bound_lets_the_share_pass_that_was_asked_for() {
        let images = images();
        let (tasks, learner) = (episodes(&images), Nearest::centroid(Nearness::Cosine));
        let learned = Learned::<f64>::from(Vec::new());
        let passing = |confidence: &Confidence| {
            let mut all = 0;
            let mut passed = 0;
            for i in 0..20 {
                let episode: Episode<f64> = tasks.task(i);
                let adapted = learner.adapt(&learned, &episode.support).unwrap();
                let outputs = learner.predict(&adapted, &episode.query.x).unwrap();
                for row in outputs.outer_iter() {
                    let row: Vec<f64> = row.iter().copied().collect();
                    assert!((confidence.probabilities(&row).iter().sum::<f64>() - 1.0).abs() < 1e-12);
                    all += 1;
                    passed += usize::from(confidence.fits(&row));
                }
            }
            passed as f64 / all as f64
        };
        for share in [0.5, 0.9, 1.0] {
            let confidence = Confidence::measure(&learner, &learned, &tasks, 20, share).unwrap();
            let passed = passing(&confidence);
            assert!(passed >= share && passed < share + 0.06, "{share}: {passed}");
        }
    }

    #[test]
    fn the_fit_is_the_logarithm_of_the_sum_of_exponentials() {
        assert!((Confidence::fit(&[0.0, 0.0]) - 2f64.ln()).abs() < 1e-15);
        assert_eq!(Confidence::fit(&[-1000.0]), -1000.0);
        assert_eq!(Confidence::fit(&[]), f64::NEG_INFINITY);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let images = images();
        let (tasks, learner) = (episodes(&images), Nearest::centroid(Nearness::Cosine));
        let learned = Learned::<f32>::from(Vec::new());
        let told = |episodes, share| {
            Confidence::measure(&learner, &learned, &tasks, episodes, share).unwrap_err().to_string()
        };
        assert!(told(0, 0.5).contains("episodes") && told(1, 1.5).contains("accepted"));
    }
}
