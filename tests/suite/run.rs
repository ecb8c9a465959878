//! Runs: validation, patience, budgets, stops, logs, and that none of them changes what is learned.

#[cfg(feature = "safetensors")]
mod saved;
mod tables;

use std::cell::Cell;
use std::fs;
use std::path::Path;

use crate::tasks::{self, maml_at};
use innerloop::{
    Adam, CsvLog, Episode, EpisodeSampler, EpisodeShape, Error, Glyphs, History, Maml, Mlp, Result, Run,
    RunEnd, Sinusoids, StepLog, Tasks, TensorBoard, TrainConfig, TrainEvent, TrainState, Trainer, Watch,
    evaluate,
};

type Learner = Maml<Mlp>;

fn learner() -> Learner {
    maml_at(Mlp::new(&[1, 10, 1]).unwrap(), 0.01)
}

fn config() -> TrainConfig {
    TrainConfig::new(3, 1e-2, 40).seed(2)
}

fn train_tasks() -> Sinusoids {
    Sinusoids::new(5, 5, 0)
}

fn trainer(learner: &Learner) -> Trainer<'_, f32, Learner, Adam> {
    Trainer::new(learner, Adam::default(), config()).unwrap()
}

/// Everything that happened, without times.
#[derive(Default)]
struct Told(Vec<TrainEvent>);

impl Watch for Told {
    fn see(&mut self, event: &TrainEvent) -> Result<()> {
        let mut event = event.clone();
        match &mut event {
            TrainEvent::Stepped { log, seconds, tasks_per_second } => {
                assert!(*seconds > 0.0 && *tasks_per_second > 0.0);
                (log.seconds, *seconds, *tasks_per_second) = (0.0, 0.0, 0.0);
            }
            TrainEvent::Validated { seconds, .. } | TrainEvent::Ended { seconds, .. } => *seconds = 0.0,
            _ => {}
        }
        self.0.push(event);
        Ok(())
    }
}

fn logs(told: &Told) -> Vec<StepLog> {
    let log = |event: &TrainEvent| match event {
        TrainEvent::Stepped { log, .. } => Some(*log),
        _ => None,
    };
    told.0.iter().filter_map(log).collect()
}

/// A run of 40 steps, validated after every 4.
fn whole(patience: Option<u64>) -> (TrainState<f32>, Told, RunEnd) {
    let (learner, validation) = (learner(), Sinusoids::new(5, 5, 9));
    let mut trainer = trainer(&learner);
    let mut told = Told::default();
    let mut run = Run::new().validate(&validation, 6, 4);
    if let Some(patience) = patience {
        run = run.patience(patience);
    }
    let end = trainer.run(&train_tasks(), &run, &mut told).unwrap();
    (trainer.state().clone(), told, end)
}

#[test]
fn a_run_makes_the_steps_that_a_loop_makes_and_keeps_the_best() {
    let (state, told, end) = whole(None);
    assert_eq!(end, RunEnd::Iterations);
    let learner = learner();
    let (mut by_hand, validation) = (trainer(&learner), Sinusoids::new(5, 5, 9));
    let mut best = (f64::INFINITY, 0, by_hand.learned().clone());
    for want in logs(&told) {
        let got = by_hand.step(&train_tasks()).unwrap();
        let mut timeless = got;
        timeless.seconds = 0.0;
        assert_eq!(timeless, want);
        if got.iteration % 4 == 0 {
            let reports = evaluate(&learner, by_hand.learned(), &validation, 6).unwrap();
            let loss = reports.last().unwrap().inductive.loss.mean;
            if loss < best.0 {
                best = (loss, got.iteration, by_hand.learned().clone());
            }
        }
    }
    assert_eq!(state.learned, by_hand.state().learned);
    let found = &state.validated.best[0];
    assert_eq!((-found.value, found.iteration, &found.learned), (best.0, best.1, &best.2));
    let validated = told.0.iter().filter(|e| matches!(e, TrainEvent::Validated { .. })).count();
    assert_eq!((told.0.len(), validated), (40 + 10 + 1, 10));
    assert!(matches!(told.0.last(), Some(TrainEvent::Ended { iteration: 40, .. })));
}

#[test]
fn patience_ends_a_run_after_so_many_validations_without_improvement() {
    // a rate so large that the loss rises from some point on
    let (learner, validation) = (learner(), Sinusoids::new(5, 5, 9));
    let mut trainer =
        Trainer::<f32, _, _>::new(&learner, Adam::default(), TrainConfig::new(3, 0.3, 1000)).unwrap();
    let run = Run::new().validate(&validation, 6, 2).patience(3);
    let end = trainer.run(&train_tasks(), &run, &mut ()).unwrap();
    let best = trainer.best().unwrap().iteration;
    assert_eq!((end, trainer.iteration()), (RunEnd::Patience, best + 6));
    // continued, it is over at once
    assert_eq!(trainer.run(&train_tasks(), &run, &mut ()).unwrap(), RunEnd::Patience);
    assert_eq!(trainer.iteration(), best + 6);
}

