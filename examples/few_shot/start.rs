//! What a training begins with.

use innerloop::{Error, Learned, Result, StateDict, Trainable, init_params};

use crate::settings::Settings;

/// The initial parameters of a learner, with those of the checkpoint `--start` in their places where names and shapes are the same, or
/// in each row where the learner has one for each inner step.
pub fn learned<K>(name: &str, settings: &Settings, learner: &dyn Trainable<f32, K>) -> Result<Learned<f32>> {
    learner.check_settings()?;
    let mut params = learner.init(settings.seed);
    if let Some(path) = &settings.start {
        let there = StateDict::<f32>::read(path)?;
        let specs = learner.specs();
        let mut taken = 0;
        for (spec, param) in specs.iter().zip(&mut params) {
            let fits = |shape: &[usize]| shape == spec.shape || Some(shape) == spec.shape.get(1..);
            let mut arrays = there.arrays().iter();
            if let Some((_, array)) = arrays.find(|(name, array)| *name == spec.name && fits(array.shape())) {
                param.assign(array);
                taken += 1;
            }
        }
        if taken == 0 {
            let need = "a checkpoint with at least one array that the learner has, by name and shape";
            return Err(Error::Setting { name: "start", value: path.display().to_string(), need });
        }
        eprintln!("{name}: {taken} of {} parameters begin as in {}", specs.len(), path.display());
    }
    Ok(Learned { state: init_params(&learner.state(), 0), params })
}
