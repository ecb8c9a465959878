//! Drawing trajectories.

use ndarray::ArrayD;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::environment::{Environment, Transition};
use super::policy::GaussianPolicy;
use super::rollout::Rollout;
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::ops::Key;
use crate::real::Real;
use crate::tape::Tape;
use crate::value::Value;

/// Draws `count` trajectories. Trajectory `i` depends on `key.with(i)` alone, beside policy and environment.
#[inline(never)]
pub(super) fn sample<T: Real>(
    policy: &GaussianPolicy<&dyn Model<T>>,
    params: &[ArrayD<T>],
    env: &dyn Environment,
    count: usize,
    key: Key,
) -> Result<Rollout<T>> {
    for (name, value) in [("trajectories", count), ("horizon", env.horizon())] {
        if value == 0 {
            return Err(Error::Setting { name, value: "0".into(), need: "at least 1" });
        }
    }
    let [o, a] = env.widths();
    policy.mean.check_input(&[count, o])?;
    if a != policy.mean.outputs() || a == 0 {
        let what = format!("actions of {env:?}: the outputs of the policy's network are its actions, which");
        return Err(Error::Shape { what, expected: vec![policy.mean.outputs()], found: vec![a] });
    }
    let values: Vec<_> = params.iter().map(|p| Value::from_array(p.view())).collect();
    let log_std = params.last().expect("a policy has a deviation");
    let std: Vec<f64> = log_std.iter().map(|s| s.as_f64().exp()).collect();
    let mut walks = (0..count).map(|i| Walk::begin(env, i, key)).collect::<Result<Vec<_>>>()?;
    for step in 0..env.horizon() {
        if walks.iter().all(|walk| walk.done) {
            break;
        }
        let tape = Tape::new();
        let theta: Vec<_> = values.iter().map(|v| tape.push_leaf(v.clone())).collect();
        // finished trajectories stay in the batch, so that its shape, and with it every sum, is the same at each step
        let seen = walks.iter().flat_map(|walk| walk.seen.iter().map(|&x| T::from_f64(x))).collect();
        let x = ArrayD::from_shape_vec(vec![count, o], seen).expect("each observation has its width");
        let means = policy.at(&theta, tape.leaf(&x)).mean.to_array();
        for (walk, mean) in walks.iter_mut().zip(means.outer_iter()) {
            if !walk.done {
                let mean: Vec<f64> = mean.iter().map(|m| m.as_f64()).collect();
                walk.advance(env, step, &mean, &std)?;
            }
        }
    }
    gathered(walks, o, a)
}

fn gathered<T: Real>(walks: Vec<Walk<T>>, o: usize, a: usize) -> Result<Rollout<T>> {
    let lengths: Vec<_> = walks.iter().map(|walk| walk.rewards.len()).collect();
    let n: usize = lengths.iter().sum();
    let rows = |of: &dyn Fn(&Walk<T>) -> &Vec<T>, width| {
        let numbers = walks.iter().flat_map(|walk| of(walk).iter().copied()).collect();
        ArrayD::from_shape_vec(vec![n, width], numbers).expect("each row has its width")
    };
    let (observations, actions) = (rows(&|walk| &walk.observations, o), rows(&|walk| &walk.actions, a));
    let rewards = walks.iter().flat_map(|walk| walk.rewards.iter().copied()).collect();
    Rollout::new(observations, actions, rewards, lengths)
}

/// One trajectory as far as it went.
struct Walk<T> {
    number: usize,
    key: Key,
    /// The noise of its actions.
    noise: ChaCha8Rng,
    state: Vec<f64>,
    /// What the policy sees of the state.
    seen: Vec<f64>,
    done: bool,
    observations: Vec<T>,
    actions: Vec<T>,
    rewards: Vec<f64>,
}

impl<T: Real> Walk<T> {
    fn begin(env: &dyn Environment, number: usize, key: Key) -> Result<Walk<T>> {
        let key = key.with(number as u64);
        let state = env.reset(key.with(0));
        let seen = observed(env, &state, number, 0)?;
        let (observations, actions, rewards) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Walk { number, key, noise: key.rng(), state, seen, done: false, observations, actions, rewards })
    }

    /// Acts once, and keeps what led to it and what it led to.
    fn advance(&mut self, env: &dyn Environment, step: usize, mean: &[f64], std: &[f64]) -> Result<()> {
        let draw = |(mean, std): (&f64, &f64)| -> T {
            let z: f64 = StandardNormal.sample(&mut self.noise);
            T::from_f64(mean + std * z)
        };
        let action: Vec<T> = mean.iter().zip(std).map(draw).collect();
        let refused = |reason: String| refuse(env, self.number, step, reason);
        if !action.iter().all(|x| x.is_finite()) {
            return refused(format!("the policy's action is {action:?}: lower its learning rates"));
        }
        let numbers: Vec<f64> = action.iter().map(|x| x.as_f64()).collect();
        let Transition { state, reward, done } =
            env.step(&self.state, &numbers, self.key.with(1 + step as u64));
        if !reward.is_finite() {
            return refused(format!("the reward is {reward}: it must be a finite number"));
        }
        let seen = observed(env, &state, self.number, step + 1)?;
        let before = std::mem::replace(&mut self.seen, seen);
        self.observations.extend(before.into_iter().map(T::from_f64));
        self.actions.extend(action);
        self.rewards.push(reward);
        (self.state, self.done) = (state, done);
        Ok(())
    }
}

/// What the policy sees of a state, of the announced width and finite.
fn observed(env: &dyn Environment, state: &[f64], trajectory: usize, step: usize) -> Result<Vec<f64>> {
    let (seen, [width, _]) = (env.observe(state), env.widths());
    if seen.len() != width {
        let reason = format!("the observation has {} numbers: it must have {width}", seen.len());
        return refuse(env, trajectory, step, reason);
    }
    if !seen.iter().all(|x| x.is_finite()) {
        return refuse(env, trajectory, step, format!("the observation {seen:?} is not finite"));
    }
    Ok(seen)
}

fn refuse<R>(env: &dyn Environment, trajectory: usize, step: usize, reason: String) -> Result<R> {
    Err(Error::Environment { environment: format!("{env:?}"), trajectory, step, reason })
}

compiled_here!(T: sample::<T>);
