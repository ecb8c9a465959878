//! Parameters and training states as safetensors files.
//!
//! A file is written under a temporary name and then renamed, so an interruption
//! leaves the old file or the new one, never half of one.

use std::fs;
use std::path::Path;

use ndarray::ArrayD;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use super::trainer::TrainState;
use crate::error::{Error, Result};
use crate::meta::{Adapted, Learned, Learner, check_learned};
use crate::nn::{ParamSpec, check_params, check_specs};
use crate::optim::OptimizerState;
use crate::real::{Real, all_finite};

/// The name of a checkpoint's counters.
const COUNTERS: &str = "iteration seed meta_batch optimizer_step slots";

/// Saves parameters under the names of their specs.
///
/// # Errors
/// What [`check_specs`] refuses; [`Error::Shape`] or [`Error::NotFinite`] if the parameters do not
/// fit the specs; [`Error::Io`].
#[inline(never)]
pub fn save_params<T: Real>(path: &Path, specs: &[ParamSpec], params: &[ArrayD<T>]) -> Result<()> {
    check_params(specs, params)?;
    write(path, specs.iter().map(|s| s.name.clone()).zip(params), None)
}

/// Loads parameters by the names of their specs; `f32` and `f64` files both fit
/// either type. Further arrays in the file are ignored.
///
/// # Errors
/// What [`check_specs`] refuses, [`Error::Io`], [`Error::BadFile`], [`Error::MissingArray`],
/// [`Error::Shape`], [`Error::NotFinite`].
#[inline(never)]
pub fn load_params<T: Real>(path: &Path, specs: &[ParamSpec]) -> Result<Vec<ArrayD<T>>> {
    check_specs(specs)?;
    File::read(path)?.arrays(specs, "")
}

/// Saves meta-parameters and the learner's state.
///
/// # Errors
/// What [`check_learned`] refuses; [`Error::Io`].
#[inline(never)]
pub fn save_learned<T: Real>(path: &Path, learner: &dyn Learner<T>, learned: &Learned<T>) -> Result<()> {
    check_learned(learner, learned)?;
    let [specs, state] = [learner.specs(), learner.state()];
    write(path, named("", &specs, &learned.params).chain(named(STATE, &state, &learned.state)), None)
}

/// Loads what [`save_learned`] or [`save_checkpoint`] saved.
///
/// # Errors
/// As [`load_params`].
#[inline(never)]
pub fn load_learned<T: Real>(path: &Path, learner: &dyn Learner<T>) -> Result<Learned<T>> {
    let [specs, state] = [learner.specs(), learner.state()];
    check_specs(&specs)?;
    let file = File::read(path)?;
    Ok(Learned { params: file.arrays(&specs, "")?, state: file.arrays(&state, STATE)? })
}

/// Saves an adapted learner.
///
/// # Errors
/// [`Error::NotFinite`], [`Error::Io`].
#[inline(never)]
pub fn save_adapted<T: Real>(path: &Path, adapted: &Adapted<T>) -> Result<()> {
    if let Some((name, _)) = adapted.arrays().find(|(_, array)| !all_finite(array)) {
        return Err(Error::NotFinite { what: format!("array {name} of the adapted learner") });
    }
    write(path, adapted.arrays().map(|(name, array)| (name.to_owned(), array)), None)
}

/// Loads what [`save_adapted`] saved. Predict with a learner of the same settings.
///
/// # Errors
/// [`Error::Io`], [`Error::BadFile`], [`Error::NotFinite`].
#[inline(never)]
pub fn load_adapted<T: Real>(path: &Path) -> Result<Adapted<T>> {
    let file = File::read(path)?;
    let tensors = SafeTensors::deserialize(&file.bytes).map_err(|e| file.bad(e))?;
    let mut arrays = Vec::new();
    for (name, view) in tensors.iter() {
        let array = file.array(&view)?;
        if !all_finite(&array) {
            return Err(Error::NotFinite { what: format!("{}: array {name}", path.display()) });
        }
        arrays.push((name.to_owned(), array));
    }
    Ok(Adapted::new(arrays))
}

/// What the arrays of a learner's state are called in a file: this and their names.
const STATE: &str = "state/";

fn named<'a, T>(
    prefix: &'a str,
    specs: &'a [ParamSpec],
    arrays: &'a [ArrayD<T>],
) -> impl Iterator<Item = (String, &'a ArrayD<T>)> {
    specs.iter().map(move |s| format!("{prefix}{}", s.name)).zip(arrays)
}

/// Saves everything that training needs to continue.
///
/// # Errors
/// What [`check_learned`] refuses; [`Error::Io`].
#[inline(never)]
pub fn save_checkpoint<T: Real>(path: &Path, learner: &dyn Learner<T>, state: &TrainState<T>) -> Result<()> {
    check_learned(learner, &state.learned)?;
    let [specs, carried] = [learner.specs(), learner.state()];
    let prefixes: Vec<_> = (0..state.optimizer.slots.len()).map(|i| format!("slot{i}/")).collect();
    let slots =
        prefixes.iter().zip(&state.optimizer.slots).flat_map(|(prefix, slot)| named(prefix, &specs, slot));
    let (step, slot_count) = (state.optimizer.step, state.optimizer.slots.len() as u64);
    let counters = [state.iteration, state.seed, state.meta_batch as u64, step, slot_count];
    let learned = &state.learned;
    let arrays =
        named("", &specs, &learned.params).chain(named(STATE, &carried, &learned.state)).chain(slots);
    write(path, arrays, Some(counters))
}

