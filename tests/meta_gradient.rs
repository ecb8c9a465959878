//! Meta-gradients against closed forms and finite differences, and the routes against each other.

mod tasks;

use innerloop::ndarray::{Array1, Array2, ArrayD, Axis, arr1, arr2, concatenate};
use innerloop::{
    Conv4, Downsample, Episode, Episodes, Error, Examples, Learner, Maml, Mlp, Model, Moments, Network, Norm,
    NormMode, Order, ParamSpec, ProtoNet, Real, Route, Sinusoids, Tape, Targets, TaskGrad, Var,
    cross_entropy, grad_values, meta_grad,
};
use tasks::{distance, maml, noise, random_episode, sinusoid_mlp, small_conv4};

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
        Examples { x: self.x.clone().into_dyn(), y: Targets::Values(y) }
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

fn quadratic_case(steps: usize, order: Order, route: Route) -> f64 {
    let (support, query) = (Quadratic::random(7, 1), Quadratic::random(5, 3));
    let theta = arr1(&[0.3, -1.2, 0.8, 0.5]);
    let learner = Maml { inner_steps: steps, order, route, ..maml(Mlp::new(&[3, 1]).unwrap()) };
    let [first, second] = closed_form(&support, &query, &theta, learner.inner_lr, steps);
    let want = if order == Order::First { first } else { second };
    let split = |v: &Array1<f64>| {
        let weights = v.slice(ndarray::s![..3]).to_owned().insert_axis(Axis(1)).into_dyn();
        vec![weights, arr1(&[v[3]]).into_dyn()]
    };
    let episode = Episode::new(0, support.examples(), query.examples()).unwrap();
    distance(&learner.task_grad(&split(&theta), &episode).grads, &split(&want))
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
fn slope_error(learner: &impl Learner<f64>, params: &[ArrayD<f64>], episode: &Episode<f64>) -> f64 {
    const STEP: f64 = 1e-7; // inner gradients jump at kinks of relu and max-pool: cross none
    let grads = learner.task_grad(params, episode).grads;
    let slope_error = |seed: u64| {
        let direction: Vec<ArrayD<f64>> =
            params.iter().zip(100 * seed..).map(|(p, i)| noise(p.shape(), i)).collect();
        let loss = |step: f64| {
            let moved: Vec<_> = params.iter().zip(&direction).map(|(p, d)| p + step * d).collect();
            learner.task_grad(&moved, episode).score.loss
        };
        let difference = (loss(STEP) - loss(-STEP)) / (2.0 * STEP);
        let rule: f64 = grads.iter().zip(&direction).map(|(g, d)| (g * d).sum()).sum();
        (rule / difference - 1.0).abs()
    };
    (1..5).map(slope_error).fold(0.0, f64::max)
}

fn conv4_case(downsample: Downsample) -> (Maml<Conv4>, Vec<ArrayD<f64>>, Episode<f64>) {
    let model = small_conv4(downsample);
    (maml(model.clone()), model.init(5), random_episode(&[16, 16, 1], 3, 7))
}

#[test]
fn the_meta_gradient_of_the_pooled_network_is_the_slope_of_the_meta_loss() {
    let (learner, params, episode) = conv4_case(Downsample::MaxPool);
    let error = slope_error(&learner, &params, &episode);
    assert!(error < 1e-6, "{error:e}");
}

#[test]
fn the_meta_gradient_of_the_strided_network_is_the_slope_of_the_meta_loss() {
    let (learner, params, episode) = conv4_case(Downsample::Stride);
    let error = slope_error(&learner, &params, &episode);
    assert!(error < 1e-6, "{error:e}");
}

#[test]
fn the_meta_gradient_with_given_statistics_is_the_slope_of_the_meta_loss() {
    let (learner, params, episode) = conv4_case(Downsample::MaxPool);
    let learner = Maml { norm: NormMode::Running(vec![Moments::standard(3); 4]), ..learner };
    let error = slope_error(&learner, &params, &episode);
    assert!(error < 1e-6, "{error:e}");
}

#[test]
fn first_and_second_order_differ_clearly_for_a_convolutional_network() {
    for downsample in [Downsample::MaxPool, Downsample::Stride] {
        let (learner, params, episode) = conv4_case(downsample);
        let grads = |order| Maml { order, ..learner.clone() }.task_grad(&params, &episode).grads;
        let apart = distance(&grads(Order::First), &grads(Order::Second));
        assert!(apart > 0.05, "{downsample:?}: {apart:e}");
    }
}

/// Cross-entropy of saturated logits that name the wrong class is `logit − logit`: linear,
/// with a Hessian of exact zeros.
#[test]
fn first_order_equals_second_order_where_the_inner_loss_is_linear() {
    let support =
        Examples { x: arr2(&[[1000.0, 0.0], [-900.0, 100.0]]).into_dyn(), y: Targets::Labels(vec![1, 0]) };
    let query = Examples { x: noise(&[4, 2], 0), y: Targets::Labels(vec![0, 1, 1, 0]) };
    let episode = Episode::new(2, support, query).unwrap();
    let params = vec![arr2(&[[1.0, -1.0], [0.2, 0.3]]).into_dyn(), arr1(&[0.1, 0.0]).into_dyn()];
    let task = |order, route| {
        let learner = Maml { inner_lr: 1e-4, order, route, ..maml(Mlp::new(&[2, 2]).unwrap()) };
        learner.task_grad(&params, &episode)
    };
    let first = task(Order::First, Route::Sweep);
    for route in ROUTES {
        assert_eq!(task(Order::Second, route), first, "{route:?}");
    }
}

#[test]
fn no_inner_step_gives_the_plain_gradient_of_the_query_loss() {
    let (learner, params, episode) = conv4_case(Downsample::MaxPool);
    let tape = Tape::new();
    let theta = tape.leaves(&params);
    let logits = learner.model.forward(&theta, tape.leaf(&episode.query.x), Norm::Batch);
    let loss = cross_entropy(logits, episode.query.y.labels().unwrap());
    let plain = grad_values(loss, &theta);
    for (order, route) in ORDERS.into_iter().flat_map(|o| ROUTES.map(|r| (o, r))) {
        let task = Maml { inner_steps: 0, order, route, ..learner.clone() }.task_grad(&params, &episode);
        assert_eq!((task.score.loss, &task.grads), (loss.item(), &plain), "{order:?} {route:?}");
    }
}

/// How far the two routes are apart, the worst of 1, 2 and 5 steps and both orders.
fn routes_apart<T: Real>(learner: Maml<impl Model<T> + Clone>, episode: &Episode<T>) -> f64 {
    let params: Vec<ArrayD<T>> = learner.model.init(5);
    let mut worst = 0.0f64;
    for (order, steps) in ORDERS.into_iter().flat_map(|o| [1, 2, 5].map(|s| (o, s))) {
        let task = |route| -> TaskGrad<T> {
            let learner = Maml { order, route, inner_steps: steps, ..learner.clone() };
            // the default of the trait: through `query`, on one tape
            match route {
                Route::Unrolled => {
                    let tape = Tape::new();
                    let theta = tape.leaves(&params);
                    let query = learner.query(&theta, episode);
                    let score = query.score(&episode.query.y);
                    TaskGrad { score, grads: grad_values(query.loss, &theta) }
                }
                Route::Sweep => learner.task_grad(&params, episode),
            }
        };
        let (unrolled, swept) = (task(Route::Unrolled), task(Route::Sweep));
        worst = worst.max((unrolled.score.loss / swept.score.loss - 1.0).abs());
        worst = worst.max(distance(&swept.grads, &unrolled.grads));
    }
    worst
}

#[test]
fn unrolling_and_sweeping_agree_in_double_precision() {
    for downsample in [Downsample::MaxPool, Downsample::Stride] {
        let apart = routes_apart(maml(small_conv4(downsample)), &random_episode::<f64>(&[16, 16, 1], 3, 7));
        assert!(apart < 1e-12, "{downsample:?}: {apart:e}");
    }
    let episode: Episode<f64> = Sinusoids { shots: 10, queries: 10, seed: 1 }.episode(0);
    let apart = routes_apart(Maml { inner_lr: 0.01, ..maml(sinusoid_mlp()) }, &episode);
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
fn task_grad_is_the_gradient_of_query_in_every_order_and_by_every_route() {
    let (learner, params, episode) = conv4_case(Downsample::Stride);
    for (order, route) in ORDERS.into_iter().flat_map(|o| ROUTES.map(|r| (o, r))) {
        let learner = Maml { order, route, ..learner.clone() };
        let tape = Tape::new();
        let theta = tape.leaves(&params);
        let query = learner.query(&theta, &episode);
        let (score, grads) = (query.score(&episode.query.y), grad_values(query.loss, &theta));
        let task = learner.task_grad(&params, &episode);
        assert_eq!(task.score, score, "{order:?} {route:?}");
        let apart = distance(&task.grads, &grads);
        assert!(apart < 1e-12, "{order:?} {route:?}: {apart:e}");
    }
}

#[test]
fn the_meta_gradient_of_a_batch_is_the_mean_over_its_tasks() {
    let (learner, params, _) = conv4_case(Downsample::Stride);
    let episodes: Vec<Episode<f64>> = (0..3).map(|i| random_episode(&[16, 16, 1], 3, i)).collect();
    let whole = meta_grad(&learner, &params, &episodes).unwrap();
    let tasks: Vec<_> = episodes.iter().map(|e| learner.task_grad(&params, e)).collect();
    let mean: Vec<ArrayD<f64>> = (0..params.len())
        .map(|p| (&tasks[0].grads[p] + &tasks[1].grads[p] + &tasks[2].grads[p]) / 3.0)
        .collect();
    assert!(distance(&whole.grads, &mean) < 1e-14);
    let loss = tasks.iter().map(|t| t.score.loss).sum::<f64>() / 3.0;
    assert!((whole.loss / loss - 1.0).abs() < 1e-14);
}

#[test]
fn evaluation_may_take_more_steps_than_training_and_scores_each_from_zero() {
    let (learner, params, episode) = conv4_case(Downsample::MaxPool);
    let learner = Maml { inner_steps: 1, eval_steps: 4, ..learner };
    let after = |inner_steps| {
        let tape = Tape::new();
        let query = Maml { inner_steps, ..learner.clone() }.query(&tape.leaves(&params), &episode);
        query.score(&episode.query.y)
    };
    let want: Vec<_> = (0..=4).map(after).collect();
    assert_eq!(learner.scores(&params, &episode), want);
}

#[test]
fn adapted_parameters_do_not_depend_on_whether_the_steps_are_scored() {
    let (learner, params, episode) = conv4_case(Downsample::MaxPool);
    let scored = learner.adapt_scored(&params, &episode, 3).unwrap();
    assert_eq!(learner.adapt(&params, &episode.support, 3).unwrap(), scored.params);
}

#[test]
fn outputs_are_the_predictions_before_and_after_adaptation() {
    let (learner, params, episode) = conv4_case(Downsample::MaxPool);
    let adapted = learner.adapt(&params, &episode.support, learner.eval_steps).unwrap();
    let predict = |params: &[ArrayD<f64>]| learner.predict(params, &episode.query.x).unwrap();
    assert_eq!(learner.outputs(&params, &episode), [predict(&params), predict(&adapted)]);
}

#[test]
fn with_given_statistics_a_prediction_does_not_depend_on_the_rest_of_the_batch() {
    let (learner, params, episode) = conv4_case(Downsample::MaxPool);
    let learner = Maml { norm: NormMode::Running(vec![Moments::standard(3); 4]), ..learner };
    let together = learner.predict(&params, &episode.query.x).unwrap();
    for i in 0..episode.query.len() {
        let one = episode.query.x.index_axis(Axis(0), i).insert_axis(Axis(0)).to_owned();
        let alone = learner.predict(&params, &one).unwrap();
        let apart = distance(
            &[alone.index_axis(Axis(0), 0).to_owned()],
            &[together.index_axis(Axis(0), i).to_owned()],
        );
        assert!(apart < 1e-12, "{i}: {apart:e}");
    }
}

/// Embeds `[n, 2]` as itself times one scale per axis, at first the identity.
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

const PROTONET: ProtoNet<Identity> = ProtoNet { model: Identity, norm: NormMode::Batch };

/// Prototypes (0, 1) and (4, 0); class 1 has its two examples around class 0's.
fn points(order: [usize; 4]) -> Episode<f64> {
    let all = [([3.0, 0.0], 1), ([0.0, 2.0], 0), ([0.0, 0.0], 0), ([5.0, 0.0], 1)];
    let rows: Vec<[f64; 2]> = order.iter().map(|&i| all[i].0).collect();
    let labels = order.iter().map(|&i| all[i].1).collect();
    let support = Examples { x: arr2(&rows).into_dyn(), y: Targets::Labels(labels) };
    let query = Examples {
        x: arr2(&[[0.0, 0.0], [4.0, 1.0], [2.0, 3.0]]).into_dyn(),
        y: Targets::Labels(vec![0, 1, 0]),
    };
    Episode::new(2, support, query).unwrap()
}

#[test]
fn prototype_logits_are_minus_the_squared_distances_to_the_class_means() {
    let [before, after] = PROTONET.outputs(&Identity.init(0), &points([0, 1, 2, 3]));
    assert_eq!(before, arr2(&[[-1.0, -16.0], [-16.0, -1.0], [-8.0, -13.0]]).into_dyn());
    assert_eq!(before, after);
}

#[test]
fn the_prototype_gradient_is_the_slope_of_the_query_loss() {
    let params = [arr1(&[0.7, -0.4]).into_dyn()];
    let error = slope_error(&PROTONET, &params, &points([0, 1, 2, 3]));
    assert!(error < 1e-6, "identity: {error:e}");
    let model = small_conv4(Downsample::MaxPool).embedding();
    let params = model.init(5);
    let learner = ProtoNet { model, norm: NormMode::Batch };
    let error = slope_error(&learner, &params, &random_episode(&[16, 16, 1], 3, 7));
    assert!(error < 1e-6, "Conv4: {error:e}");
}

#[test]
fn the_order_of_the_support_set_does_not_matter_to_prototypes() {
    let params = Identity.init(0);
    let task = PROTONET.task_grad(&params, &points([0, 1, 2, 3]));
    for order in [[3, 2, 1, 0], [1, 2, 0, 3], [2, 0, 3, 1]] {
        assert_eq!(PROTONET.task_grad(&params, &points(order)), task, "{order:?}");
    }
}

#[test]
fn a_learner_without_inner_steps_has_a_single_score() {
    let params: Vec<ArrayD<f64>> = Identity.init(0);
    let episode = points([0, 1, 2, 3]);
    let scores = PROTONET.scores(&params, &episode);
    assert_eq!(scores, [PROTONET.task_grad(&params, &episode).score]);
}
