//! Queries that are normalised by the support set's statistics in training.

use innerloop::{Distance, Downsample, Maml, NormMode, Order, ProtoNet, Route, Trainable};

use super::{embedding, moved, slope_error};
use crate::tasks::{distance, random_episode, small_conv4, start};

#[test]
fn the_meta_gradient_through_support_statistics_is_the_slope_of_the_meta_loss() {
    let episode = random_episode::<f64>(&[16, 16, 1], 3, 7);
    for downsample in [Downsample::MaxPool, Downsample::Stride] {
        let maml = Maml::new(small_conv4(downsample), 0.1, Order::Second, NormMode::Support).steps(2);
        let error = slope_error(&maml, &moved(&maml), &episode, &start());
        assert!(error < 1e-6, "MAML {downsample:?}: {error:e}");
    }
    for distance in
        [Distance::SquaredEuclidean, Distance::Scaled { scale: 0.2 }, Distance::Cosine { scale: 5.0 }]
    {
        for norm in [NormMode::Support, NormMode::Together] {
            let learner = ProtoNet::new(embedding(), norm).distance(distance);
            let error = slope_error(&learner, &moved(&learner), &episode, &start());
            assert!(error < 1e-6, "{learner:?}: {error:e}");
        }
    }
}

#[test]
fn unrolling_and_sweeping_agree_with_support_statistics() {
    let episode = random_episode::<f64>(&[16, 16, 1], 3, 7);
    for norm in [NormMode::Support, NormMode::Together] {
        let by = |route| {
            let maml = Maml::new(small_conv4(Downsample::MaxPool), 0.1, Order::Second, norm.clone());
            let maml = maml.steps(2).route(route);
            maml.lesson(&moved(&maml), &episode, &start()).unwrap()
        };
        let (unrolled, swept) = (by(Route::Unrolled), by(Route::Sweep));
        assert!((swept.score.loss / unrolled.score.loss - 1.0).abs() < 1e-13, "{norm:?}");
        let apart = distance(&swept.grads, &unrolled.grads);
        assert!(apart < 1e-12, "{norm:?}: {apart:e}");
    }
}

/// What is trained is what a user's prediction is later: in other modes these differ.
#[test]
fn the_loss_of_training_by_support_statistics_is_that_of_inductive_predictions() {
    fn apart(learner: &impl Trainable<f64>) -> f64 {
        let (learned, episode) = (moved(learner), random_episode(&[16, 16, 1], 3, 7));
        let trained = learner.lesson(&learned, &episode, &start()).unwrap().score.loss;
        let inductive = learner.scores(&learned, &episode).unwrap().last().unwrap().inductive.loss;
        (trained / inductive - 1.0).abs()
    }
    let maml = |norm| Maml::new(small_conv4(Downsample::MaxPool), 0.1, Order::Second, norm).steps(2);
    let protonet = |norm| ProtoNet::new(embedding(), norm);
    assert!(apart(&maml(NormMode::Support)) < 1e-12 && apart(&protonet(NormMode::Support)) < 1e-12);
    assert!(apart(&maml(NormMode::Batch)) > 1e-3 && apart(&protonet(NormMode::Batch)) > 1e-3);
}
