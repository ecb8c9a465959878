//! Training states as safetensors files.

use std::path::Path;
use std::sync::Arc;

use super::file::{File, note, write};
use super::run::{Best, Validated};
use super::saved::{CHECKPOINT, arrays_of, learned_of, named};
use super::trainer::TrainState;
use crate::error::Result;
use crate::meta::{Learned, Learner, check_learned};
use crate::optim::OptimizerState;
use crate::real::Real;

/// Saves everything that training needs to continue, with the settings and the data that it was trained with.
///
/// # Errors
/// What [`check_learned`] refuses; [`Error::Io`](crate::Error::Io).
#[inline(never)]
pub fn save_checkpoint<T: Real>(path: &Path, learner: &dyn Learner<T>, state: &TrainState<T>) -> Result<()> {
    check_learned(learner, &state.learned)?;
    let [specs, carried] = [learner.specs(), learner.state()];
    let names: Vec<_> = (0..state.validated.best.len()).map(BestNames::of).collect();
    let prefixes: Vec<_> = (0..state.optimizer.slots.len()).map(|i| format!("slot{i}/")).collect();
    let slots =
        prefixes.iter().zip(&state.optimizer.slots).flat_map(|(prefix, slot)| named(prefix, &specs, slot));
    let mut note = note(CHECKPOINT);
    note.insert("iteration".into(), state.iteration.into());
    note.insert("optimizer_step".into(), state.optimizer.step.into());
    note.insert("slots".into(), state.optimizer.slots.len().into());
    note.insert("settings".into(), state.settings.as_str().into());
    note.insert("data".into(), state.data.as_str().into());
    note.insert("validations_since_best".into(), state.validated.since.into());
    for (names, best) in names.iter().zip(&state.validated.best) {
        check_learned(learner, &best.learned)?;
        note.insert(names.iteration.clone(), best.iteration.into());
        note.insert(names.value.clone(), best.value.to_bits().into()); // all bits, which decimal digits may not be
    }
    let best = names.iter().zip(&state.validated.best).flat_map(|(names, best)| {
        let Learned { params, state } = &best.learned;
        named(&names.params, &specs, params).chain(named(&names.state, &carried, state))
    });
    write(path, arrays_of([&specs, &carried], &state.learned).chain(slots).chain(best), &note)
}

/// Loads what [`save_checkpoint`] saved.
///
/// # Errors
/// As [`load_learned`](crate::load_learned).
#[inline(never)]
pub fn load_checkpoint<T: Real>(path: &Path, learner: &dyn Learner<T>) -> Result<TrainState<T>> {
    let file = File::of_kind(path, &[CHECKPOINT])?;
    let (learned, specs) = (learned_of(&file, learner)?, learner.specs());
    let slots = (0..file.count("slots")?)
        .map(|i| file.arrays(&specs, &format!("slot{i}/")))
        .collect::<Result<_>>()?;
    let optimizer = OptimizerState { step: file.count("optimizer_step")?, slots };
    let text = |key| file.text(key).unwrap_or_default().to_owned();
    let (settings, data) = (text("settings"), text("data"));
    let validated = validated_of(&file, learner)?;
    Ok(TrainState { iteration: file.count("iteration")?, settings, data, learned, optimizer, validated })
}

/// What validations had found; nothing in a file from before there were any.
fn validated_of<T: Real>(file: &File<'_>, learner: &dyn Learner<T>) -> Result<Validated<T>> {
    let mut validated = Validated::default();
    let (specs, carried) = (learner.specs(), learner.state());
    for names in (0..).map(BestNames::of).take_while(|names| file.value(&names.iteration).is_some()) {
        let [params, state] = [(&specs, &names.params), (&carried, &names.state)];
        let learned =
            Learned { params: file.arrays(params.0, params.1)?, state: file.arrays(state.0, state.1)? };
        let (iteration, value) = (file.count(&names.iteration)?, f64::from_bits(file.count(&names.value)?));
        validated.best.push(Arc::new(Best { iteration, value, learned }));
    }
    if file.value("validations_since_best").is_some() {
        validated.since = file.count("validations_since_best")?;
    }
    Ok(validated)
}

