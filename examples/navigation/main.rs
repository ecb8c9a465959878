//! The third domain of the MAML paper: 2-D navigation (Finn, Abbeel and Levine 2017, section 5.3).
//!
//! A point in the plane should go to a goal that it does not see. It walks twenty times, learns from the rewards by one step
//! of policy gradient, and walks again. What it starts with is meta-learned by trust region steps on the adapted policies, with
//! exact second derivatives.
//!
//! ```text
//! cargo run --release --example navigation -- --test-lr 0.22
//! cargo run --release --example navigation -- --minutes 20
//! ```
//!
//! 9 seconds per meta-step on one core, about 11 minutes for the default of 60. Expect mean returns of about -39 before
//! adaptation, -11.4 after one update and -3.9 after two (published: -40.4, -11.7, -3.3).
//!
//! Each meta-step adds a line to `out/navigation/training.csv` and writes `params.safetensors`; the same command goes on where
//! it was stopped, by Ctrl-C or otherwise. At the end it evaluates on 400 goals that were never seen, beside the figures of the paper's authors, and
//! draws `trajectories.svg`.

mod picture;
mod state;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use innerloop::{
    GaussianPolicy, Key, Mlp, Navigation, NavigationGoals, Order, PolicyMaml, Progress, Result, Tasks,
    stop_on_signals,
};

use state::{Folder, State};

/// MAML on 2-D navigation
#[derive(Debug, Parser)]
pub struct Settings {
    /// Meta-steps (up to 500 in the paper)
    #[arg(long, default_value_t = 60)]
    pub iterations: u64,
    /// Stop training after so many minutes, and evaluate what there is
    #[arg(long)]
    pub minutes: Option<f64>,
    /// Goals per meta-step (20 in the paper, 40 in the authors' code)
    #[arg(long, default_value_t = 40)]
    pub tasks: u64,
    /// Trajectories per goal, before and after the update
    #[arg(long, default_value_t = 20)]
    pub trajectories: usize,
    /// Rate of the update (0.1 in the paper; the authors' code has 0.5, with which this training diverged)
    #[arg(long, default_value_t = 0.2)]
    pub inner_lr: f64,
    /// Rate of the first update in the evaluation [default: that of the training]
    #[arg(long)]
    pub test_lr: Option<f64>,
    /// What the rate is multiplied by in the evaluation's second and third updates
    #[arg(long, default_value_t = 0.5)]
    pub later_rate: f64,
    /// Goals of the evaluation (40 in the authors' code, on which returns after one update vary by 2.5)
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(1..))]
    pub eval_goals: u64,
    /// Evaluate on other goals, to choose rates by
    #[arg(long)]
    pub validation: bool,
    /// Units of each of the two hidden layers
    #[arg(long, default_value_t = 100)]
    pub hidden: usize,
    /// Seed of initial parameters, goals and trajectories
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Folder for parameters, log and picture
    #[arg(long, default_value = "out/navigation")]
    pub out: std::path::PathBuf,
}

/// Goals and trajectories that no small training seed draws: those of the test, and of `--validation`.
const EVAL_SEEDS: [u64; 2] = [1 << 32, 1 << 33];
const EVAL_TRAJECTORIES: usize = 40;
const UPDATES: usize = 3;
/// Mean returns after 0, 1, 2 and 3 updates, from the files of cbfinn/maml_rl.
const PUBLISHED: [f64; UPDATES + 1] = [-40.4, -11.7, -3.3, -3.2];

