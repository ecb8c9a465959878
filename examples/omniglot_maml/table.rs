//! The result on the screen.

use innerloop::{Report, StepReport};

use crate::runs::Run;
use crate::settings::Settings;

/// Accuracy with its interval, in per cent.
pub fn percent(report: &Report) -> String {
    report.accuracy.map_or("-".into(), |a| format!("{:.2} ± {:.2}", 100.0 * a.mean, 100.0 * a.interval))
}

/// Accuracy before adaptation and after each inner step, two columns per run.
pub fn print(runs: &[Run], results: &[Vec<StepReport>], test_classes: usize, settings: &Settings) {
    let &Settings { ways, shots, eval_episodes, .. } = settings;
    println!("\n{ways}-way {shots}-shot accuracy in %, mean of {eval_episodes} episodes with 95 % interval,");
    println!("{test_classes} classes never seen in training\n");
    print!("{:20}", "");
    runs.iter().for_each(|run| print!("{:>32}", run.title));
    print!("\n{:20}", "");
    runs.iter().for_each(|_| print!("{:>16}{:>16}", "transductive", "inductive"));
    println!();
    let last = results[0].len();
    for step in 0..last {
        let name = match step {
            0 if last == 1 => "test accuracy".into(),
            0 => "before adaptation".into(),
            1 => "after 1 inner step".into(),
            n => format!("after {n}"),
        };
        print!("{name:20}");
        for result in results.iter().map(|result| result[step]) {
            print!("{:>16}{:>16}", percent(&result.transductive), percent(&result.inductive));
        }
        println!();
    }
    println!(
        "\ntransductive: all queries of an episode are normalised together, as in the published figures"
    );
    println!("inductive: each query by itself, by the statistics of the support set, as a product predicts");
}
