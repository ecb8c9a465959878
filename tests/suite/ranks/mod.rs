//! Training on several ranks: the bits of one process, and one end for all.

mod threads;

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::tasks::{self, maml, maml_at, random_episode, small_conv4, with_norm};
use innerloop::{
    Adam, Downsample, Episode, Error, Mlp, NormMode, Ranks, Result, Run, RunEnd, Sgd, Sinusoids, StepLog,
    Tasks, TrainConfig, TrainEvent, TrainState, Trainable, Trainer, Watch, evaluate, evaluate_across,
};
pub use threads::on_ranks;

const SIZES: [usize; 4] = [1, 2, 3, 5];

/// Pictures of 3 classes, or with a hole in each from some number on.
struct Pictures {
    holed_from: u64,
}

const WHOLE: Pictures = Pictures { holed_from: u64::MAX };

impl Tasks<Episode<f32>> for Pictures {
    fn task(&self, i: u64) -> Episode<f32> {
        let mut task = random_episode(&[16, 16, 1], 3, i);
        if i >= self.holed_from {
            task.query.x[[0, 0, 0, 0]] = f32::NAN;
        }
        task
    }
}

/// A learner that carries the statistics of its norms along.
fn tracking() -> impl Trainable<f32> {
    with_norm(maml(small_conv4(Downsample::MaxPool)), NormMode::Tracked { momentum: 0.1 })
}

/// What a step did, without the time that it took.
pub fn timeless(log: StepLog) -> StepLog {
    let mut log = log;
    log.seconds = 0.0;
    log
}

/// A few meta-steps across ranks: what was learned, and what was logged.
fn stepped<S: Tasks<Episode<f32>>>(
    ranks: &dyn Ranks,
    learner: &impl Trainable<f32>,
    source: &S,
    meta_batch: usize,
) -> (TrainState<f32>, Vec<StepLog>) {
    let config = TrainConfig::new(meta_batch, 1e-2, 4).clip_norm(0.5).seed(3);
    let mut trainer = Trainer::new(learner, Adam::default(), config).unwrap().across(ranks);
    let logs = (0..3).map(|_| timeless(trainer.step(source).unwrap())).collect();
    (trainer.state().clone(), logs)
}

#[test]
fn any_number_of_ranks_learns_the_bits_of_one_process() {
    // 20,000 parameters: more than one piece of the sum
    let (large, sinusoids) = (maml_at(Mlp::new(&[1, 200, 95, 1]).unwrap(), 0.01), Sinusoids::new(5, 5, 0));
    let pictures = tracking();
    for meta_batch in [7, 2] {
        let one = stepped(&(), &pictures, &WHOLE, meta_batch);
        assert_ne!(
            one.0.learned.state,
            innerloop::init_params::<f32>(&innerloop::Learner::<f32>::state(&pictures), 0)
        );
        let large_one = stepped(&(), &large, &sinusoids, meta_batch);
        for size in SIZES {
            for got in on_ranks(size, |ranks| stepped(ranks, &pictures, &WHOLE, meta_batch)) {
                assert_eq!(got, one, "{size} ranks, {meta_batch} tasks");
            }
            for got in on_ranks(size, |ranks| stepped(ranks, &large, &sinusoids, meta_batch)) {
                assert_eq!(got, large_one, "{size} ranks, {meta_batch} tasks");
            }
        }
    }
}

#[test]
fn the_order_of_the_sum_matters_to_these_tasks() {
    // or the test above would prove nothing: the same tasks, summed on each of two halves first, give other bits
    let (learner, source) = (tracking(), WHOLE);
    let tasks: Vec<_> = (0..8).map(|i| source.task(i)).collect();
    let learned = Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(8, 1.0, 1)).unwrap();
    let grads = |tasks: &[Episode<f32>]| {
        innerloop::meta_grad(&learner, learned.learned(), tasks, &tasks::start()).unwrap().grads
    };
    let halves =
        grads(&tasks[..4]).iter().zip(grads(&tasks[4..])).map(|(a, b)| (a + &b) * 0.5).collect::<Vec<_>>();
    assert_ne!(halves, grads(&tasks));
}

