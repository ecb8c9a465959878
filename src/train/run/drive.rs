//! The loop of a run.

use super::best::Best;
use super::event::{RunEnd, TrainEvent};
use super::plan::{Run, Validation};
use super::watch::Watch;
#[cfg(feature = "safetensors")]
use crate::clock::Moment;
use crate::data::Tasks;
use crate::error::Result;
use crate::meta::{LastStep, Learner, StepReport, Task, Trainable, evaluate_across};
use crate::optim::Optimizer;
use crate::ranks::{Ranks, agree, exchange, unread};
use crate::real::Real;
use crate::train::Trainer;

/// What a run knows beside the trainer.
struct Underway<'w> {
    seconds: f64,
    watch: &'w mut dyn Watch,
    /// Meta-steps in the last checkpoint, and when it was saved.
    #[cfg(feature = "safetensors")]
    saved: (u64, Moment),
}

impl<T: Real, L: Learner<T> + ?Sized, O: Optimizer<T>> Trainer<'_, T, L, O> {
    /// Makes steps until the iterations of the settings are made or the run says otherwise, with validations and checkpoints
    /// between them. `watch` is told what happens. [Across](Trainer::across) several ranks, only that of rank 0 is told, and
    /// only rank 0 saves checkpoints; its clock counts, and a wish to stop on any rank ends the run on all.
    ///
    /// A training that was interrupted at any point and continued with
    /// [`resume`](Trainer::resume) and `run` ends with the same bits as one that was not, the best so far and the
    /// end by patience included.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a setting of the run outside its range; as [`step`](Trainer::step), as
    /// [`evaluate`](crate::evaluate); what the watcher returns; [`Error::Io`](crate::Error::Io) if a checkpoint cannot be saved. What was
    /// learned before an error is kept, and saved if the run saves checkpoints.
    pub fn run<K: Task<T>>(
        &mut self,
        tasks: &(impl Tasks<K> + ?Sized),
        run: &Run<'_, T>,
        watch: &mut dyn Watch,
    ) -> Result<RunEnd>
    where
        L: Trainable<T, K>,
    {
        let ranks = self.ranks();
        agree(ranks, run.check())?;
        let first = self.iteration();
        let mut underway = Underway {
            seconds: run.spent,
            watch: if ranks.rank() == 0 { watch } else { &mut () },
            #[cfg(feature = "safetensors")]
            saved: (self.iteration(), Moment::now()),
        };
        let mut done = Ok(());
        let result = loop {
            match agreed(ranks, done.map(|()| self.end(run, underway.seconds))) {
                Ok(None) => done = self.step_of_run(tasks, run, &mut underway),
                Ok(Some(end)) => break Ok(end),
                Err(error) => break Err(error),
            }
        };
        let (iteration, seconds) = (self.iteration(), underway.seconds);
        let end = *result.as_ref().unwrap_or(&RunEnd::Failed);
        // an error at the very beginning must not replace an earlier file by a training that has learned nothing
        let last = result.is_ok() || iteration > first;
        let closed = self.save(run, &mut underway, last).and_then(|()| {
            underway.watch.see(&TrainEvent::Ended { iteration, seconds, end })?;
            underway.watch.flush()
        });
        let closed = agree(ranks, closed);
        result.and_then(|end| closed.map(|()| end)) // of two errors the first
    }

    /// What was learned at the best validation of a [`run`](Trainer::run) so far.
    pub fn best(&self) -> Option<&Best<T>> {
        self.state().validated.best.first().map(|best| &**best)
    }

    fn end(&self, run: &Run<'_, T>, seconds: f64) -> Option<RunEnd> {
        let state = self.state();
        if run.patience.is_some_and(|patience| state.validated.since >= patience) {
            return Some(RunEnd::Patience);
        }
        if state.iteration >= self.config().iterations.min(run.until) {
            return Some(RunEnd::Iterations);
        }
        if run.stop.as_ref().is_some_and(|stop| stop()) {
            return Some(RunEnd::Stopped);
        }
        (seconds >= run.seconds).then_some(RunEnd::Seconds)
    }

    fn step_of_run<K: Task<T>>(
        &mut self,
        tasks: &(impl Tasks<K> + ?Sized),
        run: &Run<'_, T>,
        underway: &mut Underway<'_>,
    ) -> Result<()>
    where
        L: Trainable<T, K>,
    {
        let log = self.step(tasks)?;
        underway.seconds += log.seconds;
        let tasks = self.config().meta_batch as f64;
        let tasks_per_second = if log.seconds > 0.0 { tasks / log.seconds } else { 0.0 };
        // before anyone is told: a watcher's error ends the run, and the state that is saved then must be validated
        let validated = self.validate(run, underway.seconds);
        underway.watch.see(&TrainEvent::Stepped { log, seconds: underway.seconds, tasks_per_second })?;
        validated?.iter().try_for_each(|event| underway.watch.see(event))?;
        self.save(run, underway, false)
    }

    fn validate(&mut self, run: &Run<'_, T>, seconds: f64) -> Result<Option<TrainEvent>> {
        let iteration = self.iteration();
        let Some(validation) = run.validation.filter(|v| iteration.is_multiple_of(v.every)) else {
            return Ok(None);
        };
        let last = LastStep(self.learner());
        let learner: &dyn Learner<T> = if validation.last_step { &last } else { &last.0 };
        let reports =
            evaluate_across(self.ranks(), learner, self.learned(), validation.source, validation.episodes)?;
        let value = value(&reports, &validation);
        let best = self.validated(value, validation.keep);
        Ok(Some(TrainEvent::Validated { iteration, seconds, reports, best }))
    }

    #[cfg(feature = "safetensors")]
    fn save(&self, run: &Run<'_, T>, underway: &mut Underway<'_>, last: bool) -> Result<()> {
        let Some(checkpoints) = run.checkpoint.as_ref().filter(|_| self.ranks().rank() == 0) else {
            return Ok(());
        };
        let iteration = self.iteration();
        let (saved, when) = underway.saved;
        let due = iteration - saved >= checkpoints.steps || when.seconds() >= checkpoints.seconds;
        if !(last || due) {
            return Ok(());
        }
        underway.watch.flush()?;
        crate::train::save_checkpoint(&checkpoints.path, &self.learner(), self.state())?;
        underway.saved = (iteration, Moment::now());
        underway.watch.see(&TrainEvent::Saved { iteration, path: checkpoints.path.clone() })
    }

    #[cfg(not(feature = "safetensors"))]
    #[allow(clippy::unused_self)]
    fn save(&self, _: &Run<'_, T>, _: &mut Underway<'_>, _: bool) -> Result<()> {
        Ok(())
    }
}

