//! Tasks whose lesson is not finite, left out of their meta-step.

use innerloop::{
    Adam, Episode, Error, Mlp, Ranks, Sinusoids, StepLog, Targets, Tasks, TrainConfig, TrainState, Trainer,
};

use crate::ranks::{on_ranks, timeless};
use crate::tasks::maml_at;

/// Sinusoids of these numbers, repeated. Those at the places `diverging` are far too high in the support set (even places) or in
/// the query set (odd ones).
struct Curves {
    numbers: Vec<u64>,
    diverging: &'static [usize],
    factor: f32,
}

impl Tasks<Episode<f32>> for Curves {
    fn task(&self, i: u64) -> Episode<f32> {
        let place = i as usize % self.numbers.len();
        let mut task = Sinusoids::new(5, 5, 0).task(self.numbers[place]);
        if self.diverging.contains(&place) {
            let set = if place.is_multiple_of(2) { &mut task.support } else { &mut task.query };
            let Targets::Values(y) = &mut set.y else { unreachable!("a regression") };
            y.mapv_inplace(|y| self.factor * (y + 10.0));
        }
        task
    }
}

fn curves(numbers: &[u64], diverging: &'static [usize]) -> Curves {
    Curves { numbers: numbers.to_vec(), diverging, factor: 1e30 } // whose square is no f32
}

/// Three meta-steps, or the error of the first that fails and the iteration it left.
fn trained(
    ranks: &dyn Ranks,
    source: &Curves,
    skip: bool,
) -> Result<(TrainState<f32>, Vec<StepLog>), (Error, u64)> {
    let learner = maml_at(Mlp::new(&[1, 8, 1]).unwrap(), 0.01);
    let config = TrainConfig::new(source.numbers.len(), 1e-2, 4);
    let config = if skip { config.skip_diverged() } else { config };
    let mut trainer = Trainer::new(&learner, Adam::default(), config).unwrap().across(ranks);
    let mut logs = Vec::new();
    for _ in 0..3 {
        let log = trainer.step(source).map_err(|error| (error, trainer.iteration()))?;
        logs.push(timeless(log));
    }
    let mut state = trainer.state().clone();
    state.settings.clear(); // which say how many tasks a step has
    Ok((state, logs))
}

#[test]
fn a_step_without_them_is_the_step_of_the_others() {
    let (found, logs) = trained(&(), &curves(&[0, 1, 2, 3, 4], &[1, 2]), true).unwrap();
    let (want, others) = trained(&(), &curves(&[0, 3, 4], &[]), true).unwrap();
    assert_eq!(found, want);
    for (log, other) in logs.iter().zip(&others) {
        assert_eq!((log.skipped, other.skipped), (2, 0));
        assert_eq!((log.loss, log.grad_norm), (other.loss, other.grad_norm));
    }
}

#[test]
fn without_the_setting_the_first_of_them_ends_the_training() {
    let (error, iteration) = trained(&(), &curves(&[0, 1, 2, 3, 4], &[1, 2]), false).unwrap_err();
    assert!(matches!(error, Error::Task { task: 1, .. }), "{error}");
    assert_eq!(iteration, 0);
}

#[test]
fn a_step_that_loses_more_than_half_of_its_tasks_is_an_error() {
    assert!(trained(&(), &curves(&[0, 1, 2, 3], &[1, 2]), true).is_ok());
    let (error, iteration) = trained(&(), &curves(&[0, 1, 2, 3], &[0, 1, 2]), true).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    assert!(error.to_string().contains("3 of the 4 tasks"), "{error}");
    assert_eq!(iteration, 0);
}

#[test]
fn inputs_that_are_not_finite_are_an_error_all_the_same() {
    let holed = Curves { factor: f32::NAN, ..curves(&[0, 1, 2, 3, 4], &[3]) };
    let (error, _) = trained(&(), &holed, true).unwrap_err();
    assert!(matches!(error, Error::Task { task: 3, .. }), "{error}");
}

#[test]
fn any_number_of_ranks_has_the_bits_of_one_process() {
    // of 2 ranks the first has three of the tasks, of 3 two, of 5 one: with none left, too
    for diverging in [&[1][..], &[0, 1], &[0, 4], &[2, 3]] {
        let source = curves(&[0, 1, 2, 3, 4], diverging);
        let one = trained(&(), &source, true).unwrap();
        assert_eq!(one.1[0].skipped, diverging.len());
        for size in [2, 3, 5] {
            for got in on_ranks(size, |ranks| trained(ranks, &source, true).unwrap()) {
                assert_eq!(got, one, "{size} ranks, without {diverging:?}");
            }
        }
    }
}
