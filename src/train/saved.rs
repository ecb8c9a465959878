//! Parameters, what was learned and what was adapted, as safetensors files.

use std::path::Path;

use ndarray::ArrayD;

use super::file::{File, Note, note, write};
use super::same;
use crate::error::{Error, Result};
use crate::meta::{Adapted, Learned, Learner, check_learned};
use crate::nn::{ParamSpec, check_params, check_specs};
use crate::real::{Real, all_finite};

/// Kinds of files.
const PARAMS: &str = "a file of parameters";
const LEARNED: &str = "a file of meta-parameters";
pub(super) const CHECKPOINT: &str = "a checkpoint";
const ADAPTED: &str = "an adapted learner";

/// Saves parameters under the names of their specs.
///
/// # Errors
/// What [`check_specs`] refuses; [`Error::Shape`] or [`Error::NotFinite`] if the parameters do not
/// fit the specs; [`Error::Io`].
#[inline(never)]
pub fn save_params<T: Real>(path: &Path, specs: &[ParamSpec], params: &[ArrayD<T>]) -> Result<()> {
    check_params(specs, params)?;
    write(path, specs.iter().map(|s| s.name.clone()).zip(params), &note(PARAMS))
}

/// Loads parameters by the names of their specs, from any safetensors file; `f32` and `f64` files both fit
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

/// Saves meta-parameters and the learner's state, with the learner's settings for people to read.
///
/// # Errors
/// What [`check_learned`] refuses; [`Error::Io`].
#[inline(never)]
pub fn save_learned<T: Real>(path: &Path, learner: &dyn Learner<T>, learned: &Learned<T>) -> Result<()> {
    check_learned(learner, learned)?;
    let mut note = note(LEARNED);
    note.insert("learner".into(), format!("{learner:#?}").into());
    write(path, arrays_of([&learner.specs(), &learner.state()], learned), &note)
}

/// The arrays of a file that hold what was learned, for the specs of parameters and state.
pub(super) fn arrays_of<'a, T>(
    [specs, state]: [&'a [ParamSpec]; 2],
    learned: &'a Learned<T>,
) -> impl Iterator<Item = (String, &'a ArrayD<T>)> {
    named("", specs, &learned.params).chain(named(STATE, state, &learned.state))
}

/// Loads what [`save_learned`] or [`save_checkpoint`](crate::save_checkpoint) saved.
///
/// # Errors
/// As [`load_params`]; [`Error::BadFile`] also for a file of another kind or one that was damaged.
#[inline(never)]
pub fn load_learned<T: Real>(path: &Path, learner: &dyn Learner<T>) -> Result<Learned<T>> {
    learned_of(&File::of_kind(path, &[LEARNED, CHECKPOINT])?, learner)
}

/// The settings of the learner whose [`save_learned`] or [`save_checkpoint`](crate::save_checkpoint) wrote a file that this
/// learner does not have, as they were, each with its place. [`load_learned`] asks for names and shapes alone, which a network with
/// pooling and one with strides share: parameters of the one run in the other, and are worth little there. Some differences are
/// meant, such as another number of inner steps, so that this is for people to read.
///
/// # Errors
/// [`Error::Io`], [`Error::BadFile`].
#[inline(never)]
pub fn changed_settings<T: Real>(path: &Path, learner: &dyn Learner<T>) -> Result<Vec<String>> {
    let file = File::of_kind(path, &[LEARNED, CHECKPOINT])?;
    let of_checkpoint = || file.text("settings")?.split_once("\nlearner: ").map(|(_, learner)| learner);
    let was = file.text("learner").or_else(of_checkpoint).unwrap_or_default();
    Ok(same::changed(was, &format!("{learner:#?}")))
}

/// What a file holds for a learner.
pub(super) fn learned_of<T: Real>(file: &File<'_>, learner: &dyn Learner<T>) -> Result<Learned<T>> {
    let [specs, state] = [learner.specs(), learner.state()];
    check_specs(&specs)?;
    Ok(Learned { params: file.arrays(&specs, "")?, state: file.arrays(&state, STATE)? })
}

/// Saves an adapted learner.
///
/// # Errors
/// [`Error::NotFinite`], [`Error::Io`].
#[inline(never)]
pub fn save_adapted<T: Real>(path: &Path, adapted: &Adapted<T>) -> Result<()> {
    write_adapted(path, adapted, &note(ADAPTED))
}

/// Writes what was adapted, unless it could not be loaded again.
pub(super) fn write_adapted<T: Real>(path: &Path, adapted: &Adapted<T>, note: &Note) -> Result<()> {
    if let Some((name, _)) = adapted.arrays().find(|(_, array)| !all_finite(array)) {
        return Err(Error::NotFinite { what: format!("array {name} of the adapted learner") });
    }
    write(path, adapted.arrays().map(|(name, array)| (name.to_owned(), array)), note)
}

/// Loads what [`save_adapted`] saved. Predict with a learner of the same settings.
///
/// # Errors
/// [`Error::Io`], [`Error::BadFile`], [`Error::NotFinite`].
#[inline(never)]
pub fn load_adapted<T: Real>(path: &Path) -> Result<Adapted<T>> {
    Ok(Adapted::new(File::of_kind(path, &[ADAPTED])?.all()?))
}

/// What the arrays of a learner's state are called in a file: this and their names.
const STATE: &str = "state/";

pub(super) fn named<'a, T>(
    prefix: &'a str,
    specs: &'a [ParamSpec],
    arrays: &'a [ArrayD<T>],
) -> impl Iterator<Item = (String, &'a ArrayD<T>)> {
    specs.iter().map(move |s| format!("{prefix}{}", s.name)).zip(arrays)
}

compiled_here!(
    T: save_params::<T>, load_params::<T>, save_learned::<T>, load_learned::<T>, changed_settings::<T>,
    save_adapted::<T>, load_adapted::<T>,
);
