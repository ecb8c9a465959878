//! What a program does that uses a trained learner.

use std::path::{Path, PathBuf};

use innerloop::{Classifier, Conv4, Examples, Photos, Pretrained, ProtoNet, Result};

/// What is trained: any number of new classes, from any number of pictures of each, without a step of training.
pub type Learner = ProtoNet<Conv4>;

pub fn adapt(photos: &Path, out: &Path) -> Result<()> {
    let pretrained = Pretrained::<Learner>::load(&out.join("pretrained.safetensors"))?;
    let shape = pretrained.learner.model.image();
    let images = Photos::new(shape[0]).load(photos)?;
    let (mut pictures, mut labels) = (Vec::new(), Vec::new());
    for class in 0..images.classes() {
        for image in 0..images.images_of(class) {
            pictures.push(images.image(class, image));
            labels.push(class);
        }
    }
    let x = pretrained.pixels.inputs(&pictures, shape)?;
    let names: Vec<_> = (0..images.classes()).map(|class| images.class_name(class)).collect();
    let classifier = pretrained.adapt(&Examples::labelled(x, labels, names.len()), &names)?;
    let file = out.join("classifier.safetensors");
    classifier.save(&file)?;
    println!("learned {} from {} pictures; {} knows them", names.join(", "), pictures.len(), file.display());
    Ok(())
}

pub fn predict(pictures: &[PathBuf], out: &Path) -> Result<()> {
    let classifier = Classifier::<Learner>::load(&out.join("classifier.safetensors"))?;
    let photos = Photos::new(classifier.learner.model.image()[0]);
    for picture in pictures {
        let x = photos.input(picture, &classifier.pixels)?;
        println!("{}: {}", picture.display(), classifier.names(&x)?[0]);
    }
    Ok(())
}
