//! Runs: validation, patience, budgets, stops, logs, and that none of them changes what is learned.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use crate::tasks::{self, maml_at};
use innerloop::{
    Adam, CsvLog, Episode, EpisodeSampler, EpisodeShape, Error, Glyphs, History, Maml, Mlp, Result, Run,
    RunEnd, Sinusoids, StepLog, Tasks, TensorBoard, TrainConfig, TrainEvent, TrainState, Trainer, Watch,
    evaluate,
};

type Learner = Maml<Mlp>;

fn learner() -> Learner {
    maml_at(Mlp::new(&[1, 10, 1]).unwrap(), 0.01)
}

fn config() -> TrainConfig {
    TrainConfig::new(3, 1e-2, 40).seed(2)
}

fn train_tasks() -> Sinusoids {
    Sinusoids::new(5, 5, 0)
}

fn trainer(learner: &Learner) -> Trainer<'_, f32, Learner, Adam> {
    Trainer::new(learner, Adam::default(), config()).unwrap()
}

/// Everything that happened, without times.
#[derive(Default)]
struct Told(Vec<TrainEvent>);

impl Watch for Told {
    fn see(&mut self, event: &TrainEvent) -> Result<()> {
        let mut event = event.clone();
        match &mut event {
            TrainEvent::Stepped { log, seconds, tasks_per_second } => {
                assert!(*seconds > 0.0 && *tasks_per_second > 0.0);
                (log.seconds, *seconds, *tasks_per_second) = (0.0, 0.0, 0.0);
            }
            TrainEvent::Validated { seconds, .. } | TrainEvent::Ended { seconds, .. } => *seconds = 0.0,
            _ => {}
        }
        self.0.push(event);
        Ok(())
    }
}

fn logs(told: &Told) -> Vec<StepLog> {
    let log = |event: &TrainEvent| match event {
        TrainEvent::Stepped { log, .. } => Some(*log),
        _ => None,
    };
    told.0.iter().filter_map(log).collect()
}

/// A run of 40 steps, validated after every 4.
fn whole(patience: Option<u64>) -> (TrainState<f32>, Told, RunEnd) {
    let (learner, validation) = (learner(), Sinusoids::new(5, 5, 9));
    let mut trainer = trainer(&learner);
    let mut told = Told::default();
    let mut run = Run::new().validate(&validation, 6, 4);
    if let Some(patience) = patience {
        run = run.patience(patience);
    }
    let end = trainer.run(&train_tasks(), &run, &mut told).unwrap();
    (trainer.state().clone(), told, end)
}

#[test]
fn a_run_makes_the_steps_that_a_loop_makes_and_keeps_the_best() {
    let (state, told, end) = whole(None);
    assert_eq!(end, RunEnd::Iterations);
    let learner = learner();
    let (mut by_hand, validation) = (trainer(&learner), Sinusoids::new(5, 5, 9));
    let mut best = (f64::INFINITY, 0, by_hand.learned().clone());
    for want in logs(&told) {
        let got = by_hand.step(&train_tasks()).unwrap();
        let mut timeless = got;
        timeless.seconds = 0.0;
        assert_eq!(timeless, want);
        if got.iteration % 4 == 0 {
            let reports = evaluate(&learner, by_hand.learned(), &validation, 6).unwrap();
            let loss = reports.last().unwrap().inductive.loss.mean;
            if loss < best.0 {
                best = (loss, got.iteration, by_hand.learned().clone());
            }
        }
    }
    assert_eq!(state.learned, by_hand.state().learned);
    let found = state.validated.best.as_ref().unwrap();
    assert_eq!((-found.value, found.iteration, &found.learned), (best.0, best.1, &best.2));
    let validated = told.0.iter().filter(|e| matches!(e, TrainEvent::Validated { .. })).count();
    assert_eq!((told.0.len(), validated), (40 + 10 + 1, 10));
    assert!(matches!(told.0.last(), Some(TrainEvent::Ended { iteration: 40, .. })));
}

