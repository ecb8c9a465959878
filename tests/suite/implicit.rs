//! What defines MAML with implicit gradients.

use innerloop::ndarray::ArrayD;
use innerloop::{
    Activation, Adam, Adapts, Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape, Error, Glyphs, Imaml,
    Learned, Learner, Maml, Mlp, Model, Network, Norm, NormMode, Order, ParamSpec, Progress, Sinusoids,
    Tasks, TrainConfig, Trainable, Trainer, Var, evaluate,
};

const BATCH: NormMode = NormMode::Batch;

fn lesson(learner: &dyn Trainable<f64>, learned: &Learned<f64>, episode: &Episode<f64>) -> Vec<ArrayD<f64>> {
    learner.lesson(learned, episode, &Progress::default()).unwrap().grads
}

/// The largest difference, with the largest value as the unit.
fn apart(a: &[ArrayD<f64>], b: &[ArrayD<f64>]) -> f64 {
    let largest = |all: &[ArrayD<f64>]| all.iter().flatten().fold(0f64, |m, v| m.max(v.abs()));
    let difference: Vec<_> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    largest(&difference) / largest(b)
}

/// A linear model, whose loss is quadratic, and a network.
fn models() -> [Mlp; 2] {
    [&[1, 1][..], &[1, 6, 1]].map(|widths| Mlp::new(widths).unwrap().activation(Activation::Tanh))
}

#[test]
fn the_meta_gradient_is_that_of_a_proximal_inner_loop_run_to_its_end() {
    for model in models() {
        let episode: Episode<f64> = Sinusoids::new(10, 10, 2).task(3);
        let learned: Learned<f64> = Model::<f64>::init(&model, 1).into();
        let unrolled = Maml::new(&model, 0.04, Order::Second, BATCH).steps(600).proximal(2.0);
        let implicit = Imaml::new(&model, 2.0, BATCH).inner_lr(0.04).steps(600).cg_steps(40);
        let (found, want) = (lesson(&implicit, &learned, &episode), lesson(&unrolled, &learned, &episode));
        let newton = implicit.hessian_free().steps(12);
        let error = apart(&lesson(&newton, &learned, &episode), &want);
        assert!(error < 1e-7, "{model:?}, Hessian-free: {error:e}");
        let first = lesson(&unrolled.order(Order::First), &learned, &episode);
        assert!(apart(&found, &want) < 1e-7, "{model:?}: {:e}", apart(&found, &want));
        assert!(
            apart(&first, &want) > 1e-2,
            "{model:?}: the two orders do not differ, so this shows nothing"
        );
    }
}

#[test]
fn a_very_large_proximal_weight_gives_the_gradient_of_the_query_loss_at_the_start() {
    for model in models() {
        let episode: Episode<f64> = Sinusoids::new(10, 10, 2).task(0);
        let learned: Learned<f64> = Model::<f64>::init(&model, 1).into();
        let tied = Imaml::new(&model, 1e7, BATCH).inner_lr(1e-8).steps(50);
        let plain = Maml::new(&model, 0.1, Order::First, BATCH).steps(0);
        let error = apart(&lesson(&tied, &learned, &episode), &lesson(&plain, &learned, &episode));
        assert!(error < 1e-4, "{error:e}");
    }
}

/// A network whose body is `unit` times the parameters that it is given.
#[derive(Debug)]
struct InUnits<'m> {
    model: &'m Mlp,
    unit: f64,
}

impl Network for InUnits<'_> {
    fn specs(&self) -> Vec<ParamSpec> {
        self.model.specs()
    }

    fn check_input(&self, shape: &[usize]) -> innerloop::Result<()> {
        self.model.check_input(shape)
    }

    fn outputs(&self) -> usize {
        self.model.outputs()
    }
}

impl Model<f64> for InUnits<'_> {
    fn forward<'t>(&self, params: &[Var<'t, f64>], x: Var<'t, f64>, norm: Norm<'_>) -> Var<'t, f64> {
        let (body, head) = params.split_at(params.len() - 2);
        let params: Vec<_> = body.iter().map(|&p| self.unit * p).chain(head.iter().copied()).collect();
        self.model.forward(&params, x, norm)
    }
}

