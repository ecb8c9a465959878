//! Meta-gradients against closed forms and finite differences, and the routes against each other.

mod prototypes;

use crate::tasks::{
    distance, maml, maml_at, noise, random_episode, sinusoid_mlp, sinusoid_task, small_conv4, start,
    with_norm,
};
use innerloop::ndarray::{Array1, Array2, ArrayD, Axis, arr1, arr2, concatenate};
use innerloop::{
    Conv4, Downsample, Episode, Error, Examples, Learned, Learner, Lesson, Maml, Mlp, Model, Moments,
    Network, Norm, NormMode, Order, ParamSpec, ProtoNet, Query, Real, Route, Scores, Tape, Trainable, Var,
    cross_entropy, grad, grad_values, meta_grad, task_loss,
};

const ORDERS: [Order; 2] = [Order::First, Order::Second];
const ROUTES: [Route; 2] = [Route::Unrolled, Route::Sweep];

/// A linear regression task: its mean squared error is a quadratic with Hessian `A = 2/n·X'X`.
struct Quadratic {
    x: Array2<f64>,
    y: Array1<f64>,
}

impl Quadratic {
    fn random(n: usize, seed: u64) -> Quadratic {
        let x = noise::<f64>(&[n, 3], seed).into_dimensionality().unwrap();
        Quadratic { x, y: noise(&[n], seed + 1).into_dimensionality().unwrap() }
    }

    /// The inputs with a column of ones for the bias.
    fn design(&self) -> Array2<f64> {
        concatenate![Axis(1), self.x, Array2::ones((self.x.nrows(), 1))]
    }

    fn hessian(&self) -> Array2<f64> {
        let x = self.design();
        2.0 / x.nrows() as f64 * x.t().dot(&x)
    }

    fn gradient(&self, theta: &Array1<f64>) -> Array1<f64> {
        let x = self.design();
        2.0 / x.nrows() as f64 * x.t().dot(&(x.dot(theta) - &self.y))
    }

    fn examples(&self) -> Examples<f64> {
        let y = self.y.clone().insert_axis(Axis(1)).into_dyn();
        Examples::valued(self.x.clone().into_dyn(), y)
    }
}

/// Query gradient after `steps` of descent on `support`, and the same times `(I − lr·A)^steps`.
fn closed_form(
    support: &Quadratic,
    query: &Quadratic,
    theta: &Array1<f64>,
    lr: f64,
    steps: usize,
) -> [Array1<f64>; 2] {
    let factor = Array2::eye(theta.len()) - lr * support.hessian();
    let phi = (0..steps).fold(theta.clone(), |phi, _| &phi - lr * support.gradient(&phi));
    let first = query.gradient(&phi);
    let second = (0..steps).fold(first.clone(), |v, _| factor.dot(&v));
    [first, second]
}

/// What a learner takes from a task.
fn lesson<T: Real>(learner: &impl Trainable<T>, learned: &Learned<T>, episode: &Episode<T>) -> Lesson<T> {
    learner.lesson(learned, episode, &start()).unwrap()
}

fn quadratic_case(steps: usize, order: Order, route: Route) -> f64 {
    let (support, query) = (Quadratic::random(7, 1), Quadratic::random(5, 3));
    let theta = arr1(&[0.3, -1.2, 0.8, 0.5]);
    let learner = maml_at(Mlp::new(&[3, 1]).unwrap(), 0.1).steps(steps).order(order).route(route);
    let [first, second] = closed_form(&support, &query, &theta, learner.rule.lr, steps);
    let want = if order == Order::First { first } else { second };
    let split = |v: &Array1<f64>| {
        let weights = v.slice(ndarray::s![..3]).to_owned().insert_axis(Axis(1)).into_dyn();
        vec![weights, arr1(&[v[3]]).into_dyn()]
    };
    let episode = Episode::new(support.examples(), query.examples()).unwrap();
    distance(&lesson(&learner, &split(&theta).into(), &episode).grads, &split(&want))
}

#[test]
fn second_order_on_a_quadratic_is_the_query_gradient_times_a_power_of_one_minus_lr_times_the_hessian() {
    for route in ROUTES {
        for steps in [0, 1, 2, 5, 20] {
            let error = quadratic_case(steps, Order::Second, route);
            assert!(error < 1e-12, "{route:?}, {steps} steps: {error:e}");
        }
    }
}

