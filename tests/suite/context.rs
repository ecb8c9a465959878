//! What defines CAVIA: a context adapts, and nothing else.

use innerloop::ndarray::{ArrayD, Dimension};
use innerloop::{
    Activation, Adam, Contextual, Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape, Error, FilmConv4,
    Glyphs, Learned, Learner, Maml, Mlp, Model, Network, Norm, NormMode, Order, Progress, Route, Sinusoids,
    Tape, Tasks, TrainConfig, Trainable, Trainer, evaluate,
};

fn curves(lr: f64) -> Maml<Contextual<Mlp>> {
    let mlp = Mlp::new(&[1 + 3, 8, 8, 1]).unwrap().activation(Activation::Tanh);
    Maml::cavia(Contextual::new(mlp, 3), lr, Order::Second, NormMode::Batch).steps(2)
}

fn images() -> (Maml<FilmConv4>, Episode<f64>) {
    let images =
        Glyphs::default().alphabets(1).characters_per_alphabet(4).drawers(6).size(17).generate().unwrap();
    let tasks = EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 2, 2), 0).unwrap();
    let model = FilmConv4::new([17, 17, 1], 4, 3, 5).unwrap();
    (Maml::cavia(model, 1.0, Order::Second, NormMode::Batch).steps(2), tasks.task(0))
}

#[test]
fn only_the_context_differs_from_what_was_learned() {
    let (learner, episode) = images();
    let learned: Learned<f64> = learner.init(3).into();
    let adapted = learner.adapt(&learned, &episode.support).unwrap();
    for (spec, param) in learner.model.specs().iter().zip(&learned.params) {
        let same = adapted.array(&spec.name).unwrap() == param;
        assert_eq!(same, spec.name != "context", "{}", spec.name);
    }
}

#[test]
fn training_leaves_the_start_of_the_context_at_zeros_and_learns_curves() {
    let learner = curves(1.0).steps(1);
    let tasks = |seed| Sinusoids::new(10, 10, seed);
    let mut trainer =
        Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(10, 3e-3, 500)).unwrap();
    let loss = |learned: &Learned<f32>| {
        evaluate(&learner, learned, &tasks(1), 100).unwrap().last().unwrap().inductive.loss.mean
    };
    let untrained = loss(trainer.learned());
    for _ in 0..500 {
        trainer.step(&tasks(0)).unwrap();
    }
    let trained = loss(trainer.learned());
    println!("untrained {untrained:.3}, trained {trained:.3}");
    assert!(trained < 0.5 * untrained, "{trained} after {untrained}");
    assert!(trainer.learned().params.last().unwrap().iter().all(|c| *c == 0.0));
}

#[test]
fn a_context_taken_s_times_is_one_with_s_squared_times_the_rate() {
    let episode: Episode<f64> = Sinusoids::new(6, 6, 0).task(4);
    let predicted = |lr: f64, s: f64| {
        let learner = curves(lr);
        let mut learned: Learned<f64> = learner.init(5).into();
        learned.params[0].slice_axis_mut(innerloop::ndarray::Axis(0), (1..).into()).mapv_inplace(|w| s * w);
        learner.predict(&learner.adapt(&learned, &episode.support).unwrap(), &episode.query.x).unwrap()
    };
    let (found, want) = (predicted(0.4, 1.5), predicted(0.4 * 2.25, 1.0));
    assert!((&found - &want).iter().all(|d| d.abs() < 1e-12), "{found} {want}");
    assert!((&found - &predicted(0.4, 1.0)).iter().any(|d| d.abs() > 1e-3));
}

#[test]
fn a_modulated_network_begins_as_the_plain_one() {
    let film = FilmConv4::new([17, 17, 1], 4, 3, 5).unwrap();
    let plain = Conv4::new([17, 17, 1], 4, Downsample::MaxPool, Some(3)).unwrap();
    let (tape, (_, episode)) = (Tape::<f64>::new(), images());
    let (params, x) = (tape.leaves(&film.init(7)), tape.constant(&episode.query.x));
    let found = film.forward(&params, x, Norm::Batch).to_array();
    let want = plain.forward(&params[..plain.count()], x, Norm::Batch).to_array();
    assert!((&found - &want).iter().all(|d| d.abs() < 1e-12), "{found} {want}");
}

#[test]
fn meta_gradients_are_those_of_central_differences_by_both_routes() {
    let (learner, episode) = images();
    let mut learned: Learned<f64> = learner.init(3).into();
    for (i, param) in learned.params.iter_mut().enumerate() {
        param.iter_mut().enumerate().for_each(|(j, p)| *p += 0.02 * ((3 * i + 5 * j) % 7) as f64);
    }
    let along: Vec<ArrayD<f64>> = (learned.params.iter().enumerate())
        .map(|(i, p)| {
            ArrayD::from_shape_fn(p.raw_dim(), |at| {
                (((0..at.ndim()).map(|k| (k + 2) * at[k]).sum::<usize>() + i) as f64).sin()
            })
        })
        .collect();
    let loss = |h: f64| {
        let mut moved = learned.clone();
        moved.params.iter_mut().zip(&along).for_each(|(p, a)| p.scaled_add(h, a));
        learner.lesson(&moved, &episode, &Progress::default()).unwrap().score.loss
    };
    let want = (loss(1e-6) - loss(-1e-6)) / 2e-6;
    for route in [Route::Unrolled, Route::Sweep] {
        let grads =
            learner.clone().route(route).lesson(&learned, &episode, &Progress::default()).unwrap().grads;
        let found: f64 = grads.iter().zip(&along).map(|(g, a)| (g * a).sum()).sum();
        assert!((found - want).abs() < 1e-6 * want.abs().max(1.0), "{route:?}: {found} {want}");
    }
}

#[test]
fn models_without_a_context_and_contexts_of_no_size_are_refused() {
    let plain = Maml::cavia(Mlp::new(&[1, 1]).unwrap(), 1.0, Order::Second, NormMode::Batch);
    let error = Learner::<f64>::check_settings(&plain).unwrap_err();
    assert!(matches!(error, Error::Setting { name: "adapts", .. }), "{error}");
    for size in [0, usize::MAX] {
        let error = FilmConv4::new([16, 16, 1], 4, 3, size).unwrap_err();
        assert!(matches!(error, Error::Setting { name: "size", .. }), "{error}");
    }
    let model = Contextual::new(Mlp::new(&[4, 1]).unwrap(), 3);
    assert!(model.check_input(&[5, 1]).is_ok());
    for shape in [&[5, 2][..], &[5], &[5, 1, 1], &[5, usize::MAX]] {
        assert!(matches!(model.check_input(shape), Err(Error::Shape { .. })), "{shape:?}");
    }
}
