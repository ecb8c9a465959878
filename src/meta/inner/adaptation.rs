//! What a learner with an inner loop does besides training: adapt, score, watch statistics, predict.
//!
//! Nothing here is generic in the model or the rule, so that it is compiled with this crate.

use ndarray::ArrayD;

use super::adapts::Adapts;
use super::query::{inductive, moments_of, norm_of};
use super::rule::UpdateRule;
use super::steps::{Fast, InnerLoop, Order, Route, Sets, Shared, on};
use crate::data::{Episode, Examples};
use crate::error::{Error, Result};
use crate::kernels::with_image_threads;
use crate::meta::adapted::Adapted;
use crate::meta::lesson::Lesson;
use crate::meta::score::{Query, Scores};
use crate::meta::task::{check_inputs, finite_outputs};
use crate::meta::tracking::seen;
use crate::nn::{Model, Moments, Norm, NormMode, Role, check_params};
use crate::real::Real;
use crate::tape::Tape;
use crate::value::Value;
use crate::var::Var;

compiled_here!(T: inner::<T>, lesson::<T>, adapt::<T>, settled::<T>, scores::<T>, watched::<T>, outputs::<T>);

#[inline(never)]
pub(in crate::meta) fn inner<'m, T: Real>(
    model: &'m dyn Model<T>,
    rule: &'m dyn UpdateRule<T>,
    norm: &'m NormMode,
    adapts: &Adapts,
    norms_by_step: bool,
    proximal: f64,
) -> Result<InnerLoop<'m, T>> {
    if *adapts == Adapts::All && !norms_by_step {
        let all = |value| vec![value; model.count()]; // in every lesson: no need to make the specs
        let (adapts, by_step) = (all(true), all(false));
        return Ok(InnerLoop {
            model,
            rule,
            norm,
            adapts,
            by_step,
            head_alone: false,
            proximal: vec![proximal; model.count()],
            hessian_free: None,
        });
    }
    let specs = model.specs();
    let by_step: Vec<bool> =
        specs.iter().map(|s| norms_by_step && matches!(s.role, Role::Scale | Role::Shift)).collect();
    let chosen = adapts.of(&specs)?;
    let chosen: Vec<bool> =
        chosen.iter().zip(&by_step).map(|(chosen, by_step)| *chosen && !by_step).collect();
    if !chosen.contains(&true) {
        let need = "a choice that leaves a parameter besides the norms', which are learned for each step";
        return Err(Error::Setting { name: "adapts", value: format!("{adapts:?}"), need });
    }
    let head_alone = !norms_by_step && Adapts::Head.of(&specs).is_ok_and(|head| head == chosen);
    let proximal = vec![proximal; specs.len()];
    Ok(InnerLoop { model, rule, norm, adapts: chosen, by_step, head_alone, proximal, hessian_free: None })
}

fn values<T: Real>(arrays: &[ArrayD<T>]) -> Vec<Value<T>> {
    arrays.iter().map(|a| Value::from_array(a.view())).collect()
}

/// The lesson of one episode: one weight for each step, `rows` of statistics where they are tracked.
#[inline(never)]
pub(in crate::meta) fn lesson<T: Real>(
    inner: &InnerLoop<'_, T>,
    params: &[ArrayD<T>],
    episode: &Episode<T>,
    weights: &[f64],
    (order, route): (Order, Route),
    rows: usize,
) -> Result<Lesson<T>> {
    let support = match order {
        Order::First => inner.support(&values(params), &episode.support),
        Order::Second => Shared::new(&episode.support),
    };
    let sets = Sets { support, query: Shared::new(&episode.query) };
    let lesson = if order == Order::Second && route == Route::Sweep {
        inner.swept(&values(params), &sets, weights)?
    } else {
        Lesson::of_query(params, &episode.query.y, &|theta| inner.unrolled(theta, &sets, weights, order))?
    };
    if inner.norm.momentum().is_none() {
        return Ok(lesson);
    }
    let seen = watched(inner, &values(params), &sets, rows, weights.len())?;
    Ok(lesson.with_seen(seen))
}

#[inline(never)]
pub(in crate::meta) fn adapt<T: Real>(
    inner: &InnerLoop<'_, T>,
    params: &[ArrayD<T>],
    support: &Examples<T>,
    steps: usize,
    tracked: &dyn Fn() -> Vec<Moments>,
) -> Result<Adapted<T>> {
    let theta = values(params);
    let support = inner.support(&theta, support);
    let fast = run(inner, &theta, &support, steps)?;
    let tape = Tape::new();
    let params = params_after(inner, &tape, &theta, &fast, steps);
    let moments = inductive(inner.model, inner.norm, &params, &support.x, tracked);
    let arrays: Vec<_> = params.iter().map(|p| p.to_array()).collect();
    let specs = inner.model.specs();
    check_params(&specs, &arrays)?; // the inner rate may be too large
    Ok(Adapted::of_params(&specs, arrays).with_moments(&moments))
}

