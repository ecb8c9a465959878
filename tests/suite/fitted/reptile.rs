//! Reptile.

use super::*;

#[test]
fn one_step_of_reptile_on_the_whole_pool_is_the_rate_times_the_gradient() {
    let model = conv4(Some(3));
    let reptile = Reptile::new(&model, 0.3).optimizer(PLAIN).steps(1, 6);
    let episode: Episode<f64> = sampler(2, 1).task(0);
    let learned: Learned<f64> = reptile.init(1).into();
    let lesson = reptile.lesson(&learned, &episode, &Progress::default()).unwrap();
    let tape = Tape::new();
    let theta = tape.leaves(&learned.params);
    let logits = model.forward(&theta, tape.constant(&episode.support.x), Norm::Batch);
    let loss = cross_entropy(logits, episode.support.y.labels().unwrap());
    assert!((lesson.score.loss - loss.item()).abs() < 1e-12);
    let grads = grad_values(loss, &theta);
    let unit = grads.iter().flatten().fold(0f64, |m, v| m.max(v.abs()));
    for (moved, g) in lesson.grads.iter().zip(&grads) {
        for (moved, g) in moved.iter().zip(g) {
            assert!((moved - 0.3 * g).abs() < 1e-12 * unit, "{moved} for {}", 0.3 * g);
        }
    }
}

#[test]
fn with_outer_rate_one_and_one_task_reptile_goes_where_the_task_leads() {
    let reptile = Reptile::new(conv4(Some(3)), 1e-2).steps(4, 4);
    let tasks = sampler(2, 1);
    let mut trainer =
        Trainer::<f64, _, _>::new(&reptile, PLAIN, TrainConfig::new(1, 1.0, 10).seed(7)).unwrap();
    let theta = trainer.learned().params.clone();
    trainer.step(&tasks).unwrap();
    let episode: Episode<f64> = tasks.task(0);
    let batches = reptile.batches(6, Progress::new(7, 10).key(0));
    let fresh = reptile.optimizer.init(&theta);
    let phi = reptile.fit(&theta, &episode.support, &batches, fresh).unwrap().params;
    assert_ne!(phi, theta);
    for (found, want) in trainer.learned().params.iter().zip(&phi) {
        found.iter().zip(want).for_each(|(a, b)| assert!((a - b).abs() < 1e-14, "{a} {b}"));
    }
}

#[test]
fn the_batches_of_a_task_cover_its_pool_evenly() {
    let key = |task| Progress::new(3, 1).of_task(task).key(0);
    for (n, batch, steps) in [(10, 4, 7), (5, 5, 3), (3, 7, 4), (50, 1, 20)] {
        let reptile = Reptile::new((), 0.1).steps(steps, batch);
        let batches = reptile.batches(n, key(0));
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), vec![batch; steps]);
        let mut counts = vec![0; n];
        for (seen, &i) in batches.iter().flatten().enumerate() {
            assert_eq!(counts[i], seen / n, "each shuffle is used up before the next");
            counts[i] += 1;
        }
        assert_eq!(batches, reptile.batches(n, key(0)));
        assert_ne!(batches, reptile.batches(n, key(1)));
    }
}

#[test]
fn a_pooled_lesson_learns_from_the_query_set_too() {
    let reptile = Reptile::new(conv4(Some(3)), 0.1).optimizer(PLAIN);
    let learned: Learned<f64> = reptile.init(0).into();
    let mut episode: Episode<f64> = sampler(2, 2).task(0);
    let grads = |reptile: &Reptile<Conv4, Sgd>, episode: &Episode<f64>| {
        reptile.lesson(&learned, episode, &Progress::default()).unwrap().grads
    };
    let pooled = reptile.clone().pooled();
    let before = [&reptile, &pooled].map(|r| grads(r, &episode));
    episode.query.x *= 0.5;
    assert_eq!(grads(&reptile, &episode), before[0]);
    assert_ne!(grads(&pooled, &episode), before[1]);
}