/// Whether the run ends, and why, decided for all ranks: those that went different ways would wait for each other.
fn agreed(ranks: &dyn Ranks, own: Result<Option<RunEnd>>) -> Result<Option<RunEnd>> {
    const ENDS: [Option<RunEnd>; 5] = [
        None,
        Some(RunEnd::Iterations),
        Some(RunEnd::Seconds),
        Some(RunEnd::Patience),
        Some(RunEnd::Stopped),
    ];
    if ranks.size() == 1 {
        return own;
    }
    let said = exchange(
        ranks,
        own.map(|end| ENDS.iter().position(|e| *e == end).map_or(0, |n| n as u8)).map(|n| vec![n]),
    )?;
    let end = |rank: usize| {
        said[rank].first().and_then(|&n| ENDS.get(usize::from(n)).copied()).ok_or_else(|| unread(rank))
    };
    let ends: Vec<_> = (0..said.len()).map(end).collect::<Result<_>>()?;
    let stopped = ends.contains(&Some(RunEnd::Stopped)).then_some(RunEnd::Stopped);
    Ok(ends[0].or(stopped)) // the clocks of the other ranks do not count
}

/// What validations are judged by: accuracy, or the loss with its sign changed, after the last inner step.
fn value<T>(reports: &[StepReport], validation: &Validation<'_, T>) -> f64 {
    let last = reports.last().expect("an evaluation has an entry");
    let report = if validation.together { last.transductive } else { last.inductive };
    report.accuracy.map_or(-report.loss.mean, |accuracy| accuracy.mean)
}
