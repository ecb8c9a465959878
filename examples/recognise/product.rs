//! What a program does that uses a pretrained learner.

use std::path::{Path, PathBuf};
use std::time::Instant;

use innerloop::{
    Classifier, Conv4, Drawings, Examples, GradientDescent, ImageSet, Learner, Maml, Pretrained, ProtoNet,
    Result, SlowBody,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Kind;

/// MAML whose body moves little.
pub type SlowMaml = Maml<Conv4, SlowBody<GradientDescent>>;

/// The side of an image.
pub const SIZE: usize = 28;

pub fn learn(kind: Kind, pretrained: &Path, pictures: &Path, classifier: &Path) -> Result<()> {
    let images = Drawings::new(SIZE).load(pictures)?;
    match kind {
        Kind::Protonet => learned::<ProtoNet<Conv4>>(pretrained, &images)?.save(classifier)?,
        Kind::Maml => learned::<SlowMaml>(pretrained, &images)?.save(classifier)?,
        Kind::MamlSmall => learned::<Maml<Conv4>>(pretrained, &images)?.save(classifier)?,
    }
    println!("saved as {}", classifier.display());
    Ok(())
}

/// The pretrained learner of a file, adapted to pictures by class.
pub fn learned<L>(file: &Path, images: &ImageSet) -> Result<Classifier<L>>
where
    L: Learner<f32> + Serialize + DeserializeOwned,
{
    let pretrained = Pretrained::<L>::load(file)?;
    let (mut pictures, mut labels) = (Vec::new(), Vec::new());
    for class in 0..images.classes() {
        for image in 0..images.images_of(class) {
            pictures.push(images.image(class, image));
            labels.push(class);
        }
    }
    let x = pretrained.pixels.inputs(&pictures, images.shape())?;
    let names: Vec<_> = (0..images.classes()).map(|class| images.class_name(class)).collect();
    let start = Instant::now();
    let classifier = pretrained.adapt(&Examples::labelled(x, labels, names.len()), &names)?;
    let took = 1e3 * start.elapsed().as_secs_f64();
    println!("learned {} from {} pictures in {took:.1} ms", names.join(", "), pictures.len());
    Ok(classifier)
}

pub fn read(kind: Kind, classifier: &Path, pictures: &[PathBuf]) -> Result<()> {
    match kind {
        Kind::Protonet => answer(&Classifier::<ProtoNet<Conv4>>::load(classifier)?, pictures).map(drop),
        Kind::Maml => answer(&Classifier::<SlowMaml>::load(classifier)?, pictures).map(drop),
        Kind::MamlSmall => answer(&Classifier::<Maml<Conv4>>::load(classifier)?, pictures).map(drop),
    }
}

/// Prints the answer to each picture; returns what was answered.
pub fn answer<L: Learner<f32>>(classifier: &Classifier<L>, pictures: &[PathBuf]) -> Result<Vec<String>> {
    let photos = Drawings::new(SIZE);
    let mut answers = Vec::new();
    for picture in pictures {
        let x = photos.input(picture, &classifier.pixels)?;
        let start = Instant::now();
        let answer = classifier.answers(&x)?[0];
        let took = 1e3 * start.elapsed().as_secs_f64();
        let (name, percent) = (answer.name, 100.0 * answer.probability);
        let doubt = if answer.fits { "" } else { ", but it looks like none of them" };
        let file = picture.file_name().unwrap_or_default().to_string_lossy();
        println!("{file}: {name} ({percent:.0} %){doubt}, in {took:.1} ms");
        answers.push(if answer.fits { name.to_owned() } else { "none".into() });
    }
    Ok(answers)
}
