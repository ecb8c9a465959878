//! Damaged files of parameters, checkpoints and adapted learners.

use std::fs;

use innerloop::{
    Adam, Learned, Learner, Mlp, NormMode, ProtoNet, TrainConfig, Trainer, load_adapted, load_checkpoint,
    load_learned, load_params, save_adapted, save_checkpoint, save_learned, save_params,
};
use innerloop::{Examples, ndarray::ArrayD};
use tempfile::TempDir;

use super::damage_file;

fn learner() -> ProtoNet<Mlp> {
    ProtoNet::new(Mlp::new(&[3, 4, 2]).unwrap(), NormMode::Batch)
}

#[test]
fn damaged_files_of_this_crate_are_refused() {
    let dir = TempDir::new().unwrap();
    let (learner, path) = (learner(), dir.path().join("x"));
    let learned: Learned<f32> = learner.init(0).into();
    save_learned(&path, &learner, &learned).unwrap();
    let whole = fs::read(&path).unwrap();
    damage_file(20, &path, |path| {
        let same = fs::read(path).unwrap() == whole;
        assert_eq!(load_learned::<f32>(path, &learner).is_ok(), same);
        let _ = load_params::<f32>(path, &Learner::<f32>::specs(&learner));
    });

    let trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(1, 0.1, 5)).unwrap();
    save_checkpoint(&path, &learner, trainer.state()).unwrap();
    let whole = fs::read(&path).unwrap();
    damage_file(21, &path, |path| {
        let same = fs::read(path).unwrap() == whole;
        assert_eq!(load_checkpoint::<f32>(path, &learner).is_ok(), same);
    });

    let x = ArrayD::from_shape_fn(vec![2, 3], |i| (i[0] * 3 + i[1]) as f32);
    let adapted = learner.adapt(&learned, &Examples::labelled(x, vec![0, 1], 2)).unwrap();
    save_adapted(&path, &adapted).unwrap();
    let whole = fs::read(&path).unwrap();
    damage_file(22, &path, |path| {
        let same = fs::read(path).unwrap() == whole;
        assert_eq!(load_adapted::<f32>(path).is_ok(), same);
    });
}

#[test]
fn damaged_files_of_other_programs() {
    // no checksum of ours: what is read may be anything, but it is finite and has its shape
    let dir = TempDir::new().unwrap();
    let (path, specs) = (dir.path().join("x"), Learner::<f32>::specs(&learner()));
    let params = learner().init(0);
    save_params::<f32>(&path, &specs, &params).unwrap();
    let text = fs::read(&path).unwrap();
    let at = text.windows(6).position(|w| w == b"crc32 ").unwrap();
    let mut plain = text;
    plain[at..at + 6].copy_from_slice(b"other ");
    fs::write(&path, plain).unwrap();
    damage_file(23, &path, |path| {
        if let Ok(params) = load_params::<f32>(path, &specs) {
            assert!(params.iter().zip(&specs).all(|(p, s)| p.shape() == s.shape));
            assert!(params.iter().flatten().all(|v| v.is_finite()));
        }
    });
}
