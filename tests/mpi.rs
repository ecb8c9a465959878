//! Training under `mpirun`: the bits of one process, failing ranks, and `kill -9` at random moments.
//!
//! This program starts itself under `mpirun`. `INNERLOOP_KILLS` says how often each number of ranks is killed (5 unless said
//! otherwise), `INNERLOOP_MPIRUN` with which further options it is started.

#[path = "common/mod.rs"]
mod common;
#[path = "tasks/mod.rs"]
mod tasks;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use innerloop::{
    Adam, Downsample, Episode, NormMode, Ranks, Result, Run, Tasks, TrainConfig, TrainState, Trainable,
    Trainer, World, load_checkpoint,
};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use tasks::{maml, random_episode, small_conv4, with_norm};

/// What a rank is to do, besides training.
const FOLDER: &str = "INNERLOOP_TEST_FOLDER";
const HOLE: &str = "INNERLOOP_TEST_HOLE";
const SUICIDE: &str = "INNERLOOP_TEST_SUICIDE";
const PANIC: &str = "INNERLOOP_TEST_PANIC";

/// Far longer than a whole training: what takes as long hangs.
const FOR_EVER: Duration = Duration::from_secs(120);

const ITERATIONS: u64 = 60;

/// Pictures of 3 classes, with accidents.
struct Pictures;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|n| n.parse().unwrap())
}

impl Tasks<Episode<f32>> for Pictures {
    fn task(&self, i: u64) -> Episode<f32> {
        let mut task = random_episode(&[16, 16, 1], 3, i);
        if number(HOLE).is_some_and(|hole| i >= hole) {
            task.query.x[[0, 0, 0, 0]] = f32::NAN;
        }
        if number(SUICIDE) == Some(i) {
            kill(std::process::id());
            thread::sleep(FOR_EVER);
        }
        assert_ne!(number(PANIC), Some(i), "an accident");
        task
    }
}

fn learner() -> impl Trainable<f32> {
    with_norm(maml(small_conv4(Downsample::MaxPool)), NormMode::Tracked { momentum: 0.1 })
}

fn checkpoint(folder: &Path) -> PathBuf {
    folder.join("checkpoint.safetensors")
}

fn saved(folder: &Path) -> Option<TrainState<f32>> {
    let path = checkpoint(folder);
    path.exists().then(|| load_checkpoint(&path, &learner()).expect("the checkpoint is whole"))
}

/// Trains from the checkpoint on, if there is one.
fn train(ranks: &dyn Ranks, folder: &Path) -> Result<()> {
    let learner = learner();
    let config = TrainConfig::new(5, 1e-3, ITERATIONS);
    let trainer = match saved(folder) {
        Some(state) => Trainer::resume(&learner, Adam::default(), config, state)?,
        None => Trainer::new(&learner, Adam::default(), config)?,
    };
    let validation = Pictures;
    let run = Run::new().validate(&validation, 5, 10).checkpoint(checkpoint(folder), 2, 3600.0);
    trainer.across(ranks).run(&Pictures, &run, &mut ())?;
    Ok(())
}

/// This program under `mpirun`.
fn mpirun(ranks: usize, folder: &Path, more: &[(&str, u64)]) -> Child {
    let mut command = Command::new("mpirun");
    command.args(["--allow-run-as-root", "--oversubscribe", "-n", &ranks.to_string()]);
    command.args(env::var("INNERLOOP_MPIRUN").unwrap_or_default().split_whitespace());
    command.arg(env::current_exe().unwrap()).env(FOLDER, folder);
    command.envs(more.iter().map(|(name, value)| (name, value.to_string())));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("mpirun starts")
}

/// Waits for the end, which must come.
fn ended(mut child: Child) -> Output {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < FOR_EVER, "mpirun hangs");
        thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// `kill -9`. It is no matter if the process is gone already.
fn kill(process: u32) {
    Command::new("kill").args(["-9", &process.to_string()]).output().expect("there is a command kill");
}

/// The processes that one started.
fn children(process: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    list.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn main() -> ExitCode {
    if let Ok(folder) = env::var(FOLDER) {
        return World::run(|world| train(world, Path::new(&folder)));
    }
    if Command::new("mpirun").arg("--version").output().is_err() {
        common::skip("there is no mpirun");
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = |name: &str| {
        let folder = folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        folder
    };
    let alone = folder("alone");
    let start = Instant::now();
    train(&(), &alone).unwrap();
    let whole = start.elapsed().as_millis() as u64;
    let want = fs::read(checkpoint(&alone)).unwrap();
    let same = |folder: &Path| assert!(fs::read(checkpoint(folder)).unwrap() == want, "{}", folder.display());
    let finished = |ranks: usize, folder: &Path| {
        let output = ended(mpirun(ranks, folder, &[]));
        assert!(output.status.success(), "{}", text(&output.stderr));
        same(folder);
    };

    for ranks in [1, 2, 3] {
        let start = Instant::now();
        finished(ranks, &folder(&format!("ranks{ranks}")));
        println!("{ranks} ranks save the file of one process ... ok, {:.1} s", start.elapsed().as_secs_f64());
    }

    // task 103 belongs to meta-step 20, counted from 0, and on two ranks to the second
    for (name, accident, told) in
        [("hole", HOLE, "task 103: "), ("suicide", SUICIDE, "signal 9"), ("panic", PANIC, "an accident")]
    {
        let folder = folder(name);
        let start = Instant::now();
        let output = ended(mpirun(2, &folder, &[(accident, 103)]));
        let took = start.elapsed().as_secs_f64();
        let told_once =
            text(&output.stderr).matches(told).count() + text(&output.stdout).matches(told).count() == 1;
        assert!(!output.status.success() && told_once, "{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(saved(&folder).unwrap().iteration, 20);
        finished(2, &folder);
        println!("a rank with an accident ({name}) ends all, with the checkpoint intact ... ok, {took:.1} s");
    }

    let kills = number("INNERLOOP_KILLS").unwrap_or(5);
    for ranks in [1, 2] {
        let folder = folder(&format!("killed{ranks}"));
        let mut seen = Vec::new();
        let mut random = ChaCha8Rng::seed_from_u64(ranks as u64);
        for _ in 0..kills {
            let mut child = mpirun(ranks, &folder, &[]);
            thread::sleep(Duration::from_millis(300 + random.next_u64() % whole.clamp(600, 2000)));
            let family = children(child.id());
            kill(child.id());
            family.into_iter().for_each(kill);
            child.wait().unwrap();
            seen.push(saved(&folder).map_or(0, |state| state.iteration));
            if seen.last() == Some(&ITERATIONS) {
                fs::remove_file(checkpoint(&folder)).unwrap(); // from the beginning
            }
        }
        finished(ranks, &folder);
        println!("{ranks} ranks, killed {kills} times, at meta-steps {seen:?}, save the same file ... ok");
    }
    ExitCode::SUCCESS
}