/// What one of the best validations so far is called in a file: two entries of the note, and what stands before the names of arrays.
struct BestNames {
    iteration: String,
    value: String,
    params: String,
    state: String,
}

impl BestNames {
    /// Of the very best, 0, which has no number, or another.
    fn of(place: usize) -> BestNames {
        let best = if place == 0 { "best".into() } else { format!("best{place}") };
        BestNames {
            iteration: format!("{best}_iteration"),
            value: format!("{best}_value"),
            params: format!("{best}/"),
            state: format!("{best}/state/"),
        }
    }
}

compiled_here!(T: save_checkpoint::<T>, load_checkpoint::<T>);

#[cfg(test)]
mod tests {
    use std::fs;

    use ndarray::ArrayD;

    use super::super::saved::{
        load_adapted, load_learned, load_params, save_adapted, save_learned, save_params,
    };
    use super::*;
    use crate::data::Examples;
    use crate::error::Error;
    use crate::meta::{Adapted, Learned};
    use crate::nn::{Init, Mlp, Model, Network, ParamSpec};
    use crate::optim::{Adam, Optimizer};

    /// A learner that has nothing but specs, of its meta-parameters and of its state.
    #[derive(Debug)]
    struct Named(Vec<ParamSpec>, Vec<ParamSpec>);

    impl Learner<f32> for Named {
        fn specs(&self) -> Vec<ParamSpec> {
            self.0.clone()
        }

        fn state(&self) -> Vec<ParamSpec> {
            self.1.clone()
        }

        fn check(&self, _: &'static str, _: &Examples<f32>) -> Result<()> {
            Ok(())
        }

        fn adapt(&self, _: &Learned<f32>, _: &Examples<f32>) -> Result<Adapted<f32>> {
            Err(Error::own("it cannot adapt"))
        }

        fn predict(&self, _: &Adapted<f32>, _: &ArrayD<f32>) -> Result<ArrayD<f32>> {
            Err(Error::own("it cannot predict"))
        }
    }

    fn state() -> (Named, TrainState<f32>) {
        let model = Mlp::new(&[2, 3, 1]).unwrap();
        let params: Vec<ArrayD<f32>> = model.init(4);
        let mut optimizer = Adam::default().init(&params);
        optimizer.step = 9;
        optimizer.slots[1][2][[0, 0]] = 0.1;
        let carried = ArrayD::from_elem(vec![2, 3], 0.3);
        let learned = Learned { params, state: vec![carried] };
        let learner = Named(model.specs(), vec![ParamSpec::new("norm0/mean", &[2, 3], Init::Constant(0.0))]);
        let [settings, data] = ["seed: 1\nlearner: \"x\"", "episodes"].map(String::from);
        let mut validated = Validated { since: 3, ..Validated::default() };
        let then = Learned { params: learned.params.iter().map(|p| p + 0.1).collect(), ..learned.clone() };
        let best = |iteration, value| Arc::new(Best { iteration, value, learned: then.clone() });
        validated.best = vec![best(7, 0.1 + 0.2), best(2, 0.1)];
        (learner, TrainState { iteration: 1 << 60, settings, data, learned, optimizer, validated })
    }

