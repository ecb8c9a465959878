//! Distances, prototypes refined by unlabelled inputs, ridge regression.

use super::*;

#[test]
fn distances_ignore_a_shift_of_all_embeddings_and_cosines_their_scale() {
    let episode: Episode<f64> = episode(2, 1);
    let logits = |scale, shift, distance| {
        let learner = ProtoNet::new(Smooth { scale, shift }, NormMode::Batch).distance(distance);
        learner.predict(&adapted(&learner, &episode.support), &episode.query.x).unwrap()
    };
    let (euclidean, cosine) = (Distance::SquaredEuclidean, Distance::Cosine { scale: 10.0 });
    assert!(largest_difference(&logits(1.0, 0.0, euclidean), &logits(1.0, 5.0, euclidean)) < 1e-11);
    assert!(largest_difference(&logits(1.0, 0.0, euclidean), &logits(3.0, 0.0, euclidean)) > 0.1);
    assert!(largest_difference(&logits(1.0, 0.0, cosine), &logits(3.0, 0.0, cosine)) < 1e-11);
    assert!(largest_difference(&logits(1.0, 0.0, cosine), &logits(1.0, 5.0, cosine)) > 0.1);
    // a scale of ¼ is as good as embeddings of half the length
    let quarter = Distance::Scaled { scale: 0.25 };
    assert!(largest_difference(&logits(1.0, 0.0, quarter), &logits(0.5, 0.0, euclidean)) < 1e-11);
}

#[test]
fn without_unlabelled_inputs_every_refinement_is_protonet() {
    for mode in modes() {
        let mut episode: Episode<f64> = episode(2, 2);
        let plain = ProtoNet::new(SMOOTH, mode.clone());
        for unlabelled in [None, Some(ArrayD::zeros(vec![0, INPUTS]))] {
            episode.support.unlabelled = unlabelled;
            let start = learned::<f64>(&plain);
            let want = plain.lesson(&start, &episode, &Progress::default()).unwrap();
            let made = adapted(&plain, &episode.support);
            for refinement in REFINEMENTS {
                let semi = SemiProtoNet::new(SMOOTH, mode.clone(), refinement);
                let found = semi.lesson(&learned::<f64>(&semi), &episode, &Progress::default()).unwrap();
                assert_eq!((found.score, &found.grads[..4]), (want.score, &want.grads[..]), "{refinement:?}");
                assert!(found.grads[4..].iter().flatten().all(|g| *g == 0.0));
                let by_semi = adapted(&semi, &episode.support);
                let x = &episode.query.x;
                assert_eq!(semi.predict(&by_semi, x).unwrap(), plain.predict(&made, x).unwrap());
                assert_eq!(
                    semi.predict_together(&by_semi, x).unwrap(),
                    plain.predict_together(&made, x).unwrap()
                );
            }
        }
    }
}

#[test]
fn unlabelled_copies_of_the_support_set_leave_prototypes_when_assignments_are_hard() {
    let mut episode: Episode<f64> = episode(2, 3);
    for (label, mut row) in episode.support.x.outer_iter_mut().enumerate() {
        row.fill(0.01 * label as f64);
        row[[label % WAYS]] = 100.0;
    }
    episode.support.unlabelled = Some(episode.support.x.clone());
    let plain = adapted(&ProtoNet::new(IDENTITY, NormMode::Batch), &episode.support);
    for refinement in [Refinement::SoftKMeans, Refinement::Distractor { radius: 1.0 }] {
        let semi = adapted(&SemiProtoNet::new(IDENTITY, NormMode::Batch, refinement), &episode.support);
        let [a, b] = [&plain, &semi].map(|adapted| adapted.array("prototypes").unwrap());
        assert!(largest_difference(a, b) < 1e-11);
    }
}

#[test]
fn a_distractor_cluster_of_endless_radius_takes_nothing() {
    let episode: Episode<f64> = episode(2, 4);
    let made =
        |refinement| adapted(&SemiProtoNet::new(IDENTITY, NormMode::Batch, refinement), &episode.support);
    let (soft, wide) = (made(Refinement::SoftKMeans), made(Refinement::Distractor { radius: 1e100 }));
    let share = wide.array("assignment").unwrap();
    assert_eq!(share.shape(), [7, WAYS + 1]);
    assert!(share.index_axis(Axis(1), WAYS).iter().all(|share| *share < 1e-30));
    let [a, b] = [soft, wide].map(|adapted| adapted.array("prototypes").unwrap().clone());
    assert!(largest_difference(&a, &b) < 1e-12);
}

#[test]
fn the_distractor_cluster_takes_what_is_far_from_all_classes() {
    let support = Examples::labelled(arr2(&[[3.0, 0.0], [0.0, 3.0]]).into_dyn(), vec![0, 1], 2)
        .with_unlabelled(arr2(&[[2.9, 0.0], [-20.0, -20.0]]).into_dyn());
    let learner = SemiProtoNet::new(IDENTITY, NormMode::Batch, Refinement::Distractor { radius: 30.0 });
    let made = adapted::<f64>(&learner, &support);
    let share = made.array("assignment").unwrap();
    assert!(share[[0, 0]] > 0.9 && share[[1, 2]] > 0.999, "{share}");
}

