//! Those who are told what happens in a run.

use super::event::TrainEvent;
use crate::error::Result;

/// Someone who is told what happens in a run: a log, a progress bar, a program's own display.
///
/// Ready ones are [`ProgressLines`](crate::ProgressLines), [`CsvLog`](crate::CsvLog), `JsonLog`, [`TensorBoard`](crate::TensorBoard) and
/// [`History`](crate::History). `()` does nothing, and a `Vec<Box<dyn Watch>>` tells each of several.
///
/// ```
/// use innerloop::{Result, TrainEvent, Watch};
/// struct Losses(Vec<f64>);
/// impl Watch for Losses {
///     fn see(&mut self, event: &TrainEvent) -> Result<()> {
///         if let TrainEvent::Stepped { log, .. } = event {
///             self.0.push(log.loss);
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Watch {
    /// Takes note of an event. An error ends the run.
    ///
    /// # Errors
    /// Usually [`Error::Io`](crate::Error::Io).
    fn see(&mut self, event: &TrainEvent) -> Result<()>;

    /// Brings what was noted to the disk. Asked before each checkpoint, so that a run that continues from it lacks no
    /// entry. By default nothing.
    ///
    /// # Errors
    /// Usually [`Error::Io`](crate::Error::Io).
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Nobody.
impl Watch for () {
    fn see(&mut self, _: &TrainEvent) -> Result<()> {
        Ok(())
    }
}

/// Each, in order.
impl Watch for Vec<Box<dyn Watch + '_>> {
    fn see(&mut self, event: &TrainEvent) -> Result<()> {
        self.iter_mut().try_for_each(|watch| watch.see(event))
    }

    fn flush(&mut self) -> Result<()> {
        self.iter_mut().try_for_each(|watch| watch.flush())
    }
}

impl<W: Watch + ?Sized> Watch for &mut W {
    fn see(&mut self, event: &TrainEvent) -> Result<()> {
        (**self).see(event)
    }

    fn flush(&mut self) -> Result<()> {
        (**self).flush()
    }
}

impl<W: Watch + ?Sized> Watch for Box<W> {
    fn see(&mut self, event: &TrainEvent) -> Result<()> {
        (**self).see(event)
    }

    fn flush(&mut self) -> Result<()> {
        (**self).flush()
    }
}
