//! Trains and evaluates any learner of the crate by name, on any data set that the crate reads.
//!
//!     cargo run --release --example few_shot -- --list
//!     cargo run --release --example few_shot -- --learner maml,protonet --data omniglot --root DATA --minutes 3
//!     cargo run --release --features photos --example few_shot -- --learner r2d2 --data photos --root FOLDER --shots 5
//!     cargo run --release --features text --example few_shot -- --learner all --data clinc150 --root DATA
//!     cargo run --release --features text --example few_shot -- --data sentences --root MINE.csv --columns text label
//!
//! Prints a table: accuracy on classes that were not seen in training, each query by itself (inductive) and all
//! queries of an episode together (transductive), with 95 % intervals; of single queries the accuracy in the worst tenth of the episodes and the
//! expected calibration error, as it is and with a temperature fitted on validation classes where there are some; milliseconds to adapt and to
//! predict for one query; meta-steps, seconds and peak memory. Each learner runs in a process of its own, so that its
//! peak memory is its own.

mod data;
mod embedded;
mod files;
mod flags;
mod learners;
mod network;
mod recipes;
mod run;
mod settings;
mod start;
mod unseen;

use std::process::{Command, ExitCode};

use clap::{CommandFactory, FromArgMatches, ValueEnum};
use data::Data;
use innerloop::stop_on_signals;
use network::Network;
use settings::Settings;

fn main() -> ExitCode {
    let given = Settings::command().get_matches();
    let settings = match Settings::from_arg_matches(&given) {
        Ok(settings) => settings,
        Err(error) => error.exit(),
    };
    if settings.list {
        list();
        return ExitCode::SUCCESS;
    }
    let names = match learners::chosen(&settings) {
        Ok(names) => names,
        Err(error) => return fail(&error),
    };
    if !settings.one_of_several
        && let Err(error) = flags::check(&given, &names)
    {
        return fail(&error);
    }
    if let [name] = names[..] {
        return match run::run(&settings, name) {
            Ok(row) => {
                println!("{row}");
                ExitCode::SUCCESS
            }
            Err(error) => fail(&format!("{name}: {error}")),
        };
    }
    // a signal to this program reaches the one that it waits for too
    let stop = match stop_on_signals() {
        Ok(stop) => stop,
        Err(error) => return fail(&error.to_string()),
    };
    println!("{}", run::HEAD);
    let mut code = ExitCode::SUCCESS;
    for name in names {
        if stop() || !alone(name) {
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// Says what can be combined.
fn list() {
    println!("learners");
    learners::ALL.iter().for_each(|learner| println!("  {:20} {}", learner.name, learner.about));
    println!("data sets (--data)");
    values::<Data>();
    println!("networks (--network)");
    values::<Network>();
}

fn values<V: ValueEnum>() {
    for value in V::value_variants().iter().filter_map(ValueEnum::to_possible_value) {
        println!("  {:20} {}", value.get_name(), value.get_help().map_or(String::new(), ToString::to_string));
    }
}

/// Runs this program again for one learner, with the other settings as they are.
fn alone(name: &str) -> bool {
    let program = std::env::current_exe().expect("the path of this program");
    // the last of several is taken
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).args(["--one-of-several", "--learner", name]);
    let status = command.status();
    status.is_ok_and(|status| status.success())
}

fn fail(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::FAILURE
}
