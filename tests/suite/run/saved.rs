//! Runs that stop and go on from their files.

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
        let run = Run::new().validate(&validation, 6, 4).checkpoint(&path, every, 3600.0).stop_when(|| {
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
    let steps: Vec<u64> =
        events.iter().filter(|e| e["event"] == "step").map(|e| e["iteration"].as_u64().unwrap()).collect();
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
