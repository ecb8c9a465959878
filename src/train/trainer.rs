//! The training loop, once for all learners.

use std::time::Instant;

use ndarray::ArrayD;
use rayon::prelude::*;

use crate::data::{Episode, Episodes};
use crate::error::{Error, Result};
use crate::meta::{Learner, mean_of_tasks};
use crate::nn::{ParamSpec, check_params, check_specs};
use crate::optim::{Optimizer, OptimizerState, Schedule, clip_grad_norm, grad_norm};
use crate::real::Real;

/// Settings of the outer loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainConfig {
    /// Episodes per meta-step.
    pub meta_batch: usize,
    /// Outer learning rate, before the schedule changes it.
    pub outer_lr: f64,
    /// How the outer learning rate changes over training.
    pub schedule: Schedule,
    /// Clip the meta-gradient to this L2 norm; `None` leaves it as it is.
    pub clip_norm: Option<f64>,
}

/// Everything that changes in training: saved and loaded, it continues with the same bits.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainState<T> {
    /// Meta-steps made.
    pub iteration: u64,
    /// Meta-parameters.
    pub params: Vec<ArrayD<T>>,
    /// What the optimizer remembers.
    pub optimizer: OptimizerState<T>,
}

/// What one meta-step did.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// Wall time of the step, drawing its episodes included.
    pub seconds: f64,
}

/// Meta-trains a learner.
///
/// Meta-step `k` takes episodes `k·meta_batch ..` of the source, so a run is a pure
/// function of seed and settings: the same bits on any number of threads and
/// after any number of interruptions.
///
/// ```
/// use innerloop::{Adam, Maml, Mlp, NormMode, Order, Route, Schedule, Sinusoids, TrainConfig, Trainer};
/// # fn main() -> Result<(), innerloop::Error> {
/// let maml = Maml {
///     model: Mlp::new(&[1, 40, 40, 1])?,
///     inner_lr: 0.01,
///     inner_steps: 1,
///     eval_steps: 5,
///     order: Order::Second,
///     route: Route::Unrolled,
///     norm: NormMode::Batch,
/// };
/// let config = TrainConfig { meta_batch: 5, outer_lr: 1e-3, schedule: Schedule::Constant, clip_norm: Some(10.0) };
/// let tasks = Sinusoids { shots: 10, queries: 10, seed: 0 };
/// let mut trainer = Trainer::<f32, _, _>::new(&maml, Adam::default(), config, 0)?;
/// for _ in 0..3 {
///     let log = trainer.step(&tasks)?;
///     println!("{}: {}", log.iteration, log.loss);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Trainer<'l, T, L: ?Sized, O> {
    learner: &'l L,
    optimizer: O,
    config: TrainConfig,
    state: TrainState<T>,
}

impl<'l, T: Real, L: Learner<T> + ?Sized, O: Optimizer<T>> Trainer<'l, T, L, O> {
    /// Begins with the learner's initial parameters for `seed`.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting outside its range, [`Error::Spec`] for specs that are not
    /// sound, [`Error::Shape`] or [`Error::NotFinite`] if the learner's initial parameters do not
    /// fit its specs.
    pub fn new(learner: &'l L, optimizer: O, config: TrainConfig, seed: u64) -> Result<Self> {
        check_specs(&learner.specs())?;
        let params = learner.init(seed);
        let optimizer_state = optimizer.init(&params);
        let state = TrainState { iteration: 0, params, optimizer: optimizer_state };
        Trainer::resume(learner, optimizer, config, state)
    }

    /// Continues from a state, usually a loaded one.
    ///
    /// # Errors
    /// As [`new`](Trainer::new); [`Error::Shape`] or [`Error::NotFinite`] if the state
    /// does not fit learner and optimizer.
    pub fn resume(learner: &'l L, optimizer: O, config: TrainConfig, state: TrainState<T>) -> Result<Self> {
        check_state(&config, &learner.specs(), optimizer.slots(), &state)?;
        Ok(Trainer { learner, optimizer, config, state })
    }