#[test]
fn first_order_on_a_quadratic_is_the_query_gradient_without_the_factor() {
    for route in ROUTES {
        for steps in [0, 1, 2, 5, 20] {
            let error = quadratic_case(steps, Order::First, route);
            assert!(error < 1e-12, "{route:?}, {steps} steps: {error:e}");
        }
    }
}

/// The largest relative error of a learner's slopes along random directions.
fn slope_error(learner: &impl Trainable<f64>, params: &[ArrayD<f64>], episode: &Episode<f64>) -> f64 {
    const STEP: f64 = 1e-7; // inner gradients jump at kinks of relu and max-pool: cross none
    let grads = lesson(learner, &params.to_vec().into(), episode).grads;
    let slope_error = |seed: u64| {
        let direction: Vec<ArrayD<f64>> =
            params.iter().zip(100 * seed..).map(|(p, i)| noise(p.shape(), i)).collect();
        let loss = |step: f64| {
            let moved: Vec<_> = params.iter().zip(&direction).map(|(p, d)| p + step * d).collect();
            lesson(learner, &moved.into(), episode).score.loss
        };
        let difference = (loss(STEP) - loss(-STEP)) / (2.0 * STEP);
        let rule: f64 = grads.iter().zip(&direction).map(|(g, d)| (g * d).sum()).sum();
        (rule / difference - 1.0).abs()
    };
    (1..5).map(slope_error).fold(0.0, f64::max)
}

fn conv4_case(downsample: Downsample) -> (Maml<Conv4>, Learned<f64>, Episode<f64>) {
    let model = small_conv4(downsample);
    (maml(model.clone()), model.init(5).into(), random_episode(&[16, 16, 1], 3, 7))
}

#[test]
fn the_meta_gradient_of_the_pooled_network_is_the_slope_of_the_meta_loss() {
    let (learner, learned, episode) = conv4_case(Downsample::MaxPool);
    let error = slope_error(&learner, &learned.params, &episode);
    assert!(error < 1e-6, "{error:e}");
}

#[test]
fn the_meta_gradient_of_the_strided_network_is_the_slope_of_the_meta_loss() {
    let (learner, learned, episode) = conv4_case(Downsample::Stride);
    let error = slope_error(&learner, &learned.params, &episode);
    assert!(error < 1e-6, "{error:e}");
}

#[test]
fn the_meta_gradient_with_given_statistics_is_the_slope_of_the_meta_loss() {
    let (learner, learned, episode) = conv4_case(Downsample::MaxPool);
    let learner = with_norm(learner, NormMode::Running(vec![Moments::standard(3); 4]));
    let error = slope_error(&learner, &learned.params, &episode);
    assert!(error < 1e-6, "{error:e}");
}

#[test]
fn first_and_second_order_differ_clearly_for_a_convolutional_network() {
    for downsample in [Downsample::MaxPool, Downsample::Stride] {
        let (learner, learned, episode) = conv4_case(downsample);
        let grads = |order| lesson(&learner.clone().order(order), &learned, &episode).grads;
        let apart = distance(&grads(Order::First), &grads(Order::Second));
        assert!(apart > 0.05, "{downsample:?}: {apart:e}");
    }
}

/// Cross-entropy of saturated logits that name the wrong class is `logit − logit`: linear,
/// with a Hessian of exact zeros.
#[test]
fn first_order_equals_second_order_where_the_inner_loss_is_linear() {
    let support = Examples::labelled(arr2(&[[1000.0, 0.0], [-900.0, 100.0]]).into_dyn(), vec![1, 0], 2);
    let query = Examples::labelled(noise(&[4, 2], 0), vec![0, 1, 1, 0], 2);
    let episode = Episode::new(support, query).unwrap();
    let params = vec![arr2(&[[1.0, -1.0], [0.2, 0.3]]).into_dyn(), arr1(&[0.1, 0.0]).into_dyn()];
    let learned = Learned::from(params);
    let task = |order, route| {
        let learner = maml_at(Mlp::new(&[2, 2]).unwrap(), 1e-4).order(order).route(route);
        lesson(&learner, &learned, &episode)
    };
    let first = task(Order::First, Route::Sweep);
    for route in ROUTES {
        assert_eq!(task(Order::Second, route), first, "{route:?}");
    }
}

