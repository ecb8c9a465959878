//! Reptile.

use ndarray::{ArrayD, arr0};

use super::adapted::Adapted;
use super::inner::Adapts;
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::mini_batch::{Fitted, both, fit, walked};
use super::progress::Progress;
use super::support_batch::{SUPPORT, outputs, with_support};
use super::task::{check_adapt, check_examples};
use crate::data::{Episode, Examples};
use crate::error::{Error, Result};
use crate::nn::{Init, Model, ParamSpec};
use crate::ops::Key;
use crate::optim::{Adam, Optimizer, OptimizerState};
use crate::random::Purpose;
use crate::real::Real;
use crate::settings::check_rate;

/// Reptile (Nichol, Achiam and Schulman 2018, algorithm 2): the meta-parameters θ move towards what some steps of an
/// ordinary optimizer on mini-batches make of them.
///
/// For each task, φ is θ after [`steps`](Reptile::steps) steps on batches of the support set, drawn by walking a pool
/// that is reshuffled each time it is used up. A lesson's direction is `θ − φ`, so the outer optimizer
/// [`Sgd`](crate::Sgd) without momentum at rate ε makes `θ + ε·mean(φ − θ)`. The paper lets ε fall from 1 to 0:
/// [`Schedule::Linear`](crate::Schedule::Linear). There is no query loss. Loss and accuracy of a lesson are the mean over
/// its mini-batches, each before its step. The query set is not used in training, unless
/// [`pooled`](Reptile::pooled) adds it to the support set, so it stays a fair test.
///
/// The inner optimizer is [`Adam`] with β₁ = 0, as published, or any other. Each task begins with an optimizer
/// that has seen nothing. [`carried`](Reptile::carried) keeps the optimizer's state instead. [`slow_body`](Reptile::slow_body)
/// gives all but the head a lower rate.
///
/// Batch norm always uses the statistics of the batch. [`predict`](Learner::predict) is the published inductive evaluation:
/// each query goes through the network in one batch with the whole support set.
/// [`predict_together`](Learner::predict_together) takes all queries as one batch.
///
/// ```
/// use innerloop::{Mlp, Reptile, Schedule, Sgd, Sinusoids, TrainConfig, Trainer};
/// let reptile = Reptile::new(Mlp::new(&[1, 40, 40, 1])?, 0.01).steps(5, 10);
/// let config = TrainConfig::new(1, 1.0, 3).schedule(Schedule::Linear { iterations: 3, floor: 0.0 });
/// let mut trainer = Trainer::<f32, _, _>::new(&reptile, Sgd::new(0.0), config)?;
/// trainer.step(&Sinusoids::new(10, 10, 0))?;
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reptile<M, O = Adam> {
    /// The network.
    pub model: M,
    /// The inner optimizer.
    pub optimizer: O,
    /// Its rate, for a loss that is a mean over the batch.
    pub inner_lr: f64,
    /// The rate of all but the head as a multiple of `inner_lr`.
    pub slow_body: f64,
    /// Inner steps in training.
    pub steps: usize,
    /// Examples per inner step in training.
    pub batch: usize,
    /// Inner steps in evaluation and in [`adapt`](Learner::adapt); with 0 they predict by the meta-parameters.
    pub eval_steps: usize,
    /// Examples per inner step in evaluation.
    pub eval_batch: usize,
    /// Whether training draws from support and query set, and not from the support set alone.
    pub pooled: bool,
    /// Whether the inner optimizer's state goes on from task to task.
    pub carried: bool,
    /// Decides the mini-batches of [`adapt`](Learner::adapt). Those of training come from the training's seed.
    pub seed: u64,
}

impl<M> Reptile<M> {
    /// The published settings for 5-way Omniglot, but for the rate, which was 1e-3: Adam with β₁ = 0, 5 steps of 10
    /// examples in training, 50 steps of 5 examples in evaluation.
    pub fn new(model: M, inner_lr: f64) -> Reptile<M> {
        let optimizer = Adam::default().betas(0.0, 0.999);
        Reptile {
            model,
            optimizer,
            inner_lr,
            slow_body: 1.0,
            steps: 5,
            batch: 10,
            eval_steps: 50,
            eval_batch: 5,
            pooled: false,
            carried: false,
            seed: 0,
        }
    }
}

impl<M, O> Reptile<M, O> {
    /// The mini-batches of a lesson: for each step the indices of its examples in a pool of `n`. The key of a lesson
    /// is `progress.key(0)`.
    pub fn batches(&self, n: usize, key: Key) -> Vec<Vec<usize>> {
        walked(&mut key.stream(Purpose::MiniBatch), n, self.batch, self.steps)
    }

