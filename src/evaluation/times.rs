//! How long a user waits.

use ndarray::Axis;

use crate::clock::Moment;
use crate::data::{Episode, Tasks};
use crate::error::Result;
use crate::meta::{Learned, Learner};
use crate::real::Real;

/// So many episodes are timed.
const TIMED: u64 = 9;

/// Milliseconds of single requests: medians over the first episodes, measured one after another with nothing beside
/// them. The only figures of an evaluation that differ from run to run. Zeros where there is no clock, as in a browser.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Times {
    /// To adapt to a support set.
    pub adapt: f64,
    /// To predict for one query.
    pub predict_one: f64,
    /// To predict for all queries of an episode, each by itself.
    pub predict: f64,
    /// To predict for all queries of an episode together.
    pub predict_together: f64,
}

/// Of the first of `count` episodes.
pub(super) fn measured<T: Real>(
    learner: &dyn Learner<T>,
    learned: &Learned<T>,
    episodes: &dyn Tasks<Episode<T>>,
    count: u64,
) -> Result<Times> {
    let mut all = [const { Vec::new() }; 4];
    for i in 0..count.min(TIMED) {
        let Episode { support, query, .. } = episodes.task(i);
        let one = query.x.select(Axis(0), &[0]);
        let (adapted, adapt) = timed(|| learner.adapt(learned, &support))?;
        let ms = [
            adapt,
            timed(|| learner.predict(&adapted, &one))?.1,
            timed(|| learner.predict(&adapted, &query.x))?.1,
            timed(|| learner.predict_together(&adapted, &query.x))?.1,
        ];
        all.iter_mut().zip(ms).for_each(|(all, ms)| all.push(ms));
    }
    let [adapt, predict_one, predict, predict_together] = all.map(median);
    Ok(Times { adapt, predict_one, predict, predict_together })
}

fn timed<R>(f: impl FnOnce() -> Result<R>) -> Result<(R, f64)> {
    let start = Moment::now();
    let result = f()?;
    Ok((result, 1e3 * start.seconds()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
