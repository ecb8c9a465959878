//! What holds for all of these learners.

use super::*;

fn learners() -> Vec<Box<dyn Learner<f32>>> {
    let cosine = BaselineHead::Cosine { scale: 2.0 };
    vec![
        Box::new(Reptile::new(conv4(Some(3)), 1e-3).eval_steps(5, 3)),
        Box::new(Reptile::new(conv4(Some(3)), 1e-2).optimizer(Sgd::new(0.5)).eval_steps(5, 3)),
        Box::new(carried()),
        Box::new(baseline(BaselineHead::Linear, TRACKED)),
        Box::new(baseline(BaselineHead::Linear, NormMode::Batch)),
        Box::new(baseline(cosine, TRACKED)),
        Box::new(baseline(cosine, NormMode::Support)),
        Box::new(Nearest::neighbour(Nearness::Cosine)),
        Box::new(Nearest::centroid(Nearness::Euclidean)),
    ]
}

fn begin(learner: &dyn Learner<f32>) -> Learned<f32> {
    Learned { params: learner.init(0), state: innerloop::init_params(&learner.state(), 0) }
}

#[cfg(feature = "safetensors")]
#[test]
fn an_adapted_learner_that_is_saved_and_loaded_predicts_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) =
        (folder.path().join("adapted.safetensors"), folder.path().join("learned.safetensors"));
    let episode: Episode<f32> = sampler(2, 2).task(0);
    for (i, learner) in learners().iter().enumerate() {
        let learned = begin(learner);
        innerloop::save_learned(&other, learner, &learned).unwrap();
        assert_eq!(innerloop::load_learned(&other, learner).unwrap(), learned, "learner {i}");
        let adapted = learner.adapt(&learned, &episode.support).unwrap();
        assert_eq!(learner.adapt(&learned, &episode.support).unwrap(), adapted, "learner {i}");
        innerloop::save_adapted(&path, &adapted).unwrap();
        let loaded: innerloop::Adapted<f32> = innerloop::load_adapted(&path).unwrap();
        let x = &episode.query.x;
        assert_eq!(
            learner.predict(&loaded, x).unwrap(),
            learner.predict(&adapted, x).unwrap(),
            "learner {i}"
        );
        let together = |adapted| learner.predict_together(adapted, x).unwrap();
        assert_eq!(together(&loaded), together(&adapted), "learner {i}");
    }
}

#[test]
fn a_prediction_does_not_depend_on_what_else_is_predicted() {
    let episode: Episode<f32> = sampler(2, 2).task(0);
    for (i, learner) in learners().iter().enumerate() {
        let adapted = learner.adapt(&begin(learner), &episode.support).unwrap();
        let all = learner.predict(&adapted, &episode.query.x).unwrap();
        assert_eq!(all.shape(), [6, 3], "learner {i}");
        for (k, x) in episode.query.x.axis_chunks_iter(Axis(0), 1).enumerate() {
            let alone = learner.predict(&adapted, &x.to_owned()).unwrap();
            let error = (&alone.index_axis(Axis(0), 0) - &all.index_axis(Axis(0), k)).mapv(f32::abs);
            assert!(error.iter().all(|e| *e < 1e-4), "learner {i}, query {k}: {error}");
        }
    }
}

#[test]
fn evaluation_has_the_same_bits_on_any_number_of_threads_and_through_dyn() {
    for (i, learner) in learners().iter().enumerate() {
        let run =
            |threads| on_threads(threads, || evaluate(learner, &begin(learner), &sampler(1, 2), 5).unwrap());
        let one = run(1);
        assert_eq!(one.len(), 1);
        assert_eq!(run(3), one, "learner {i}");
    }
}

