//! TADAM.

use super::*;

fn lesson_of(learner: &dyn Trainable<f64>, learned: &Learned<f64>) -> innerloop::Lesson<f64> {
    learner.lesson(learned, &episode(2, 6), &Progress::default()).unwrap()
}

#[test]
fn before_training_it_is_prototypical_networks_bit_for_bit() {
    for mode in modes() {
        let (tadam, protonet) = (Tadam::new(SMOOTH, mode.clone()), ProtoNet::new(SMOOTH, mode));
        let start = learned(&tadam);
        let mut plain = start.clone();
        plain.params.truncate(4);
        let (found, want) = (lesson_of(&tadam, &start), lesson_of(&protonet, &plain));
        assert_eq!(found.score, want.score);
        assert_eq!(found.grads[..4], want.grads);
    }
}

#[test]
fn before_training_logits_are_those_of_prototypical_networks_scaled() {
    let (tadam, protonet) =
        (Tadam::new(SMOOTH, NormMode::Batch).alpha(7.5), ProtoNet::new(SMOOTH, NormMode::Batch));
    let (start, episode) = (learned::<f64>(&tadam), episode(2, 6));
    let plain = Learned::from(start.params[..4].to_vec());
    let logits = |learner: &dyn Learner<f64>, start| {
        learner.predict(&learner.adapt(start, &episode.support).unwrap(), &episode.query.x).unwrap()
    };
    assert_eq!(logits(&tadam, &start), 7.5 * logits(&protonet, &plain));
}

#[test]
fn the_scales_of_the_encoding_have_a_gradient_before_training() {
    let tadam = Tadam::new(SMOOTH, NormMode::Batch);
    let specs = Learner::<f64>::specs(&tadam);
    let grads = lesson_of(&tadam, &learned(&tadam)).grads;
    for name in ["film1_gamma0", "film1_beta0"] {
        let at = specs.iter().position(|spec| spec.name == name).unwrap();
        assert!(grads[at].iter().all(|g| g.abs() > 1e-6), "{name}: {}", grads[at]);
    }
}

#[test]
fn a_model_whose_norms_cannot_be_scaled_is_refused() {
    #[derive(Debug, Clone, Copy)]
    struct Unscaled;
    impl Network for Unscaled {
        fn specs(&self) -> Vec<ParamSpec> {
            vec![ParamSpec::bias("b", 2)]
        }
        fn check_input(&self, _: &[usize]) -> Result<()> {
            Ok(())
        }
        fn outputs(&self) -> usize {
            2
        }
        fn norms(&self) -> Vec<usize> {
            vec![2]
        }
    }
    impl<T: Real> Model<T> for Unscaled {
        fn forward<'t>(&self, _: &[Var<'t, T>], x: Var<'t, T>, _: Norm<'_>) -> Var<'t, T> {
            x
        }
    }
    let error = Learner::<f64>::check_settings(&Tadam::new(Unscaled, NormMode::Batch)).unwrap_err();
    assert!(matches!(error, Error::Setting { name: "model", .. }), "{error}");
}
