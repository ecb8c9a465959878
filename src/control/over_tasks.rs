//! Running over the tasks of a batch, in parallel and in order.

use rayon::prelude::*;

use super::environment::Environment;
use crate::error::{Error, Result};
use crate::meta::Progress;
use crate::ops::Key;

/// The purpose of the keys of trajectories.
const TRAJECTORIES: u64 = 1;

/// The environments without their type, at least one.
pub(super) fn all<E: Environment>(envs: &[E]) -> Result<Vec<&dyn Environment>> {
    some(envs)?;
    Ok(envs.iter().map(|env| env as &dyn Environment).collect())
}

/// Refuses an empty list of tasks.
pub(super) fn some<X>(tasks: &[X]) -> Result<()> {
    if tasks.is_empty() {
        return Err(Error::Setting { name: "tasks", value: "0".into(), need: "at least 1 task" });
    }
    Ok(())
}

/// Runs tasks in parallel and returns what they found in their order, or the error of the first in order that has one.
pub(super) fn each<R: Send>(
    envs: &[&dyn Environment],
    progress: &Progress,
    run: impl Fn(&dyn Environment, Key) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let task = |(i, env): (usize, &&dyn Environment)| {
        let number = progress.task.saturating_add(i as u64);
        run(*env, progress.of_task(number).key(TRAJECTORIES)).map_err(|error| error.in_task(number))
    };
    let found: Vec<Result<R>> = envs.par_iter().enumerate().map(task).collect();
    found.into_iter().collect()
}
