//! What return to expect where: the linear baseline of Duan et al. 2016 ("Benchmarking deep reinforcement learning for
//! continuous control", section 4 of its supplement), which the MAML paper uses.

use ndarray::{Array1, ArrayD};

use super::rollout::Rollout;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::tape::Tape;

/// Observations are clipped to this size.
const LARGEST: f64 = 10.0;
/// The weight of the squared coefficients.
const RIDGE: f64 = 1e-5;
/// How often a system that cannot be solved is tried again with ten times the ridge.
const TRIES: usize = 5;

/// A linear function of `[o, o², t, t², t³, 1]`, with the observation `o` clipped to ±10 and `t` the step in its
/// trajectory divided by 100, fitted to returns by ridge regression with weight 1e-5.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearBaseline {
    coefficients: Vec<f64>,
}

impl LinearBaseline {
    /// Fits a target to each step of a rollout, usually its discounted return.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of targets than steps; [`Error::NotSolvable`] if there is no
    /// solution with up to 10,000 times the ridge.
    #[inline(never)]
    pub fn fit<T: Real>(rollout: &Rollout<T>, targets: &[f64]) -> Result<LinearBaseline> {
        let features = features(rollout);
        let [n, width] = [features.shape()[0], features.shape()[1]];
        if targets.len() != n {
            let what = "targets of a baseline".into();
            return Err(Error::Shape { what, expected: vec![n], found: vec![targets.len()] });
        }
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&features);
        let y = tape.constant(Array1::from_vec(targets.to_vec()).view().into_dyn()).reshape(&[n, 1]);
        let (gram, right) = (x.matmul_with(x, true, false), x.matmul_with(y, true, false));
        let identity = tape.one_hot(&(0..width).collect::<Vec<_>>(), width);
        let with = |ridge: f64| (gram + ridge * identity).solve_spd(right);
        let mut solved = with(RIDGE);
        for i in 1..TRIES {
            if !matches!(solved, Err(Error::NotSolvable { .. })) {
                break;
            }
            solved = with(RIDGE * 10f64.powi(i as i32));
        }
        Ok(LinearBaseline { coefficients: solved?.to_array().iter().copied().collect() })
    }

    /// The expected return at each step of a rollout.
    ///
    /// # Panics
    /// If its observations have another width than those that were fitted.
    #[track_caller]
    #[inline(never)]
    pub fn values<T: Real>(&self, rollout: &Rollout<T>) -> Vec<f64> {
        let features = features(rollout);
        let (width, fitted) = (features.shape()[1], self.coefficients.len());
        assert!(width == fitted, "LinearBaseline: {width} features where {fitted} were fitted");
        let row = |row: &[f64]| row.iter().zip(&self.coefficients).map(|(x, c)| x * c).sum();
        features.as_slice().expect("made in order").chunks_exact(width).map(row).collect()
    }

    /// The coefficients of `[o, o², t, t², t³, 1]`.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }
}

/// `[n, 2·o + 4]`
fn features<T: Real>(rollout: &Rollout<T>) -> ArrayD<f64> {
    let width = 2 * rollout.observations.shape()[1] + 4;
    let mut numbers = Vec::with_capacity(width * rollout.rewards.len());
    for steps in rollout.trajectories() {
        for at in steps.clone() {
            let seen = rollout.observations.index_axis(ndarray::Axis(0), at);
            let clipped = seen.iter().map(|x| x.as_f64().clamp(-LARGEST, LARGEST));
            numbers.extend(clipped.clone());
            numbers.extend(clipped.map(|x| x * x));
            let t = (at - steps.start) as f64 / 100.0;
            numbers.extend([t, t * t, t * t * t, 1.0]);
        }
    }
    ArrayD::from_shape_vec(vec![rollout.rewards.len(), width], numbers).expect("each row has its width")
}

compiled_here!(T: LinearBaseline::fit::<T>, LinearBaseline::values::<T>);
