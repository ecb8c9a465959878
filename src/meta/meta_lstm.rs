//! Meta-LSTM: a learned optimizer.

use ndarray::ArrayD;

use super::adapted::Adapted;
use super::inner::{inductive, norm_of, outputs, query_outputs};
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::lstm_optimizer::{CELL, STATE, cell_specs, described, params_of, start, step};
use super::progress::Progress;
use super::score::{Query, task_loss};
use super::semi_protonet::Follows;
use super::task::{check_adapt, check_examples};
use crate::data::{Episode, Examples, Targets};
use crate::error::{Error, Result};
use crate::grad::last_grad_values;
use crate::nn::{Model, Norm, NormMode, ParamSpec, check_params, init_params};
use crate::real::Real;
use crate::recompute::checkpoint;
use crate::tape::Tape;
use crate::value::Value;
use crate::var::Var;

/// Meta-LSTM (Ravi and Larochelle 2017): an LSTM reads the loss and the gradient of each parameter on the support set, and says
/// how much of the parameter to keep and how much of the gradient to subtract.
///
/// Each parameter of the network is a cell; the weights of all cells are shared, their states are not. The network's initial
/// parameters and these weights are meta-parameters. Losses and gradients of the support set are constants of
/// the meta-gradient, as published: it flows through the cells only. Each step is recomputed when its derivative is
/// taken, a block of cells at a time, so memory is that of the states.
///
/// Fed-back gates are those of the authors' code, before their σ, unless [`follows`](MetaLstm::follows) says otherwise. Their
/// code also divides the gradient, a mean already, by the size of the support set; this does not. Clip the meta-gradient to 0.25
/// in total, as they do. With [`NormMode::Batch`] or [`NormMode::Support`] a single query is normalised by the statistics of the
/// support set after the last step.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MetaLstm<M> {
    /// The network.
    pub model: M,
    /// Which statistics batch norm uses; none of those that are tracked.
    pub norm: NormMode,
    /// Steps of the optimizer, each on the whole support set.
    pub steps: usize,
    /// Hidden units of a cell.
    pub hidden: usize,
    /// The part of the gradient that the cells subtract before they have learned anything.
    pub inner_lr: f64,
    /// Whose gates are fed back.
    pub follows: Follows,
}

impl<M> MetaLstm<M> {
    /// With 20 hidden units, and cells that begin at an inner rate of a hundredth; the authors take 12 steps with one example
    /// per class, and 8 with five.
    pub fn new(model: M, steps: usize, norm: NormMode) -> MetaLstm<M> {
        MetaLstm { model, norm, steps, hidden: 20, inner_lr: AUTHORS_RATE, follows: Follows::Code }
    }

    /// With so many hidden units.
    #[must_use]
    pub fn hidden(self, hidden: usize) -> MetaLstm<M> {
        MetaLstm { hidden, ..self }
    }

    /// With cells that begin as gradient descent at this rate, between 0 and 1: the bias of their input gates is uniform within ½
    /// of `ln(rate / (1 − rate))`. The authors' hundredth takes long to grow where a task needs a larger one.
    #[must_use]
    pub fn inner_lr(self, inner_lr: f64) -> MetaLstm<M> {
        MetaLstm { inner_lr, ..self }
    }

    /// With the fed-back gates of the paper or of the authors' code.
    #[must_use]
    pub fn follows(self, follows: Follows) -> MetaLstm<M> {
        MetaLstm { follows, ..self }
    }

    fn own_specs(&self) -> Vec<ParamSpec> {
        cell_specs(self.hidden, self.inner_lr)
    }

    fn cells<T: Real>(&self) -> Cells<'_, T>
    where
        M: Model<T>,
    {
        let feeds_gates = self.follows == Follows::Paper;
        Cells { model: &self.model, norm: &self.norm, steps: self.steps, hidden: self.hidden, feeds_gates }
    }
}

/// The learner without the type of its model, so that what follows is compiled with this crate.
struct Cells<'m, T: Real> {
    model: &'m dyn Model<T>,
    norm: &'m NormMode,
    steps: usize,
    hidden: usize,
    feeds_gates: bool,
}

