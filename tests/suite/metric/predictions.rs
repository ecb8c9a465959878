//! Predictions, and what makes them.

use super::*;

#[test]
#[cfg(feature = "safetensors")]
fn what_was_adapted_predicts_the_same_bits_after_a_file() {
    use innerloop::{load_adapted, save_adapted};
    let folder = tempfile::tempdir().unwrap();
    let (path, episode) = (folder.path().join("adapted.safetensors"), episode::<f32>(2, 10));
    for mode in modes() {
        for (which, learner) in learners::<f32>(SMOOTH, &mode).iter().enumerate() {
            let made = adapted(learner, &episode.support);
            save_adapted(&path, &made).unwrap();
            let loaded: Adapted<f32> = load_adapted(&path).unwrap();
            let x = &episode.query.x;
            let bits = |made| [learner.predict(made, x).unwrap(), learner.predict_together(made, x).unwrap()];
            assert_eq!(bits(&made), bits(&loaded), "{mode:?} {which}");
        }
    }
}

#[test]
fn an_inductive_prediction_does_not_depend_on_the_rest_of_the_batch() {
    let episode = episode::<f64>(2, 11);
    for mode in modes() {
        for (which, learner) in learners::<f64>(SMOOTH, &mode).iter().enumerate() {
            let made = adapted(learner, &episode.support);
            let all = learner.predict(&made, &episode.query.x).unwrap();
            for (i, row) in episode.query.x.outer_iter().enumerate() {
                let alone = learner.predict(&made, &row.insert_axis(Axis(0)).to_owned()).unwrap();
                let want = all.index_axis(Axis(0), i).insert_axis(Axis(0)).to_owned();
                assert!(largest_difference(&alone, &want) < 1e-12, "{mode:?} {which}");
            }
        }
    }
}

/// So the support set and single queries are embedded by the same function.
#[test]
fn a_single_support_input_lies_on_its_prototype_in_every_mode() {
    let mut episode: Episode<f64> = episode(1, 12);
    episode.support.unlabelled = None;
    for mode in modes() {
        let learner = ProtoNet::new(SMOOTH, mode.clone());
        let logits = learner.predict(&adapted(&learner, &episode.support), &episode.support.x).unwrap();
        for i in 0..WAYS {
            assert!(logits[[i, i]].abs() < 1e-12, "{mode:?}: {logits}");
        }
    }
}

#[test]
fn predictions_have_the_loss_of_training_where_they_are_normalised_as_in_training() {
    let episode: Episode<f64> = episode(2, 13);
    for mode in modes() {
        for (which, learner) in learners::<f64>(SMOOTH, &mode).iter().enumerate() {
            let start = learned(learner);
            let want = loss(learner, &start, &episode);
            let scores = learner.scores(&start, &episode).unwrap();
            let same = if mode == NormMode::Support { scores[0].inductive } else { scores[0].transductive };
            assert!((same.loss - want).abs() < 1e-11, "{mode:?} {which}: {} {want}", same.loss);
        }
    }
}

/// What a learner of this mode tracks of an episode, with support set, unlabelled inputs and queries.
fn tracked_means(mode: NormMode, episode: &Episode<f64>) -> ArrayD<f64> {
    let learner = SemiProtoNet::new(SMOOTH, mode, Refinement::SoftKMeans);
    let start = learned::<f64>(&learner);
    let lesson = learner.lesson(&start, episode, &Progress::default()).unwrap();
    let mut state = start.state.clone();
    learner.absorb(&mut state, &[lesson.seen]);
    state[0].clone()
}

/// The means of the norm's inputs over a batch.
fn means_of(x: &ArrayD<f64>) -> ArrayD<f64> {
    let (tape, observer) = (Tape::new(), innerloop::Observer::new());
    let theta = tape.leaves(&Model::<f64>::init(&SMOOTH, 1));
    let _ = SMOOTH.forward(&theta, tape.constant(x), Norm::Observe(&observer));
    ArrayD::from_shape_vec(vec![1, FEATURES], observer.into_moments()[0].mean.clone()).unwrap()
}

#[test]
fn tracked_statistics_are_the_mean_over_all_sets_of_the_episode_or_those_of_all_sets_as_one() {
    let episode: Episode<f64> = episode(2, 14);
    let sets = [&episode.support.x, episode.support.unlabelled.as_ref().unwrap(), &episode.query.x];
    let apart = sets.iter().fold(ArrayD::zeros(vec![1, FEATURES]), |sum, x| sum + means_of(x) / 3.0);
    let together = means_of(&innerloop::ndarray::concatenate(Axis(0), &sets.map(|x| x.view())).unwrap());
    assert!(largest_difference(&apart, &together) > 1e-3);
    let found = tracked_means(NormMode::Tracked { momentum: 1.0 }, &episode);
    assert!(largest_difference(&found, &apart) < 1e-12);
    let found = tracked_means(NormMode::TrackedTogether { momentum: 1.0 }, &episode);
    assert!(largest_difference(&found, &together) < 1e-12);
}

/// As the authors train them: the gradient is that of one batch.
#[test]
fn together_has_the_same_gradients_with_and_without_tracking() {
    let episode: Episode<f64> = episode(2, 15);
    let tracked = NormMode::TrackedTogether { momentum: 0.2 };
    for (plain, tracks) in
        learners::<f64>(SMOOTH, &NormMode::Together).iter().zip(learners::<f64>(SMOOTH, &tracked))
    {
        let start = learned(&tracks);
        let grads = |learner: &dyn Trainable<f64>| {
            learner.lesson(&start, &episode, &Progress::default()).unwrap().grads
        };
        let (found, want) = (grads(&tracks), grads(plain));
        found.iter().zip(&want).for_each(|(a, b)| assert!(largest_difference(a, b) < 1e-12));
    }
}
