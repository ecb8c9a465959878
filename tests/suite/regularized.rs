//! Learners with networks that are random in training: the same function in every pass of a lesson, none in use.

use innerloop::ndarray::ArrayD;
use innerloop::{
    DropBlocks, Episode, Examples, InTraining, Learned, Learner, Maml, NoisyResNet12, NormMode, Order,
    Progress, ProtoNet, Regularized, RelationNet, ResNet12, Route, Targets, Trainable,
};

const IMAGE: [usize; 3] = [16, 16, 1];

fn network(ways: Option<usize>) -> NoisyResNet12 {
    let model = ResNet12::new(IMAGE, [2, 3, 2, 4], ways).unwrap();
    NoisyResNet12::new(model, DropBlocks::new(IMAGE).rate(0.3).ramp(10)).unwrap()
}

fn examples(n: usize, from: usize) -> Examples<f64> {
    let x = ArrayD::from_shape_fn(vec![n, 16, 16, 1], |i| {
        (((from + i[0]) * 71 + i[1] * 13 + i[2] * 5) as f64 * 12.9898).sin()
    });
    Examples::labelled(x, (0..n).map(|i| i % 2).collect(), 2)
}

fn episode() -> Episode<f64> {
    Episode::new(examples(4, 0), examples(6, 100)).unwrap()
}

fn proto() -> impl Trainable<f64> {
    Regularized::new(network(None), |model| ProtoNet::new(model, NormMode::Together))
}

fn maml(route: Route, model: InTraining<NoisyResNet12>) -> Maml<InTraining<NoisyResNet12>> {
    Maml::new(model, 0.1, Order::Second, NormMode::Batch).steps(2).route(route)
}

fn at(iteration: u64) -> Progress {
    Progress::new(5, 100).at(iteration)
}

#[test]
fn a_lesson_is_a_function_of_where_training_stands_and_of_nothing_else() {
    let (learner, episode) = (proto(), episode());
    let learned = Learned::from(learner.init(0));
    let lesson = |progress: Progress| learner.lesson(&learned, &episode, &progress).unwrap();
    assert_eq!(lesson(at(20)), lesson(at(20)));
    for other in [at(21), at(20).of_task(1), Progress::new(6, 100).at(20)] {
        assert_ne!(lesson(at(20)).score, lesson(other).score);
    }
}

#[test]
fn what_adapts_and_predicts_is_the_plain_learner_bit_for_bit() {
    let learner = proto();
    let plain = ProtoNet::new(network(None).plain().clone(), NormMode::Together);
    let (learned, episode) = (Learned::from(Learner::<f64>::init(&plain, 3)), episode());
    let [a, b] = [&learner as &dyn Learner<f64>, &plain].map(|learner| {
        let adapted = learner.adapt(&learned, &episode.support).unwrap();
        let alone = learner.predict(&adapted, &episode.query.x).unwrap();
        (alone, learner.predict_together(&adapted, &episode.query.x).unwrap(), learner.init(1))
    });
    assert_eq!(a, b);
}

#[test]
fn the_swept_and_the_unrolled_inner_loop_see_the_same_noise() {
    let [swept, unrolled] = [Route::Sweep, Route::Unrolled].map(|route| {
        let learner = Regularized::new(network(Some(2)), move |model| maml(route, model));
        let learned = Learned::from(Learner::<f64>::init(&learner, 0));
        learner.lesson(&learned, &episode(), &at(20)).unwrap()
    });
    for (a, b) in swept.grads.iter().zip(&unrolled.grads) {
        approx::assert_relative_eq!(a, b, epsilon = 1e-10, max_relative = 1e-8);
    }
    assert!(swept.grads.iter().flatten().any(|g| g.abs() > 1e-6));
}

#[test]
fn a_meta_gradient_through_noise_is_the_derivative_of_the_loss() {
    let learner = Regularized::new(network(Some(2)), |model| maml(Route::Sweep, model));
    let learned = Learned::from(Learner::<f64>::init(&learner, 0));
    let loss = |learned: &Learned<f64>| learner.lesson(learned, &episode(), &at(20)).unwrap();
    let grads = loss(&learned).grads;
    for (param, at) in [(0, 5), (4, 1), (9, 1), (40, 2), (48, 1)] {
        let h = 1e-6;
        let moved = |by: f64| {
            let mut params = learned.params.clone();
            params[param].as_slice_mut().unwrap()[at] += by;
            loss(&Learned::from(params)).score.loss
        };
        let want = (moved(h) - moved(-h)) / (2.0 * h);
        let got = grads[param].as_slice().unwrap()[at];
        assert!((got - want).abs() < 1e-5 * (1.0 + want.abs()), "{param}: {got} and {want}");
    }
}

#[test]
fn a_loss_of_the_learners_own_stays_its_own() {
    let relation = |model| RelationNet::over(model, [4, 4, 1], NormMode::Batch);
    let learner = Regularized::new(network(None), relation);
    let y = Targets::Labels { labels: vec![0, 1], ways: 2 };
    let found = Learner::<f64>::score(&learner, &ArrayD::from_elem(vec![2, 2], 0.25), &y);
    assert_eq!(found, Learner::<f64>::score(learner.plain(), &ArrayD::from_elem(vec![2, 2], 0.25), &y));
    assert!((found.loss - (0.75f64.powi(2) + 0.25f64.powi(2)) / 2.0).abs() < 1e-12, "{found:?}");
}