/// Loads what [`save_checkpoint`] saved.
///
/// # Errors
/// As [`load_params`].
#[inline(never)]
pub fn load_checkpoint<T: Real>(path: &Path, learner: &dyn Learner<T>) -> Result<TrainState<T>> {
    let learned = load_learned(path, learner)?;
    let (file, specs) = (File::read(path)?, learner.specs());
    let [iteration, seed, meta_batch, step, count] = file.counters()?;
    let slots = (0..count).map(|i| file.arrays(&specs, &format!("slot{i}/"))).collect::<Result<_>>()?;
    let meta_batch = usize::try_from(meta_batch).map_err(|e| file.bad(e))?;
    Ok(TrainState { iteration, seed, meta_batch, learned, optimizer: OptimizerState { step, slots } })
}

fn write<'a, T: Real>(
    path: &Path,
    arrays: impl Iterator<Item = (String, &'a ArrayD<T>)>,
    counters: Option<[u64; 5]>,
) -> Result<()> {
    let single = size_of::<T>() == size_of::<f32>();
    let bytes = |array: &ArrayD<T>| -> Vec<u8> {
        let numbers = array.iter().map(|v| v.as_f64());
        if single {
            numbers.flat_map(|v| (v as f32).to_le_bytes()).collect()
        } else {
            numbers.flat_map(f64::to_le_bytes).collect()
        }
    };
    let data: Vec<_> = arrays.map(|(name, a)| (name, a.shape().to_vec(), bytes(a))).collect();
    let dtype = if single { Dtype::F32 } else { Dtype::F64 };
    let bad = |e: safetensors::SafeTensorError| Error::BadFile { path: path.into(), reason: e.to_string() };
    let views = data
        .iter()
        .map(|(name, shape, bytes)| Ok((name, TensorView::new(dtype, shape.clone(), bytes).map_err(bad)?)))
        .collect::<Result<Vec<_>>>()?;
    // a single entry: the order of several is not fixed, and equal states should give equal files
    let counters = counters.map(|all| (COUNTERS.to_string(), all.map(|n| n.to_string()).join(" ")));
    // collected: which type of map safetensors takes depends on its features
    let metadata = counters.map(|entry| [entry].into_iter().collect());
    let file = serialize(views, metadata).map_err(bad)?;
    let io = |source| Error::Io { path: path.into(), source };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".partial");
    fs::write(&beside, file).map_err(io)?;
    fs::rename(&beside, path).map_err(io)
}

/// A file's bytes with what is needed to report on them.
struct File<'p> {
    path: &'p Path,
    bytes: Vec<u8>,
}

impl<'p> File<'p> {
    fn read(path: &'p Path) -> Result<File<'p>> {
        let bytes = fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
        Ok(File { path, bytes })
    }

    fn bad(&self, reason: impl ToString) -> Error {
        Error::BadFile { path: self.path.into(), reason: reason.to_string() }
    }

    fn counters(&self) -> Result<[u64; 5]> {
        let (_, head) = SafeTensors::read_metadata(&self.bytes).map_err(|e| self.bad(e))?;
        let text = head.metadata().as_ref().and_then(|m| m.get(COUNTERS)).map_or("", |t| t);
        let numbers: Vec<_> = text.split(' ').filter_map(|n| n.parse().ok()).collect();
        numbers.try_into().map_err(|_| {
            self.bad("it holds no counters, so it is not a checkpoint, or one of an older version")
        })
    }

    fn array<T: Real>(&self, view: &TensorView<'_>) -> Result<ArrayD<T>> {
        let numbers: Vec<T> = match view.dtype() {
            Dtype::F32 => {
                view.data().as_chunks().0.iter().map(|b| T::from_f64(f32::from_le_bytes(*b).into())).collect()
            }
            Dtype::F64 => {
                view.data().as_chunks().0.iter().map(|b| T::from_f64(f64::from_le_bytes(*b))).collect()
            }
            other => {
                return Err(
                    self.bad(format!("an array has elements of type {other:?}, but F32 or F64 is needed"))
                );
            }
        };
        ArrayD::from_shape_vec(view.shape(), numbers).map_err(|e| self.bad(e))
    }

    fn arrays<T: Real>(&self, specs: &[ParamSpec], prefix: &str) -> Result<Vec<ArrayD<T>>> {
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|e| self.bad(e))?;
        let array = |spec: &ParamSpec| {
            let name = format!("{prefix}{}", spec.name);
            let Ok(view) = tensors.tensor(&name) else {
                return Err(Error::MissingArray { name, path: self.path.into() });
            };
            self.array(&view)
        };
        let arrays: Vec<_> = specs.iter().map(array).collect::<Result<_>>()?;
        check_params(specs, &arrays)?;
        Ok(arrays)
    }
}

compiled_here!(
    T: save_params::<T>, load_params::<T>, save_learned::<T>, load_learned::<T>, save_adapted::<T>,
    load_adapted::<T>, save_checkpoint::<T>, load_checkpoint::<T>,
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Examples;
    use crate::nn::{Init, Mlp, Model, Network};
    use crate::optim::{Adam, Optimizer};

    /// A learner that has nothing but specs, of its meta-parameters and of its state.
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
        (learner, TrainState { iteration: 12, seed: 1 << 60, meta_batch: 7, learned, optimizer })
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
        save_params(&path, &learner.0, &stateless.params).unwrap();
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
        let state = TrainState { iteration: 0, seed: 0, meta_batch: 1, learned, optimizer };
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
