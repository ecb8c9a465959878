//! Prototypical networks.

use super::*;

/// Embeds `[n, 2]` as itself times one scale per axis, at first the identity.
#[derive(Debug)]
struct Identity;

impl Network for Identity {
    fn specs(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::scale("scale", 2)]
    }

    fn check_input(&self, shape: &[usize]) -> Result<(), Error> {
        assert_eq!(shape[1..], [2]);
        Ok(())
    }

    fn outputs(&self) -> usize {
        2
    }
}

impl<T: Real> Model<T> for Identity {
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, _norm: Norm<'_>) -> Var<'t, T> {
        x * params[0]
    }
}

fn protonet() -> ProtoNet<Identity> {
    ProtoNet::new(Identity, NormMode::Batch)
}

fn identity() -> Learned<f64> {
    Learned::from(Identity.init(0))
}

/// Prototypes (0, 1) and (4, 0); class 1 has its two examples around class 0's.
fn points(order: [usize; 4]) -> Episode<f64> {
    let all = [([3.0, 0.0], 1), ([0.0, 2.0], 0), ([0.0, 0.0], 0), ([5.0, 0.0], 1)];
    let rows: Vec<[f64; 2]> = order.iter().map(|&i| all[i].0).collect();
    let labels = order.iter().map(|&i| all[i].1).collect();
    let support = Examples::labelled(arr2(&rows).into_dyn(), labels, 2);
    let x = arr2(&[[0.0, 0.0], [4.0, 1.0], [2.0, 3.0]]).into_dyn();
    Episode::new(support, Examples::labelled(x, vec![0, 1, 0], 2)).unwrap()
}

#[test]
fn prototype_logits_are_minus_the_squared_distances_to_the_class_means() {
    let episode = points([0, 1, 2, 3]);
    let adapted = protonet().adapt(&identity(), &episode.support).unwrap();
    assert_eq!(*adapted.array("prototypes").unwrap(), arr2(&[[0.0, 1.0], [4.0, 0.0]]).into_dyn());
    let logits = protonet().predict(&adapted, &episode.query.x).unwrap();
    assert_eq!(logits, arr2(&[[-1.0, -16.0], [-16.0, -1.0], [-8.0, -13.0]]).into_dyn());
    assert_eq!(protonet().predict_together(&adapted, &episode.query.x).unwrap(), logits);
}

#[test]
fn the_prototype_gradient_is_the_slope_of_the_query_loss() {
    let params = [arr1(&[0.7, -0.4]).into_dyn()];
    let error = slope_error(&protonet(), &params, &points([0, 1, 2, 3]));
    assert!(error < 1e-6, "identity: {error:e}");
    let model = small_conv4(Downsample::MaxPool).embedding();
    let params = model.init(5);
    let learner = ProtoNet::new(model, NormMode::Batch);
    let error = slope_error(&learner, &params, &random_episode(&[16, 16, 1], 3, 7));
    assert!(error < 1e-6, "Conv4: {error:e}");
}

#[test]
fn the_order_of_the_support_set_does_not_matter_to_prototypes() {
    let task = lesson(&protonet(), &identity(), &points([0, 1, 2, 3]));
    for order in [[3, 2, 1, 0], [1, 2, 0, 3], [2, 0, 3, 1]] {
        assert_eq!(lesson(&protonet(), &identity(), &points(order)), task, "{order:?}");
    }
}

#[test]
fn a_learner_without_inner_steps_has_a_single_score() {
    let episode = points([0, 1, 2, 3]);
    let scores = protonet().scores(&identity(), &episode).unwrap();
    let score = lesson(&protonet(), &identity(), &episode).score;
    assert_eq!(scores, [Scores { inductive: score, transductive: score }]);
}