#[test]
fn patience_ends_a_run_after_so_many_validations_without_improvement() {
    // a rate so large that the loss rises from some point on
    let (learner, validation) = (learner(), Sinusoids::new(5, 5, 9));
    let mut trainer =
        Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(3, 0.3, 1000)).unwrap();
    let run = Run::new().validate(&validation, 6, 2).patience(3);
    let end = trainer.run(&train_tasks(), &run, &mut ()).unwrap();
    let best = trainer.best().unwrap().iteration;
    assert_eq!((end, trainer.iteration()), (RunEnd::Patience, best + 6));
    // continued, it is over at once
    assert_eq!(trainer.run(&train_tasks(), &run, &mut ()).unwrap(), RunEnd::Patience);
    assert_eq!(trainer.iteration(), best + 6);
}

#[test]
fn a_budget_of_seconds_counts_those_spent_before() {
    let learner = learner();
    let mut trainer = trainer(&learner);
    let run = Run::new().seconds(5.0).spent(5.0);
    assert_eq!(trainer.run(&train_tasks(), &run, &mut ()).unwrap(), RunEnd::Seconds);
    assert_eq!(trainer.iteration(), 0);
    let run = Run::new().seconds(1e-9);
    assert_eq!(trainer.run(&train_tasks(), &run, &mut ()).unwrap(), RunEnd::Seconds);
    assert_eq!(trainer.iteration(), 1);
}

#[test]
fn settings_of_a_run_are_checked_before_its_first_step() {
    let (learner, validation) = (learner(), Sinusoids::new(5, 5, 9));
    let mut trainer = trainer(&learner);
    let mut refused = |run: Run<'_, f32>| trainer.run(&train_tasks(), &run, &mut ()).unwrap_err().to_string();
    assert!(refused(Run::new().patience(3)).contains("`patience` is 3"));
    assert!(refused(Run::new().validate(&validation, 6, 0)).contains("`validate_every` is 0"));
    assert!(refused(Run::new().validate(&validation, 0, 2)).contains("`validation` is 0"));
    assert!(refused(Run::new().validate(&validation, 2, 2).patience(0)).contains("`patience` is 0"));
    assert!(refused(Run::new().seconds(f64::NAN)).contains("`seconds` is NaN"));
    assert_eq!(trainer.iteration(), 0);
}

#[cfg(feature = "safetensors")]
mod saved {
    use innerloop::{JsonLog, load_checkpoint};

    use super::*;

    /// A run in pieces: each stops after some steps, each is continued from the file that the one before left.
    fn in_pieces(folder: &Path, steps: &[u64], every: u64) -> TrainState<f32> {
        let (learner, validation) = (learner(), Sinusoids::new(5, 5, 9));
        let path = folder.join("run.safetensors");
        for &steps in steps {
            let state = if path.exists() {
                load_checkpoint(&path, &learner).unwrap()
            } else {
                trainer(&learner).state().clone()
            };
            let iteration = state.iteration;
            let mut trainer = Trainer::resume(&learner, Adam::default(), config(), state).unwrap();
            let mut watch: Vec<Box<dyn Watch>> = vec![
                Box::new(CsvLog::resume(folder, iteration).unwrap()),
                Box::new(JsonLog::resume(&folder.join("log.jsonl"), iteration).unwrap()),
                Box::new(TensorBoard::resume(folder, iteration).unwrap()),
            ];
            let asked = Cell::new(0);
            let run =
                Run::new().validate(&validation, 6, 4).checkpoint(&path, every, 3600.0).stop_when(|| {
                    asked.set(asked.get() + 1);
                    asked.get() > steps
                });
            let end = trainer.run(&train_tasks(), &run, &mut watch).unwrap();
            assert_eq!(end, if trainer.iteration() == 40 { RunEnd::Iterations } else { RunEnd::Stopped });
        }
        load_checkpoint(&path, &learner).unwrap()
    }

