//! How good a pretrained learner is, on characters that it has not seen.

use std::path::Path;

use innerloop::{
    Conv4, EpisodeSampler, EpisodeShape, Evaluator, LastStep, Learner, Maml, Omniglot, Pretrained, ProtoNet,
    Result, Split, Tasks,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Kind;
use crate::product::SlowMaml;

pub fn measure(kind: Kind, file: &Path, root: &Path) -> Result<()> {
    match kind {
        Kind::Protonet => measured::<ProtoNet<Conv4>>(file, root, &[(5, 1), (5, 5), (20, 1), (20, 5)]),
        Kind::Maml => measured::<SlowMaml>(file, root, &[(5, 1), (5, 5)]),
        Kind::MamlSmall => measured::<Maml<Conv4>>(file, root, &[(5, 1), (5, 5)]),
    }
}

fn measured<L>(file: &Path, root: &Path, settings: &[(usize, usize)]) -> Result<()>
where
    L: Learner<f32> + Serialize + DeserializeOwned + Clone,
{
    let pretrained = Pretrained::<L>::load(file)?;
    let images = Omniglot::load(root)?;
    let split = Split::vinyals(&images, root.join("splits/vinyals"))?;
    for &(ways, shots) in settings {
        let shape = EpisodeShape::new(ways, shots, 15);
        let test = EpisodeSampler::new(&images, &split.test, shape, 2017)?;
        let validation = EpisodeSampler::new(&images, &split.val, shape, 1)?;
        let evaluation = Evaluator::new(&test, 600).validation(&validation, 200);
        println!(
            "{ways} ways, {shots} shots\n{}",
            evaluation.evaluate(&LastStep(&pretrained.learner), &pretrained.learned)?
        );
    }
    let shape = EpisodeShape::new(5, 1, 15);
    let test = EpisodeSampler::new(&images, &split.test, shape, 2017)?;
    let strangers = EpisodeSampler::new(&images, &split.test, shape, 2018)?;
    let (mut known, mut unknown, mut all) = (0, 0, 0);
    for i in 0..200 {
        let (episode, other) = (test.task(i), strangers.task(i));
        let classifier = pretrained.clone().adapt(&episode.support, &["a", "b", "c", "d", "e"])?;
        let count = |x| classifier.answers(x).map(|answers| answers.iter().filter(|a| a.fits).count());
        all += episode.query.x.shape()[0];
        known += count(&episode.query.x)?;
        // classes of another episode: one in 340 is by chance one of this one's
        unknown += count(&other.query.x)?;
    }
    let percent = |count: usize| 100.0 * count as f64 / all as f64;
    println!(
        "of {all} queries of 5 known characters {:.1} % are said to fit; of as many of others {:.1} %",
        percent(known),
        percent(unknown)
    );
    Ok(())
}
