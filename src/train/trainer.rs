//! The training loop, once for all learners.

use super::config::TrainConfig;
use super::run::Validated;
use super::same::{check_same, checksum, settings_text};
use super::tiny::drop_tiny;
use crate::arrays;
use crate::clock::Moment;
use crate::data::Tasks;
use crate::error::{Error, Result};
use crate::meta::{Learned, Learner, MetaGrad, Progress, Task, Trainable, check_trainable, meta_grad_across};
use crate::nn::{ParamSpec, check_params, init_params};
use crate::optim::{Optimizer, OptimizerState, clip_grad_norm, grad_norm};
use crate::ranks::Ranks;
use crate::real::Real;

/// Everything that changes in training: saved and loaded, it continues with the same bits.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TrainState<T> {
    /// Meta-steps made.
    pub iteration: u64,
    /// The settings of the training, the optimizer and the learner, as text, except for the number of iterations, which
    /// may be raised. [`Trainer::resume`] compares them with its own; if they are empty, it compares nothing.
    pub settings: String,
    /// What [`Tasks::describe`] said of the tasks, if a step was made. The first step after a
    /// [`Trainer::resume`] compares it in the same way.
    pub data: String,
    /// Meta-parameters and the learner's state.
    pub learned: Learned<T>,
    /// What the optimizer remembers.
    pub optimizer: OptimizerState<T>,
    /// What the validations of [`Trainer::run`] have found.
    pub validated: Validated<T>,
}

/// What one meta-step did.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StepLog {
    /// Meta-steps made, this one included.
    pub iteration: u64,
    /// Mean query loss over the meta-batch, before the update.
    pub loss: f64,
    /// Mean query accuracy in `0..=1`, before the update; `None` for regression.
    pub accuracy: Option<f64>,
    /// Norm of the meta-gradient, before clipping.
    pub grad_norm: f64,
    /// The rate used.
    pub lr: f64,
    /// Tasks left out of the mean, see [`TrainConfig::skip_diverged`].
    pub skipped: usize,
    /// Wall time of the step, drawing its tasks included; 0 where there is no clock, as in a browser.
    pub seconds: f64,
}

/// Meta-trains a learner.
///
/// Meta-step `k` takes tasks `k·meta_batch ..` of the source, so a run is a pure
/// function of seed and settings: the same bits on any number of threads and
/// after any number of interruptions.
///
/// A parameter moves at the outer rate times its spec's [`rate`](ParamSpec::rate), against its meta-gradient (clipped,
/// if that was chosen) plus its spec's [`decay`](ParamSpec::decay) and the [`TrainConfig::weight_decay`] times itself. After
/// the update the learner's state takes in what the lessons saw.
///
/// ```
/// use innerloop::{Adam, Maml, Mlp, NormMode, Order, Sinusoids, TrainConfig, Trainer};
/// # fn main() -> Result<(), innerloop::Error> {
/// let maml = Maml::new(Mlp::new(&[1, 40, 40, 1])?, 0.01, Order::Second, NormMode::Batch);
/// let config = TrainConfig::new(5, 1e-3, 3).clip_norm(10.0);
/// let tasks = Sinusoids::new(10, 10, 0);
/// let mut trainer = Trainer::<f32, _, _>::new(&maml, Adam::default(), config)?;
/// for _ in 0..3 {
///     let log = trainer.step(&tasks)?;
///     println!("{}: {}", log.iteration, log.loss);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Trainer<'l, T, L: ?Sized, O> {
    learner: &'l L,
    ranks: &'l dyn Ranks,
    optimizer: O,
    config: TrainConfig,
    state: TrainState<T>,
    /// Whether the tasks were compared with those that the state was trained on.
    compared: bool,
}

impl<'l, T: Real, L: Learner<T> + ?Sized, O: Optimizer<T>> Trainer<'l, T, L, O> {
    /// Begins with the learner's initial meta-parameters for the seed of the settings.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting of the training or the optimizer outside its range, [`Error::Spec`] for specs that are not
    /// sound, [`Error::Shape`] or [`Error::NotFinite`] if the learner's initial parameters do not
    /// fit its specs.
    pub fn new(learner: &'l L, optimizer: O, config: TrainConfig) -> Result<Self> {
        learner.check_settings()?;
        check_trainable(&learner.specs())?;
        let params = learner.init(config.seed);
        let learned = Learned { state: init_params(&learner.state(), 0), params };
        Trainer::starting_from(learner, optimizer, config, learned)
    }

