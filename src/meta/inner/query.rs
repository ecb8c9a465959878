//! Support and query set through a model, by the mode of its norms.

use crate::nn::{Model, Moments, Norm, NormMode, Observer};
use crate::real::Real;
use crate::value::Value;
use crate::var::Var;

/// The statistics of a set that goes through the model by itself.
pub(in crate::meta) fn norm_of(mode: &NormMode) -> Norm<'_> {
    match mode {
        NormMode::Running(moments) => Norm::Running(moments),
        _ => Norm::Batch,
    }
}

/// Both sets through the model as one batch, in this order; returns the outputs of each.
pub(in crate::meta) fn together<'t, T: Real>(
    model: &dyn Model<T>,
    params: &[Var<'t, T>],
    [first, second]: [Var<'t, T>; 2],
    norm: Norm<'_>,
) -> [Var<'t, T>; 2] {
    let (n, m) = (first.shape()[0], second.shape()[0]);
    let y = model.forward(params, Var::concat(&[first, second], 0), norm);
    let rest: Vec<_> = y.shape()[1..].iter().map(|&d| 0..d).collect();
    [0..n, n..n + m].map(|rows| y.slice(&[&[rows], &rest[..]].concat()))
}

/// The outputs for a query set in training.
pub(in crate::meta) fn query_outputs<'t, T: Real>(
    model: &dyn Model<T>,
    mode: &NormMode,
    params: &[Var<'t, T>],
    support: &Value<T>,
    query: &Value<T>,
) -> Var<'t, T> {
    let tape = params[0].tape();
    let leaf = |x: &Value<T>| tape.push_leaf(x.clone());
    let norms = !model.norms().is_empty();
    match mode {
        NormMode::Support if norms => {
            let norm = Norm::First(support.shape()[0]);
            together(model, params, [leaf(support), leaf(query)], norm)[1]
        }
        NormMode::Together if norms => together(model, params, [leaf(support), leaf(query)], Norm::Batch)[1],
        _ => model.forward(params, leaf(query), norm_of(mode)),
    }
}

/// The statistics of the model's norms on `x`.
pub(in crate::meta) fn moments_of<'t, T: Real>(
    model: &dyn Model<T>,
    params: &[Var<'t, T>],
    x: &Value<T>,
) -> Vec<Moments> {
    if model.norms().is_empty() {
        return Vec::new();
    }
    let observer = Observer::new();
    let _ = model.forward(params, params[0].tape().push_leaf(x.clone()), Norm::Observe(&observer));
    observer.into_moments()
}

/// The statistics by which single queries are normalised: the support set's, given ones, or `tracked` ones.
pub(in crate::meta) fn inductive<'t, T: Real>(
    model: &dyn Model<T>,
    mode: &NormMode,
    params: &[Var<'t, T>],
    support: &Value<T>,
    tracked: &dyn Fn() -> Vec<Moments>,
) -> Vec<Moments> {
    match mode {
        NormMode::Running(moments) => moments.clone(),
        _ if mode.momentum().is_some() => tracked(),
        _ => moments_of(model, params, support),
    }
}
