//! Trains and evaluates any learner of the crate by name, on Omniglot or on invented characters.
//!
//!     cargo run --release --example few_shot -- --list
//!     cargo run --release --example few_shot -- --learner maml,protonet --data omniglot --root DATA --minutes 3
//!
//! Prints a table: accuracy on classes that were not seen in training, each query by itself (inductive) and all
//! queries of an episode together (transductive), with 95 % intervals; meta-steps, seconds and peak memory. Each
//! learner runs in a process of its own, so that its peak memory is its own.

mod data;
mod kept;
mod learners;
mod run;
mod settings;

use std::process::{Command, ExitCode};

use clap::Parser;
use settings::Settings;

fn main() -> ExitCode {
    let settings = Settings::parse();
    if settings.list {
        learners::ALL.iter().for_each(|learner| println!("{:20} {}", learner.name, learner.about));
        return ExitCode::SUCCESS;
    }
    let names = match learners::chosen(&settings.learner) {
        Ok(names) => names,
        Err(error) => return fail(&error),
    };
    if let [name] = names[..] {
        return match run::run(&settings, name) {
            Ok(row) => {
                println!("{row}");
                ExitCode::SUCCESS
            }
            Err(error) => fail(&format!("{name}: {error}")),
        };
    }
    println!("{}", run::HEAD);
    let mut code = ExitCode::SUCCESS;
    for name in names {
        if !alone(name) {
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// Runs this program again for one learner, with the other settings as they are.
fn alone(name: &str) -> bool {
    let program = std::env::current_exe().expect("the path of this program");
    // the last of several is taken
    let status = Command::new(program).args(std::env::args_os().skip(1)).args(["--learner", name]).status();
    status.is_ok_and(|status| status.success())
}

fn fail(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::FAILURE
}
