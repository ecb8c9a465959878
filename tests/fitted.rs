//! What defines the learners that are not the derivative of a query loss: Reptile, the baselines, nearest neighbours.

mod common;

use innerloop::ndarray::{ArrayD, Axis, array};
use innerloop::{
    Adam, Baseline, BaselineHead, ClassBatches, Conv4, Downsample, Episode, EpisodeSampler, EpisodeShape,
    Error, Examples, Glyphs, HeadFit, ImageSet, Learned, Learner, Mlp, Model, Nearest, Nearness, Network,
    Norm, NormMode, Optimizer, Progress, Reptile, Schedule, Sgd, Sinusoids, Split, Tape, Tasks, TrainConfig,
    TrainState, Trainable, Trainer, cross_entropy, evaluate, grad_values, meta_grad,
};

const PLAIN: Sgd = Sgd::new(0.0);
const TRACKED: NormMode = NormMode::Tracked { momentum: 0.1 };

fn glyphs() -> ImageSet {
    Glyphs::default().alphabets(1).characters_per_alphabet(8).drawers(6).size(16).generate().unwrap()
}

fn sampler(shots: usize, queries: usize) -> EpisodeSampler {
    let images = glyphs();
    let shape = EpisodeShape::new(3, shots, queries);
    EpisodeSampler::new(&images, &images.all(), shape, 4).unwrap()
}

fn conv4(ways: Option<usize>) -> Conv4 {
    Conv4::new([16, 16, 1], 4, Downsample::MaxPool, ways).unwrap()
}

fn carried() -> Reptile<Conv4> {
    Reptile::new(conv4(Some(3)), 1e-3).steps(3, 4).eval_steps(6, 4).carried()
}

fn baseline(head: BaselineHead, norm: NormMode) -> Baseline<Conv4> {
    Baseline::new(conv4(None), 8, norm).head(head)
}

/// The largest difference, relative to the largest value.
fn distance(a: &ArrayD<f64>, b: &ArrayD<f64>) -> f64 {
    let largest = b.iter().fold(0f64, |m, v| m.max(v.abs()));
    a.iter().zip(b).fold(0f64, |m, (a, b)| m.max((a - b).abs())) / largest
}

fn on_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}

// Reptile

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

// plain batches

#[test]
fn a_class_batch_is_a_function_of_its_number_and_repeats_no_image() {
    let images = glyphs();
    let classes: Vec<_> = images.all().into_iter().rev().collect();
    let batches = ClassBatches::new(&images, &classes, 20, 3).unwrap();
    for i in 0..50 {
        let drawn = batches.drawn(i);
        let batch: Examples<f32> = batches.task(i);
        assert_eq!(batch, batches.task(i));
        assert!(batch.check("batch").is_ok());
        assert_eq!((batch.x.shape(), batch.y.ways()), (&[20, 16, 16, 1][..], Some(8)));
        for (at, &(label, image)) in drawn.iter().enumerate() {
            assert!(!drawn[..at].contains(&(label, image)));
            let want = images.class(classes[label]).unwrap().image::<f32>(image);
            assert_eq!(batch.x.index_axis(Axis(0), at), want);
            assert_eq!(batch.y.labels().unwrap()[at], label);
        }
    }
    assert_ne!(batches.drawn(0), batches.drawn(1));
    let whole = ClassBatches::new(&images, &classes, 48, 3).unwrap().drawn(0);
    assert!((0..8).all(|label| (0..6).all(|image| whole.contains(&(label, image)))));
}

#[test]
fn class_batches_draw_each_image_equally_often() {
    let images = glyphs();
    let batches = ClassBatches::new(&images, &images.all(), 12, 0).unwrap();
    let mut counts = [[0u32; 6]; 8];
    (0..4000).flat_map(|i| batches.drawn(i)).for_each(|(label, image)| counts[label][image] += 1);
    // 1000 expected, standard deviation 27
    assert!(counts.iter().flatten().all(|n| n.abs_diff(1000) < 150), "{counts:?}");
}

#[test]
fn class_batches_that_cannot_be_drawn_are_refused() {
    let images = glyphs();
    let all = images.all();
    let new = |classes: &[_], size| ClassBatches::new(&images, classes, size, 0).map(drop).unwrap_err();
    assert!(matches!(new(&[], 1), Error::TooFewClasses { .. }));
    assert!(matches!(new(&all, 0), Error::Setting { name: "size", .. }));
    assert!(matches!(new(&all, 49), Error::Setting { name: "size", .. }));
    assert!(matches!(new(&[all[1], all[1]], 1), Error::RepeatedClass { .. }));
}