    /// One meta-step.
    ///
    /// # Errors
    /// As [`meta_grad`](crate::meta_grad); what [`Episodes::check`] refuses; [`Error::NotFinite`]
    /// if the update leaves a parameter that is not finite; [`Error::Setting`] if the numbers of
    /// the episodes exceed `u64`. Nothing is changed then.
    pub fn step(&mut self, episodes: &(impl Episodes<T> + ?Sized)) -> Result<StepLog> {
        meta_step(&self.learner, &self.optimizer, &self.config, &mut self.state, &episodes)
    }

    /// The current meta-parameters.
    pub fn params(&self) -> &[ArrayD<T>] {
        &self.state.params
    }

    /// Meta-steps made.
    pub fn iteration(&self) -> u64 {
        self.state.iteration
    }

    /// Everything needed to continue later.
    pub fn state(&self) -> &TrainState<T> {
        &self.state
    }
}

/// Refuses settings out of range, and a state that does not fit learner and optimizer.
#[inline(never)]
fn check_state<T: Real>(
    config: &TrainConfig,
    specs: &[ParamSpec],
    slots: usize,
    state: &TrainState<T>,
) -> Result<()> {
    let refuse = |name, value: f64, need| Err(Error::Setting { name, value: value.to_string(), need });
    if !(1..=u32::MAX as usize).contains(&config.meta_batch) {
        return refuse("meta_batch", config.meta_batch as f64, "from 1 to 4294967295 episodes");
    }
    if !(config.outer_lr.is_finite() && config.outer_lr > 0.0) {
        return refuse("outer_lr", config.outer_lr, "a finite number above 0");
    }
    if let Some(norm) = config.clip_norm.filter(|norm| norm.is_nan() || *norm <= 0.0) {
        return refuse("clip_norm", norm, "above 0");
    }
    if let Schedule::Cosine { floor, .. } = config.schedule
        && !(floor.is_finite() && floor >= 0.0)
    {
        return refuse("floor", floor, "a finite number, 0 or more");
    }
    check_params(specs, &state.params)?;
    state.optimizer.slots.iter().try_for_each(|slot| check_params(specs, slot))?;
    if state.optimizer.slots.len() != slots {
        let what = "optimizer state, its number of slots".to_string();
        return Err(Error::Shape { what, expected: vec![slots], found: vec![state.optimizer.slots.len()] });
    }
    Ok(())
}

/// Not generic in learner, optimizer and source, so that it is compiled with this crate.
#[inline(never)]
fn meta_step<T: Real>(
    learner: &dyn Learner<T>,
    optimizer: &dyn Optimizer<T>,
    config: &TrainConfig,
    state: &mut TrainState<T>,
    episodes: &dyn Episodes<T>,
) -> Result<StepLog> {
    let start = Instant::now();
    let meta_batch = config.meta_batch as u64;
    let first = state.iteration.checked_mul(meta_batch);
    let Some((first, end)) = first.and_then(|first| Some((first, first.checked_add(meta_batch)?))) else {
        let need = "such that the numbers of its episodes fit in 64 bits";
        return Err(Error::Setting { name: "iteration", value: state.iteration.to_string(), need });
    };
    episodes.check()?;
    let batch: Vec<Episode<T>> = (first..end).into_par_iter().map(|i| episodes.episode(i)).collect();
    let mut meta = mean_of_tasks(learner, &state.params, &batch)?;
    let grad_norm = match config.clip_norm {
        Some(max) => clip_grad_norm(&mut meta.grads, max),
        None => grad_norm(&meta.grads),
    };
    let lr = config.schedule.rate(config.outer_lr, state.iteration);
    let mut next = state.clone();
    optimizer.update(lr, &mut next.params, &meta.grads, &mut next.optimizer);
    next.iteration += 1;
    check_params(&learner.specs(), &next.params)?; // a rate that is too large must not cost the state
    *state = next;
    let (iteration, seconds) = (state.iteration, start.elapsed().as_secs_f64());
    Ok(StepLog { iteration, loss: meta.loss, accuracy: meta.accuracy, grad_norm, lr, seconds })
}

compiled_here!(T: check_state::<T>, meta_step::<T>);