fn main() -> ExitCode {
    match run(&Settings::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(settings: &Settings) -> Result<()> {
    let policy = GaussianPolicy::new(Mlp::new(&[2, settings.hidden, settings.hidden, 2])?);
    let maml = PolicyMaml::new(policy, settings.inner_lr, Order::Second).trajectories(settings.trajectories);
    let folder = Folder::open(settings)?;
    let mut state = folder.load(&maml.policy.specs())?.unwrap_or_else(|| State {
        iteration: 0,
        seconds: 0.0,
        params: maml.policy.init(settings.seed),
    });
    let test_lr = settings.test_lr.unwrap_or(settings.inner_lr);
    let tested = PolicyMaml::new(maml.policy.clone(), test_lr, Order::Second)
        .trajectories(EVAL_TRAJECTORIES)
        .later_rate(settings.later_rate);
    let seed = EVAL_SEEDS[usize::from(settings.validation)];
    // its settings are refused now, not after minutes of training
    tested.adapt(&state.params, &NavigationGoals::new(seed).task(0), 0, Key::new(seed))?;
    println!(
        "MAML on 2-D navigation: {} goals per meta-step, from meta-step {}",
        settings.tasks, state.iteration
    );
    let begun = Instant::now();
    let in_time = || settings.minutes.is_none_or(|limit| begun.elapsed().as_secs_f64() < 60.0 * limit);
    let stop = stop_on_signals()?;
    while state.iteration < settings.iterations && in_time() {
        if stop() {
            println!(
                "\nstopped after meta-step {}, which is saved: the same command goes on",
                state.iteration
            );
            return Ok(());
        }
        train(&maml, settings, &folder, &mut state)?;
    }
    println!("\ntrained for {} meta-steps in {:.0} minutes\n", state.iteration, state.seconds / 60.0);
    report(&tested, settings, &state, seed)?;
    let goals: Vec<_> = (0..4).map(|i| NavigationGoals::new(seed).task(i)).collect();
    let stages = goals
        .iter()
        .map(|goal| tested.adapt(&state.params, goal, UPDATES, Key::new(seed)))
        .collect::<Result<Vec<_>>>()?;
    println!("\nwrote {}", folder.write("trajectories.svg", &picture::draw(&goals, &stages))?.display());
    Ok(())
}

/// One meta-step: what a reader will copy.
fn train(maml: &PolicyMaml<Mlp>, settings: &Settings, folder: &Folder, state: &mut State) -> Result<()> {
    let started = Instant::now();
    let first = state.iteration * settings.tasks;
    let goals = NavigationGoals::new(settings.seed);
    let envs: Vec<Navigation> = (0..settings.tasks).map(|i| goals.task(first + i)).collect();
    let progress = Progress::new(settings.seed, settings.iterations).at(state.iteration).of_task(first);
    let step = maml.meta_step(&state.params, &envs, &progress)?;
    let seconds = started.elapsed().as_secs_f64();
    state.params = step.params;
    state.iteration += 1;
    state.seconds += seconds;
    let ([before, after], iteration) = ([step.returns[0], step.returns[1]], state.iteration);
    let (loss, kl) = (step.before.loss - step.after.loss, step.after.kl);
    println!(
        "meta-step {iteration:4}: return {before:7.2} before, {after:7.2} after the update; loss lower by {loss:.4}, KL {kl:.4}, {seconds:.1} s"
    );
    let backtracks = step.backtracks.map_or(String::new(), |n| n.to_string());
    folder.log(&format!("{iteration},{before},{after},{loss},{kl},{backtracks},{seconds:.2}"))?;
    folder.save(&maml.policy.specs(), state)
}

/// Returns on unseen goals, of what was trained and of what it began with.
fn report(maml: &PolicyMaml<Mlp>, settings: &Settings, state: &State, seed: u64) -> Result<()> {
    let goals = NavigationGoals::new(seed);
    let envs: Vec<_> = (0..settings.eval_goals).map(|i| goals.task(i)).collect();
    let progress = Progress::new(seed, 1);
    let trained = maml.evaluate(&state.params, &envs, UPDATES, &progress)?;
    let untrained = maml.evaluate(&maml.policy.init::<f32>(settings.seed), &envs, UPDATES, &progress)?;
    println!(
        "mean return on {} unseen goals, {EVAL_TRAJECTORIES} trajectories per update, with 95 % intervals",
        settings.eval_goals
    );
    println!("{:10}{:>18}{:>12}{:>18}", "updates", "meta-trained", "published", "untrained");
    for step in 0..=UPDATES {
        let [trained, untrained] = [&trained, &untrained]
            .map(|means| format!("{:.1} ± {:.1}", means[step].mean, means[step].interval));
        println!("{step:<10}{trained:>18}{:>12.1}{untrained:>18}", PUBLISHED[step]);
    }
    Ok(())
}