    #[test]
    fn a_checkpoint_comes_back_with_the_same_bits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        let (learner, state) = state();
        save_checkpoint(&path, &learner, &state).unwrap();
        assert_eq!(load_checkpoint(&path, &learner).unwrap(), state);
        assert_eq!(load_learned(&path, &learner).unwrap(), state.learned);
        assert_eq!(load_params::<f32>(&path, &learner.0).unwrap(), state.learned.params);
        let bytes = fs::read(&path).unwrap();
        save_checkpoint(&path, &learner, &state).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes, "equal states are equal files");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn what_was_learned_comes_back_with_the_same_bits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("learned.safetensors");
        let (learner, state) = state();
        save_learned(&path, &learner, &state.learned).unwrap();
        assert_eq!(load_learned(&path, &learner).unwrap(), state.learned);
        let error = load_checkpoint(&path, &learner).unwrap_err();
        assert!(error.to_string().contains("not a checkpoint"), "{error}");
        let stateless: Learned<f32> = state.learned.params.into();
        assert!(matches!(save_learned(&path, &learner, &stateless), Err(Error::Shape { .. })));
        save_learned(&path, &Named(learner.0.clone(), Vec::new()), &stateless).unwrap();
        let error = load_learned(&path, &learner).unwrap_err();
        assert!(matches!(&error, Error::MissingArray { name, .. } if name == "state/norm0/mean"), "{error}");
    }

    #[test]
    fn an_adapted_learner_comes_back_with_the_same_bits_or_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adapted.safetensors");
        let array = |v| ArrayD::from_elem(vec![2, 2], v);
        let adapted = Adapted::new([("b".to_string(), array(0.1f32)), ("a".to_string(), array(0.2))]);
        save_adapted(&path, &adapted).unwrap();
        let loaded: Adapted<f32> = load_adapted(&path).unwrap();
        assert_eq!(loaded.arrays().count(), 2);
        adapted.arrays().for_each(|(name, array)| assert_eq!(loaded.array(name).unwrap(), array));
        let holed = adapted.with("c", array(f32::NAN));
        let error = save_adapted(&path, &holed).unwrap_err();
        assert!(matches!(&error, Error::NotFinite { what } if what.contains("array c")), "{error}");
    }

    #[test]
    fn broken_files_are_named_with_their_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        let (Named(specs, _), state) = state();
        let params = &state.learned.params;
        assert!(matches!(load_params::<f32>(&path, &specs), Err(Error::Io { .. })));
        assert!(matches!(load_adapted::<f32>(&path), Err(Error::Io { .. })));
        save_params(&path, &specs[..3], &params[..3]).unwrap();
        let error = load_params::<f32>(&path, &specs).unwrap_err();
        assert!(matches!(&error, Error::MissingArray { name, .. } if name == "linear2_b"), "{error}");
        let error = load_checkpoint(&path, &Named(specs[..3].to_vec(), Vec::new())).unwrap_err();
        assert!(error.to_string().contains("not a checkpoint"), "{error}");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        assert!(matches!(load_params::<f32>(&path, &specs[..3]), Err(Error::BadFile { .. })));
        assert!(matches!(load_adapted::<f32>(&path), Err(Error::BadFile { .. })));
    }

    #[test]
    fn specs_that_a_file_cannot_hold_are_refused_when_it_is_written_and_when_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        let named = |name: &str| Named(["w", name].map(|name| ParamSpec::bias(name, 1)).into(), Vec::new());
        let params = vec![ArrayD::<f32>::zeros(vec![1]); 2];
        let optimizer = OptimizerState { step: 0, slots: vec![params.clone()] };
        let learned = Learned::from(params);
        let [settings, data] = [String::new(), String::new()];
        let validated = Validated::default();
        let state = TrainState { iteration: 0, settings, data, learned, optimizer, validated };
        save_checkpoint(&path, &named("b"), &state).unwrap();
        for name in ["w", "slot0/w", "__metadata__"] {
            let learner = named(name);
            for result in [
                save_params(&path, &learner.0, &state.learned.params),
                save_learned(&path, &learner, &state.learned),
                save_checkpoint(&path, &learner, &state),
                load_params::<f32>(&path, &learner.0).map(drop),
                load_learned(&path, &learner).map(drop),
                load_checkpoint(&path, &learner).map(drop),
            ] {
                assert!(matches!(result, Err(Error::Spec { .. })), "{name}: {result:?}");
            }
        }
    }
}