impl<T: Real> Cells<'_, T> {
    /// What each block of cells sees at its parameters in step `k`: the described loss and gradient, and the gradient.
    #[inline(never)]
    fn seen(
        &self,
        specs: &[ParamSpec],
        c: Vec<Value<T>>,
        x: &Value<T>,
        y: &Targets<T>,
        k: usize,
    ) -> Result<Vec<[ArrayD<T>; 2]>> {
        let tape = Tape::new();
        let blocks: Vec<_> = c.into_iter().map(|c| tape.push_leaf(c)).collect();
        let params = params_of(&blocks, specs);
        let loss = task_loss(self.model.forward(&params, tape.push_leaf(x.clone()), norm_of(self.norm)), y);
        let value = loss.item().as_f64();
        if !value.is_finite() {
            return Err(Error::NotFinite { what: format!("the support loss before inner step {k}") });
        }
        let gradients = last_grad_values(loss, &blocks);
        Ok(gradients.into_iter().map(|d| [described(value, &d), d]).collect())
    }

    #[inline(never)]
    fn lesson(&self, learned: &Learned<T>, episode: &Episode<T>) -> Result<Lesson<T>> {
        let specs = self.model.specs();
        let [support, query] = [&episode.support, &episode.query].map(|set| Value::from_array(set.x.view()));
        let y = &episode.query.y;
        Lesson::of_query(&learned.params, y, &|theta| {
            let (params, own) = theta.split_at(specs.len());
            let mut blocks = start(params, self.hidden);
            for k in 0..self.steps {
                let c = blocks.iter().map(|state| state[0].val()).collect();
                let seen = self.seen(&specs, c, &support, &episode.support.y, k)?;
                for (state, seen) in blocks.iter_mut().zip(seen) {
                    let seen = seen.map(|array| theta[0].tape().constant(&array));
                    let feeds_gates = self.feeds_gates;
                    *state = checkpoint(&[own, state, &seen].concat(), move |v| {
                        let (own, v) = v.split_at(CELL);
                        let (state, seen) = v.split_at(STATE);
                        step(own, state, [seen[0], seen[1]], feeds_gates)
                    });
                }
            }
            let c: Vec<_> = blocks.iter().map(|state| state[0]).collect();
            let phi = params_of(&c, &specs);
            Ok(Query::new(query_outputs(self.model, self.norm, &phi, &support, &query), y))
        })
    }

    #[inline(never)]
    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        let specs = self.model.specs();
        let (params, own) = learned.params.split_at(specs.len());
        let (x, first) = (Value::from_array(support.x.view()), Tape::new());
        let of = |state: Vec<Var<'_, T>>| state.into_iter().map(Var::val).collect::<Vec<_>>();
        let mut blocks: Vec<_> = start(&first.leaves(params), self.hidden).into_iter().map(of).collect();
        for k in 0..self.steps {
            let c = blocks.iter().map(|state| state[0].clone()).collect();
            let seen = self.seen(&specs, c, &x, &support.y, k)?;
            for (state, seen) in blocks.iter_mut().zip(&seen) {
                let tape = Tape::new();
                let own = tape.leaves(own);
                let now: Vec<_> = state.iter().map(|value| tape.push_leaf(value.clone())).collect();
                *state =
                    of(step(&own, &now, seen.each_ref().map(|array| tape.constant(array)), self.feeds_gates));
            }
        }
        let tape = Tape::new();
        let c: Vec<_> = blocks.iter().map(|state| tape.push_leaf(state[0].clone())).collect();
        let phi = params_of(&c, &specs);
        let moments = inductive(self.model, self.norm, &phi, &x, &Vec::new);
        let arrays: Vec<_> = phi.iter().map(|p| p.to_array()).collect();
        check_params(&specs, &arrays)?;
        Ok(Adapted::of_params(&specs, arrays).with_moments(&moments))
    }
}

/// σ(−4.5): the authors draw the bias of the input gates between −5 and −4.
const AUTHORS_RATE: f64 = 0.01098694263059318;

/// Sets the seed of the cells' weights apart from that of the model's.
const OWN_SEED: u64 = 0x6c73_746d;

impl<T: Real, M: Model<T>> Learner<T> for MetaLstm<M> {
    fn specs(&self) -> Vec<ParamSpec> {
        [self.model.specs(), self.own_specs()].concat()
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        [self.model.init(seed), init_params(&self.own_specs(), seed ^ OWN_SEED)].concat()
    }

    fn check_settings(&self) -> Result<()> {
        self.norm.check(&self.model)?;
        if self.norm.momentum().is_some() {
            let need = "one of the others: statistics are gathered in each task anew";
            return Err(Error::Setting { name: "norm", value: format!("{:?}", self.norm), need });
        }
        for (name, value) in [("steps", self.steps), ("hidden", self.hidden)] {
            if !(1..=u32::MAX as usize).contains(&value) {
                return Err(Error::Setting { name, value: value.to_string(), need: "from 1 to 4294967295" });
            }
        }
        if !(self.inner_lr > 0.0 && self.inner_lr < 1.0) {
            let value = self.inner_lr.to_string();
            return Err(Error::Setting { name: "inner_lr", value, need: "between 0 and 1: it is a gate" });
        }
        Ok(())
    }

    fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
        check_examples(&self.model, self.model.outputs(), set, examples)
    }

    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        check_adapt(self, learned, support)?;
        self.cells().adapt(learned, support)
    }

    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        let moments = adapted.moments(&self.model.norms())?;
        outputs(&self.model, adapted, x, Norm::Running(&moments))
    }

    fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        outputs(&self.model, adapted, x, norm_of(&self.norm))
    }
}

impl<T: Real, M: Model<T>> Trainable<T> for MetaLstm<M> {
    fn lesson(&self, learned: &Learned<T>, episode: &Episode<T>, _: &Progress) -> Result<Lesson<T>> {
        self.cells().lesson(learned, episode)
    }
}

compiled_here!(T: Cells::<'_, T>::lesson, Cells::<'_, T>::adapt);