    /// A table without its columns of times.
    fn table(path: &Path, times: &[usize]) -> Vec<String> {
        let row = |line: &str| {
            let fields = line.split(',').enumerate().filter(|(i, _)| !times.contains(i));
            fields.map(|(_, field)| field).collect::<Vec<_>>().join(",")
        };
        fs::read_to_string(path).unwrap().lines().map(row).collect()
    }

    #[test]
    fn runs_that_were_interrupted_differently_end_in_the_same_bits_and_the_same_tables() {
        let want = whole(None).0;
        let mut files = Vec::new();
        for (steps, every) in [(vec![100], 7), (vec![3, 1, 9, 2, 100], 1), (vec![4, 4, 5, 100], 100)] {
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(in_pieces(folder.path(), &steps, every), want);
            let bytes = fs::read(folder.path().join("run.safetensors")).unwrap();
            let steps = table(&folder.path().join("metrics.csv"), &[1, 6, 7]);
            let validations = table(&folder.path().join("evaluations.csv"), &[1]);
            assert_eq!((steps.len(), validations.len()), (41, 1 + 10 * 3));
            files.push((bytes, steps, validations));
        }
        assert!(files.iter().all(|file| *file == files[0]));
    }

    #[test]
    fn what_a_kill_loses_is_done_again_from_the_last_checkpoint() {
        // the folder as a kill leaves it: tables ahead of the checkpoint, and half a line
        let folder = tempfile::tempdir().unwrap();
        in_pieces(folder.path(), &[9], 100);
        let path = folder.path().join("run.safetensors");
        let early = fs::read(&path).unwrap();
        in_pieces(folder.path(), &[8], 100);
        fs::write(&path, early).unwrap();
        for name in ["metrics.csv", "log.jsonl"] {
            let path = folder.path().join(name);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, &text[..text.len() - 3]).unwrap();
        }
        assert_eq!(in_pieces(folder.path(), &[100], 100), whole(None).0);
        assert_eq!(table(&folder.path().join("metrics.csv"), &[1, 6, 7]).len(), 41);
        let log = fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
        let events: Vec<serde_json::Value> =
            log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let steps: Vec<u64> = events
            .iter()
            .filter(|e| e["event"] == "step")
            .map(|e| e["iteration"].as_u64().unwrap())
            .collect();
        assert!(steps.iter().copied().eq(1..=40), "{steps:?}");
        assert_eq!(events.iter().filter(|e| e["event"] == "validation").count(), 10);
        assert_eq!(events.last().unwrap()["end"], "iterations");
    }

    /// Tasks of which one, from some number on, cannot be learned from.
    struct Holed(u64);

    impl Tasks<Episode<f32>> for Holed {
        fn task(&self, i: u64) -> Episode<f32> {
            let mut task: Episode<f32> = train_tasks().task(i);
            if i >= self.0 {
                task.query.x[[0, 0]] = f32::NAN;
            }
            task
        }
    }

    #[test]
    fn a_step_that_fails_ends_the_run_with_what_was_learned_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        let learner = learner();
        let mut trainer = trainer(&learner);
        let mut told = Told::default();
        let run = Run::new().checkpoint(&path, 1000, 3600.0);
        let error = trainer.run(&Holed(17), &run, &mut told).unwrap_err();
        assert!(matches!(error, Error::Task { task: 17, .. }), "{error}");
        assert_eq!(load_checkpoint(&path, &learner).unwrap(), *trainer.state());
        assert_eq!(trainer.iteration(), 5);
        assert!(matches!(
            told.0[5..],
            [TrainEvent::Saved { iteration: 5, .. }, TrainEvent::Ended { end: RunEnd::Failed, .. }]
        ));
        // and a run that fails at once leaves an earlier file as it is
        let mut other = super::trainer(&learner);
        assert!(other.run(&Holed(0), &run, &mut ()).is_err());
        assert_eq!(load_checkpoint::<f32>(&path, &learner).unwrap().iteration, 5);
    }

    /// A full disk.
    struct Full;

    impl Watch for Full {
        fn see(&mut self, event: &TrainEvent) -> Result<()> {
            match event {
                TrainEvent::Stepped { log, .. } if log.iteration == 8 => Err(Error::own("no space left")),
                _ => Ok(()),
            }
        }
    }

    #[test]
    fn a_watcher_that_fails_ends_the_run_and_the_saved_state_is_validated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        let (learner, validation) = (learner(), Sinusoids::new(5, 5, 9));
        let mut trainer = trainer(&learner);
        let run = Run::new().validate(&validation, 6, 4).checkpoint(&path, 1000, 3600.0);
        assert!(trainer.run(&train_tasks(), &run, &mut Full).is_err());
        let state = load_checkpoint(&path, &learner).unwrap();
        assert_eq!(state.iteration, 8);
        let mut trainer = Trainer::resume(&learner, Adam::default(), config(), state).unwrap();
        trainer.run(&train_tasks(), &run, &mut ()).unwrap();
        assert_eq!(*trainer.state(), whole(None).0);
    }
}