    /// Inner steps from `params` on the examples of the given batches, each a list of indices, with an optimizer
    /// in the given state.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if a loss or the result is not finite.
    ///
    /// # Panics
    /// If parameters, examples or state do not fit the model, or there is no example of an index.
    pub fn fit<T: Real>(
        &self,
        params: &[ArrayD<T>],
        examples: &Examples<T>,
        batches: &[Vec<usize>],
        state: OptimizerState<T>,
    ) -> Result<Fitted<T>>
    where
        M: Model<T>,
        O: Optimizer<T>,
    {
        let head = Adapts::before_head(&self.model.specs());
        let rate = |i| if i < head { self.slow_body * self.inner_lr } else { self.inner_lr };
        let rates: Vec<_> = (0..params.len()).map(rate).collect();
        fit(&self.model, &self.optimizer, &rates, params, examples, batches, state)
    }

    /// The optimizer's state for the next task, out of the learner's.
    fn optimizer_state<T: Real>(&self, learned: &Learned<T>) -> OptimizerState<T>
    where
        O: Optimizer<T>,
    {
        let Some((step, slots)) = learned.state.split_last() else {
            return self.optimizer.init(&learned.params);
        };
        let slots = slots.chunks(learned.params.len()).map(<[_]>::to_vec).collect();
        OptimizerState { step: step.sum().as_f64() as u64, slots }
    }
}

impl<T: Real, M: Model<T>, O: Optimizer<T>> Learner<T> for Reptile<M, O> {
    fn specs(&self) -> Vec<ParamSpec> {
        self.model.specs()
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        self.model.init(seed)
    }

    /// Nothing; or, [`carried`](Reptile::carried), the optimizer's running quantities and its number of steps.
    fn state(&self) -> Vec<ParamSpec> {
        if !self.carried {
            return Vec::new();
        }
        let zeros = |name: String, shape: &[usize]| ParamSpec::new(name, shape, Init::Constant(0.0));
        let specs = self.model.specs();
        let slot = |i| specs.iter().map(move |s: &ParamSpec| zeros(format!("inner{i}/{}", s.name), &s.shape));
        let slots = (0..self.optimizer.slots()).flat_map(slot);
        slots.chain([zeros("inner_step".into(), &[])]).collect()
    }

    fn check_settings(&self) -> Result<()> {
        check_rate("inner_lr", self.inner_lr)?;
        check_rate("slow_body", self.slow_body)?;
        self.optimizer.check()?;
        let counts = [("steps", self.steps), ("batch", self.batch), ("eval_batch", self.eval_batch)];
        if let Some((name, value)) = counts.into_iter().find(|(_, value)| *value == 0) {
            return Err(Error::Setting { name, value: value.to_string(), need: "at least 1" });
        }
        Ok(())
    }

    fn check(&self, set: &'static str, examples: &Examples<T>) -> Result<()> {
        check_examples(&self.model, self.model.outputs(), set, examples)
    }

    /// Also keeps the support inputs, which [`predict`](Learner::predict) needs.
    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        check_adapt(self, learned, support)?;
        let mut rng = Key::new(self.seed).stream(Purpose::MiniBatch);
        let batches = walked(&mut rng, support.len(), self.eval_batch, self.eval_steps);
        let fitted = self.fit(&learned.params, support, &batches, self.optimizer_state(learned))?;
        Ok(Adapted::of_params(&self.model.specs(), fitted.params).with(SUPPORT, support.x.clone()))
    }

    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        match self.model.norms().is_empty() {
            true => outputs(&self.model, adapted, x),
            false => with_support(&self.model, adapted, x),
        }
    }

    fn predict_together(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        outputs(&self.model, adapted, x)
    }
}

impl<T: Real, M: Model<T>, O: Optimizer<T>> Trainable<T> for Reptile<M, O> {
    fn lesson(&self, learned: &Learned<T>, episode: &Episode<T>, progress: &Progress) -> Result<Lesson<T>> {
        let pool = if self.pooled { &both(episode) } else { &episode.support };
        let batches = self.batches(pool.len(), progress.key(0));
        let Fitted { params, state, score } =
            self.fit(&learned.params, pool, &batches, self.optimizer_state(learned))?;
        let away = learned.params.iter().zip(&params).map(|(theta, phi)| theta - phi).collect();
        let lesson = Lesson::new(score, away);
        if !self.carried {
            return Ok(lesson);
        }
        let step = arr0(T::from_f64(state.step as f64)).into_dyn();
        Ok(lesson.with_seen(state.slots.into_iter().flatten().chain([step]).collect()))
    }

    fn absorb(&self, state: &mut [ArrayD<T>], seen: &[Vec<ArrayD<T>>]) {
        let share = T::from_f64(1.0 / seen.len() as f64);
        for (i, now) in state.iter_mut().enumerate() {
            *now = seen[1..].iter().fold(seen[0][i].clone(), |sum, lesson| sum + &lesson[i]) * share;
        }
    }
}