#[test]
fn a_slow_body_is_the_same_problem_in_other_units() {
    let (model, factor) = (&models()[1], 0.3f64);
    let (unit, body) = (factor.sqrt(), model.specs().len() - 2);
    let episode: Episode<f64> = Sinusoids::new(10, 10, 2).task(3);
    let times = |mut params: Vec<ArrayD<f64>>, by: f64| {
        params[..body].iter_mut().for_each(|p| *p *= by);
        params
    };
    let theta = Model::<f64>::init(model, 1);
    let in_units: Learned<f64> = times(theta.clone(), 1.0 / unit).into();
    let learned: Learned<f64> = theta.into();
    fn set<M>(learner: Imaml<M>, hessian_free: bool) -> Imaml<M> {
        let learner = learner.inner_lr(0.04).steps(5).cg_steps(7).damping(0.2);
        if hessian_free { learner.hessian_free() } else { learner }
    }
    for hessian_free in [false, true] {
        let slow = set(Imaml::new(model, 0.5, BATCH).slow_body(factor), hessian_free);
        let plain = set(Imaml::new(InUnits { model, unit }, 0.5, BATCH), hessian_free);
        let want = lesson(&plain, &in_units, &episode);
        let found = times(lesson(&slow, &learned, &episode), unit);
        assert!(apart(&found, &want) < 1e-9, "{:e}, Hessian-free: {hessian_free}", apart(&found, &want));
        let same_rate = lesson(&slow.clone().slow_body(1.0), &learned, &episode);
        assert!(apart(&same_rate, &want) > 1e-2, "the factor changes nothing, so this shows nothing");
        let adapted = |learner: &dyn Learner<f64>, learned| {
            learner.adapt(learned, &episode.support).unwrap().params(&model.specs()).unwrap()
        };
        let want = times(adapted(&plain, &in_units), unit);
        assert!(apart(&adapted(&slow, &learned), &want) < 1e-9, "Hessian-free: {hessian_free}");
    }
}

#[test]
fn no_iterations_of_conjugate_gradients_give_first_order() {
    let (model, episode) = (&models()[1], Sinusoids::new(10, 10, 2).task(1));
    let learned: Learned<f64> = Model::<f64>::init(model, 1).into();
    let implicit = Imaml::new(model, 2.0, BATCH).inner_lr(0.04).steps(5).cg_steps(0);
    let first = Maml::new(model, 0.04, Order::First, BATCH).steps(5).proximal(2.0);
    assert!(apart(&lesson(&implicit, &learned, &episode), &lesson(&first, &learned, &episode)) < 1e-12);
}

/// What the inner problem minimises.
fn inner_loss(
    model: &Mlp,
    lambda: f64,
    theta: &[ArrayD<f64>],
    phi: &[ArrayD<f64>],
    episode: &Episode<f64>,
) -> f64 {
    let support = Maml::new(model, 0.1, Order::First, BATCH).steps(0);
    let itself = Episode::new(episode.support.clone(), episode.support.clone()).unwrap();
    let loss = support.scores(&phi.to_vec().into(), &itself).unwrap()[0].inductive.loss;
    let away: f64 = phi.iter().zip(theta).map(|(phi, theta)| (phi - theta).mapv(|d| d * d).sum()).sum();
    loss + 0.5 * lambda * away
}

#[test]
fn a_hessian_free_step_solves_a_quadratic_inner_problem() {
    let (model, lambda) = (&models()[0], 0.7);
    let episode: Episode<f64> = Sinusoids::new(10, 10, 2).task(5);
    let theta = Model::<f64>::init(model, 1);
    let adapted = |learner: &Imaml<&Mlp>| {
        learner.adapt(&theta.clone().into(), &episode.support).unwrap().params(&model.specs()).unwrap()
    };
    let one = adapted(&Imaml::new(model, lambda, BATCH).hessian_free().steps(1));
    let many = adapted(&Imaml::new(model, lambda, BATCH).inner_lr(0.05).steps(2000));
    assert!(apart(&one, &many) < 1e-9, "{:e}", apart(&one, &many));
    assert!(apart(&one, &theta) > 1e-2, "nothing was adapted");
}

#[test]
fn hessian_free_steps_never_raise_the_inner_loss_where_gradient_descent_diverges() {
    let (model, lambda) = (&models()[1], 0.1);
    let (mut met, mut diverged) = (0, 0);
    for i in 0..20 {
        let episode: Episode<f64> = Sinusoids::new(10, 10, 2).task(i);
        // far from the usual: curvature of both signs, and much of it
        let theta: Vec<ArrayD<f64>> = Model::<f64>::init(model, i).iter().map(|p| p * 20.0).collect();
        let learned: Learned<f64> = theta.clone().into();
        let learner = |steps| Imaml::new(model, lambda, BATCH).hessian_free().steps(steps);
        met += usize::from(learner(1).implicit(&theta, &episode).unwrap().solved.negative_curvature);
        let after = |learner: &Imaml<&Mlp>| {
            let phi = learner.adapt(&learned, &episode.support).unwrap().params(&model.specs()).unwrap();
            inner_loss(model, lambda, &theta, &phi, &episode)
        };
        let start = inner_loss(model, lambda, &theta, &theta, &episode);
        let mut before = start;
        for steps in 1..=6 {
            let now = after(&learner(steps));
            assert!(now <= before, "task {i}: {now} after {steps} steps, and {before} before the last");
            before = now;
        }
        diverged +=
            usize::from(after(&Imaml::new(model, lambda, BATCH).inner_lr(0.5).steps(30)) > 1e3 * start);
        assert!(before < 0.9 * start, "task {i}: {before} from {start}");
    }
    assert!(met > 0 && diverged > 0, "{met} met negative curvature, {diverged} diverged: this shows little");
}

