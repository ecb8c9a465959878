//! Real Omniglot, if `INNERLOOP_DATA` names its folder: the published split, and learning on it.
#![cfg(feature = "images")]

use std::collections::HashSet;
use std::path::Path;

use crate::common;
use crate::tasks::maml_at;
use innerloop::{
    Adam, ClassRef, Conv4, Downsample, EpisodeSampler, EpisodeShape, ImageSet, Omniglot, Split, TrainConfig,
    Trainer, evaluate,
};

fn load(root: &Path) -> (ImageSet, Split) {
    let images = Omniglot::load(root).unwrap();
    let split = Split::vinyals(&images, root.join("omniglot/splits/vinyals")).unwrap();
    (images, split)
}

#[test]
fn the_published_split_has_its_counts_and_shares_no_character() {
    let Some(root) = common::real_data() else { return };
    let (_, split) = load(&root);
    let parts = [&split.train, &split.val, &split.test];
    assert_eq!(parts.map(|p| p.len()), [4112, 688, 1692]);
    let [train, val, test] = parts.map(|p| p.iter().map(|c: &ClassRef| c.class).collect::<HashSet<_>>());
    assert_eq!([train.len(), val.len(), test.len()], [1028, 172, 423]);
    assert!(train.is_disjoint(&val) && train.is_disjoint(&test) && val.is_disjoint(&test));
}

#[test]
fn a_short_training_on_omniglot_improves_on_chance() {
    let Some(root) = common::real_data() else { return };
    let (images, split) = load(&root);
    let shape = EpisodeShape::new(5, 1, 5);
    let episodes = |classes: &[ClassRef]| EpisodeSampler::new(&images, classes, shape, 0).unwrap();
    let model = Conv4::new([28, 28, 1], 16, Downsample::Stride, Some(5)).unwrap();
    let learner = maml_at(model, 0.4).steps(1).eval_steps(3);
    let config = TrainConfig::new(8, 5e-3, 150).clip_norm(10.0);
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config).unwrap();
    let train = episodes(&split.train);
    for _ in 0..150 {
        trainer.step(&train).unwrap();
    }
    let report = evaluate(&learner, trainer.learned(), &episodes(&split.val), 100).unwrap();
    let accuracy = report[3].transductive.accuracy.unwrap().mean;
    println!("validation accuracy after 150 meta-steps: {accuracy:.3}");
    assert!(accuracy > 0.5, "{accuracy}");
}
