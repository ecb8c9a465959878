//! Ctrl-C and SIGTERM as a wish to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};

/// One for the process, so that those who ask several times are told the same.
static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Makes Ctrl-C and SIGTERM a wish to stop, and returns what becomes true at the first of them (feature `signals`). The
/// second ends the process at once, with status 130 or 143.
///
/// Given to [`Run::stop_when`](crate::Run::stop_when), the run finishes its step, saves its checkpoint and ends with
/// [`RunEnd::Stopped`](crate::RunEnd::Stopped): nothing is lost. An evaluation is not interrupted; ask before a long one.
/// Before this is called, the library handles no signals. Where there are none, as in WebAssembly, it never becomes true.
///
/// ```no_run
/// use innerloop::{Adam, Maml, Mlp, NormMode, Order, Run, RunEnd, Sinusoids, TrainConfig, Trainer, stop_on_signals};
///
/// let maml = Maml::new(Mlp::new(&[1, 40, 40, 1])?, 0.01, Order::Second, NormMode::Batch);
/// let config = TrainConfig::new(4, 1e-3, 100_000);
/// let mut trainer = Trainer::<f32, _, _>::new(&maml, Adam::default(), config)?;
/// let run = Run::new().checkpoint("run.safetensors", 1000, 30.0).stop_when(stop_on_signals()?);
/// if trainer.run(&Sinusoids::new(10, 10, 0), &run, &mut ())? == RunEnd::Stopped {
///     println!("saved after {} meta-steps", trainer.iteration());
/// }
/// # Ok::<(), innerloop::Error>(())
/// ```
///
/// # Errors
/// [`Error::Own`] if the system refuses the handlers.
pub fn stop_on_signals() -> Result<impl Fn() -> bool + Clone + Send + Sync + 'static> {
    let asked = match ASKED.get() {
        Some(asked) => Arc::clone(asked),
        None => {
            let asked = Arc::new(AtomicBool::new(false));
            handle(&asked).map_err(Error::own)?;
            Arc::clone(ASKED.get_or_init(|| asked))
        }
    };
    Ok(move || asked.load(Ordering::Relaxed))
}

#[cfg(any(unix, windows))]
fn handle(asked: &Arc<AtomicBool>) -> std::io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;

    for signal in [SIGINT, SIGTERM] {
        // the order counts: at the first signal the flag is not yet set when this one looks
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(asked))?;
        flag::register(signal, Arc::clone(asked))?;
    }
    Ok(())
}

#[cfg(not(any(unix, windows)))]
fn handle(_: &Arc<AtomicBool>) -> std::io::Result<()> {
    Ok(())
}