#[test]
fn no_inner_step_gives_the_plain_gradient_of_the_query_loss() {
    let (learner, learned, episode) = conv4_case(Downsample::MaxPool);
    let tape = Tape::new();
    let theta = tape.leaves(&learned.params);
    let logits = learner.model.forward(&theta, tape.leaf(&episode.query.x), Norm::Batch);
    let loss = cross_entropy(logits, episode.query.y.labels().unwrap());
    let plain = grad_values(loss, &theta);
    for (order, route) in ORDERS.into_iter().flat_map(|o| ROUTES.map(|r| (o, r))) {
        let task = lesson(&learner.clone().steps(0).order(order).route(route), &learned, &episode);
        assert_eq!((task.score.loss, &task.grads), (loss.item(), &plain), "{order:?} {route:?}");
    }
}

/// The query loss after plain inner steps on one tape, written with the lowest layer.
fn by_hand<'t, T: Real>(
    learner: &Maml<impl Model<T>>,
    theta: &[Var<'t, T>],
    episode: &Episode<T>,
) -> Query<'t, T> {
    let tape = theta[0].tape();
    let mut phi = theta.to_vec();
    for _ in 0..learner.steps {
        let outputs = learner.model.forward(&phi, tape.leaf(&episode.support.x), Norm::Batch);
        let mut g = grad(task_loss(outputs, &episode.support.y), &phi);
        if learner.order == Order::First {
            g = g.iter().map(|g| tape.leaf(&g.to_array())).collect();
        }
        phi = phi.iter().zip(g).map(|(&p, g)| p - learner.rule.lr * g).collect();
    }
    Query::new(learner.model.forward(&phi, tape.leaf(&episode.query.x), Norm::Batch), &episode.query.y)
}

/// How far lessons by both routes are from the gradient of the loss by hand, the worst of 1, 2 and 5 steps
/// and both orders.
fn routes_apart<T: Real>(learner: Maml<impl Model<T> + Clone>, episode: &Episode<T>) -> f64 {
    let learned: Learned<T> = learner.model.init(5).into();
    let mut worst = 0.0f64;
    for (order, steps) in ORDERS.into_iter().flat_map(|o| [1, 2, 5].map(|s| (o, s))) {
        let learner = learner.clone().order(order).steps(steps);
        let tape = Tape::new();
        let theta = tape.leaves(&learned.params);
        let query = by_hand(&learner, &theta, episode);
        let (score, grads) = (query.score(&episode.query.y), grad_values(query.loss, &theta));
        for route in ROUTES {
            let task = lesson(&learner.clone().route(route), &learned, episode);
            worst = worst.max((task.score.loss / score.loss - 1.0).abs());
            worst = worst.max(distance(&task.grads, &grads));
            assert_eq!(task.score.accuracy, score.accuracy);
        }
    }
    worst
}

#[test]
fn unrolling_and_sweeping_agree_in_double_precision() {
    for downsample in [Downsample::MaxPool, Downsample::Stride] {
        let apart = routes_apart(maml(small_conv4(downsample)), &random_episode::<f64>(&[16, 16, 1], 3, 7));
        assert!(apart < 1e-12, "{downsample:?}: {apart:e}");
    }
    let apart = routes_apart(maml_at(sinusoid_mlp(), 0.01), &sinusoid_task::<f64>(0));
    assert!(apart < 1e-12, "sinusoid: {apart:e}");
}

#[test]
fn unrolling_and_sweeping_agree_in_single_precision() {
    for downsample in [Downsample::MaxPool, Downsample::Stride] {
        let apart = routes_apart(maml(small_conv4(downsample)), &random_episode::<f32>(&[16, 16, 1], 3, 7));
        assert!(apart < 1e-4, "{downsample:?}: {apart:e}");
    }
}

#[test]
fn a_lesson_is_the_gradient_of_the_loss_by_hand_in_every_order_and_by_every_route() {
    let (learner, learned, episode) = conv4_case(Downsample::Stride);
    for (order, route) in ORDERS.into_iter().flat_map(|o| ROUTES.map(|r| (o, r))) {
        let learner = learner.clone().order(order).route(route);
        let tape = Tape::new();
        let theta = tape.leaves(&learned.params);
        let query = by_hand(&learner, &theta, &episode);
        let (score, grads) = (query.score(&episode.query.y), grad_values(query.loss, &theta));
        let task = lesson(&learner, &learned, &episode);
        assert_eq!(task.score.accuracy, score.accuracy, "{order:?} {route:?}");
        assert!((task.score.loss / score.loss - 1.0).abs() < 1e-13, "{order:?} {route:?}");
        let apart = distance(&task.grads, &grads);
        assert!(apart < 1e-12, "{order:?} {route:?}: {apart:e}");
    }
}

