//! What defines Meta-LSTM.

use innerloop::ndarray::ArrayD;
use innerloop::{
    Adam, Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape, Error, Follows, Glyphs, Learned, Learner,
    Maml, MetaLstm, Mlp, Model, Network, Norm, NormMode, Order, Progress, Sinusoids, Tape, Tasks,
    TrainConfig, Trainable, Trainer, cross_entropy, grad_values,
};

/// A network of 2,903 parameters, more than are computed together.
fn conv4() -> Conv4 {
    Conv4::new([16, 16, 1], 10, Downsample::MaxPool, Some(3)).unwrap()
}

fn sampler() -> EpisodeSampler {
    let images =
        Glyphs::default().alphabets(1).characters_per_alphabet(6).drawers(6).size(16).generate().unwrap();
    EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 2, 2), 0).unwrap()
}

/// Weights of zeros, and biases that keep a parameter by the share σ(40) and subtract `rate` of the gradient.
fn constant_gates(learner: &MetaLstm<Conv4>, rate: f64) -> Learned<f64> {
    let mut params = Learner::<f64>::init(learner, 1);
    let specs = Learner::<f64>::specs(learner);
    for (spec, param) in specs.iter().zip(&mut params).skip(learner.model.count()) {
        match spec.name.as_str() {
            "forget_b" => param.fill(40.0),
            "input_b" => param.fill((rate / (1.0 - rate)).ln()),
            _ => param.fill(0.0),
        }
    }
    params.into()
}

#[test]
fn with_constant_gates_it_is_gradient_descent() {
    let episode: Episode<f64> = sampler().task(0);
    let learner = MetaLstm::new(conv4(), 3, NormMode::Batch).hidden(5);
    let learned = constant_gates(&learner, 0.05);
    let maml = Maml::new(conv4(), 0.05, Order::First, NormMode::Batch).steps(3);
    let start: Learned<f64> = learned.params[..conv4().count()].to_vec().into();
    let [found, want] = [
        learner.predict(&learner.adapt(&learned, &episode.support).unwrap(), &episode.query.x).unwrap(),
        maml.predict(&maml.adapt(&start, &episode.support).unwrap(), &episode.query.x).unwrap(),
    ];
    assert!((&found - &want).iter().all(|d| d.abs() < 1e-9), "{found} {want}");
}

#[test]
fn with_constant_gates_the_start_gets_the_gradient_at_the_end_times_the_shares_kept() {
    let episode: Episode<f64> = sampler().task(2);
    let learner = MetaLstm::new(conv4(), 3, NormMode::Batch).hidden(5);
    let mut learned = constant_gates(&learner, 0.05);
    let specs = Learner::<f64>::specs(&learner);
    let forget = specs.iter().position(|spec| spec.name == "forget_b").unwrap();
    let keeps = 0.9f64;
    learned.params[forget].fill((keeps / (1.0 - keeps)).ln());
    let lesson = learner.lesson(&learned, &episode, &Progress::default()).unwrap();
    let adapted = learner.adapt(&learned, &episode.support).unwrap();
    let (tape, model) = (Tape::new(), conv4());
    let phi = tape.leaves(&adapted.params(&model.specs()).unwrap());
    let logits = model.forward(&phi, tape.constant(&episode.query.x), Norm::Batch);
    let at_end = grad_values(cross_entropy(logits, episode.query.y.labels().unwrap()), &phi);
    for (found, at_end) in lesson.grads.iter().zip(&at_end) {
        let want: ArrayD<f64> = at_end * keeps.powi(3);
        assert!((found - &want).iter().all(|d| d.abs() < 1e-12), "{found} {want}");
    }
}

#[test]
fn a_prediction_is_the_same_alone_after_a_file_and_on_any_number_of_threads() {
    let episode: Episode<f32> = sampler().task(1);
    let learner = MetaLstm::new(conv4(), 2, NormMode::Support);
    let learned: Learned<f32> = learner.init(3).into();
    let adapted = learner.adapt(&learned, &episode.support).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapted");
    innerloop::save_adapted(&path, &adapted).unwrap();
    let loaded = innerloop::load_adapted(&path).unwrap();
    let all = learner.predict(&loaded, &episode.query.x).unwrap();
    for i in 0..episode.query.len() {
        let axis = innerloop::ndarray::Axis(0);
        let one = learner.predict(&adapted, &episode.query.x.select(axis, &[i])).unwrap();
        assert_eq!(one.index_axis(axis, 0), all.index_axis(axis, i));
    }
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| learner.lesson(&learned, &episode, &Progress::default()).unwrap().grads)
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn it_learns_curves_and_characters() {
    let learner = MetaLstm::new(Mlp::new(&[1, 20, 1]).unwrap(), 4, NormMode::Batch).hidden(8);
    let improved = |losses: &[f64]| {
        let quarter = losses.len() / 4;
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        assert!(mean(&losses[3 * quarter..]) < mean(&losses[..quarter]), "{losses:?}");
    };
    let config = TrainConfig::new(4, 3e-3, 120).clip_norm(1.0);
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config).unwrap();
    improved(&(0..120).map(|_| trainer.step(&Sinusoids::new(10, 10, 0)).unwrap().loss).collect::<Vec<_>>());
    let learner = MetaLstm::new(conv4(), 2, NormMode::Batch).follows(Follows::Paper);
    let config = TrainConfig::new(4, 3e-3, 60).clip_norm(0.25);
    let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config).unwrap();
    improved(&(0..60).map(|_| trainer.step(&sampler()).unwrap().loss).collect::<Vec<_>>());
}

#[test]
fn cells_begin_at_the_inner_rate() {
    let bias = |learner: &MetaLstm<Mlp>, seed| {
        let (specs, init) = (Learner::<f64>::specs(learner), Learner::<f64>::init(learner, seed));
        let input = specs.iter().position(|spec| spec.name == "input_b").unwrap();
        init[input].sum()
    };
    let new = || MetaLstm::new(Mlp::new(&[1, 1]).unwrap(), 1, NormMode::Batch);
    for seed in 0..20 {
        assert!((-5.0..-4.0).contains(&bias(&new(), seed)), "the authors' range");
        let even = bias(&new().inner_lr(0.5), seed);
        assert!((-0.5..0.5).contains(&even), "{even}");
        assert!((even - bias(&new(), seed) - 4.5).abs() < 1e-12, "the same draw, moved");
    }
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let new = |steps, norm| MetaLstm::new(Mlp::new(&[1, 1]).unwrap(), steps, norm);
    for (learner, name) in [
        (new(0, NormMode::Batch), "steps"),
        (new(1, NormMode::Batch).hidden(0), "hidden"),
        (new(1, NormMode::Tracked { momentum: 0.1 }), "norm"),
        (new(1, NormMode::Batch).inner_lr(0.0), "inner_lr"),
        (new(1, NormMode::Batch).inner_lr(1.0), "inner_lr"),
        (new(1, NormMode::Batch).inner_lr(f64::NAN), "inner_lr"),
    ] {
        let error = Learner::<f64>::check_settings(&learner).unwrap_err();
        assert!(matches!(error, Error::Setting { name: found, .. } if found == name), "{error}");
    }
}
