//! Matching networks.

use super::*;

#[test]
fn with_one_shot_and_squared_distances_they_are_prototypical_networks() {
    let episode = episode::<f64>(1, 3);
    let mode = NormMode::Batch;
    let matching = MatchingNet::new(SMOOTH, mode.clone()).similarity(Similarity::SquaredEuclidean);
    let [found, want] =
        [Box::new(matching) as Box<dyn Trainable<f64>>, Box::new(ProtoNet::new(SMOOTH, mode))].map(
            |learner| {
                meta_grad(&learner, &learned(&*learner), std::slice::from_ref(&episode), &Progress::default())
            },
        );
    let (found, want) = (found.unwrap(), want.unwrap());
    assert!((found.loss / want.loss - 1.0).abs() < 1e-12, "{} for {}", found.loss, want.loss);
    for (a, b) in found.grads.iter().zip(&want.grads) {
        assert!(largest_difference(a, b) < 1e-12);
    }
}

#[test]
fn outputs_are_the_logarithms_of_shares() {
    for learner in matching::<f64>(SMOOTH, &NormMode::Batch) {
        let episode = episode::<f64>(2, 5);
        let adapted = adapted(&*learner, &episode.support);
        let outputs = learner.predict(&adapted, &episode.query.x).unwrap();
        for row in outputs.outer_iter() {
            let sum = row.iter().map(|v| v.exp()).sum::<f64>();
            assert!((sum - 1.0).abs() < 1e-12, "{learner:?}: {sum}");
        }
    }
}

#[test]
fn the_order_of_the_support_set_matters_to_full_contexts_alone() {
    let Episode { support, query, .. } = episode::<f64>(2, 7);
    let n = support.len();
    let order: Vec<_> = (0..n).rev().collect();
    let labels = order.iter().map(|&i| support.y.labels().unwrap()[i]).collect();
    let turned = Examples::labelled(support.x.select(Axis(0), &order), labels, WAYS);
    for (learner, matters) in matching::<f64>(SMOOTH, &NormMode::Batch).into_iter().zip([true, false, false])
    {
        let [a, b] =
            [&support, &turned].map(|set| learner.predict(&adapted(&*learner, set), &query.x).unwrap());
        assert_eq!(largest_difference(&a, &b) > 1e-9, matters, "{learner:?}");
    }
}

#[test]
fn a_context_that_is_never_read_is_refused() {
    let learner = MatchingNet::new(SMOOTH, NormMode::Batch).full_context(0);
    let error = Learner::<f64>::check_settings(&learner).unwrap_err();
    assert!(matches!(error, Error::Setting { name: "reads", .. }), "{error}");
}