#[test]
fn the_meta_gradient_of_a_batch_is_the_mean_over_its_tasks() {
    let (learner, learned, _) = conv4_case(Downsample::Stride);
    let episodes: Vec<Episode<f64>> = (0..3).map(|i| random_episode(&[16, 16, 1], 3, i)).collect();
    let whole = meta_grad(&learner, &learned, &episodes, &start()).unwrap();
    let tasks: Vec<_> = episodes.iter().map(|e| lesson(&learner, &learned, e)).collect();
    let mean: Vec<ArrayD<f64>> = (0..learned.params.len())
        .map(|p| (&tasks[0].grads[p] + &tasks[1].grads[p] + &tasks[2].grads[p]) / 3.0)
        .collect();
    assert!(distance(&whole.grads, &mean) < 1e-14);
    let loss = tasks.iter().map(|t| t.score.loss).sum::<f64>() / 3.0;
    assert!((whole.loss / loss - 1.0).abs() < 1e-14);
}

#[test]
fn evaluation_may_take_more_steps_than_training_and_scores_each_from_zero() {
    let (learner, learned, episode) = conv4_case(Downsample::MaxPool);
    let learner = learner.steps(1).eval_steps(4);
    let scores = learner.scores(&learned, &episode).unwrap();
    assert_eq!(scores.len(), 5);
    for (steps, found) in scores.iter().enumerate() {
        let tape = Tape::new();
        let learner = learner.clone().steps(steps);
        let want = by_hand(&learner, &tape.leaves(&learned.params), &episode).score(&episode.query.y);
        assert_eq!(found.transductive.accuracy, want.accuracy, "{steps} steps");
        assert!((found.transductive.loss / want.loss - 1.0).abs() < 1e-13, "{steps} steps");
        // training of as many steps reports the same score
        assert_eq!(lesson(&learner, &learned, &episode).score, found.transductive, "{steps} steps");
    }
}

#[test]
fn scores_are_those_of_predictions_after_adapting_with_as_many_steps() {
    let (learner, learned, episode) = conv4_case(Downsample::MaxPool);
    let (x, y) = (&episode.query.x, &episode.query.y);
    let scores = learner.clone().eval_steps(3).scores(&learned, &episode).unwrap();
    for (steps, found) in scores.iter().enumerate() {
        let learner = learner.clone().eval_steps(steps);
        let adapted = learner.adapt(&learned, &episode.support).unwrap();
        let of = |outputs: ArrayD<f64>| innerloop::Score::of(&outputs, y);
        let inductive = of(learner.predict(&adapted, x).unwrap());
        let transductive = of(learner.predict_together(&adapted, x).unwrap());
        assert_eq!(*found, Scores { inductive, transductive }, "{steps} steps");
        assert_ne!(inductive.loss, transductive.loss, "{steps} steps");
    }
}

#[test]
fn with_given_statistics_a_prediction_does_not_depend_on_the_rest_of_the_batch() {
    let (learner, learned, episode) = conv4_case(Downsample::MaxPool);
    let learner = with_norm(learner, NormMode::Running(vec![Moments::standard(3); 4]));
    let adapted = learner.adapt(&learned, &episode.support).unwrap();
    let together = learner.predict_together(&adapted, &episode.query.x).unwrap();
    assert_eq!(learner.predict(&adapted, &episode.query.x).unwrap(), together);
    for i in 0..episode.query.len() {
        let one = episode.query.x.index_axis(Axis(0), i).insert_axis(Axis(0)).to_owned();
        let alone = learner.predict_together(&adapted, &one).unwrap();
        let apart = distance(
            &[alone.index_axis(Axis(0), 0).to_owned()],
            &[together.index_axis(Axis(0), i).to_owned()],
        );
        assert!(apart < 1e-12, "{i}: {apart:e}");
    }
}
