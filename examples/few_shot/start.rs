//! What a training begins with.

use innerloop::{Error, Learned, ParamSpec, Result, StateDict, Trainable, init_params};
use ndarray::ArrayD;

use crate::settings::Settings;

/// What a learner begins with, with the arrays of the checkpoint `--start` in their places where names and shapes are the same, or in
/// each row where the learner has one for each inner step: parameters, and the statistics that its norms track.
pub fn learned<K>(name: &str, settings: &Settings, learner: &dyn Trainable<f32, K>) -> Result<Learned<f32>> {
    learner.check_settings()?;
    let (specs, state_specs) = (learner.specs(), learner.state());
    let mut params = learner.init(settings.seed);
    let mut state = init_params(&state_specs, 0);
    if let Some(path) = &settings.start {
        let there = StateDict::<f32>::read(path)?;
        let taken = take(&specs, &mut params, "", &there);
        if taken == 0 {
            let need = "a checkpoint with at least one array that the learner has, by name and shape";
            return Err(Error::Setting { name: "start", value: path.display().to_string(), need });
        }
        take(&state_specs, &mut state, "state/", &there);
        eprintln!("{name}: {taken} of {} parameters begin as in {}", specs.len(), path.display());
    }
    Ok(Learned { state, params })
}

/// Takes the arrays that are there under the names of `specs` after a prefix, and counts them.
fn take(specs: &[ParamSpec], arrays: &mut [ArrayD<f32>], prefix: &str, there: &StateDict<f32>) -> usize {
    let mut taken = 0;
    for (spec, array) in specs.iter().zip(arrays) {
        let name = format!("{prefix}{}", spec.name);
        let fits = |shape: &[usize]| spec.shape.ends_with(shape.strip_prefix(&[1]).unwrap_or(shape)); // in each row
        if let Some((_, found)) = there.arrays().iter().find(|(n, found)| *n == name && fits(found.shape())) {
            array.assign(found);
            taken += 1;
        }
    }
    taken
}
