//! Any bytes as files of parameters, checkpoints, adapted learners and another framework's weights.
#![no_main]

use innerloop::{
    Learner, Mlp, NormMode, ProtoNet, StateDict, load_adapted, load_checkpoint, load_learned, load_params,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    std::fs::write(&path, bytes).unwrap();
    let learner = ProtoNet::new(Mlp::new(&[3, 4, 2]).unwrap(), NormMode::Batch);
    let _ = load_params::<f32>(&path, &Learner::<f32>::specs(&learner));
    let _ = load_learned::<f32>(&path, &learner);
    let _ = load_checkpoint::<f32>(&path, &learner);
    let _ = load_adapted::<f32>(&path);
    let _ = StateDict::<f32>::read(&path);
});