/// All of the loop, on plain values.
fn run<T: Real>(
    inner: &InnerLoop<'_, T>,
    theta: &[Value<T>],
    support: &Shared<'_, T>,
    steps: usize,
) -> Result<Fast<Value<T>>> {
    let mut fast = inner.at_start(theta);
    for k in 0..steps {
        fast = inner.stepped(theta, &fast, k, support)?;
    }
    Ok(fast)
}

/// The model's parameters after the loop, and nothing else.
#[inline(never)]
pub(in crate::meta) fn settled<T: Real>(
    inner: &InnerLoop<'_, T>,
    params: &[ArrayD<T>],
    support: &Examples<T>,
    steps: usize,
) -> Result<Vec<ArrayD<T>>> {
    let (theta, tape) = (values(params), Tape::new());
    let fast = run(inner, &theta, &inner.support(&theta, support), steps)?;
    Ok(params_after(inner, &tape, &theta, &fast, steps).iter().map(|p| p.to_array()).collect())
}

/// The model's parameters after `steps`.
fn params_after<'t, T: Real>(
    inner: &InnerLoop<'_, T>,
    tape: &'t Tape<T>,
    theta: &[Value<T>],
    fast: &Fast<Value<T>>,
    steps: usize,
) -> Vec<Var<'t, T>> {
    inner.params(&on(tape, theta), &on(tape, &fast.phi), steps.saturating_sub(1))
}

#[inline(never)]
pub(in crate::meta) fn scores<T: Real>(
    inner: &InnerLoop<'_, T>,
    params: &[ArrayD<T>],
    episode: &Episode<T>,
    steps: usize,
    tracked: &dyn Fn(usize) -> Vec<Moments>,
) -> Result<Vec<Scores>> {
    let theta = values(params);
    let (support, query) = (inner.support(&theta, &episode.support), Shared::new(&episode.query));
    let mut fast = inner.at_start(&theta);
    let mut all = Vec::with_capacity(steps + 1);
    for k in 0..=steps {
        let score = |norm: Norm<'_>| {
            let tape = Tape::new();
            let params = params_after(inner, &tape, &theta, &fast, k);
            let outputs = inner.model.forward(&params, tape.push_leaf(query.x.clone()), norm);
            Query::new(outputs, query.y).score(query.y)
        };
        let transductive = score(norm_of(inner.norm));
        let inductive = if inner.model.norms().is_empty() {
            transductive
        } else {
            let tape = Tape::new();
            let params = params_after(inner, &tape, &theta, &fast, k);
            score(Norm::Running(&inductive(inner.model, inner.norm, &params, &support.x, &|| tracked(k))))
        };
        all.push(Scores { inductive, transductive });
        if k < steps {
            fast = inner.stepped(&theta, &fast, k, &support)?;
        }
    }
    Ok(all)
}

/// The statistics that each step of training sees: of the support set before step `k`, and of the query set after the last.
#[inline(never)]
fn watched<T: Real>(
    inner: &InnerLoop<'_, T>,
    theta: &[Value<T>],
    sets: &Sets<'_, T>,
    rows: usize,
    steps: usize,
) -> Result<Vec<ArrayD<T>>> {
    let mut fast = inner.at_start(theta);
    let mut passes = Vec::with_capacity(steps + 1);
    for k in 0..=steps {
        let tape = Tape::new();
        let row = k.min(steps.saturating_sub(1)).min(rows - 1);
        let params = inner.params(&on(&tape, theta), &on(&tape, &fast.phi), row);
        let x = if k < steps { &sets.support.x } else { &sets.query.x };
        passes.push((row, moments_of(inner.model, &params, x)));
        if k < steps {
            fast = inner.stepped(theta, &fast, k, &sets.support)?;
        }
    }
    Ok(seen(rows, &passes))
}

/// A model's outputs with adapted parameters.
#[inline(never)]
pub(in crate::meta) fn outputs<T: Real>(
    model: &dyn Model<T>,
    adapted: &Adapted<T>,
    x: &ArrayD<T>,
    norm: Norm<'_>,
) -> Result<ArrayD<T>> {
    let params = adapted.params(&model.specs())?;
    check_inputs(model, x)?;
    finite_outputs(with_image_threads(true, || {
        let tape = Tape::new();
        model.forward(&tape.leaves(&params), tape.constant(x), norm).to_array()
    }))
}