#[test]
fn an_evaluation_is_shared_out_with_the_same_bits() {
    let learner = tracking();
    let state = stepped(&(), &learner, &WHOLE, 2).0;
    for count in [1, 4, 11] {
        let want = evaluate(&learner, &state.learned, &WHOLE, count).unwrap();
        for size in SIZES {
            for got in on_ranks(size, |ranks| evaluate_across(ranks, &learner, &state.learned, &WHOLE, count))
            {
                assert_eq!(got.unwrap(), want, "{size} ranks, {count} episodes");
            }
        }
    }
    for result in on_ranks(3, |ranks| {
        evaluate_across(ranks, &learner, &state.learned, &Pictures { holed_from: 6 }, 12).unwrap_err()
    }) {
        assert!(matches!(result, Error::Task { task: 6, .. }), "{result}");
    }
}

#[test]
fn the_error_of_the_first_task_that_fails_is_that_of_all_ranks() {
    let learner = tracking();
    for (size, holed_from) in [(2, 7), (2, 11), (3, 10), (5, 8)] {
        let source = Pictures { holed_from };
        let failed = |ranks: &dyn Ranks| {
            let config = TrainConfig::new(7, 1e-2, 4);
            let mut trainer =
                Trainer::<f32, _, _>::new(&learner, Adam::default(), config).unwrap().across(ranks);
            trainer.step(&source).unwrap();
            let before = trainer.state().clone();
            let error = trainer.step(&source).unwrap_err();
            assert_eq!(*trainer.state(), before, "nothing is changed");
            assert!(matches!(error, Error::Task { task, .. } if task == holed_from), "{error}");
            error.to_string()
        };
        let want = failed(&());
        on_ranks(size, |ranks| failed(ranks)).iter().for_each(|got| assert_eq!(*got, want));
    }
}

#[test]
fn ranks_with_other_settings_or_other_parameters_are_refused_by_number() {
    let learner = tracking();
    let refused = |rates: [f64; 2], seeds: [u64; 2]| {
        on_ranks(3, |ranks| {
            let other = usize::from(ranks.rank() == 1);
            let config = TrainConfig::new(4, rates[other], 4).seed(seeds[other]);
            let trainer = Trainer::<f32, _, _>::new(&learner, Sgd::new(0.0), config).unwrap();
            trainer.across(ranks).step(&WHOLE).unwrap_err().to_string()
        })
    };
    for errors in [refused([0.1, 0.2], [0, 0]), refused([0.1, 0.1], [0, 1])] {
        assert!(errors[0].starts_with("rank 1: its training is not that of rank 0"), "{}", errors[0]);
        assert!(errors.iter().all(|error| *error == errors[0]));
    }
}

#[test]
fn a_rank_that_is_gone_is_an_error_on_the_others() {
    let learner = tracking();
    for gone in 0..3 {
        let results = on_ranks(3, |ranks| {
            let config = TrainConfig::new(7, 1e-2, 4);
            let mut trainer =
                Trainer::<f32, _, _>::new(&learner, Adam::default(), config).unwrap().across(ranks);
            trainer.step(&WHOLE).unwrap();
            if ranks.rank() == gone { None } else { Some(trainer.step(&WHOLE).is_err()) }
        });
        results.iter().for_each(|failed| assert_ne!(*failed, Some(false)));
    }
}

/// Counts what it is told.
struct Count<'c>(&'c AtomicUsize);

impl Watch for Count<'_> {
    fn see(&mut self, event: &TrainEvent) -> Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        match event {
            TrainEvent::Stepped { log, .. } if log.iteration == 11 => Err(Error::own("no space left")),
            _ => Ok(()),
        }
    }
}

/// A run on sinusoids, validated after every 2 steps; the end, and the state.
fn run_of(
    ranks: &dyn Ranks,
    outer_lr: f64,
    change: impl for<'r> FnOnce(Run<'r, f32>) -> Run<'r, f32>,
    watch: &mut dyn Watch,
) -> (Result<RunEnd>, TrainState<f32>) {
    let (learner, validation) = (maml_at(Mlp::new(&[1, 10, 1]).unwrap(), 0.01), Sinusoids::new(5, 5, 9));
    let config = TrainConfig::new(3, outer_lr, 40);
    let mut trainer = Trainer::new(&learner, Adam::default(), config).unwrap().across(ranks);
    let run = change(Run::new().validate(&validation, 6, 2));
    let end = trainer.run(&Sinusoids::new(5, 5, 0), &run, watch);
    (end, trainer.state().clone())
}