#[test]
fn carried_adam_with_one_task_per_meta_step_is_that_of_the_tasks_one_after_another() {
    let (reptile, tasks) = (carried(), sampler(2, 1));
    let mut trainer = Trainer::<f64, _, _>::new(&reptile, PLAIN, TrainConfig::new(1, 0.5, 10)).unwrap();
    let mut state = reptile.optimizer.init(&trainer.learned().params);
    for i in 0..3 {
        let episode: Episode<f64> = tasks.task(i);
        let batches = reptile.batches(6, Progress::new(0, 10).at(i).of_task(i).key(0));
        state = reptile.fit(&trainer.learned().params, &episode.support, &batches, state).unwrap().state;
        trainer.step(&tasks).unwrap();
        let (step, slots) = trainer.learned().state.split_last().unwrap();
        assert_eq!(slots, state.slots.concat());
        assert_eq!((step.sum(), state.step), (3.0 * (i + 1) as f64, 3 * (i + 1)));
    }
}

#[test]
fn carried_adam_is_averaged_over_a_meta_batch_and_goes_into_evaluation() {
    let (reptile, tasks) = (carried(), sampler(2, 1));
    let mut learned: Learned<f64> = Learned { params: reptile.init(0), state: Vec::new() };
    learned.state = innerloop::init_params(&Learner::<f64>::state(&reptile), 0);
    let episodes: Vec<Episode<f64>> = (0..2).map(|i| tasks.task(i)).collect();
    let adapted = |learned: &Learned<f64>| reptile.adapt(learned, &episodes[0].support).unwrap();
    let fresh = adapted(&learned);
    let seen = meta_grad(&reptile, &learned, &episodes, &Progress::default()).unwrap().seen;
    reptile.absorb(&mut learned.state, &seen);
    for (i, state) in learned.state.iter().enumerate() {
        assert_eq!(*state, (&seen[0][i] + &seen[1][i]) * 0.5, "{i}");
    }
    assert_ne!(adapted(&learned), fresh);
}

fn trained<L: Trainable<f32>>(learner: &L, optimizer: impl Optimizer<f32>, steps: u64) -> TrainState<f32> {
    let tasks = sampler(2, 1);
    let config = TrainConfig::new(3, 0.5, 4).schedule(Schedule::Linear { iterations: 4, floor: 0.0 });
    let mut trainer = Trainer::new(learner, optimizer, config).unwrap();
    for _ in 0..steps {
        trainer.step(&tasks).unwrap();
    }
    trainer.state().clone()
}

#[test]
fn carried_reptile_has_the_same_bits_on_any_number_of_threads() {
    let run = |threads| on_threads(threads, || trained(&carried(), PLAIN, 3));
    let one = run(1);
    assert!(one.learned.state.iter().flatten().any(|v| *v != 0.0));
    assert_eq!(run(2), one);
    assert_eq!(run(3), one);
}

#[cfg(feature = "safetensors")]
#[test]
fn a_resumed_run_of_carried_reptile_has_the_same_bits() {
    let reptile = carried();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    innerloop::save_checkpoint(&path, &reptile, &trained(&reptile, PLAIN, 2)).unwrap();
    let state = innerloop::load_checkpoint(&path, &reptile).unwrap();
    let config = TrainConfig::new(3, 0.5, 4).schedule(Schedule::Linear { iterations: 4, floor: 0.0 });
    let mut trainer = Trainer::resume(&reptile, PLAIN, config, state).unwrap();
    for _ in 0..2 {
        trainer.step(&sampler(2, 1)).unwrap();
    }
    assert_eq!(*trainer.state(), trained(&reptile, PLAIN, 4));
}

