//! The pretrained learners that come with the crate, on the pictures that come with it: what `cargo run --example recognise` shows;
//! and the one that comes with its figure, on the data that it is of.
#![cfg(all(feature = "images", feature = "safetensors", feature = "serde"))]

use std::fs;
use std::path::{Path, PathBuf};

use innerloop::{
    Classifier, Conv4, Downsample, Drawings, EpisodeSampler, EpisodeShape, Examples, GradientDescent,
    LastStep, Learned, Learner, Maml, Omniglot, Pretrained, ProtoNet, SlowBody, Split, evaluate,
    load_learned,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::common::real_data;

fn below(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path)
}

/// The learner of a file, adapted to one picture of each character.
fn adapted<L: Learner<f32> + Serialize + DeserializeOwned>(file: &str) -> Classifier<L> {
    let pretrained = Pretrained::<L>::load(&below("pretrained").join(file)).unwrap();
    assert!(pretrained.confidence.is_some());
    let images = Drawings::new(28).load(below("recognise/pictures/learn")).unwrap();
    let pictures: Vec<_> = (0..images.classes()).map(|class| images.image(class, 0)).collect();
    let names: Vec<_> = (0..images.classes()).map(|class| images.class_name(class)).collect();
    let x = pretrained.pixels.inputs(&pictures, images.shape()).unwrap();
    pretrained.adapt(&Examples::labelled(x, (0..5).collect(), 5), &names).unwrap()
}

/// How many pictures of known characters are named rightly, and how many pictures of others are said to fit none.
fn right<L: Learner<f32>>(classifier: &Classifier<L>) -> [usize; 2] {
    let mut right = [0; 2];
    for entry in fs::read_dir(below("recognise/pictures/read")).unwrap() {
        let path = entry.unwrap().path();
        let x = Drawings::new(28).input(&path, &classifier.pixels).unwrap();
        let answer = classifier.answers(&x).unwrap()[0];
        let shown = path.file_name().unwrap().to_string_lossy().into_owned();
        let alone = classifier.probabilities(&x).unwrap();
        assert!((alone.sum() - 1.0).abs() < 1e-5);
        if shown.starts_with("none") {
            right[1] += usize::from(!answer.fits);
        } else {
            right[0] += usize::from(shown.starts_with(answer.name));
        }
    }
    right
}

#[test]
fn prototypes_know_the_characters_of_other_hands() {
    let classifier = adapted::<ProtoNet<Conv4>>("protonet.safetensors");
    let [known, _] = right(&classifier);
    assert!(known >= 14, "{known} of 15");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("classifier.safetensors");
    classifier.save(&file).unwrap();
    let loaded = Classifier::<ProtoNet<Conv4>>::load(&file).unwrap();
    assert_eq!((loaded.adapted, loaded.classes), (classifier.adapted, classifier.classes));
    assert_eq!(loaded.confidence, classifier.confidence);
}

#[test]
fn maml_knows_the_characters_of_other_hands() {
    let [known, _] = right(&adapted::<Maml<Conv4, SlowBody<GradientDescent>>>("maml.safetensors"));
    assert!(known >= 14, "{known} of 15");
    let [known, _] = right(&adapted::<Maml<Conv4>>("maml-small.safetensors"));
    assert!(known >= 13, "{known} of 15, by the small one");
}

#[test]
fn all_of_them_are_small() {
    let entries = fs::read_dir(below("pretrained")).unwrap();
    let bytes: u64 = entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < 1_500_000, "{bytes}");
}

#[test]
fn maml_plus_plus_has_its_figure_on_characters_that_it_never_saw() {
    let Some(root) = real_data() else { return };
    let images = Omniglot::load(root.join("omniglot")).unwrap();
    let split = Split::random(&images, 1200, 423, true, 0).unwrap();
    let test = EpisodeSampler::new(&images, &split.test, EpisodeShape::new(5, 1, 15), 2017).unwrap();
    let model = Conv4::new([28, 28, 1], 64, Downsample::MaxPool, Some(5)).unwrap();
    let learner = Maml::plus_plus(model, 0.3, 5);
    let learned: Learned<f32> =
        load_learned(&below("pretrained/maml-plus-plus.safetensors"), &learner).unwrap();
    let report = &evaluate(&LastStep(&learner), &learned, &test, 40).unwrap()[0];
    let accuracy = report.transductive.accuracy.unwrap().mean;
    assert!(accuracy > 0.98, "{accuracy}");
}