#[test]
fn a_run_ends_on_all_ranks_at_once_with_the_bits_of_one_process() {
    // to the end; and at a rate at which patience ends it
    for (rate, patience, want) in [(1e-2, 100, RunEnd::Iterations), (0.3, 2, RunEnd::Patience)] {
        let patient = |ranks: &dyn Ranks| {
            let (end, state) = run_of(ranks, rate, |run| run.patience(patience), &mut ());
            (end.unwrap(), state)
        };
        let one = patient(&());
        assert_eq!(one.0, want);
        for size in [2, 5] {
            on_ranks(size, |ranks| patient(ranks)).iter().for_each(|got| assert_eq!(*got, one));
        }
    }
}

#[test]
fn a_wish_to_stop_on_any_rank_stops_all_and_only_the_clock_of_rank_0_counts() {
    for asking in 0..3 {
        let ends = on_ranks(3, |ranks| {
            let asked = AtomicUsize::new(0);
            let asked = &asked;
            let stop = move || ranks.rank() == asking && asked.fetch_add(1, Ordering::Relaxed) == 5;
            let (end, state) = run_with_stop(ranks, &stop);
            (end.unwrap(), state.iteration)
        });
        assert_eq!(ends, [(RunEnd::Stopped, 5); 3]);
        let ends = on_ranks(3, |ranks| {
            let seconds = if ranks.rank() == asking { 1e-9 } else { 1e9 };
            let (end, state) = run_of(ranks, 1e-2, |run| run.seconds(seconds), &mut ());
            (end.unwrap(), state.iteration)
        });
        let want = if asking == 0 { (RunEnd::Seconds, 1) } else { (RunEnd::Iterations, 40) };
        assert_eq!(ends, [want; 3]);
    }
}

fn run_with_stop(ranks: &dyn Ranks, stop: &dyn Fn() -> bool) -> (Result<RunEnd>, TrainState<f32>) {
    let learner = maml_at(Mlp::new(&[1, 10, 1]).unwrap(), 0.01);
    let config = TrainConfig::new(3, 1e-2, 40);
    let mut trainer = Trainer::new(&learner, Adam::default(), config).unwrap().across(ranks);
    let end = trainer.run(&Sinusoids::new(5, 5, 0), &Run::new().stop_when(stop), &mut ());
    (end, trainer.state().clone())
}

#[test]
fn only_rank_0_is_told_and_its_error_ends_the_run_on_all() {
    let told = [0; 3].map(AtomicUsize::new);
    let errors = on_ranks(3, |ranks| {
        let (end, state) = run_of(ranks, 1e-2, |run| run, &mut Count(&told[ranks.rank()]));
        (end.unwrap_err().to_string(), state.iteration)
    });
    errors.iter().for_each(|error| assert_eq!(*error, ("rank 0: no space left".to_string(), 11)));
    // 11 steps, 5 validations, the end
    assert_eq!(told.map(AtomicUsize::into_inner), [17, 0, 0]);
}

#[test]
fn settings_that_one_rank_refuses_are_refused_by_all() {
    let errors = on_ranks(3, |ranks| {
        let seconds = if ranks.rank() == 2 { f64::NAN } else { 1.0 };
        run_of(ranks, 1e-2, |run| run.seconds(seconds), &mut ()).0.unwrap_err().to_string()
    });
    assert!(errors.iter().all(|error| error.starts_with("rank 2: setting `seconds` is NaN")), "{errors:?}");
}

#[cfg(feature = "safetensors")]
#[test]
fn rank_0_alone_saves_the_file_that_one_process_saves() {
    let folder = tempfile::tempdir().unwrap();
    let saved = |ranks: &dyn Ranks, name: String| {
        let path = folder.path().join(name);
        run_of(ranks, 1e-2, |run| run.checkpoint(&path, 7, 3600.0), &mut ()).0.unwrap();
        std::fs::read(path)
    };
    let one = saved(&(), "one".into()).unwrap();
    let files = on_ranks(3, |ranks| saved(ranks, format!("rank{}", ranks.rank())).ok());
    assert_eq!(files, [Some(one), None, None]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
