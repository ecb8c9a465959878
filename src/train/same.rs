//! Whether a training that continues is the one that began, and whether all ranks have the same.

use std::fmt::Debug;

use super::config::TrainConfig;
use super::trainer::TrainState;
use crate::arrays;
use crate::error::{Error, Result};
use crate::meta::Learned;
use crate::real::Real;

/// The settings of a training as text, a setting per line, except for the number of iterations.
pub(super) fn settings_text(config: &TrainConfig, optimizer: &dyn Debug, learner: &dyn Debug) -> String {
    let TrainConfig {
        meta_batch,
        outer_lr,
        iterations: _,
        seed,
        schedule,
        clip_norm,
        skip_diverged,
        weight_decay,
    } = config;
    // younger settings are said where they are used, so that trainings from before them go on
    let skip = if *skip_diverged { "skip_diverged: true\n" } else { "" };
    let decay =
        if *weight_decay == 0.0 { String::new() } else { format!("weight_decay: {weight_decay:?}\n") };
    format!(
        "seed: {seed}\nmeta_batch: {meta_batch}\nouter_lr: {outer_lr:?}\nschedule: {schedule:?}\n\
         clip_norm: {clip_norm:?}\n{skip}{decay}optimizer: {optimizer:#?}\nlearner: {learner:#?}"
    )
}

/// Refuses a description that differs from an earlier one, naming the first difference. An empty one is not compared.
pub(super) fn check_same(what: &'static str, was: &str, now: &str) -> Result<()> {
    if was.is_empty() || now.is_empty() || was == now {
        return Ok(());
    }
    let [was, now] = [was, now].map(|text| text.lines().collect::<Vec<_>>());
    let at = was.iter().zip(&now).position(|(was, now)| was != now).unwrap_or(was.len().min(now.len()));
    let line = |lines: &[&str]| if at < lines.len() { in_place(lines, at) } else { "nothing more".into() };
    Err(Error::OtherRun { what, was: line(&was), now: line(&now) })
}

/// The lines of a description that another one does not have, each with its place.
#[cfg(any(test, feature = "safetensors"))]
pub(super) fn changed(was: &str, now: &str) -> Vec<String> {
    let [was, now] = [was, now].map(|text| {
        let lines: Vec<_> = text.lines().collect();
        (0..lines.len()).map(|at| in_place(&lines, at)).collect::<Vec<_>>()
    });
    let says = |line: &String| line.contains(char::is_alphanumeric) && !now.contains(line);
    was.into_iter().filter(says).collect()
}

/// A line of a description with its place.
fn in_place(lines: &[&str], at: usize) -> String {
    format!("{}{}", lines[at].trim().trim_end_matches([',', '{', ' ']), within(lines, at))
}

/// In which structs a line of a description stands, the innermost first.
fn within(lines: &[&str], at: usize) -> String {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let (mut inside, mut place) = (depth(lines[at]), String::new());
    for line in lines[..at].iter().rev().filter(|line| line.ends_with(['{', '(', '['])) {
        if depth(line) < inside {
            inside = depth(line);
            place += &format!(" in {}", line.trim().trim_end_matches(['{', '(', '[', ' ']));
        }
    }
    place
}

/// A checksum of what must be the same on all ranks before a step: the settings, the tasks, and what was learned.
#[inline(never)]
pub(super) fn checksum<T: Real>(state: &TrainState<T>, data: Option<&String>) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&state.iteration.to_le_bytes());
    [&state.settings, data.unwrap_or(&state.data)].iter().for_each(|text| sum.update(text.as_bytes()));
    let Learned { params, state } = &state.learned;
    params.iter().chain(state).for_each(|a| sum.update(&arrays::little_endian(a)));
    sum.finalize()
}

compiled_here!(T: checksum::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::{Maml, Order};
    use crate::nn::{Mlp, NormMode};
    use crate::optim::{Adam, Schedule};

    fn message(was: &str, now: &str) -> String {
        check_same("settings", was, now).unwrap_err().to_string()
    }

    #[test]
    fn the_first_difference_is_named_with_its_place() {
        let learner = |lr| Maml::new(Mlp::new(&[1, 2, 1]).unwrap(), lr, Order::Second, NormMode::Batch);
        let config = TrainConfig::new(4, 1e-3, 100);
        let text = |config: &TrainConfig, lr| settings_text(config, &Adam::default(), &learner(lr));
        let was = text(&config, 0.1);
        assert!(check_same("settings", &was, &text(&config, 0.1)).is_ok());
        assert!(check_same("settings", "", &was).is_ok());
        let longer = TrainConfig { iterations: 200, ..config };
        assert!(check_same("settings", &was, &text(&longer, 0.1)).is_ok());
        let other = message(&was, &text(&config, 0.2));
        assert!(other.contains("lr: 0.2 in rule: GradientDescent in learner: Maml"), "{other}");
        assert!(other.contains("lr: 0.1 in rule"), "{other}");
        let other = message(&was, &text(&config.seed(7), 0.1));
        assert!(other.contains("seed: 7") && other.contains("seed: 0"), "{other}");
        let other = message(&was, &text(&config.weight_decay(0.1), 0.1));
        assert!(other.contains("weight_decay: 0.1"), "{other}");
        let cosine = config.schedule(Schedule::Cosine { iterations: 9, floor: 0.5 });
        let other = message(&was, &text(&cosine, 0.1));
        assert!(other.contains("schedule: Constant") && other.contains("floor: 0.5"), "{other}");
        assert_eq!(changed(&was, &was), [""; 0]);
        assert_eq!(
            changed(&was, &text(&config.seed(7), 0.2)),
            ["seed: 0", "lr: 0.1 in rule: GradientDescent in learner: Maml"]
        );
        let cut = was.rsplit_once('\n').unwrap().0;
        assert!(message(cut, &was).contains("nothing more"));
    }
}