    /// Begins with these meta-parameters and this state of the learner: those of another training, to go on from there with other
    /// tasks, settings or another learner (a warm start).
    ///
    /// # Errors
    /// As [`new`](Trainer::new); [`Error::Shape`] or [`Error::NotFinite`] if they do not fit the learner's specs.
    pub fn starting_from(
        learner: &'l L,
        optimizer: O,
        config: TrainConfig,
        learned: Learned<T>,
    ) -> Result<Self> {
        learner.check_settings()?;
        check_trainable(&learner.specs())?;
        let optimizer_state = optimizer.init(&learned.params);
        let [settings, data] = [String::new(), String::new()];
        let validated = Validated::default();
        let state =
            TrainState { iteration: 0, settings, data, learned, optimizer: optimizer_state, validated };
        Trainer::resume(learner, optimizer, config, state)
    }

    /// Continues from a state, usually a loaded one.
    ///
    /// # Errors
    /// As [`new`](Trainer::new); [`Error::Shape`] or [`Error::NotFinite`] if the state
    /// does not fit learner and optimizer; [`Error::State`] if its counters or the optimizer's numbers are
    /// none that training leaves; [`Error::OtherRun`] if it was trained with other settings.
    pub fn resume(
        learner: &'l L,
        optimizer: O,
        config: TrainConfig,
        mut state: TrainState<T>,
    ) -> Result<Self> {
        config.check()?;
        learner.check_settings()?;
        optimizer.check()?;
        check_state([&learner.specs(), &learner.state()], optimizer.slots(), &state)?;
        optimizer.check_state(&state.optimizer, state.iteration)?;
        let settings = settings_text(&config, &optimizer, &learner);
        check_same("settings", &state.settings, &settings)?;
        state.settings = settings;
        Ok(Trainer { learner, ranks: &(), optimizer, config, state, compared: false })
    }

    /// Shares the tasks of each meta-step, and the episodes of a run's validations, out over several processes. The
    /// bits are those of one process. All ranks make the same trainer, from the same settings and the same checkpoint if they
    /// continue, and call [`step`](Trainer::step) or [`run`](Trainer::run) together; each has all results. An error on one
    /// rank is an error on all, with the same message: that of the first task in order.
    #[must_use]
    pub fn across(self, ranks: &'l dyn Ranks) -> Self {
        Trainer { ranks, ..self }
    }

    /// One meta-step.
    ///
    /// # Errors
    /// As [`meta_grad`](crate::meta_grad); what [`Tasks::check`] refuses; [`Error::NotFinite`]
    /// if the update leaves a parameter or a state that is not finite; [`Error::Setting`] if the numbers of
    /// the tasks exceed `u64`; [`Error::OtherRun`] if it continues a training that had other tasks; [`Error::Rank`] for what
    /// goes wrong on one of several ranks outside of a task. Nothing is changed then.
    pub fn step<K: Task<T>>(&mut self, tasks: &(impl Tasks<K> + ?Sized)) -> Result<StepLog>
    where
        L: Trainable<T, K>,
    {
        let start = Moment::now();
        let data = if self.compared { None } else { Some(tasks.describe()) };
        let known = data.iter().try_for_each(|data| check_same("tasks", &self.state.data, data));
        let ready = known.map(|()| match self.ranks.size() {
            1 => 0,
            _ => checksum(&self.state, data.as_ref()),
        });
        let here = Progress::new(self.config.seed, self.config.iterations);
        let here = here.at(self.state.iteration).of_task(self.first_task()?);
        let count = (self.config.meta_batch, self.config.skip_diverged);
        let mut meta =
            meta_grad_across(self.ranks, ready, self.learner, &self.state.learned, tasks, count, &here)?;
        let specs = self.learner.specs();
        let (mut next, log) = updated(&specs, &self.optimizer, &self.config, &self.state, &mut meta)?;
        self.learner.absorb(&mut next.learned.state, &meta.seen);
        check_params(&self.learner.state(), &next.learned.state)?;
        if let Some(data) = data {
            (next.data, self.compared) = (data, true);
        }
        self.state = next;
        Ok(StepLog { seconds: start.seconds(), ..log })
    }

