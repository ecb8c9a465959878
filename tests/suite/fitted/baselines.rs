//! Baseline and Baseline++.

use super::*;

/// A body without norms, whose embeddings can be scaled by scaling its last layer.
fn flat_body() -> (Mlp, Episode<f64>) {
    let flat = |set: &Examples<f64>| {
        let n = set.len();
        let x = set.x.to_shape((n, 256)).unwrap().into_owned().into_dyn();
        Examples::labelled(x, set.y.labels().unwrap().to_vec(), set.y.ways().unwrap())
    };
    let episode: Episode<f64> = sampler(3, 2).task(1);
    let flat = Episode::new(flat(&episode.support), flat(&episode.query)).unwrap();
    (Mlp::new(&[256, 20, 10]).unwrap(), flat)
}

#[test]
fn cosine_scores_do_not_change_with_the_scale_of_embeddings() {
    let (body, episode) = flat_body();
    for (head, changes) in [(BaselineHead::Cosine { scale: 2.0 }, false), (BaselineHead::Linear, true)] {
        let learner = Baseline::new(&body, 8, NormMode::Batch).head(head);
        let mut learned: Learned<f64> = learner.init(0).into();
        let mut predict = |factor: f64| {
            learned.params[2] *= factor;
            learned.params[3] *= factor;
            let adapted = learner.adapt(&learned, &episode.support).unwrap();
            learner.predict(&adapted, &episode.query.x).unwrap()
        };
        let (before, after) = (predict(1.0), predict(3.0));
        assert_eq!(distance(&after, &before) > 1e-9, changes, "{head:?}");
    }
}

#[test]
fn the_order_of_the_support_set_matters_only_through_the_shuffle() {
    let (body, episode) = flat_body();
    let support = &episode.support;
    let labels = support.y.labels().unwrap().iter().rev().copied().collect();
    let mut x = support.x.clone();
    x.invert_axis(Axis(0));
    let reversed = Examples::labelled(x.as_standard_layout().into_owned(), labels, 3);
    for (batch, changes) in [(None, false), (Some(4), true)] {
        let learner =
            Baseline::plus_plus(&body, 8, NormMode::Batch).fit(HeadFit::default().epochs(20, batch));
        let learned: Learned<f64> = learner.init(0).into();
        let [a, b] = [support, &reversed].map(|support| {
            let adapted = learner.adapt(&learned, support).unwrap();
            learner.predict(&adapted, &episode.query.x).unwrap()
        });
        assert_eq!(distance(&a, &b) > 1e-9, changes, "{batch:?}: {}", distance(&a, &b));
    }
}

#[test]
fn an_adapted_baseline_keeps_the_learned_body_bit_for_bit_and_has_the_scale_of_the_fit() {
    for head in [BaselineHead::Linear, BaselineHead::Cosine { scale: 10.0 }] {
        let learner = baseline(head, TRACKED);
        let batches = ClassBatches::new(&glyphs(), &glyphs().all(), 16, 0).unwrap();
        let config = TrainConfig::new(1, 1e-2, 5);
        let mut trainer = Trainer::<f32, _, _>::new(&learner, Adam::default(), config).unwrap();
        for _ in 0..5 {
            trainer.step(&batches).unwrap();
        }
        let learned = trainer.learned();
        let episode: Episode<f32> = sampler(1, 1).task(0);
        let adapted = learner.adapt(learned, &episode.support).unwrap();
        assert_eq!(adapted.params(&learner.model.specs()).unwrap(), learned.params[..16]);
        if head != BaselineHead::Linear {
            assert_eq!(adapted.array("scale").unwrap().sum(), learner.fit.scale as f32);
            assert_ne!(learned.params[17].sum(), 10.0, "the scale is learned");
        }
        assert_eq!(adapted.moments(&learner.model.norms()).unwrap()[0].mean.len(), 4);
        // a support image is embedded by the tracked statistics, so the others make no difference to it
        let mut other = episode.support.clone();
        other.x.index_axis_mut(Axis(0), 2).fill(0.0);
        let adapted_to_other = learner.adapt(learned, &other).unwrap();
        let norms = learner.model.norms();
        assert_eq!(adapted_to_other.moments(&norms).unwrap(), adapted.moments(&norms).unwrap());
    }
}

#[test]
fn a_large_scale_ends_a_fit_before_the_head_points_to_its_examples() {
    // three embeddings at right angles, so the best head for the cosine is along them, less the others
    let mut z = ArrayD::zeros(vec![3, 10]);
    (0..3).for_each(|i| z[[i, i]] = 1.0);
    let support = Examples::labelled(z, vec![0, 1, 2], 3);
    let cosine = |scale: f64| {
        let learner = Baseline::plus_plus(Mlp::new(&[256, 10]).unwrap(), 8, NormMode::Batch);
        let head = innerloop::init_params::<f64>(&Learner::<f64>::specs(&learner)[2..3], 0);
        let first = head[0].slice_axis(Axis(0), (..3).into()).to_owned();
        let head = learner.fit_head(vec![first, ArrayD::from_elem(vec![], scale)], &support).unwrap();
        let rows = head[0].outer_iter().enumerate();
        rows.map(|(i, w)| w[i] / w.fold(0.0, |sum, x| sum + x * x).sqrt()).sum::<f64>() / 3.0
    };
    let [usual, large] = [HeadFit::default().scale, 20.0].map(cosine);
    assert!(usual > large + 0.05, "{usual} against {large}");
}

#[test]
fn a_lesson_of_a_baseline_is_the_same_whether_statistics_are_tracked_or_not() {
    let batch: Examples<f64> = ClassBatches::new(&glyphs(), &glyphs().all(), 16, 0).unwrap().task(0);
    let lesson = |norm| {
        let learner = baseline(BaselineHead::Linear, norm);
        let learned = Learned {
            params: learner.init(0),
            state: innerloop::init_params(&Learner::<f64>::state(&learner), 0),
        };
        learner.lesson(&learned, &batch, &Progress::default()).unwrap()
    };
    let (batch, tracked) = (lesson(NormMode::Batch), lesson(TRACKED));
    assert!((batch.score.loss - tracked.score.loss).abs() < 1e-12);
    assert!(distance(&batch.grads[0], &tracked.grads[0]) < 1e-9);
    assert_eq!((batch.seen.len(), tracked.seen.len()), (0, 8));
}

#[test]
fn a_baseline_trained_on_other_characters_tells_new_ones_apart() {
    let images = Glyphs::default().alphabets(10).generate().unwrap();
    let split = Split::random(&images, 150, 50, false, 0).unwrap();
    let batches = ClassBatches::new(&images, &split.train, 32, 0).unwrap();
    let shape = EpisodeShape::new(5, 1, 5);
    let test = EpisodeSampler::new(&images, &split.test, shape, 0).unwrap();
    let body = Conv4::new([28, 28, 1], 16, Downsample::Stride, None).unwrap();
    let learner =
        Baseline::plus_plus(body, batches.classes(), TRACKED).head(BaselineHead::Cosine { scale: 10.0 });
    let mut trainer =
        Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(1, 3e-3, 400)).unwrap();
    let accuracy = |learned: &Learned<f32>| {
        let report = &evaluate(&learner, learned, &test, 50).unwrap()[0];
        [report.inductive, report.transductive].map(|r| r.accuracy.unwrap().mean)
    };
    for _ in 0..400 {
        trainer.step(&batches).unwrap();
    }
    let [inductive, transductive] = accuracy(trainer.learned());
    println!("inductive {inductive:.3}, transductive {transductive:.3}");
    assert!(inductive > 0.5, "{inductive}");
}
