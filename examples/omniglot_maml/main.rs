//! Few-shot handwriting: MAML learns to tell five characters apart from one example of each.
//!
//! Meta-trains the four-block network on episodes of training classes and tests it on classes that it
//! never saw. By default it does so twice from the same start, with the exact meta-gradient (second
//! order) and with the first-order approximation, and reports both.
//!
//! ```text
//! cargo run --example omniglot_maml                                   # invented glyphs, no files needed
//! cargo run --example omniglot_maml -- --data omniglot --root DIR     # the real thing
//! cargo run --example omniglot_maml -- --help                         # all settings
//! ```
//!
//! The default run takes 1 to 2 minutes on two cores and reaches 81 % on glyphs by second order and
//! 75 % by first (transductive; guessing: 20 %). The paper's 98.7 % on Omniglot took 60,000 meta-steps.
//! Accuracy is reported twice: transductive, with all queries of an episode normalised together, as in
//! the published figures, and inductive, with each query by itself.
//!
//! In `out/omniglot_maml` it leaves the tables `metrics.csv` and `evaluations.csv`, the learning curve
//! `curve.svg`, four test episodes of each run as `episodes-*.svg`, the trained parameters as
//! `params-*.safetensors`, and checkpoints from which `--resume` continues. What an earlier run left there goes to
//! `earlier`.
//!
//! Ctrl-C finishes the meta-step, saves, and says how to go on; a second Ctrl-C ends at once. A kill or a power cut loses
//! five seconds of work at most.
//!
//! Omniglot consists of two archives, `images_background.zip` and `images_evaluation.zip`, in the folder
//! `python` of <https://github.com/brendenlake/omniglot>; they are read without unpacking. The lists of
//! the Vinyals split belong in `splits/vinyals` beside them; `--split random` needs no lists.

mod curve;
mod episodes_picture;
mod files;
mod runs;
mod settings;
mod table;
mod tasks;
mod train;

use std::fs;
use std::process::ExitCode;

use clap::Parser;
use innerloop::{CsvLog, Error, Result, Task, Tasks as _, stop_on_signals};

use runs::Run;
use settings::Settings;
use tasks::Tasks;

/// What shells expect of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match run(&Settings::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(INTERRUPTED),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether it came to the end before it was asked to stop.
fn run(settings: &Settings) -> Result<bool> {
    // everything that can be refused is refused here, before anything is written
    settings.check()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(settings.threads).build_global();
    pool.map_err(|_| Error::Setting {
        name: "threads",
        value: settings.threads.to_string(),
        need: "a number of threads that the system can start",
    })?;
    let tasks = Tasks::new(settings)?;
    let runs = Run::all(settings, tasks.images.shape())?;
    for run in &runs {
        Task::<f32>::check(&tasks.train.task(0), &*run.learner)?;
        Task::<f32>::check(&tasks.test.task(0), &*run.learner)?;
    }
    check_resumable(settings)?;
    let mut trainers = runs.iter().map(|run| run.trainer(settings)).collect::<Result<Vec<_>>>()?;
    let stop = stop_on_signals()?;

    print_plan(settings, &runs, &tasks);
    fs::create_dir_all(&settings.out).map_err(|source| Error::Io { path: settings.out.clone(), source })?;
    if !settings.resume {
        files::put_aside(&settings.out)?;
    }
    for (run, trainer) in runs.iter().zip(&trainers) {
        train::tables(run, trainer, settings)?;
        if settings.resume {
            println!("{}: goes on after meta-step {}", run.title, trainer.iteration());
        }
    }
    files::write(&settings.out.join("settings.txt"), &settings.identity())?;
    let (mut results, mut histories) = (Vec::new(), Vec::new());
    for (run, trainer) in runs.iter().zip(&mut trainers) {
        let Some(result) = train::train(run, trainer, &tasks, settings, &stop)? else {
            println!(
                "\nstopped after meta-step {} ({}), which is saved; go on with",
                trainer.iteration(),
                run.title
            );
            println!("{}", command_to_resume());
            return Ok(false);
        };
        results.push(result);
        let picture = episodes_picture::draw(run, trainer.learned(), &tasks.test)?;
        files::write(&settings.out.join(format!("episodes-{}.svg", run.name)), &picture)?;
        histories.push(CsvLog::shared(&settings.out, run.name, trainer.iteration())?.1);
        files::write(&settings.out.join("curve.svg"), &curve::draw(&runs, &histories)?)?;
    }
    table::print(&runs, &results, tasks.test_classes, settings);
    println!("\ntables, pictures and parameters are in {}", settings.out.display());
    Ok(true)
}

/// With --resume: whether the folder has runs of the same settings.
fn check_resumable(settings: &Settings) -> Result<()> {
    let path = settings.out.join("settings.txt");
    if !settings.resume {
        return Ok(());
    }
    if !path.exists() {
        let (what, looked_for) = ("a run to resume", "settings.txt".into());
        return Err(Error::NoData { what, root: settings.out.clone(), looked_for });
    }
    let (before, now) = (files::read(&path)?, settings.identity());
    if before != now {
        let reason = format!(
            "it was trained with {}; --resume needs the same settings, but these are {}",
            before.trim(),
            now.trim()
        );
        return Err(Error::BadFile { path: settings.out.clone(), reason });
    }
    Ok(())
}

/// The command that this program was called with, and --resume.
fn command_to_resume() -> String {
    let quoted = |word: String| if word.contains(char::is_whitespace) { format!("'{word}'") } else { word };
    let words = std::env::args().filter(|word| word != "--resume").map(quoted);
    words.chain(["--resume".into()]).collect::<Vec<_>>().join(" ")
}

fn print_plan(settings: &Settings, runs: &[Run], tasks: &Tasks) {
    let [h, w, c] = tasks.images.shape();
    let names: Vec<_> = runs.iter().map(|run| run.title).collect();
    let specs = runs[0].learner.specs();
    let parameters: usize = specs.iter().map(|spec| spec.shape.iter().product::<usize>()).sum();
    let s = settings;
    println!("{}-way {}-shot, {:?}: {}", s.ways, s.shots, s.learner, names.join(", then "));
    println!(
        "data       {:?}, {} images of {h}x{w}x{c}, {:?} split: {} classes to train, {} to test (turned ones counted)",
        s.data,
        tasks.images.len(),
        s.split(),
        tasks.train_classes,
        tasks.test_classes
    );
    println!("network    {:?}, 4 blocks of {} filters, {parameters} parameters", s.network, s.filters);
    if s.learner == settings::LearnerKind::Maml {
        println!(
            "inner loop {} step(s) of {} in training, {} in test",
            s.inner_steps, s.inner_lr, s.eval_steps
        );
    }
    let until = match (s.iterations, s.minutes) {
        (None, Some(minutes)) => format!("{minutes} minutes"),
        (Some(n), Some(minutes)) => format!("{n} meta-steps or {minutes} minutes"),
        _ => format!("{} meta-steps", s.last_iteration()),
    };
    println!(
        "outer loop {until} of {} {}-way episodes, Adam at {}, {} query image(s) per class",
        s.meta_batch,
        s.train_shape().ways,
        s.outer_lr,
        s.queries
    );
    println!("test       {} episodes, {} query images per class", s.eval_episodes, s.eval_queries);
    println!("seed {}, {} thread(s), out {}\n", s.seed, rayon::current_num_threads(), s.out.display());
}
