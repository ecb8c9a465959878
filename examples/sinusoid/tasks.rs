//! The two families of curves.

use innerloop::ndarray::ArrayD;
use innerloop::{Episode, GaussianProcesses, Result, Sinusoids, Tasks};

use crate::plot::{Points, points};
use crate::settings::{Data, Settings};

const EVAL_SEED: u64 = 1 << 32; // tasks that no small training seed draws

/// A family of curves as a source of tasks.
pub enum Regression {
    Sinusoids(Sinusoids),
    GaussianProcess(GaussianProcesses),
}

impl Tasks<Episode<f32>> for Regression {
    fn task(&self, i: u64) -> Episode<f32> {
        match self {
            Regression::Sinusoids(tasks) => tasks.task(i),
            Regression::GaussianProcess(tasks) => tasks.task(i),
        }
    }
}

impl Regression {
    fn new(settings: &Settings, queries: usize, seed: u64) -> Regression {
        match settings.data {
            Data::Sinusoids => Regression::Sinusoids(Sinusoids::new(settings.shots, queries, seed)),
            Data::GaussianProcess => {
                Regression::GaussianProcess(GaussianProcesses::new(settings.shots, queries, seed))
            }
        }
    }

    /// A title for task `i`, and the curve to find: the sine, or the mean of the exact posterior.
    pub fn curve(&self, i: u64, x: &ArrayD<f32>) -> (String, Points) {
        match self {
            Regression::Sinusoids(tasks) => {
                let (amplitude, phase) = tasks.curve(i);
                let at = |&x: &f32| (f64::from(x), amplitude * (f64::from(x) - phase).sin());
                (format!("amplitude {amplitude:.1}"), x.iter().map(at).collect())
            }
            Regression::GaussianProcess(tasks) => {
                let episode: Episode<f32> = tasks.task(i);
                let (mean, _) = tasks.posterior(&episode.support, x).expect("settings that drew a task");
                let mean = ArrayD::from_shape_vec(x.shape(), mean.iter().map(|&m| m as f32).collect());
                (format!("draw {i}"), points(x, &mean.expect("one for each")))
            }
        }
    }
}

pub fn training(settings: &Settings) -> Regression {
    Regression::new(settings, settings.queries, settings.seed)
}

/// Unseen tasks, with 100 points to predict.
pub fn unseen(settings: &Settings) -> Regression {
    Regression::new(settings, 100, EVAL_SEED)
}

/// The mean squared error that no learner can expect to be below, where it is known.
pub fn best(settings: &Settings) -> Result<Option<f64>> {
    let Regression::GaussianProcess(tasks) = unseen(settings) else { return Ok(None) };
    let losses: Result<Vec<f64>> =
        (0..settings.eval_tasks).map(|i| tasks.best_loss(&Tasks::<Episode<f32>>::task(&tasks, i))).collect();
    let losses = losses?;
    Ok(Some(losses.iter().sum::<f64>() / losses.len() as f64))
}
