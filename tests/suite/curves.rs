//! Learners that adapt by gradients, on both families of regression tasks.

use innerloop::ndarray::Axis;
use innerloop::{
    Activation, Adam, Contextual, Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape, Error, FilmConv4,
    GaussianProcesses, Glyphs, Imaml, Learned, Learner, Maml, MetaLstm, Mlp, Model, NormMode, Order,
    Sinusoids, Tasks, TrainConfig, Trainable, Trainer, evaluate,
};

const BATCH: NormMode = NormMode::Batch;

fn learners() -> [(&'static str, Box<dyn Trainable<f32>>); 5] {
    let mlp = || Mlp::new(&[1, 20, 20, 1]).unwrap();
    let context = Contextual::new(Mlp::new(&[1 + 3, 20, 20, 1]).unwrap(), 3);
    [
        ("Meta-SGD", Box::new(Maml::meta_sgd(mlp(), BATCH))),
        ("CAVIA", Box::new(Maml::cavia(context, 0.5, Order::Second, BATCH))),
        ("iMAML", Box::new(Imaml::new(mlp(), 0.5, BATCH).inner_lr(0.02).steps(8))),
        ("iMAML, Hessian-free", Box::new(Imaml::new(mlp(), 0.5, BATCH).hessian_free().steps(3))),
        ("Meta-LSTM", Box::new(MetaLstm::new(mlp(), 4, BATCH).hidden(8))),
    ]
}

/// Losses before and after some training on `tasks`, on `unseen` ones.
fn losses(
    learner: &dyn Trainable<f32>,
    tasks: &impl Tasks<Episode<f32>>,
    unseen: &impl Tasks<Episode<f32>>,
) -> [f64; 2] {
    let config = TrainConfig::new(4, 3e-3, 150).clip_norm(10.0);
    let mut trainer = Trainer::<f32, _, _>::new(learner, Adam::default(), config).unwrap();
    let loss = |learned: &Learned<f32>| {
        evaluate(learner, learned, unseen, 100).unwrap().last().unwrap().inductive.loss.mean
    };
    let untrained = loss(trainer.learned());
    for _ in 0..150 {
        trainer.step(tasks).unwrap();
    }
    [untrained, loss(trainer.learned())]
}

#[test]
fn each_learner_improves_on_sinusoids() {
    for (name, learner) in learners() {
        let tasks = |seed| Sinusoids::new(10, 10, seed);
        let [untrained, trained] = losses(&*learner, &tasks(0), &tasks(1));
        println!("{name}: {untrained:.3}, {trained:.3}");
        assert!(trained < 0.95 * untrained, "{name}: {trained} after {untrained}");
    }
}

#[test]
fn no_learner_is_better_than_the_posterior_of_the_process_that_drew_the_curves() {
    let tasks = |seed| GaussianProcesses::new(10, 10, seed).length(2.0);
    let best: f64 = (0..100)
        .map(|i| tasks(1).best_loss(&Tasks::<Episode<f32>>::task(&tasks(1), i)).unwrap())
        .sum::<f64>()
        / 100.0;
    for (name, learner) in learners() {
        let [untrained, trained] = losses(&*learner, &tasks(0), &tasks(1));
        println!("{name}: {untrained:.3}, {trained:.3}, best {best:.3}");
        assert!(trained < untrained && trained > best, "{name}: {trained} after {untrained}, best {best}");
    }
}

#[test]
fn pictures_are_predicted_alone_as_among_others_to_the_bit() {
    let images =
        Glyphs::default().alphabets(1).characters_per_alphabet(4).drawers(6).size(16).generate().unwrap();
    let tasks = EpisodeSampler::new(&images, &images.all(), EpisodeShape::new(3, 2, 3), 0).unwrap();
    let episode: Episode<f32> = tasks.task(0);
    let plain = Conv4::new([16, 16, 1], 4, Downsample::MaxPool, Some(3)).unwrap();
    let film = FilmConv4::new([16, 16, 1], 4, 3, 5).unwrap();
    for norm in [BATCH, NormMode::Support] {
        let learners: [(&str, Box<dyn Learner<f32>>); 3] = [
            ("CAVIA", Box::new(Maml::cavia(film.clone(), 1.0, Order::Second, norm.clone()).steps(2))),
            ("iMAML", Box::new(Imaml::new(plain.clone(), 2.0, norm.clone()).steps(3))),
            ("Meta-LSTM", Box::new(MetaLstm::new(plain.clone(), 2, norm.clone()))),
        ];
        for (name, learner) in learners {
            let adapted = learner.adapt(&learner.init(5).into(), &episode.support).unwrap();
            let all = learner.predict(&adapted, &episode.query.x).unwrap();
            for i in 0..episode.query.len() {
                let one = learner.predict(&adapted, &episode.query.x.select(Axis(0), &[i])).unwrap();
                assert_eq!(one.index_axis(Axis(0), 0), all.index_axis(Axis(0), i), "{name}, {norm:?}");
            }
        }
    }
}

#[test]
fn a_hessian_product_that_overflows_is_an_error_and_not_first_order() {
    let model = Mlp::new(&[1, 6, 1]).unwrap().activation(Activation::Tanh);
    let episode: Episode<f32> = Sinusoids::new(5, 5, 0).task(0);
    let phi = Model::<f32>::init(&model, 1);
    // 1/λ has no value in f32
    let error = Imaml::new(&model, 1e-60, BATCH).implicit(&phi, &episode).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
}
