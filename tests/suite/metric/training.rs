//! Training.

use super::*;

#[test]
fn each_is_trained_and_evaluated_behind_dyn_on_images_with_distractors() {
    let images =
        Glyphs::default().alphabets(1).characters_per_alphabet(8).drawers(6).size(16).generate().unwrap();
    let shape = EpisodeShape::new(3, 1, 2);
    let tasks = EpisodeSampler::new(&images, &images.all(), shape, 4).unwrap().unlabelled(2, 2, 2).unwrap();
    let model = Conv4::new([16, 16, 1], 3, Downsample::MaxPool, None).unwrap();
    let momentum = 0.1;
    for mode in [NormMode::Together, NormMode::Tracked { momentum }, NormMode::TrackedTogether { momentum }] {
        for learner in learners::<f32>(Box::leak(Box::new(model.clone())) as &Conv4, &mode) {
            let config = TrainConfig::new(2, 1e-2, 2).seed(3);
            let mut trainer = Trainer::new(&learner, Adam::default(), config).unwrap();
            let before = trainer.learned().clone();
            trainer.step(&tasks).unwrap();
            assert!(trainer.learned().params[0] != before.params[0]);
            assert_eq!(trainer.learned().state != before.state, !before.state.is_empty());
            let reports = evaluate(&learner, trainer.learned(), &tasks, 3).unwrap();
            assert_eq!(reports.len(), 1);
            assert!(reports[0].inductive.accuracy.is_some());
        }
    }
}

#[test]
fn a_fixed_ridge_stays_where_it_is() {
    let specs = Learner::<f32>::specs(&R2d2::new(SMOOTH, NormMode::Batch).fixed_lambda());
    let rates: Vec<_> = specs[4..].iter().map(|spec| (spec.name.as_str(), spec.rate)).collect();
    assert_eq!(rates, [("log_lambda", 0.0), ("alpha", 1.0), ("beta", 1.0)]);
    let values = Learner::<f64>::init(&R2d2::new(SMOOTH, NormMode::Batch), 0);
    assert_eq!([&values[4], &values[5], &values[6]].map(|v| v[[]]), [50f64.ln(), 10.0, 0.0]);
}
