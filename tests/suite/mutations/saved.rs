//! Damaged files of parameters, checkpoints and adapted learners.

use std::fs;
use std::path::Path;

use innerloop::rand::rngs::ChaCha8Rng;
use innerloop::rand::{Rng, SeedableRng};
use innerloop::{
    Adam, Error, Learned, Learner, Maml, Mlp, NormMode, Order, ProtoNet, Run, Sinusoids, TrainConfig,
    Trainer, load_adapted, load_checkpoint, load_learned, load_params, save_adapted, save_checkpoint,
    save_learned, save_params,
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

/// A checkpoint with all that one can hold: state of the optimizer, settings, data and the best validation so far.
fn full_checkpoint(path: &Path) -> Maml<Mlp> {
    let maml = Maml::new(Mlp::new(&[1, 6, 1]).unwrap(), 0.01, Order::Second, NormMode::Batch);
    let mut trainer =
        Trainer::<f32, _, _>::new(&maml, Adam::default(), TrainConfig::new(2, 1e-2, 9)).unwrap();
    let validation = Sinusoids::new(5, 5, 1);
    let run = Run::new().validate(&validation, 3, 2).checkpoint(path, 100, 1e9);
    trainer.run(&Sinusoids::new(5, 5, 0), &run, &mut ()).unwrap();
    assert!(trainer.best().is_some());
    maml
}

#[test]
fn a_checkpoint_cut_at_200_places_or_with_a_flipped_byte_at_200_is_refused_400_times() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("checkpoint.safetensors");
    let maml = full_checkpoint(&path);
    assert!(load_checkpoint::<f32>(&path, &maml).is_ok());
    let whole = fs::read(&path).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(400);
    let mut refused = 0;
    for case in 0..400 {
        let at = (rng.next_u64() % whole.len() as u64) as usize;
        let mut bytes = whole.clone();
        match case % 2 {
            0 => bytes.truncate(at),
            _ => bytes[at] ^= (1 + rng.next_u64() % 255) as u8,
        }
        fs::write(&path, bytes).unwrap();
        let error = load_checkpoint::<f32>(&path, &maml).unwrap_err();
        assert!(matches!(error, Error::BadFile { .. }), "case {case}: {error}");
        assert!(error.to_string().contains("checkpoint.safetensors: "), "case {case}: {error}");
        refused += 1;
    }
    assert_eq!(refused, 400);
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
