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

const CLASSES: usize = 7;

fn co_trained() -> CoTrained<Tadam<Smooth>, Smooth> {
    CoTrained::new(Tadam::new(SMOOTH, NormMode::Batch), SMOOTH, NormMode::Batch, CLASSES)
}

fn accompanied() -> Accompanied<f64> {
    let x = ArrayD::from_shape_fn(vec![9, INPUTS], |at| ((at[0] * 5 + at[1] * 3) % 11) as f64 * 0.2 - 1.0);
    let batch = Examples::labelled(x, (0..9).map(|i| i % CLASSES).collect(), CLASSES);
    Accompanied::new(episode(2, 6), batch)
}

/// A point of training where the batch counts, or does not.
fn place(counts: bool) -> Progress {
    let places = (0..).map(|task| Progress::new(3, 100).at(40).of_task(task));
    places.into_iter().find(|at| co_trained().counts(at) == counts).unwrap()
}

#[test]
fn the_auxiliary_batch_counts_as_often_as_said_and_fades_out() {
    let learner = co_trained();
    for (iteration, probability) in
        [(0, 0.9), (49, 0.9f64.powi(10)), (99, 0.9f64.powi(20)), (100, 0.9f64.powi(21))]
    {
        let at = |task| Progress::new(1, 100).at(iteration).of_task(task);
        assert!((learner.probability(&at(0)) - probability).abs() < 1e-12, "{iteration}");
        let counted = (0..4000).filter(|&task| learner.counts(&at(task))).count();
        let share = counted as f64 / 4000.0;
        assert!((share - probability).abs() < 0.03, "{iteration}: {share} where {probability} is said");
    }
}

#[test]
fn without_the_batch_a_lesson_is_the_learners_and_with_it_the_slope_of_both_losses() {
    let learner = co_trained();
    let start = learned::<f64>(&learner);
    let own = Learned::from(start.params[..start.params.len() - 2].to_vec());
    let task = accompanied();
    let lesson = |learned: &Learned<f64>, at| learner.lesson(learned, &task, &at).unwrap();

    let (found, want) = (lesson(&start, place(false)), lesson_of(&learner.learner, &own));
    assert_eq!((found.score, &found.grads[..want.grads.len()]), (want.score, &want.grads[..]));
    assert!(found.grads[want.grads.len()..].iter().all(|g| g.iter().all(|v| *v == 0.0)));

    let loss = |learned: &Learned<f64>| {
        let tape = Tape::new();
        let theta = tape.leaves(&learned.params);
        let z = SMOOTH.forward(&theta[..4], tape.constant(&task.batch.x), Norm::Batch);
        let logits = z.linear(theta[theta.len() - 2], theta[theta.len() - 1]);
        let batch = innerloop::cross_entropy(logits, task.batch.y.labels().unwrap()).item();
        lesson(learned, place(true)).score.loss + batch
    };
    let grads = lesson(&start, place(true)).grads;
    let step = 1e-5;
    for (i, grad) in grads.iter().enumerate() {
        let mut count = 0.0;
        let direction = ArrayD::from_shape_simple_fn(grad.shape(), || {
            count += 1.3;
            f64::sin(count)
        });
        let moved = |by: f64| {
            let mut learned = start.clone();
            learned.params[i] = &learned.params[i] + by * &direction;
            loss(&learned)
        };
        let (slope, said) = ((moved(step) - moved(-step)) / (2.0 * step), (grad * &direction).sum());
        assert!((slope - said).abs() < 1e-6 * (1.0 + said.abs()), "parameter {i}: {slope} and {said}");
    }
}

#[test]
fn a_batch_that_does_not_fit_and_a_foreign_model_are_refused() {
    let learner = co_trained();
    let refused = |batch, counts| {
        let task = Accompanied::new(episode(2, 6), batch);
        learner.lesson(&learned(&learner), &task, &place(counts)).unwrap_err()
    };
    for counts in [true, false] {
        let x = accompanied().batch.x;
        let other_classes = refused(Examples::labelled(x.clone(), vec![0; 9], 3), counts);
        assert!(matches!(other_classes, Error::Setting { name: "ways", .. }), "{other_classes}");
        let wide = ArrayD::zeros(vec![9, INPUTS + 1]);
        let other_inputs = refused(Examples::labelled(wide, vec![0; 9], CLASSES), counts);
        assert!(matches!(other_inputs, Error::Shape { .. }), "{other_inputs}");
        let values = refused(Examples::valued(x, ArrayD::zeros(vec![9, 1])), counts);
        assert!(matches!(values, Error::Setting { name: "ways", .. }), "{values}");
    }
    let foreign = CoTrained::new(
        R2d2::new(SMOOTH, NormMode::Batch),
        innerloop::Mlp::new(&[3, 2]).unwrap(),
        NormMode::Batch,
        3,
    );
    assert!(matches!(Learner::<f64>::check_settings(&foreign), Err(Error::Setting { name: "model", .. })));
}
