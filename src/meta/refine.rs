//! How much each unlabelled embedding belongs to each class (Ren et al. 2018).

use std::f64::consts::PI;

use super::embed::squared_distances;
use crate::nn::{Init, ParamSpec};
use crate::ops::where_;
use crate::real::Real;
use crate::var::Var;

/// Weights `[m, ways]` of unlabelled embeddings, and what the user may see, by name.
pub(super) type Weighed<'t, T> = (Var<'t, T>, Vec<(&'static str, Var<'t, T>)>);

/// `softmaxₖ(−‖z − cₖ‖²)` for `z: [m, d]` and `c: [ways, d]`; a constant if `stopped`.
#[inline(never)]
pub(super) fn soft_k_means<'t, T: Real>(z: Var<'t, T>, c: Var<'t, T>, stopped: bool) -> Weighed<'t, T> {
    let weights = (-squared_distances(z, c)).softmax();
    let weights = if stopped { weights.detach() } else { weights };
    (weights, vec![("assignment", weights)])
}

/// The shares of the classes beside a cluster at 0 with radius `exp(log_radius)`.
#[inline(never)]
pub(super) fn distractor<'t, T: Real>(
    z: Var<'t, T>,
    c: Var<'t, T>,
    log_radius: Var<'t, T>,
    halved: bool,
) -> Weighed<'t, T> {
    let assignment = densities(z, c, log_radius, halved).softmax();
    let weights = assignment.slice(&[0..z.shape()[0], 0..c.shape()[0]]);
    (weights, vec![("assignment", assignment)])
}

/// The logarithms of densities `−‖z − cₖ‖²/r² − ½·ln 2π − ln r` with `r = 1` for the classes, and in the last column
/// those of the cluster at 0 with radius `exp(log_radius)`; `2r²` for `r²` if `halved`. Returns `[n, ways + 1]`.
#[inline(never)]
pub(super) fn densities<'t, T: Real>(
    z: Var<'t, T>,
    c: Var<'t, T>,
    log_radius: Var<'t, T>,
    halved: bool,
) -> Var<'t, T> {
    let share = if halved { 0.5 } else { 1.0 };
    let classes = -share * squared_distances(z, c);
    let lengths = (z * z).sum_axes_kept(&[1]);
    let zero = -share * lengths * (-2.0 * log_radius).exp() - log_radius;
    Var::concat(&[classes, zero], 1) - 0.5 * (2.0 * PI).ln()
}

/// The network from statistics to the threshold and the slope of a mask. It begins near a threshold of 1, the mean
/// distance, and a slope of 1.
pub(super) fn mask_specs(hidden: usize) -> Vec<ParamSpec> {
    let small = Init::Normal { deviation: 0.01 };
    vec![
        ParamSpec::linear("mask1_w", 5, hidden).with_init(small.clone()),
        ParamSpec::bias("mask1_b", hidden),
        ParamSpec::linear("mask2_w", hidden, 2).with_init(small),
        ParamSpec::bias("mask2_b", 2),
    ]
}

/// `softmaxₖ(−‖z − cₖ‖²)·mⱼₖ` with the mask `mⱼₖ = sigmoid(slopeₖ·(thresholdₖ − d̃ⱼₖ))` of the distances
/// `d̃ⱼₖ = dⱼₖ/meanⱼ(dⱼₖ)`. `network` are the parameters of [`mask_specs`].
///
/// If `as_code`, the statistics are constants, and the mask counts twice.
#[inline(never)]
pub(super) fn masked<'t, T: Real>(
    z: Var<'t, T>,
    c: Var<'t, T>,
    network: &[Var<'t, T>],
    as_code: bool,
) -> Weighed<'t, T> {
    let d = squared_distances(z, c);
    let mean = d.mean_axes_kept(&[0]);
    // a mean of 0: all lie on the prototype
    let relative = d / where_(&mean.gt(0.0), mean, z.tape().scalar(1.0));
    let statistics = statistics(relative);
    let given = if as_code { statistics.detach() } else { statistics };
    let hidden = given.linear(network[0], network[1]).tanh();
    let shape = hidden.linear(network[2], network[3]).exp().split(1, &[1, 1]);
    let [threshold, slope] = [0, 1].map(|i| shape[i].transpose());
    let mask = (slope * (threshold - relative)).sigmoid();
    let share = (-d).softmax() * mask;
    let weights = if as_code { share * mask } else { share };
    (weights, vec![("assignment", weights), ("mask", mask), ("statistics", statistics)])
}

/// Below this variance distances relative to their mean are taken to be equal: it is rounding in `f32`.
const EQUAL: f64 = 1e-12;

/// Smallest and largest value, variance, skewness and excess kurtosis of each column of `d: [m, ways]`, of the
/// population; the last two are 0 where all values are equal. Returns `[ways, 5]`.
#[inline(never)]
fn statistics<'t, T: Real>(d: Var<'t, T>) -> Var<'t, T> {
    let deviation = d - d.mean_axes_kept(&[0]);
    let moment = |p| deviation.powi(p).mean_axes(&[0]);
    let (variance, zero) = (moment(2), d.tape().scalar(0.0));
    let spread = variance.gt(EQUAL);
    let scale = where_(&spread, variance, d.tape().scalar(1.0));
    let skewness = where_(&spread, moment(3) / scale.powf(1.5), zero);
    let kurtosis = where_(&spread, moment(4) / scale.powi(2) - 3.0, zero);
    Var::stack(&[d.min_axis(0), d.max_axis(0), variance, skewness, kurtosis], 1)
}

compiled_here!(
    T: soft_k_means::<T>, distractor::<T>, densities::<T>, masked::<T>, statistics::<T>,
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::arr2;

    #[test]
    fn every_way_to_weigh_has_correct_grads() {
        let shapes: [&[usize]; 7] = [&[5, 4], &[3, 4], &[], &[5, 2], &[2], &[2, 2], &[2]];
        check_grads(&shapes[..2], 2, |x| soft_k_means(x[0], x[1], false).0);
        for halved in [false, true] {
            check_grads(&shapes[..3], 2, |x| distractor(x[0], x[1], x[2], halved).0);
        }
        check_grads(&shapes, 2, |x| masked(x[0], x[1], &x[3..], false).0 + 0.0 * x[2]);
    }

    #[test]
    fn statistics_of_equal_distances_are_finite_and_have_no_slope() {
        let tape = Tape::<f64>::new();
        let d = tape.leaf(&arr2(&[[1.0, 0.0], [1.0, 2.0], [1.0, 1.0]]).into_dyn());
        let found = statistics(d);
        let want = [[1.0, 1.0, 0.0, 0.0, 0.0], [0.0, 2.0, 2.0 / 3.0, 0.0, -1.5]];
        assert!(found.to_array().iter().zip(want.iter().flatten()).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!(crate::grad_values(found.sum(), &[d])[0].iter().all(|g| g.is_finite()));
    }
}