// baselines

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
fn an_adapted_baseline_keeps_the_learned_body_and_scale_bit_for_bit() {
    for head in [BaselineHead::Linear, BaselineHead::Cosine { scale: 2.0 }] {
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
            assert_eq!(adapted.array("scale").unwrap(), &learned.params[17]);
            assert_ne!(learned.params[17].sum(), 2.0, "the scale is learned");
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

// nearest neighbours

#[test]
fn nearest_neighbours_and_centroids_are_what_they_say() {
    let episode: Episode<f64> = sampler(3, 2).task(5);
    let (support, queries) = (&episode.support, &episode.query.x);
    let labels = support.y.labels().unwrap();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let near = |nearness, a: &[f64], b: &[f64]| match nearness {
        Nearness::Cosine => dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
        _ => -a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>(),
    };
    let rows =
        |x: &ArrayD<f64>| x.outer_iter().map(|r| r.iter().copied().collect()).collect::<Vec<Vec<f64>>>();
    let (points, inputs) = (rows(&support.x), rows(queries));
    for nearness in [Nearness::Cosine, Nearness::Euclidean] {
        for centroid in [false, true] {
            let learner = if centroid { Nearest::centroid(nearness) } else { Nearest::neighbour(nearness) };
            let adapted = learner.adapt(&Vec::new().into(), support).unwrap();
            let found = learner.predict(&adapted, queries).unwrap();
            let want = ArrayD::from_shape_fn(vec![inputs.len(), 3], |at| {
                let members: Vec<_> = (0..points.len()).filter(|&j| labels[j] == at[1]).collect();
                if centroid {
                    let mean =
                        |k: usize| members.iter().map(|&j| points[j][k]).sum::<f64>() / members.len() as f64;
                    let mean: Vec<f64> = (0..256).map(mean).collect();
                    return near(nearness, &inputs[at[0]], &mean);
                }
                let all = members.iter().map(|&j| near(nearness, &inputs[at[0]], &points[j]));
                all.fold(f64::NEG_INFINITY, f64::max)
            });
            assert!(distance(&found, &want) < 1e-10, "{learner:?}");
        }
    }
}

#[test]
fn nearest_neighbours_refuse_inputs_of_another_shape_than_the_support_sets() {
    let learner = Nearest::neighbour(Nearness::Cosine);
    let support = Examples::labelled(array![[0.0, 1.0], [1.0, 0.0]].into_dyn(), vec![0, 1], 2);
    let adapted = learner.adapt(&Vec::new().into(), &support).unwrap();
    for x in [array![[1.0, 2.0, 3.0]].into_dyn(), ArrayD::zeros(vec![0, 2]), ArrayD::zeros(vec![])] {
        assert!(matches!(learner.predict(&adapted, &x), Err(Error::Shape { .. })), "{x}");
    }
    let x = array![[f64::NAN, 0.0]].into_dyn();
    assert!(matches!(learner.predict(&adapted, &x), Err(Error::NotFinite { .. })));
}

/// The published figures are 41.7, 63.2, 26.7 and 42.6 % (pixels by cosine, table 1 of Vinyals et al. 2016). How those
/// images were made smaller and which classes were drawn is not known, and both decide. With 5 queries per class, images
/// averaged over squares of 105/28 pixels instead of picked give 49.5, 74.0, 30.3 and 55.2 %, and upright
/// classes alone 44.1, 66.5, 24.3 and 43.8 %. So ours are held to what they were when they were first
/// measured, within the half width of their interval, and stand beside the published ones.
#[cfg(feature = "images")]
#[test]
fn nearest_neighbours_on_the_pixels_of_omniglot_have_their_recorded_accuracy() {
    let Some(root) = common::real_data() else { return };
    let images = innerloop::Omniglot::load(&root).unwrap();
    let split = Split::vinyals(&images, root.join("omniglot/splits/vinyals")).unwrap();
    let learner = Nearest::neighbour(Nearness::Cosine);
    let cases = [(5, 1, 45.4, 41.7), (5, 5, 69.0, 63.2), (20, 1, 26.2, 26.7), (20, 5, 48.1, 42.6)];
    for (ways, shots, recorded, published) in cases {
        let shape = EpisodeShape::new(ways, shots, 15);
        let episodes = EpisodeSampler::new(&images, &split.test, shape, 0).unwrap();
        let report = &evaluate::<f32>(&learner, &Vec::new().into(), &episodes, 600).unwrap()[0];
        let accuracy = report.inductive.accuracy.unwrap();
        println!("{ways}-way {shots}-shot: {accuracy:#}, published {published} %");
        assert!((100.0 * accuracy.mean - recorded).abs() < 0.7, "{accuracy:#} for {recorded} %");
    }
}

// all of them

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
