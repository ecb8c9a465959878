//! Disks that are full, folders that cannot be written to, and files of other trainings.

use std::fs;

use innerloop::{Adam, Learner, Trainer, save_checkpoint};
use tempfile::tempdir;

use crate::child::{FILES, ITERATIONS, Training, config, error_of, files, learner, left, state, whole};
use crate::common;

#[test]
fn a_full_disk_is_an_error_that_leaves_the_last_good_checkpoint() {
    // the network is so large that the checkpoint does not fit, while the tables do
    let (folder, units) = (tempdir().unwrap(), 20_000);
    fs::write(folder.path().join("run.safetensors"), good_checkpoint(units)).unwrap();
    let output = Training { units, ..Training::of(folder.path()) }.on_a_full_disk(100).output().unwrap();
    let error = error_of(&output);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("cannot access") && error.contains("run.safetensors"), "{error}");
    assert!(error.contains("too large"), "{error}");
    assert_eq!(state(folder.path(), units).iteration, 0);
    assert_eq!(files(folder.path()), FILES, "nothing half-written is left");
}

fn good_checkpoint(units: usize) -> Vec<u8> {
    let folder = tempdir().unwrap();
    let path = folder.path().join("x");
    let learner = learner(units);
    let trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config()).unwrap();
    save_checkpoint(&path, &learner as &dyn Learner<f32>, trainer.state()).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn a_table_that_cannot_grow_ends_the_run_saved_and_it_goes_on_when_there_is_room() {
    let (want, folder) = (tempdir().unwrap(), tempdir().unwrap());
    whole(want.path());
    let training = Training::of(folder.path());
    let output = training.on_a_full_disk(10).output().unwrap();
    let error = error_of(&output);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("cannot access"), "{error}");
    let made = state(folder.path(), training.units).iteration;
    assert!((1..ITERATIONS).contains(&made), "{made}");
    whole(folder.path());
    assert!(left(folder.path()).0 == left(want.path()).0, "other bits");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_an_error_that_leaves_everything() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    whole(folder.path());
    let (before, names) = (left(folder.path()), files(folder.path()));
    let permit = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    permit(0o555);
    if fs::write(folder.path().join("probe"), "x").is_ok() {
        permit(0o755);
        fs::remove_file(folder.path().join("probe")).unwrap();
        return common::skip("this user may write to folders without permission");
    }
    let output = Training::of(folder.path()).command().output().unwrap();
    permit(0o755);
    let error = error_of(&output);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("cannot access") && error.contains("ermission"), "{error}");
    assert_eq!(files(folder.path()), names);
    assert!(left(folder.path()) == before, "something was changed");
}

#[test]
fn a_checkpoint_of_other_settings_is_refused_and_stays() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("run.safetensors"), good_checkpoint(5)).unwrap();
    let before = fs::read(folder.path().join("run.safetensors")).unwrap();
    let output = Training::of(folder.path()).command().output().unwrap();
    let error = error_of(&output);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("must be [1, 12], but it is [1, 5]"), "{error}");
    assert_eq!(files(folder.path()), ["run.safetensors"]);
    assert_eq!(fs::read(folder.path().join("run.safetensors")).unwrap(), before);
}
