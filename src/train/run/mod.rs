//! A run: many steps, and what happens between them.
//!
//! | file | what |
//! |---|---|
//! | `plan` | [`Run`]: the settings of a run |
//! | `drive` | `Trainer::run`: the loop |
//! | `best` | the best validation so far, a part of the training state |
//! | `event`, `watch` | what happens, and the trait of those who are told |
//! | `csv_log`, `json_log`, `tensorboard`, `history`, `progress_lines` | watchers that come with the crate |
//! | `signals` | a stop at Ctrl-C and SIGTERM |

mod best;
mod csv_log;
mod drive;
mod event;
mod history;
#[cfg(feature = "safetensors")]
mod json_log;
mod lines;
mod plan;
mod progress_lines;
#[cfg(feature = "signals")]
mod signals;
mod tensorboard;
mod watch;

pub use best::{Best, Validated};
pub use csv_log::CsvLog;
pub use event::{RunEnd, TrainEvent};
pub use history::{History, StepPoint, ValidationPoint};
#[cfg(feature = "safetensors")]
pub use json_log::JsonLog;
pub use plan::Run;
pub use progress_lines::ProgressLines;
#[cfg(feature = "signals")]
pub use signals::stop_on_signals;
pub use tensorboard::TensorBoard;
pub use watch::Watch;
