//! Where tasks come from.

use crate::error::Result;

/// A source of tasks of kind `K`: usually of episodes, [`Episode<f32>`](crate::Episode).
///
/// Implementations are pure: `task(i)` depends on the source and `i` only, not on earlier calls. So
/// any thread may ask for any task in any order, and a run can continue where it stopped. References
/// and boxes of sources are sources.
pub trait Tasks<K>: Sync {
    /// Task number `i`.
    ///
    /// # Panics
    /// If [`check`](Tasks::check) would refuse the source.
    fn task(&self, i: u64) -> K;

    /// Whether the source can make tasks. Training and evaluation ask this first; a source whose
    /// settings were checked when it was made needs no method of its own.
    ///
    /// # Errors
    /// What is wrong with the settings of the source.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether learners may be evaluated on its tasks. Evaluation asks this in place of [`check`](Tasks::check); a source that
    /// changes its data at random, to train better, refuses.
    ///
    /// # Errors
    /// As [`check`](Tasks::check); what makes figures on its tasks mean something else.
    fn check_evaluation(&self) -> Result<()> {
        self.check()
    }

    /// What tells this source from others, as text, a property per line: settings, and a sum over the data. A checkpoint
    /// holds it, and a training that continues compares it. By default empty: nothing is compared then.
    fn describe(&self) -> String {
        String::new()
    }
}

/// Implements the trait for a pointer to a source.
macro_rules! forwarded {
    ($pointer:ty) => {
        impl<K, S: Tasks<K> + ?Sized> Tasks<K> for $pointer {
            fn task(&self, i: u64) -> K {
                (**self).task(i)
            }

            fn check(&self) -> Result<()> {
                (**self).check()
            }

            fn check_evaluation(&self) -> Result<()> {
                (**self).check_evaluation()
            }

            fn describe(&self) -> String {
                (**self).describe()
            }
        }
    };
}

forwarded!(&S);
forwarded!(Box<S>);
