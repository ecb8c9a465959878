//! The settings of Reptile, one setter each.

use super::reptile::Reptile;

impl<M, O> Reptile<M, O> {
    /// Inner steps in training, and the examples of each.
    #[must_use]
    pub fn steps(self, steps: usize, batch: usize) -> Self {
        Reptile { steps, batch, ..self }
    }

    /// A rate of all but the head, the last linear layer ([`Adapts::Head`](crate::Adapts::Head)), that is `factor` times
    /// [`inner_lr`](Reptile::inner_lr): 0 adapts the head alone, 1 is the paper. What it is good for: see [`SlowBody`](crate::SlowBody),
    /// with which MAML has it. [`Adam`](crate::Adam) heeds it as other optimizers do.
    #[must_use]
    pub fn slow_body(self, factor: f64) -> Self {
        Reptile { slow_body: factor, ..self }
    }

    /// Inner steps in evaluation, from 0, and the examples of each.
    #[must_use]
    pub fn eval_steps(self, eval_steps: usize, eval_batch: usize) -> Self {
        Reptile { eval_steps, eval_batch, ..self }
    }

    /// Training draws from support and query set, as from one set.
    #[must_use]
    pub fn pooled(self) -> Self {
        Reptile { pooled: true, ..self }
    }

    /// The inner optimizer's state goes on from task to task, and into [`adapt`](crate::Learner::adapt). It is part of
    /// the learner's state.
    ///
    /// All tasks of a meta-batch begin with the same state, and their states are averaged afterwards, so
    /// that the bits do not depend on the order in which tasks run. The authors' code runs
    /// the tasks one after another, each with the state that the one before left. With a meta-batch of one task
    /// both are the same.
    #[must_use]
    pub fn carried(self) -> Self {
        Reptile { carried: true, ..self }
    }

    /// Another seed for the mini-batches of [`adapt`](crate::Learner::adapt).
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Reptile { seed, ..self }
    }

    /// Another inner optimizer.
    #[must_use]
    pub fn optimizer<P>(self, optimizer: P) -> Reptile<M, P> {
        let Reptile { model, inner_lr, slow_body, steps, batch, eval_steps, eval_batch, pooled, .. } = self;
        let Reptile { carried, seed, .. } = self;
        Reptile {
            model,
            optimizer,
            inner_lr,
            slow_body,
            steps,
            batch,
            eval_steps,
            eval_batch,
            pooled,
            carried,
            seed,
        }
    }
}
