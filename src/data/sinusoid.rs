//! The sinusoid regression tasks of Finn et al., "Model-Agnostic Meta-Learning" (2017), section 5.1.

use std::f64::consts::PI;

use ndarray::{ArrayD, IxDyn};
use rand::rngs::ChaCha8Rng;

use super::episode::{Episode, Examples};
use super::tasks::Tasks;
use crate::error::{Error, Result};
use crate::random::{Purpose, between, stream};
use crate::real::Real;

/// Regression tasks y = A sin(x - φ): A uniform in [0.1, 5], φ in [0, π], x in [-5, 5].
///
/// Support and query sets are `shots` and `queries` points of the same curve, inputs `[n, 1]` and
/// values `[n, 1]`. The paper uses 5 or 10 shots and judges by the mean squared error. The sine comes
/// from the platform's library, so values may differ in the last bit from one platform to another;
/// amplitudes, phases and inputs do not.
///
/// ```
/// use innerloop::{Episode, Sinusoids, Tasks};
///
/// let tasks = Sinusoids::new(10, 10, 0);
/// let episode: Episode<f32> = tasks.task(3);
/// let (amplitude, _phase) = tasks.curve(3);
/// let largest = episode.query.y.values().unwrap().iter().fold(0.0, |m: f32, y| m.max(y.abs()));
/// assert!(f64::from(largest) <= amplitude);
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sinusoids {
    /// Points in the support set, 1 to 1,048,576.
    pub shots: usize,
    /// Points in the query set, 1 to 1,048,576.
    pub queries: usize,
    /// Seed of all tasks.
    pub seed: u64,
}

impl Sinusoids {
    /// Tasks with so many points in their two sets. They are checked where they are used.
    pub const fn new(shots: usize, queries: usize, seed: u64) -> Self {
        Self { shots, queries, seed }
    }

    /// The same with another number of points in the support set.
    #[must_use]
    pub const fn shots(self, shots: usize) -> Self {
        Self { shots, ..self }
    }

    /// The same with another number of points in the query set.
    #[must_use]
    pub const fn queries(self, queries: usize) -> Self {
        Self { queries, ..self }
    }

    /// Amplitude and phase of task `i`, for plots of the true curve.
    pub fn curve(&self, i: u64) -> (f64, f64) {
        draw_task(&mut self.rng(i))
    }

    fn rng(&self, i: u64) -> ChaCha8Rng {
        stream(self.seed, Purpose::Sinusoid, i)
    }
}

impl<T: Real> Tasks<Episode<T>> for Sinusoids {
    fn check(&self) -> Result<()> {
        for (name, value) in [("shots", self.shots), ("queries", self.queries)] {
            if !(1..=1 << 20).contains(&value) {
                let need = "from 1 to 1048576";
                return Err(Error::Setting { name, value: value.to_string(), need });
            }
        }
        Ok(())
    }

    fn describe(&self) -> String {
        format!("{self:#?}")
    }

    #[inline(never)]
    fn task(&self, i: u64) -> Episode<T> {
        let mut rng = self.rng(i);
        let (amplitude, phase) = draw_task(&mut rng);
        let mut examples = |n: usize| {
            let x: Vec<f64> = (0..n).map(|_| between(&mut rng, -5.0, 5.0)).collect();
            let column = |of: &dyn Fn(f64) -> f64| {
                let values = x.iter().map(|&x| T::from_f64(of(x))).collect();
                ArrayD::from_shape_vec(IxDyn(&[n, 1]), values).expect("n values")
            };
            Examples::valued(column(&|x| x), column(&|x| amplitude * (x - phase).sin()))
        };
        let (support, query) = (examples(self.shots), examples(self.queries));
        Episode { support, query, classes: Vec::new() }
    }
}

/// The first two draws of a task's stream; its points follow.
fn draw_task(rng: &mut ChaCha8Rng) -> (f64, f64) {
    (between(rng, 0.1, 5.0), between(rng, 0.0, PI))
}

compiled_here!(T: <Sinusoids as Tasks<Episode<T>>>::task);

#[cfg(test)]
mod tests {
    use super::*;

    const TASKS: Sinusoids = Sinusoids { shots: 5, queries: 7, seed: 3 };

    #[test]
    fn every_point_lies_on_the_curve_of_its_task() {
        for i in 0..50 {
            let (amplitude, phase) = TASKS.curve(i);
            let episode: Episode<f64> = TASKS.task(i);
            for examples in [&episode.support, &episode.query] {
                let y = examples.y.values().unwrap();
                assert!(
                    examples.x.iter().zip(y).all(|(x, y)| (y - amplitude * (x - phase).sin()).abs() < 1e-12)
                );
            }
        }
    }

    #[test]
    fn tasks_fill_the_ranges_of_the_paper() {
        let tasks: Vec<(f64, f64)> = (0..2000).map(|i| TASKS.curve(i)).collect();
        assert!(tasks.iter().all(|&(a, p)| (0.1..5.0).contains(&a) && (0.0..PI).contains(&p)));
        let mean = |of: fn(&(f64, f64)) -> f64| tasks.iter().map(of).sum::<f64>() / 2000.0;
        // standard errors: 1.41 / 44.7 and 0.91 / 44.7
        assert!((mean(|t| t.0) - 2.55).abs() < 0.1 && (mean(|t| t.1) - PI / 2.0).abs() < 0.07);
    }

    #[test]
    fn counts_of_points_out_of_range_are_refused_by_name() {
        assert!(Tasks::<Episode<f32>>::check(&TASKS).is_ok());
        for (name, tasks) in [
            ("shots", Sinusoids { shots: 0, ..TASKS }),
            ("shots", Sinusoids { shots: usize::MAX, ..TASKS }),
            ("queries", Sinusoids { queries: (1 << 20) + 1, ..TASKS }),
        ] {
            let error = Tasks::<Episode<f32>>::check(&tasks).unwrap_err();
            assert!(matches!(error, Error::Setting { name: told, .. } if told == name), "{error}");
        }
    }

    #[test]
    fn a_task_is_a_whole_episode_and_support_differs_from_query() {
        let episode: Episode<f32> = TASKS.task(0);
        assert_eq!((episode.support.x.shape(), episode.query.x.shape()), (&[5, 1][..], &[7, 1][..]));
        assert_ne!(episode.support.x[[0, 0]], episode.query.x[[0, 0]]);
        assert!(Episode::new(episode.support.clone(), episode.query.clone()).is_ok());
        assert_eq!(episode, TASKS.task(0));
    }
}