#[test]
fn a_table_that_is_another_file_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.csv");
    fs::write(&path, "name,age\nx,1\n").unwrap();
    let error = CsvLog::resume(folder.path(), 3).unwrap_err();
    assert!(matches!(&error, Error::BadLine { line: 1, .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "name,age\nx,1\n");
    drop(CsvLog::create(folder.path()).unwrap());
    let head = fs::read_to_string(&path).unwrap();
    fs::write(&path, head.clone() + "1,2\n").unwrap();
    let error = CsvLog::resume(folder.path(), 3).unwrap_err();
    assert!(matches!(&error, Error::BadLine { line: 2, text, .. } if text == "1,2"), "{error}");
    let missing = folder.path().join("none");
    assert!(matches!(CsvLog::create(&missing), Err(Error::Io { .. })));
}

#[test]
fn a_run_in_parts_is_the_run_and_trainings_can_share_tables() {
    let (folder, learner) = (tempfile::tempdir().unwrap(), learner());
    let train = |name: &str, parts: &[u64]| {
        let mut trainer = trainer(&learner);
        for &until in parts {
            let (mut log, _) = CsvLog::shared(folder.path(), name, trainer.iteration()).unwrap();
            let end = trainer.run(&train_tasks(), &Run::new().until(until), &mut log).unwrap();
            assert_eq!((end, trainer.iteration()), (RunEnd::Iterations, until.min(40)));
            // an evaluation of the caller's own, told twice as after an interruption
            let reports = evaluate(&learner, trainer.learned(), &Sinusoids::new(5, 5, 9), 3).unwrap();
            let (iteration, seconds) = (trainer.iteration(), log.seconds());
            let told = TrainEvent::Validated { iteration, seconds, reports, best: false };
            log.see(&told).unwrap();
            log.see(&told).unwrap();
        }
        trainer.state().learned.clone()
    };
    let one = train("one", &[40]);
    assert_eq!(one, whole(None).0.learned);
    assert_eq!(train("two", &[7, 7, 30, 1000]), one);
    assert_eq!(train("one", &[12, 40]), one); // again from its beginning: the rows of two stay
    let rows = |name: &str| -> Vec<String> {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(text.starts_with("run,iteration,seconds,"), "{text}");
        text.lines().skip(1).map(|line| line.split(',').take(2).collect::<Vec<_>>().join(" ")).collect()
    };
    let of =
        |name: &str, all: std::ops::RangeInclusive<u64>| all.map(move |i| format!("{name} {i}")).collect();
    let [two, one]: [Vec<String>; 2] = [of("two", 1..=40), of("one", 1..=40)];
    assert_eq!(rows("metrics.csv"), [two, one].concat());
    let evaluated = [("two", 7), ("two", 30), ("two", 40), ("one", 12), ("one", 40)];
    let evaluated = evaluated.into_iter().flat_map(|(name, i)| vec![format!("{name} {i}"); 3]);
    assert_eq!(rows("evaluations.csv"), evaluated.collect::<Vec<_>>());
    let (log, history) = CsvLog::shared(folder.path(), "two", 10).unwrap();
    assert_eq!((history.steps.len(), history.validations.len()), (10, 1));
    assert!(log.seconds() > 0.0);
    for name in ["", "a,b", "a\nb"] {
        assert!(matches!(CsvLog::shared(folder.path(), name, 0), Err(Error::Setting { name: "run", .. })));
    }
    assert!(matches!(CsvLog::resume(folder.path(), 0), Err(Error::BadLine { line: 1, .. })));
}

#[test]
fn a_history_from_the_tables_is_the_one_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let images =
        Glyphs::default().alphabets(1).characters_per_alphabet(6).drawers(6).size(16).generate().unwrap();
    let shape = EpisodeShape::new(3, 1, 2);
    let [train, validation] =
        [1, 2].map(|seed| EpisodeSampler::new(&images, &images.all(), shape, seed).unwrap());
    let learner = tasks::maml(tasks::small_conv4(innerloop::Downsample::Stride));
    let mut trainer =
        Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(2, 1e-3, 6)).unwrap();
    let mut history = History::new();
    let mut watch: Vec<Box<dyn Watch + '_>> =
        vec![Box::new(CsvLog::create(folder.path()).unwrap()), Box::new(&mut history)];
    let run = Run::new().validate(&validation, 5, 3).transductive();
    trainer.run(&train, &run, &mut watch).unwrap();
    drop(watch);
    let (log, read) = CsvLog::resume_with_history(folder.path(), 6).unwrap();
    assert_eq!((read.steps.len(), read.validations.len()), (6, 2));
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-2 * b.abs().max(1e-3), "{a} {b}");
    for (a, b) in read.steps.iter().zip(&history.steps) {
        assert_eq!(a.iteration, b.iteration);
        near(a.loss, b.loss);
        near(a.accuracy.unwrap(), b.accuracy.unwrap());
    }
    for (a, b) in read.validations.iter().zip(&history.validations) {
        assert_eq!(a.iteration, b.iteration);
        let pairs = a.transductive.iter().chain(&a.inductive).zip(b.transductive.iter().chain(&b.inductive));
        pairs.for_each(|(a, b)| near(a.unwrap(), b.unwrap()));
    }
    near(log.seconds(), history.steps[5].seconds);
    let value = history.validations.iter().map(|v| v.transductive[0].unwrap()).fold(0.0, f64::max);
    assert_eq!(trainer.best().unwrap().value, value);
}

#[test]
fn a_validation_of_the_last_step_chooses_the_same_and_reports_one_entry() {
    let validation = Sinusoids::new(5, 5, 9);
    let told = [false, true].map(|last| {
        let learner = learner();
        let (mut trainer, mut told) = (trainer(&learner), Told::default());
        let run = Run::new().validate(&validation, 6, 4);
        let run = if last { run.last_step() } else { run };
        trainer.run(&train_tasks(), &run, &mut told).unwrap();
        let best = trainer.best().unwrap();
        let reports = |event: &TrainEvent| match event {
            TrainEvent::Validated { reports, .. } => Some(reports.clone()),
            _ => None,
        };
        ((best.iteration, best.learned.clone()), told.0.iter().filter_map(reports).collect::<Vec<_>>())
    });
    assert_eq!(told[0].0, told[1].0);
    for (all, last) in told[0].1.iter().zip(&told[1].1) {
        assert!(all.len() > 1 && last.len() == 1);
        assert_eq!(all.last(), last.last());
    }
}
