//! Running statistics of norms as a learner's state ([`NormMode::Tracked`] and [`NormMode::TrackedTogether`]).

use ndarray::ArrayD;

use super::adapted::moment_name;
use crate::nn::{Init, Moments, Network, NormMode, ParamSpec};
use crate::real::Real;

/// The state of a learner that tracks the statistics of a model's norms, `rows` of them apart (one for
/// each inner step, or a single one): for each layer means and variances `[rows, channels]`.
pub(super) fn state_specs(model: &dyn Network, mode: &NormMode, rows: usize) -> Vec<ParamSpec> {
    if mode.momentum().is_none() {
        return Vec::new();
    }
    let layer = |(layer, &channels): (usize, &usize)| {
        let spec =
            |what, value| ParamSpec::new(moment_name(layer, what), &[rows, channels], Init::Constant(value));
        [spec("mean", 0.0), spec("var", 1.0)]
    };
    model.norms().iter().enumerate().flat_map(layer).collect()
}

/// The tracked statistics of one row.
#[inline(never)]
pub(super) fn tracked<T: Real>(state: &[ArrayD<T>], row: usize) -> Vec<Moments> {
    let numbers =
        |a: &ArrayD<T>| a.outer_iter().nth(row).expect("a row").iter().map(|v| v.as_f64()).collect();
    state.chunks(2).map(|pair| Moments { mean: numbers(&pair[0]), var: numbers(&pair[1]) }).collect()
}

/// What a lesson saw, in the form of the state: the mean of the moments seen for each row.
///
/// # Panics
/// If a row was never seen.
#[inline(never)]
pub(super) fn seen<T: Real>(rows: usize, passes: &[(usize, Vec<Moments>)]) -> Vec<ArrayD<T>> {
    let layers = passes.first().map_or(0, |(_, moments)| moments.len());
    let mean = |layer: usize, which: fn(&Moments) -> &Vec<f64>| {
        let channels = which(&passes[0].1[layer]).len();
        ArrayD::from_shape_fn(vec![rows, channels], |at| {
            let of_row = passes.iter().filter(|(row, _)| *row == at[0]);
            let values: Vec<f64> = of_row.map(|(_, moments)| which(&moments[layer])[at[1]]).collect();
            assert!(!values.is_empty(), "no pass saw row {}", at[0]);
            T::from_f64(values.iter().sum::<f64>() / values.len() as f64)
        })
    };
    (0..layers).flat_map(|layer| [mean(layer, |m| &m.mean), mean(layer, |m| &m.var)]).collect()
}

/// Moves the state towards the mean of what the lessons of a meta-step saw, by the mode's momentum.
#[inline(never)]
pub(super) fn absorb<T: Real>(mode: &NormMode, state: &mut [ArrayD<T>], seen: &[Vec<ArrayD<T>>]) {
    let Some(momentum) = mode.momentum() else { return };
    let share = T::from_f64(momentum / seen.len().max(1) as f64);
    for (i, now) in state.iter_mut().enumerate() {
        let before = now.clone();
        seen.iter().for_each(|lesson| *now += &((&lesson[i] - &before) * share));
    }
}

compiled_here!(T: tracked::<T>, seen::<T>, absorb::<T>);
