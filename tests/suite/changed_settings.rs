//! Files whose names and shapes fit a learner of other settings.

use innerloop::{
    Adam, Conv4, Downsample, Maml, NormMode, Order, TrainConfig, Trainer, changed_settings, load_learned,
    save_checkpoint, save_learned,
};

fn learner(downsample: Downsample, lr: f64) -> Maml<Conv4> {
    let model = Conv4::new([16, 16, 1], 4, downsample, Some(3)).unwrap();
    Maml::new(model, lr, Order::Second, NormMode::Batch)
}

#[test]
fn they_are_named_with_their_places_for_both_kinds_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let pooled = learner(Downsample::MaxPool, 0.5);
    let trainer = Trainer::<f32, _, _>::new(&pooled, Adam::default(), TrainConfig::new(1, 1e-3, 1)).unwrap();
    let [learned, checkpoint] = ["learned", "checkpoint"].map(|name| folder.path().join(name));
    save_learned(&learned, &pooled, trainer.learned()).unwrap();
    save_checkpoint(&checkpoint, &pooled, trainer.state()).unwrap();
    for path in [&learned, &checkpoint] {
        let changed = |learner: &_| changed_settings::<f32>(path, learner).unwrap();
        assert_eq!(changed(&pooled), [""; 0]);
        assert_eq!(
            changed(&learner(Downsample::MaxPool, 0.25)),
            ["lr: 0.5 in rule: GradientDescent in Maml"]
        );
        let strided = learner(Downsample::Stride, 0.5);
        assert_eq!(
            load_learned::<f32>(path, &strided).unwrap(),
            *trainer.learned(),
            "shapes cannot tell them apart"
        );
        assert_eq!(changed(&strided), ["downsample: MaxPool in model: Conv4 in Maml"]);
    }
}
