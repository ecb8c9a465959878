//! A training in a process of its own, and what it leaves in its folder.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use innerloop::{
    Adam, CsvLog, JsonLog, Maml, Mlp, Result, Run, RunEnd, Sinusoids, TrainConfig, TrainState, Trainer,
    Watch, load_checkpoint, stop_on_signals,
};

use crate::tasks::maml_at;

pub const ITERATIONS: u64 = 400;

/// What a process is told by variables of these names.
pub struct Training<'f> {
    pub folder: &'f Path,
    pub threads: usize,
    /// Milliseconds of rest before each step.
    pub rest: u64,
    /// Units of the hidden layer.
    pub units: usize,
    /// Meta-steps between two checkpoints.
    pub every: u64,
}

const FOLDER: &str = "INNERLOOP_KILLS_FOLDER";
const REST: &str = "INNERLOOP_KILLS_REST";
const UNITS: &str = "INNERLOOP_KILLS_UNITS";
const EVERY: &str = "INNERLOOP_KILLS_EVERY";

impl Training<'_> {
    pub fn of(folder: &Path) -> Training<'_> {
        Training { folder, threads: 2, rest: 0, units: 12, every: 7 }
    }

    pub fn command(&self) -> Command {
        self.told(Command::new(std::env::current_exe().unwrap()))
    }

    /// In a process whose files cannot become larger than so many KiB (with some shells twice that), as on a disk that fills up.
    pub fn on_a_full_disk(&self, kib: u64) -> Command {
        // with its signal ignored, a write beyond the limit is an error
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", 2 * kib);
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(std::env::current_exe().unwrap());
        self.told(command)
    }

    fn told(&self, mut command: Command) -> Command {
        let Training { folder, threads, rest, units, every } = self;
        command.args(["--exact", "child::child", "--nocapture"]);
        command.env(FOLDER, folder).env("RAYON_NUM_THREADS", threads.to_string());
        command.env(REST, rest.to_string()).env(UNITS, units.to_string()).env(EVERY, every.to_string());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

/// The training, in a process that was started for it. As a test it does nothing.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let number = |name| std::env::var(name).unwrap().parse().unwrap();
    let code = match train(Path::new(&folder), number(REST), number(UNITS) as usize, number(EVERY)) {
        Ok(RunEnd::Iterations) => 0,
        Ok(_) => 3,
        Err(error) => {
            eprintln!("{error}");
            2
        }
    };
    std::process::exit(code);
}

pub fn learner(units: usize) -> Maml<Mlp> {
    maml_at(Mlp::new(&[1, units, 1]).unwrap(), 0.01)
}

pub fn config() -> TrainConfig {
    TrainConfig::new(3, 1e-2, ITERATIONS)
}

/// As any program would that resumes if there is something to resume.
fn train(folder: &Path, rest: u64, units: usize, every: u64) -> Result<RunEnd> {
    let (learner, path) = (learner(units), folder.join("run.safetensors"));
    let mut trainer = match path.exists() {
        true => Trainer::resume(&learner, Adam::default(), config(), load_checkpoint(&path, &learner)?)?,
        false => Trainer::<f32, _, _>::new(&learner, Adam::default(), config())?,
    };
    let iteration = trainer.iteration();
    let mut watch: Vec<Box<dyn Watch>> = vec![
        Box::new(CsvLog::resume(folder, iteration)?),
        Box::new(JsonLog::resume(&folder.join("log.jsonl"), iteration)?),
    ];
    let (validation, asked) = (Sinusoids::new(5, 5, 9), stop_on_signals()?);
    let run = Run::new().validate(&validation, 4, 10).checkpoint(path, every, 3600.0).stop_when(|| {
        sleep(Duration::from_millis(rest));
        asked()
    });
    trainer.run(&Sinusoids::new(5, 5, 0), &run, &mut watch)
}

/// Trains to the end.
pub fn whole(folder: &Path) {
    let output = Training::of(folder).command().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", error_of(&output));
}

pub fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a folder holds of a training: the checkpoint's bytes, and tables without times.
pub fn left(folder: &Path) -> (Vec<u8>, Vec<String>, Vec<String>) {
    let table = |name: &str, times: &[usize]| -> Vec<String> {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let row = |line: &str| {
            let fields = line.split(',').enumerate().filter(|(i, _)| !times.contains(i));
            fields.map(|(_, field)| field).collect::<Vec<_>>().join(",")
        };
        text.lines().map(row).collect()
    };
    let checkpoint = fs::read(folder.join("run.safetensors")).unwrap();
    (checkpoint, table("metrics.csv", &[1, 6, 7]), table("evaluations.csv", &[1]))
}

/// Meta-steps in the log of JSON lines, each once.
pub fn logged(folder: &Path) -> Vec<u64> {
    let text = fs::read_to_string(folder.join("log.jsonl")).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    events.filter(|e| e["event"] == "step").map(|e| e["iteration"].as_u64().unwrap()).collect()
}

pub fn state(folder: &Path, units: usize) -> TrainState<f32> {
    load_checkpoint(&folder.join("run.safetensors"), &learner(units)).unwrap()
}

/// Waits until the table of a training that was just started grows, which it does from its first step on.
pub fn until_it_steps(folder: &Path, child: &mut Child) {
    let size = || fs::metadata(folder.join("metrics.csv")).map_or(0, |m| m.len());
    let (mut before, begun) = (u64::MAX, Instant::now());
    loop {
        let now = size();
        if now > before || child.try_wait().unwrap().is_some() {
            return;
        }
        before = now;
        assert!(begun.elapsed() < Duration::from_secs(60), "the training does not begin");
        sleep(Duration::from_millis(1));
    }
}

pub fn files(folder: &Path) -> Vec<String> {
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

pub const FILES: [&str; 4] = ["evaluations.csv", "log.jsonl", "metrics.csv", "run.safetensors"];