#[test]
fn an_inductive_prediction_of_reptile_is_that_of_the_support_set_with_one_query() {
    let reptile = Reptile::new(conv4(Some(3)), 1e-3).eval_steps(4, 3);
    let learned: Learned<f64> = reptile.init(2).into();
    let episode: Episode<f64> = sampler(1, 2).task(0);
    let adapted = reptile.adapt(&learned, &episode.support).unwrap();
    let found = reptile.predict(&adapted, &episode.query.x).unwrap();
    let tape = Tape::new();
    let phi = tape.leaves(&adapted.params(&reptile.model.specs()).unwrap());
    for (i, query) in episode.query.x.axis_chunks_iter(Axis(0), 1).enumerate() {
        let mut batch = episode.support.x.clone();
        batch.append(Axis(0), query).unwrap();
        let want = reptile.model.forward(&phi, tape.constant(&batch), Norm::Batch).to_array();
        assert_eq!(found.index_axis(Axis(0), i), want.index_axis(Axis(0), 3));
    }
    assert!(distance(&reptile.predict_together(&adapted, &episode.query.x).unwrap(), &found) > 1e-6);
}

#[test]
fn reptile_without_evaluation_steps_predicts_by_its_meta_parameters() {
    let reptile = Reptile::new(conv4(Some(3)), 1e-3).eval_steps(0, 3);
    let learned: Learned<f64> = reptile.init(2).into();
    let adapted = reptile.adapt(&learned, &sampler(1, 2).task(0).support).unwrap();
    assert_eq!(adapted.params(&reptile.model.specs()).unwrap(), learned.params);
}

#[test]
fn a_slow_body_moves_by_its_factor_and_not_at_all_at_none() {
    let plain = Reptile::new(conv4(Some(3)), 0.1).optimizer(PLAIN).steps(1, 6).eval_steps(1, 6);
    let learned: Learned<f64> = plain.init(2).into();
    let episode: Episode<f64> = sampler(2, 1).task(0);
    let head = learned.params.len() - 2;
    let moved = |reptile: &Reptile<Conv4, Sgd>| {
        let lesson = reptile.lesson(&learned, &episode, &Progress::default()).unwrap();
        let adapted = reptile.adapt(&learned, &episode.support).unwrap();
        let after = adapted.params(&reptile.model.specs()).unwrap();
        let tested: Vec<_> = learned.params.iter().zip(&after).map(|(theta, phi)| theta - phi).collect();
        [lesson.grads, tested]
    };
    for factor in [0.0, 0.25, 1.0] {
        for (slow, plain) in moved(&plain.clone().slow_body(factor)).iter().zip(moved(&plain)) {
            for (i, (slow, plain)) in slow.iter().zip(&plain).enumerate() {
                let want = plain * if i < head { factor } else { 1.0 };
                let unit = plain.iter().fold(0f64, |m, v| m.max(v.abs()));
                slow.iter()
                    .zip(&want)
                    .for_each(|(a, b)| assert!((a - b).abs() <= 1e-12 * unit, "{i}: {a} {b}"));
            }
            assert!(plain[0].iter().any(|v| *v != 0.0), "the body does not move, so this shows nothing");
        }
    }
}

#[test]
fn reptile_learns_to_fit_a_sinusoid_from_ten_points() {
    let model = Mlp::new(&[1, 40, 40, 1]).unwrap();
    let reptile = Reptile::new(model, 0.01).steps(8, 10).eval_steps(16, 10);
    let tasks = |seed| Sinusoids::new(10, 10, seed);
    let mut trainer = Trainer::<f32, _, _>::new(&reptile, PLAIN, TrainConfig::new(1, 0.1, 1000)).unwrap();
    let loss =
        |learned: &Learned<f32>| evaluate(&reptile, learned, &tasks(1), 100).unwrap()[0].inductive.loss.mean;
    let untrained = loss(trainer.learned());
    for _ in 0..1000 {
        trainer.step(&tasks(0)).unwrap();
    }
    let trained = loss(trainer.learned());
    println!("untrained {untrained:.3}, trained {trained:.3}");
    assert!(trained < 0.6 * untrained, "{trained} after {untrained}");
}