    /// The number of the next meta-step's first task.
    fn first_task(&self) -> Result<u64> {
        let meta_batch = self.config.meta_batch as u64;
        let first = self.state.iteration.checked_mul(meta_batch);
        first.filter(|first| first.checked_add(meta_batch).is_some()).ok_or_else(|| {
            let need = "such that the numbers of its tasks fit in 64 bits";
            Error::Setting { name: "iteration", value: self.state.iteration.to_string(), need }
        })
    }

    /// The current meta-parameters and the learner's state.
    pub fn learned(&self) -> &Learned<T> {
        &self.state.learned
    }

    /// Meta-steps made.
    pub fn iteration(&self) -> u64 {
        self.state.iteration
    }

    /// Everything needed to continue later.
    pub fn state(&self) -> &TrainState<T> {
        &self.state
    }

    pub(super) fn config(&self) -> &TrainConfig {
        &self.config
    }

    pub(super) fn ranks(&self) -> &'l dyn Ranks {
        self.ranks
    }

    pub(super) fn learner(&self) -> &'l L {
        self.learner
    }

    /// Takes in a validation of the current meta-parameters, of which so many are kept. Whether it is the best.
    pub(super) fn validated(&mut self, value: f64, keep: usize) -> bool {
        let TrainState { iteration, validated, learned, .. } = &mut self.state;
        validated.add(*iteration, value, learned, keep)
    }
}

/// Refuses a state that does not fit learner and optimizer.
#[inline(never)]
fn check_state<T: Real>(
    [specs, carried]: [&[ParamSpec]; 2],
    slots: usize,
    state: &TrainState<T>,
) -> Result<()> {
    check_params(specs, &state.learned.params)?;
    check_params(carried, &state.learned.state)?;
    state.optimizer.slots.iter().try_for_each(|slot| check_params(specs, slot))?;
    for best in &state.validated.best {
        check_params(specs, &best.learned.params)?;
        check_params(carried, &best.learned.state)?;
    }
    if state.optimizer.slots.len() != slots {
        let what = "optimizer state, its number of slots".to_string();
        return Err(Error::Shape { what, expected: vec![slots], found: vec![state.optimizer.slots.len()] });
    }
    Ok(())
}

/// The state after the optimizer's update. Not generic in learner and optimizer, so that it is compiled with this crate.
#[inline(never)]
pub(super) fn updated<T: Real>(
    specs: &[ParamSpec],
    optimizer: &dyn Optimizer<T>,
    config: &TrainConfig,
    state: &TrainState<T>,
    meta: &mut MetaGrad<T>,
) -> Result<(TrainState<T>, StepLog)> {
    let grad_norm = match config.clip_norm {
        Some(max) => clip_grad_norm(&mut meta.grads, max),
        None => grad_norm(&meta.grads),
    };
    let lr = config.schedule.rate(config.outer_lr, state.iteration);
    let mut next = state.clone();
    for ((spec, g), p) in specs.iter().zip(&mut meta.grads).zip(&state.learned.params) {
        let decay = spec.decay + config.weight_decay;
        if decay != 0.0 {
            let decay = T::from_f64(decay);
            arrays::update(g, p, |g, p| g + decay * p);
        }
    }
    let rates: Vec<f64> = specs.iter().map(|spec| lr * spec.rate).collect();
    optimizer.update(&rates, &mut next.learned.params, &meta.grads, &mut next.optimizer);
    drop_tiny(&mut next.learned.params);
    next.iteration += 1;
    check_params(specs, &next.learned.params)?; // a rate that is too large must not cost the state
    let (iteration, &mut MetaGrad { loss, accuracy, skipped, .. }) = (next.iteration, meta);
    Ok((next, StepLog { iteration, loss, accuracy, grad_norm, lr, skipped, seconds: 0.0 }))
}

compiled_here!(T: check_state::<T>, updated::<T>);
