//! One inner step, and two of the three ways to run a loop of them; the third is in `sweep`.
//!
//! Nothing here is generic in the model or the rule, which come in as `&dyn`: so all of it is compiled
//! once, with this crate, and not again in each crate that has a model of its own.

use super::hessian_free::HessianFree;
use super::query::{norm_of, query_outputs};
use super::rule::{Update, UpdateRule, Updated};
use crate::data::{Examples, Targets};
use crate::error::{Error, Result};
use crate::grad::{grad, last_vjp};
use crate::meta::score::{Query, task_loss};
use crate::nn::{Model, NormMode};
use crate::real::Real;
use crate::tape::Tape;
use crate::value::Value;
use crate::var::Var;

/// What of the inner loop is differentiated. There is no default.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Inner gradients are constants (FOMAML, Finn et al. 2017, section 5.2).
    First,
    /// Exact: through the inner gradients.
    Second,
}

/// How the meta-gradient of second order is computed. Both routes are exact.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// All inner steps on one tape: faster; the memory grows with the number of steps.
    Unrolled,
    /// Keeps only what each step begins with and sweeps back through one step's graph at a time. It needs
    /// the memory of one step, and computes one forward pass and one gradient more per step.
    Sweep,
}

/// Examples in the form that every tape takes without copying them again.
pub(in crate::meta) struct Shared<'e, T: Real> {
    pub(in crate::meta) x: Value<T>,
    pub(in crate::meta) y: &'e Targets<T>,
    /// What the head is given, where the head alone adapts and the body is a constant.
    features: Option<Value<T>>,
}

impl<'e, T: Real> Shared<'e, T> {
    pub(in crate::meta) fn new(examples: &'e Examples<T>) -> Shared<'e, T> {
        Shared { x: Value::from_array(examples.x.view()), y: &examples.y, features: None }
    }

    pub(super) fn features_on<'t>(&self, tape: &'t Tape<T>) -> Option<Var<'t, T>> {
        self.features.as_ref().map(|f| tape.push_leaf(f.clone()))
    }
}

/// What changes in an inner loop: the adapted parameters, and what the rule carries for them.
#[derive(Clone)]
pub(in crate::meta) struct Fast<V> {
    pub(in crate::meta) phi: Vec<V>,
    pub(in crate::meta) carried: Vec<Vec<V>>,
}

impl<T: Real> Fast<Value<T>> {
    pub(super) fn on<'t>(&self, tape: &'t Tape<T>) -> Fast<Var<'t, T>> {
        let leaves = |values: &Vec<Value<T>>| values.iter().map(|v| tape.push_leaf(v.clone())).collect();
        Fast { phi: leaves(&self.phi), carried: self.carried.iter().map(leaves).collect() }
    }
}

impl<'t, T: Real> Fast<Var<'t, T>> {
    fn values(&self) -> Fast<Value<T>> {
        let values = |vars: &Vec<Var<'t, T>>| vars.iter().map(|v| v.val()).collect();
        Fast { phi: values(&self.phi), carried: self.carried.iter().map(values).collect() }
    }

    /// All variables in one list.
    pub(super) fn all(&self) -> Vec<Var<'t, T>> {
        self.phi.iter().chain(self.carried.iter().flatten()).copied().collect()
    }
}

/// An inner loop over the meta-parameters `theta`: the model's, then the rule's own.
pub(in crate::meta) struct InnerLoop<'m, T: Real> {
    pub(in crate::meta) model: &'m dyn Model<T>,
    pub(in crate::meta) rule: &'m dyn UpdateRule<T>,
    pub(in crate::meta) norm: &'m NormMode,
    /// For each of the model's parameters whether it adapts.
    pub(in crate::meta) adapts: Vec<bool>,
    /// For each of the model's parameters whether the meta-parameter holds one for each step, along a first axis.
    pub(in crate::meta) by_step: Vec<bool>,
    /// Whether the head alone adapts, and no parameter is one for each step.
    pub(in crate::meta) head_alone: bool,
    /// For each of the model's parameters the weight of its `½‖φ − θ‖²` in the inner loss.
    pub(in crate::meta) proximal: Vec<f64>,
    /// Takes the steps on plain values in place of the rule.
    pub(in crate::meta) hessian_free: Option<HessianFree>,
}