#[test]
fn the_best_validations_are_kept_in_order_and_across_an_interruption() {
    let (learner, validation) = (learner(), Sinusoids::new(5, 5, 9));
    let run = || Run::new().validate(&validation, 6, 4).keep(3);
    let [mut all, mut seen] = [trainer(&learner), trainer(&learner)];
    all.run(&train_tasks(), &run(), &mut ()).unwrap();
    let mut told = Told::default();
    seen.run(&train_tasks(), &Run::new().validate(&validation, 6, 4), &mut told).unwrap();
    let loss = |event: &TrainEvent| match event {
        TrainEvent::Validated { iteration, reports, .. } => {
            Some((reports.last().unwrap().inductive.loss.mean, *iteration))
        }
        _ => None,
    };
    let mut losses: Vec<_> = told.0.iter().filter_map(loss).collect();
    losses.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let best = &all.state().validated.best;
    assert_eq!(best.iter().map(|best| (-best.value, best.iteration)).collect::<Vec<_>>(), losses[..3]);
    assert_ne!(best[1].learned, best[0].learned);
    assert_eq!((all.best(), seen.best()), (Some(&*best[0]), Some(&*best[0])));
    assert_eq!(seen.state().validated.best.len(), 1);

    let mut first = trainer(&learner);
    first.run(&train_tasks(), &run().until(21), &mut ()).unwrap();
    let mut second = Trainer::resume(&learner, Adam::default(), config(), first.state().clone()).unwrap();
    second.run(&train_tasks(), &run(), &mut ()).unwrap();
    assert_eq!(second.state().validated, all.state().validated);
}

#[test]
fn a_budget_of_seconds_counts_those_spent_before() {
    let learner = learner();
    let mut trainer = trainer(&learner);
    let run = Run::new().seconds(5.0).spent(5.0);
    assert_eq!(trainer.run(&train_tasks(), &run, &mut ()).unwrap(), RunEnd::Seconds);
    assert_eq!(trainer.iteration(), 0);
    let run = Run::new().seconds(1e-9);
    assert_eq!(trainer.run(&train_tasks(), &run, &mut ()).unwrap(), RunEnd::Seconds);
    assert_eq!(trainer.iteration(), 1);
}

#[test]
fn settings_of_a_run_are_checked_before_its_first_step() {
    let (learner, validation) = (learner(), Sinusoids::new(5, 5, 9));
    let mut trainer = trainer(&learner);
    let mut refused = |run: Run<'_, f32>| trainer.run(&train_tasks(), &run, &mut ()).unwrap_err().to_string();
    assert!(refused(Run::new().patience(3)).contains("`patience` is 3"));
    assert!(refused(Run::new().validate(&validation, 6, 0)).contains("`validate_every` is 0"));
    assert!(refused(Run::new().validate(&validation, 0, 2)).contains("`validation` is 0"));
    assert!(refused(Run::new().validate(&validation, 2, 2).patience(0)).contains("`patience` is 0"));
    assert!(refused(Run::new().validate(&validation, 2, 2).keep(0)).contains("`keep` is 0"));
    assert!(refused(Run::new().seconds(f64::NAN)).contains("`seconds` is NaN"));
    assert_eq!(trainer.iteration(), 0);
}

#[test]
fn a_validation_of_the_last_step_chooses_the_same_and_reports_one_entry() {
    let validation = Sinusoids::new(5, 5, 9);
    let told = [false, true].map(|last| {
        let learner = learner();
        let (mut trainer, mut told) = (trainer(&learner), Told::default());
        let run = Run::new().validate(&validation, 6, 4);
        let run = if last { run.last_step() } else { run };
        trainer.run(&train_tasks(), &run, &mut told).unwrap();
        let best = trainer.best().unwrap();
        let reports = |event: &TrainEvent| match event {
            TrainEvent::Validated { reports, .. } => Some(reports.clone()),
            _ => None,
        };
        ((best.iteration, best.learned.clone()), told.0.iter().filter_map(reports).collect::<Vec<_>>())
    });
    assert_eq!(told[0].0, told[1].0);
    for (all, last) in told[0].1.iter().zip(&told[1].1) {
        assert!(all.len() > 1 && last.len() == 1);
        assert_eq!(all.last(), last.last());
    }
}