#[test]
fn negative_curvature_is_reported_and_a_larger_weight_or_damping_avoids_it() {
    let model = &models()[1];
    let mut met = 0;
    for i in 0..20 {
        let episode: Episode<f64> = Sinusoids::new(10, 10, 2).task(i);
        let phi: Vec<ArrayD<f64>> = model.init(i);
        let weak = Imaml::new(model, 0.01, BATCH).cg_steps(30);
        met += usize::from(weak.implicit(&phi, &episode).unwrap().solved.negative_curvature);
        for safe in [weak.clone().damping(1e4), Imaml::new(model, 1e3, BATCH).cg_steps(30)] {
            let solved = safe.implicit(&phi, &episode).unwrap().solved;
            assert!(!solved.negative_curvature && solved.residual < 1e-6, "task {i}: {}", solved.residual);
        }
    }
    assert!(met > 0, "no Hessian had a negative direction");
}

#[test]
fn it_learns_to_fit_a_sinusoid_and_to_tell_characters_apart() {
    let curves = Imaml::new(Mlp::new(&[1, 40, 40, 1]).unwrap(), 0.2, BATCH).inner_lr(0.02).steps(16);
    let tasks = |seed| Sinusoids::new(10, 10, seed);
    let mut trainer =
        Trainer::<f32, _, _>::new(&curves, Adam::default(), TrainConfig::new(5, 3e-3, 400)).unwrap();
    let loss = |learned: &Learned<f32>| {
        evaluate(&curves, learned, &tasks(1), 100).unwrap().last().unwrap().inductive.loss.mean
    };
    let untrained = loss(trainer.learned());
    for _ in 0..400 {
        trainer.step(&tasks(0)).unwrap();
    }
    let trained = loss(trainer.learned());
    println!("untrained {untrained:.3}, trained {trained:.3}");
    assert!(trained < 0.6 * untrained, "{trained} after {untrained}");

    let images =
        Glyphs::default().alphabets(2).characters_per_alphabet(6).drawers(8).size(16).generate().unwrap();
    let tasks = EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 1, 3), 0).unwrap();
    let model = Conv4::new([16, 16, 1], 8, Downsample::MaxPool, Some(3)).unwrap();
    let characters = Imaml::new(model, 2.0, BATCH).steps(4);
    let mut trainer =
        Trainer::<f32, _, _>::new(&characters, Adam::default(), TrainConfig::new(4, 3e-3, 60)).unwrap();
    let losses: Vec<f64> = (0..60).map(|_| trainer.step(&tasks).unwrap().loss).collect();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    assert!(mean(&losses[45..]) < mean(&losses[..15]), "{losses:?}");
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let new = || Imaml::new(Mlp::new(&[1, 1]).unwrap(), 2.0, BATCH);
    let tracked = Imaml::new(Mlp::new(&[1, 1]).unwrap(), 2.0, NormMode::Tracked { momentum: 0.1 });
    let together = NormMode::TrackedTogether { momentum: 0.1 };
    let together = Imaml::new(Mlp::new(&[1, 1]).unwrap(), 2.0, together);
    let zero = Imaml::new(Mlp::new(&[1, 1]).unwrap(), 0.0, BATCH);
    let nan = Imaml::new(Mlp::new(&[1, 1]).unwrap(), f64::NAN, BATCH);
    let mut head = new();
    head.maml = head.maml.adapting(Adapts::Head);
    let mut by_step = new();
    by_step.maml = by_step.maml.norms_by_step();
    for (learner, name) in [
        (head, "adapts"),
        (by_step, "norms_by_step"),
        (new().hessian_free().cg_steps(0), "cg_steps"),
        (zero, "lambda"),
        (nan, "proximal"),
        (new().slow_body(0.0), "factor"),
        (new().slow_body(-1.0), "factor"),
        (tracked, "norm"),
        (together, "norm"),
        (new().damping(-1.0), "damping"),
        (new().inner_lr(f64::NAN), "inner_lr"),
    ] {
        let error = Learner::<f64>::check_settings(&learner).unwrap_err();
        assert!(matches!(error, Error::Setting { name: found, .. } if found == name), "{error} {name}");
    }
}