#[test]
fn the_mask_hides_what_is_far_from_a_class() {
    let mut unlabelled = noise::<f64>(&[30, 2], 5);
    unlabelled.index_axis_mut(Axis(0), 0).fill(40.0);
    let support = Examples::labelled(arr2(&[[0.5, 0.0], [0.0, 0.5]]).into_dyn(), vec![0, 1], 2)
        .with_unlabelled(unlabelled);
    let learner = SemiProtoNet::new(IDENTITY, NormMode::Batch, Refinement::Masked { hidden: 5 });
    let made = adapted::<f64>(&learner, &support);
    let mask = made.array("mask").unwrap();
    assert!(mask.index_axis(Axis(0), 0).iter().all(|m| *m < 1e-8), "{mask}");
    assert!(mask.outer_iter().skip(1).flatten().all(|m| *m > 0.5), "{mask}");
}

#[test]
fn a_single_unlabelled_input_and_one_on_the_prototype_give_finite_gradients() {
    for x in [arr2(&[[0.3, -0.2]]), arr2(&[[1.0, 0.0]])] {
        let support = Examples::labelled(arr2(&[[1.0, 0.0], [0.0, 1.0]]).into_dyn(), vec![0, 1], 2)
            .with_unlabelled(x.into_dyn());
        let query = Examples::labelled(arr2(&[[0.5, 0.1]]).into_dyn(), vec![0], 2);
        let episode = Episode::new(support, query).unwrap();
        let learner = SemiProtoNet::new(IDENTITY, NormMode::Batch, Refinement::Masked { hidden: 3 });
        let meta = meta_grad(&learner, &learned::<f64>(&learner), &[episode], &Progress::default()).unwrap();
        assert!(meta.grads.iter().flatten().all(|g| g.is_finite()));
    }
}

#[test]
fn a_stopped_assignment_changes_the_gradient_and_not_the_loss() {
    let episode: Episode<f64> = episode(2, 6);
    let lesson = |follows| {
        let learner = SemiProtoNet::new(SMOOTH, NormMode::Batch, Refinement::SoftKMeans).follows(follows);
        learner.lesson(&learned::<f64>(&learner), &episode, &Progress::default()).unwrap()
    };
    let (paper, code) = (lesson(Follows::Paper), lesson(Follows::Code));
    assert_eq!(paper.score, code.score);
    assert!(largest_difference(&paper.grads[0], &code.grads[0]) > 1e-4);
}

#[test]
fn a_great_ridge_gives_zero_weights_and_a_small_one_the_labels_of_the_support_set() {
    let episode: Episode<f64> = episode(2, 7); // 6 examples, 7 features with the bias
    let with = |lambda: f64| {
        let learner = R2d2::new(SMOOTH, NormMode::Batch).lambda(lambda).calibration(1.0, 0.0);
        let made = adapted(&learner, &episode.support);
        let logits = learner.predict(&made, &episode.support.x).unwrap();
        (made.array("weights").unwrap().clone(), logits)
    };
    let weights = with(1e15).0;
    assert_eq!(weights.shape(), [FEATURES + 1, WAYS]);
    assert!(weights.iter().all(|w| w.abs() < 1e-14 && *w != 0.0));
    // then λn·W holds the sums of the embeddings of each class
    let (weights, prototypes) =
        (with(1e9).0, adapted(&ProtoNet::new(SMOOTH, NormMode::Batch), &episode.support));
    let sums = prototypes.array("prototypes").unwrap() * 2.0;
    let weights = weights.slice_axis(Axis(0), (..FEATURES).into()).t().to_owned() * 6e9;
    assert!(largest_difference(&weights, &sums) < 1e-7);
    let (_, logits) = with(1e-11);
    let labels = episode.support.y.labels().unwrap();
    let one_hot = ArrayD::from_shape_fn(vec![6, WAYS], |at| f64::from(labels[at[0]] == at[1]));
    assert!(largest_difference(&logits, &one_hot) < 1e-6);
}

#[test]
fn a_ridge_system_that_cannot_be_solved_is_an_error_that_names_the_task() {
    for shots in [2, 5] {
        let mut episode: Episode<f64> = episode(shots, 8);
        episode.support.x.fill(0.5);
        let learner = R2d2::new(IDENTITY, NormMode::Batch).lambda(1e-300);
        let start = learned::<f64>(&learner);
        let refused = learner.adapt(&start, &episode.support).unwrap_err();
        assert!(matches!(refused, Error::NotSolvable { op: "solve_spd", .. }), "{refused}");
        let progress = Progress::default();
        match meta_grad(&learner, &start, &[episode], &progress).unwrap_err() {
            Error::Task { task: 0, source } => assert!(matches!(*source, Error::NotSolvable { .. })),
            other => panic!("{other}"),
        }
    }
}
