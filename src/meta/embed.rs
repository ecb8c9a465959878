//! What metric learners share: embeddings of the sets of an episode, means of classes, distances.

use std::cell::RefCell;

use ndarray::{ArrayD, Axis, concatenate};

use super::adapted::Adapted;
use super::inner::{inductive, norm_of};
use super::task::check_inputs;
use super::tracking::tracked;
use crate::data::{Examples, Targets};
use crate::error::Result;
use crate::nn::{Model, Moments, Norm, NormMode, Observer};
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

/// The inputs of a support set: the labelled ones, and the others if there are any.
pub(super) fn inputs<T>(support: &Examples<T>) -> Vec<&ArrayD<T>> {
    let unlabelled = support.unlabelled.as_ref().filter(|x| !x.is_empty());
    std::iter::once(&support.x).chain(unlabelled).collect()
}

/// The statistics that were seen in training, one entry for each batch, as [`tracking::seen`](super::tracking::seen) takes them.
pub(super) type Passes = RefCell<Vec<(usize, Vec<Moments>)>>;

/// The embeddings of sets as in training, by the mode of the norms; the support set comes first. In the modes that track
/// statistics, `passes` is where they are written down.
#[inline(never)]
pub(super) fn embedded_sets<'t, T: Real>(
    model: &dyn Model<T>,
    mode: &NormMode,
    theta: &[Var<'t, T>],
    sets: &[&ArrayD<T>],
    passes: Option<&Passes>,
) -> Vec<Var<'t, T>> {
    let (params, tape) = (&theta[..model.count()], theta[0].tape());
    let leaves: Vec<_> = sets.iter().map(|x| tape.constant(*x)).collect();
    let pass = |x: Var<'t, T>| {
        let Some(passes) = passes else { return model.forward(params, x, norm_of(mode)) };
        let observer = Observer::new();
        let z = model.forward(params, x, Norm::Observe(&observer));
        passes.borrow_mut().push((0, observer.into_moments()));
        z
    };
    let all = || Var::concat(&leaves, 0);
    let z = match mode {
        _ if mode.joins() => pass(all()),
        NormMode::Support => model.forward(params, all(), Norm::First(sets[0].shape()[0])),
        _ => return leaves.into_iter().map(pass).collect(),
    };
    z.split(0, &sets.iter().map(|x| x.shape()[0]).collect::<Vec<_>>())
}

/// The embeddings of the sets of a support set at test time, and the statistics by which single queries are
/// normalised. Tracked statistics normalise the support set too, so that both are embedded by the same function.
#[inline(never)]
pub(super) fn embedding<'t, T: Real>(
    model: &dyn Model<T>,
    mode: &NormMode,
    theta: &[Var<'t, T>],
    sets: &[&ArrayD<T>],
    state: &[ArrayD<T>],
) -> (Vec<Var<'t, T>>, Vec<Moments>) {
    let (params, tracked) = (&theta[..model.count()], || tracked(state, 0));
    if mode.momentum().is_some() {
        let moments = tracked();
        let z =
            sets.iter().map(|x| model.forward(params, theta[0].tape().constant(*x), Norm::Running(&moments)));
        return (z.collect(), moments);
    }
    let seen = if mode.joins() { joined(sets) } else { Value::from_array(sets[0].view()) };
    let moments = inductive(model, mode, params, &seen, &tracked);
    (embedded_sets(model, mode, theta, sets, None), moments)
}

/// The embeddings of queries at test time: each by itself, or in one batch with its own statistics.
#[inline(never)]
pub(super) fn embedded<'t, T: Real>(
    model: &dyn Model<T>,
    mode: &NormMode,
    theta: &[Var<'t, T>],
    adapted: &Adapted<T>,
    x: &ArrayD<T>,
    batch: bool,
) -> Result<Var<'t, T>> {
    check_inputs(model, x)?;
    let (params, x) = (&theta[..model.count()], theta[0].tape().constant(x));
    if batch {
        mode.check(model)?;
        return Ok(model.forward(params, x, norm_of(mode)));
    }
    let moments = adapted.moments(&model.norms())?;
    Ok(model.forward(params, x, Norm::Running(&moments)))
}

/// Sets as one batch.
fn joined<T: Real>(sets: &[&ArrayD<T>]) -> Value<T> {
    let views: Vec<_> = sets.iter().map(|x| x.view()).collect();
    let all = concatenate(Axis(0), &views).expect("checked: sets of equal inputs");
    Value::from_array(all.view())
}

/// The share `1/n` of each example in the mean of its class of `n` examples: `[ways, n]`.
pub(super) fn shares<T: Real>(y: &Targets<T>) -> ArrayD<T> {
    let (labels, ways) = (y.labels().expect("checked: labels"), y.ways().expect("checked: labels"));
    let mut shares = ArrayD::zeros(vec![ways, labels.len()]);
    for way in 0..ways {
        let members = labels.iter().filter(|&&l| l == way).count().max(1);
        let share = T::from_f64(1.0 / members as f64);
        labels.iter().enumerate().filter(|(_, l)| **l == way).for_each(|(i, _)| shares[[way, i]] = share);
    }
    shares
}

/// The mean of the rows of `x: [n, d]` with each label. Returns `[ways, d]`.
#[inline(never)]
pub(super) fn class_means<'t, T: Real>(x: Var<'t, T>, y: &Targets<T>) -> Var<'t, T> {
    x.tape().leaf(&shares(y)).matmul(x)
}

/// `‖aᵢ − bⱼ‖²` for rows of `a: [n, d]` and `b: [m, d]`, as `‖a‖² − 2a·b + ‖b‖²`. Returns `[n, m]`.
#[inline(never)]
pub(super) fn squared_distances<'t, T: Real>(a: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
    let (n, m) = (a.shape()[0], b.shape()[0]);
    let square = |v: Var<'t, T>| (v * v).sum_axes(&[1]);
    square(a).reshape(&[n, 1]) - 2.0 * a.matmul_t(b) + square(b).reshape(&[1, m])
}

compiled_here!(
    T: embedded_sets::<T>, embedding::<T>, embedded::<T>, class_means::<T>, squared_distances::<T>,
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::arr2;

    #[test]
    fn distances_and_means_are_what_they_say() {
        let tape = Tape::<f64>::new();
        let a = tape.leaf(&arr2(&[[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]]).into_dyn());
        let d = squared_distances(a, a).to_array();
        assert_eq!(d, arr2(&[[0.0, 25.0, 1.0], [25.0, 0.0, 20.0], [1.0, 20.0, 0.0]]).into_dyn());
        let means = class_means(a, &Targets::Labels { labels: vec![1, 0, 1], ways: 2 }).to_array();
        assert_eq!(means, arr2(&[[3.0, 4.0], [0.5, 0.0]]).into_dyn());
        check_grads(&[&[3, 2], &[2, 2]], 2, |x| squared_distances(x[0], x[1]).tanh());
    }
}