#[test]
fn values_are_refused_by_learners_that_need_classes() {
    let x = ArrayD::from_elem(vec![2, 16, 16, 1], 0.5f32);
    let valued = Examples::valued(x, ArrayD::zeros(vec![2, 3]));
    for (i, learner) in learners().iter().enumerate() {
        let refused = learner.adapt(&begin(learner), &valued);
        match i {
            0..3 => assert!(refused.is_ok(), "Reptile fits values as well"),
            _ => assert!(
                matches!(refused, Err(Error::Setting { name: "ways", .. })),
                "learner {i}: {refused:?}"
            ),
        }
    }
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let support = sampler(1, 1).task(0).support;
    let reptile = || Reptile::new(conv4(Some(3)), 1e-3);
    let baseline = |fit: HeadFit| baseline(BaselineHead::Linear, TRACKED).fit(fit);
    let fit = HeadFit::default;
    let cases: Vec<(&str, Box<dyn Learner<f32>>)> = vec![
        ("inner_lr", Box::new(Reptile::new(conv4(Some(3)), f64::NAN))),
        ("slow_body", Box::new(reptile().slow_body(-0.1))),
        ("steps", Box::new(reptile().steps(0, 1))),
        ("batch", Box::new(reptile().steps(1, 0))),
        ("eval_batch", Box::new(reptile().eval_steps(1, 0))),
        ("beta2", Box::new(reptile().optimizer(Adam::default().betas(0.9, 1.0)))),
        ("eps", Box::new(reptile().optimizer(Adam::default().eps(-1.0)))),
        ("momentum", Box::new(reptile().optimizer(Sgd::new(-0.1)))),
        ("ways", Box::new(Reptile::new(conv4(Some(2)), 1e-3))),
        ("lr", Box::new(baseline(fit().lr(-1.0)))),
        ("momentum", Box::new(baseline(fit().momentum(1.0, 0.0)))),
        ("dampening", Box::new(baseline(fit().momentum(0.9, 1.5)))),
        ("scale", Box::new(baseline(fit().scale(0.0)))),
        ("weight_decay", Box::new(baseline(fit().weight_decay(f64::INFINITY)))),
        ("batch", Box::new(baseline(fit().epochs(1, Some(0))))),
    ];
    for (wrong, learner) in cases {
        let refused = learner.adapt(&begin(&learner), &support);
        assert!(
            matches!(&refused, Err(Error::Setting { name, .. }) if *name == wrong),
            "{wrong}: {refused:?}"
        );
    }
}

#[test]
fn training_refuses_settings_of_the_optimizer_out_of_range() {
    let learner = Reptile::new(conv4(Some(3)), 1e-3);
    let refused = |optimizer: Box<dyn Optimizer<f32>>| match Trainer::new(
        &learner,
        optimizer,
        TrainConfig::new(1, 1.0, 1),
    ) {
        Err(Error::Setting { name, .. }) => name,
        other => panic!("{other:?}", other = other.map(|_| "accepted")),
    };
    assert_eq!(refused(Box::new(Adam::default().betas(f64::NAN, 0.999))), "beta1");
    assert_eq!(refused(Box::new(Adam::default().eps(0.0))), "eps");
    assert_eq!(refused(Box::new(Sgd::new(1.0))), "momentum");
}

#[test]
fn a_batch_of_other_classes_than_the_baselines_is_refused() {
    let learner = baseline(BaselineHead::Linear, NormMode::Batch);
    let batches = ClassBatches::new(&glyphs(), &glyphs().all()[..5], 4, 0).unwrap();
    let mut trainer =
        Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(2, 1e-3, 1)).unwrap();
    let Err(Error::Task { task: 0, source }) = trainer.step(&batches) else { panic!("accepted") };
    assert!(matches!(*source, Error::Setting { name: "ways", .. }), "{source}");
}

#[test]
fn a_line_with_a_floor_that_is_not_a_number_is_refused() {
    let schedule = Schedule::Linear { iterations: 1, floor: f64::NAN };
    let config = TrainConfig::new(1, 1.0, 1).schedule(schedule);
    assert!(matches!(config.check(), Err(Error::Setting { name: "floor", .. })));
}
