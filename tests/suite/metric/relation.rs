//! Relation networks.

use innerloop::{MapConv4, RelationNet, Targets, Tasks};

use super::*;

fn relation(norm: NormMode) -> RelationNet {
    RelationNet::new(MapConv4::new([17, 16, 1], 4).unwrap(), norm)
}

fn sampler() -> EpisodeSampler {
    let images =
        Glyphs::default().alphabets(2).characters_per_alphabet(6).drawers(8).size(20).generate().unwrap();
    EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 2, 3), 1).unwrap()
}

fn small() -> RelationNet {
    RelationNet::new(MapConv4::new([20, 20, 1], 4).unwrap(), NormMode::Batch)
}

#[test]
fn the_loss_of_a_constant_score_is_that_of_the_formula() {
    let y = Targets::Labels { labels: vec![0, 2, 1, 1], ways: 3 };
    for r in [0.0, 0.3, 1.0] {
        let score = Learner::<f64>::score(&relation(NormMode::Batch), &ArrayD::from_elem(vec![4, 3], r), &y);
        let want = ((r - 1.0).powi(2) + 2.0 * r * r) / 3.0;
        assert!((score.loss - want).abs() < 1e-12, "{} for {want}", score.loss);
    }
}

#[test]
fn evaluation_reports_the_loss_of_training_and_scores_lie_between_zero_and_one() {
    let (learner, episode) = (small(), Tasks::<Episode<f64>>::task(&sampler(), 0));
    let start = learned::<f64>(&learner);
    let lesson = learner.lesson(&start, &episode, &Progress::default()).unwrap();
    let scores = learner.scores(&start, &episode).unwrap();
    assert!((scores[0].transductive.loss - lesson.score.loss).abs() < 1e-12);
    let outputs = learner.predict(&adapted(&learner, &episode.support), &episode.query.x).unwrap();
    assert!(outputs.iter().all(|s| (0.0..=1.0).contains(s)), "{outputs}");
}

#[test]
fn a_relation_is_predicted_the_same_alone_and_after_a_file() {
    let (learner, episode) = (small(), Tasks::<Episode<f32>>::task(&sampler(), 3));
    let adapted = adapted::<f32>(&learner, &episode.support);
    let all = learner.predict(&adapted, &episode.query.x).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapted");
    innerloop::save_adapted(&path, &adapted).unwrap();
    let loaded = innerloop::load_adapted(&path).unwrap();
    for i in 0..episode.query.len() {
        let one = learner.predict(&loaded, &episode.query.x.select(Axis(0), &[i])).unwrap();
        assert_eq!(one.index_axis(Axis(0), 0), all.index_axis(Axis(0), i), "query {i}");
    }
}

#[test]
fn one_support_example_per_class_has_the_same_sum_and_mean() {
    let images =
        Glyphs::default().alphabets(1).characters_per_alphabet(4).drawers(5).size(20).generate().unwrap();
    let tasks = EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 1, 2), 1).unwrap();
    let episode: Episode<f64> = tasks.task(0);
    let [a, b] = [small(), small().mean()]
        .map(|learner| learner.predict(&adapted(&learner, &episode.support), &episode.query.x).unwrap());
    assert_eq!(a, b);
}

#[test]
fn it_learns_and_is_evaluated_behind_dyn() {
    let learner: Box<dyn Trainable<f32>> = Box::new(small());
    let tasks = sampler();
    let mut trainer = Trainer::new(&*learner, Adam::default(), TrainConfig::new(2, 3e-3, 80)).unwrap();
    let losses: Vec<f64> = (0..80).map(|_| trainer.step(&tasks).unwrap().loss).collect();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    assert!(mean(&losses[60..]) < 0.95 * mean(&losses[..20]), "{losses:?}");
    let report = &evaluate(&*learner, trainer.learned(), &tasks, 10).unwrap()[0];
    assert!(report.inductive.accuracy.is_some());
}

#[test]
fn maps_and_modules_that_do_not_fit_are_refused_by_name() {
    let refused = |learner: &dyn Learner<f64>, name| {
        let error = learner.check_settings().unwrap_err();
        assert!(matches!(error, Error::Setting { name: found, .. } if found == name), "{error}");
    };
    refused(&relation(NormMode::Batch).hidden(0), "hidden");
    refused(&relation(NormMode::Batch).pad(2), "pad");
    refused(&relation(NormMode::Batch).pad(0), "map");
    refused(&relation(NormMode::Batch).pad(usize::MAX), "pad");
    refused(&relation(NormMode::Batch).hidden(usize::MAX), "hidden");
    refused(&RelationNet::over(SMOOTH, [usize::MAX; 3], NormMode::Batch), "map");
    refused(&RelationNet::over(SMOOTH, [1, 1, FEATURES], NormMode::Batch), "map");
    refused(&RelationNet::over(SMOOTH, [4, 4, 1], NormMode::Batch), "map");
}