impl<T: Real> InnerLoop<'_, T> {
    /// The model's parameters in step `k`.
    pub(in crate::meta) fn params<'t>(
        &self,
        theta: &[Var<'t, T>],
        phi: &[Var<'t, T>],
        k: usize,
    ) -> Vec<Var<'t, T>> {
        let mut phi = phi.iter();
        let param = |i: usize| match (self.adapts[i], self.by_step[i]) {
            (true, _) => *phi.next().expect("one for each adapted parameter"),
            (false, true) => row(theta[i], k),
            (false, false) => theta[i],
        };
        (0..self.adapts.len()).map(param).collect()
    }

    fn own<'a, 't>(&self, theta: &'a [Var<'t, T>]) -> &'a [Var<'t, T>] {
        &theta[self.adapts.len()..]
    }

    /// Which meta-parameters the adapted ones start from.
    pub(super) fn starts(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.adapts.len()).filter(|&i| self.adapts[i])
    }

    /// The meta-parameters that enter a step by themselves, and not only through the start.
    pub(super) fn others(&self, n: usize) -> Vec<usize> {
        let held = |i: usize| self.proximal.get(i).is_some_and(|&weight| weight > 0.0);
        (0..n).filter(|&i| held(i) || !self.adapts.get(i).copied().unwrap_or(false)).collect()
    }

    pub(in crate::meta) fn start<'t>(&self, theta: &[Var<'t, T>]) -> Fast<Var<'t, T>> {
        let mut phi = Vec::with_capacity(self.adapts.len());
        phi.extend(self.starts().map(|i| theta[i]));
        let zeros = |_| phi.iter().map(|p| p.tape().full(&p.shape(), 0.0)).collect();
        Fast { carried: (0..self.rule.slots()).map(zeros).collect(), phi }
    }

    /// What the head is given for a support set, where it alone adapts: then the body is computed once for all steps.
    fn features<'t>(&self, theta: &[Var<'t, T>], support: &Shared<'_, T>) -> Option<Var<'t, T>> {
        if !self.head_alone {
            return None;
        }
        let params = &theta[..self.adapts.len()];
        self.model.features(params, theta[0].tape().push_leaf(support.x.clone()), norm_of(self.norm))
    }

    /// A support set for steps whose inner gradients are constants.
    pub(in crate::meta) fn support<'e>(
        &self,
        theta: &[Value<T>],
        examples: &'e Examples<T>,
    ) -> Shared<'e, T> {
        let (tape, shared) = (Tape::new(), Shared::new(examples));
        let features = self.features(&on(&tape, theta), &shared).map(|f| f.val());
        Shared { features, ..shared }
    }

    /// The inner loss of step `k`.
    pub(super) fn loss<'t>(
        &self,
        theta: &[Var<'t, T>],
        phi: &[Var<'t, T>],
        k: usize,
        support: &Shared<'_, T>,
        features: Option<Var<'t, T>>,
    ) -> Var<'t, T> {
        let params = self.params(theta, phi, k);
        let outputs = features.and_then(|features| self.model.head(&params, features)).unwrap_or_else(|| {
            let x = params[0].tape().push_leaf(support.x.clone());
            self.model.forward(&params, x, norm_of(self.norm))
        });
        let loss = task_loss(outputs, support.y);
        let away = |(i, p): (usize, &Var<'t, T>)| 0.5 * self.proximal[i] * (*p - theta[i]).powi(2).sum();
        let held = self.starts().zip(phi).filter(|(i, _)| self.proximal[*i] > 0.0);
        held.map(away).fold(loss, |sum, d| sum + d)
    }

    fn update<'t>(
        &self,
        theta: &[Var<'t, T>],
        fast: &Fast<Var<'t, T>>,
        k: usize,
        grads: &[Var<'t, T>],
    ) -> Fast<Var<'t, T>> {
        let (own, params, carried) = (self.own(theta), &fast.phi[..], &fast.carried[..]);
        let Updated { params: phi, carried } = self.rule.update(Update {
            step: k,
            own,
            params,
            grads,
            carried,
            network: (self.model, &self.adapts),
        });
        Fast { phi, carried }
    }

    /// Step `k`, with the inner gradient recorded.
    pub(super) fn recorded<'t>(
        &self,
        theta: &[Var<'t, T>],
        fast: &Fast<Var<'t, T>>,
        k: usize,
        support: &Shared<'_, T>,
        features: Option<Var<'t, T>>,
    ) -> Result<Fast<Var<'t, T>>> {
        let loss = finite(self.loss(theta, &fast.phi, k, support, features), k)?;
        Ok(self.update(theta, fast, k, &grad(loss, &fast.phi)))
    }

    /// Step `k`, with the inner gradient a constant that is computed on a tape of its own.
    fn constant<'t>(
        &self,
        theta: &[Var<'t, T>],
        fast: &Fast<Var<'t, T>>,
        k: usize,
        support: &Shared<'_, T>,
    ) -> Result<Fast<Var<'t, T>>> {
        let tape = Tape::new();
        let on = |vars: &[Var<'_, T>]| -> Vec<Var<'_, T>> {
            vars.iter().map(|v| tape.push_leaf(v.val())).collect()
        };
        let (constants, phi) = (on(theta), on(&fast.phi));
        let loss = finite(self.loss(&constants, &phi, k, support, support.features_on(&tape)), k)?;
        let grads = last_vjp(&[loss], &[tape.full(&loss.shape(), 1.0)], &phi);
        let leaf = |(g, p): (Option<Value<T>>, &Var<'t, T>)| match g {
            Some(g) => p.tape().push_leaf(g),
            None => p.tape().full(&p.shape(), 0.0),
        };
        let grads: Vec<_> = grads.into_iter().zip(&fast.phi).map(leaf).collect();
        Ok(self.update(theta, fast, k, &grads))
    }

    /// The query set's loss and outputs with the parameters of step `k`.
    pub(in crate::meta) fn query<'t>(
        &self,
        theta: &[Var<'t, T>],
        phi: &[Var<'t, T>],
        k: usize,
        sets: &Sets<'_, T>,
    ) -> Query<'t, T> {
        let params = self.params(theta, phi, k);
        Query::new(
            query_outputs(self.model, self.norm, &params, &sets.support.x, &sets.query.x),
            sets.query.y,
        )
    }

    /// First way: all steps on the tape of `theta`. The loss is that of the query set after each step, times its
    /// weight; the outputs are the last. In first order only the updates are on this tape, and only their sum if the rule
    /// shifts.
    #[inline(never)]
    pub(in crate::meta) fn unrolled<'t>(
        &self,
        theta: &[Var<'t, T>],
        sets: &Sets<'_, T>,
        weights: &[f64],
        order: Order,
    ) -> Result<Query<'t, T>> {
        let support = &sets.support;
        if order == Order::First && self.rule.shifts() {
            let values: Vec<_> = theta.iter().map(|t| t.val()).collect();
            let (start, mut fast) = (self.start(theta).phi, self.at_start(&values));
            return self.weighted(theta, sets, weights, start, &mut |k, asked| {
                fast = self.stepped(&values, &fast, k, support)?;
                let moved = |(i, phi): (usize, &Value<T>)| theta[i].moved_to(phi.clone());
                Ok(if asked { self.starts().zip(&fast.phi).map(moved).collect() } else { Vec::new() })
            });
        }
        let mut fast = self.start(theta);
        let features = if order == Order::Second { self.features(theta, support) } else { None };
        self.weighted(theta, sets, weights, fast.phi.clone(), &mut |k, _| {
            fast = match order {
                Order::First => self.constant(theta, &fast, k, support)?,
                Order::Second => self.recorded(theta, &fast, k, support, features)?,
            };
            Ok(fast.phi.clone())
        })
    }

    /// The sum of the query set's losses after each step, times their weights. What adapts is `phi` at first; `after(k, asked)`
    /// takes step `k` and returns it, if asked.
    fn weighted<'t>(
        &self,
        theta: &[Var<'t, T>],
        sets: &Sets<'_, T>,
        weights: &[f64],
        mut phi: Vec<Var<'t, T>>,
        after: &mut dyn FnMut(usize, bool) -> Result<Vec<Var<'t, T>>>,
    ) -> Result<Query<'t, T>> {
        let last = weights.len().saturating_sub(1);
        let mut sum = None;
        for (k, &weight) in weights.iter().enumerate() {
            let early = weight != 0.0 && k < last;
            phi = after(k, early || k == last)?;
            if early {
                let loss = weight * self.query(theta, &phi, k, sets).loss;
                sum = Some(sum.map_or(loss, |sum| sum + loss));
            }
        }
        let query = self.query(theta, &phi, last, sets);
        let weight = weights.last().copied().unwrap_or(1.0);
        let own = if weight == 1.0 { query.loss } else { weight * query.loss };
        Ok(Query { loss: sum.map_or(own, |sum| sum + own), outputs: query.outputs })
    }

    pub(in crate::meta) fn at_start(&self, theta: &[Value<T>]) -> Fast<Value<T>> {
        let tape = Tape::new();
        self.start(&on(&tape, theta)).values()
    }

    /// Second way, for evaluation: step `k` on plain values, whose memory is that of one step.
    #[inline(never)]
    pub(in crate::meta) fn stepped(
        &self,
        theta: &[Value<T>],
        fast: &Fast<Value<T>>,
        k: usize,
        support: &Shared<'_, T>,
    ) -> Result<Fast<Value<T>>> {
        if let Some(hessian_free) = &self.hessian_free {
            return self.newton_step(theta, fast, k, support, hessian_free);
        }
        let tape = Tape::new();
        Ok(self.constant(&on(&tape, theta), &fast.on(&tape), k, support)?.values())
    }
}

/// The two sets of an episode.
pub(in crate::meta) struct Sets<'e, T: Real> {
    pub(in crate::meta) support: Shared<'e, T>,
    pub(in crate::meta) query: Shared<'e, T>,
}

pub(in crate::meta) fn on<'t, T: Real>(tape: &'t Tape<T>, values: &[Value<T>]) -> Vec<Var<'t, T>> {
    values.iter().map(|v| tape.push_leaf(v.clone())).collect()
}

/// Row `k` of an array of one row for each step; the last row for later steps.
pub(super) fn row<'t, T: Real>(x: Var<'t, T>, k: usize) -> Var<'t, T> {
    let shape = x.shape();
    let k = k.min(shape[0] - 1);
    let ranges: Vec<_> = std::iter::once(k..k + 1).chain(shape[1..].iter().map(|&d| 0..d)).collect();
    x.slice(&ranges).reshape(&shape[1..])
}

/// Refuses an inner loss that has diverged.
pub(super) fn finite<T: Real>(loss: Var<'_, T>, k: usize) -> Result<Var<'_, T>> {
    if loss.item().is_finite() {
        return Ok(loss);
    }
    Err(Error::NotFinite { what: format!("the support loss before inner step {k}") })
}
