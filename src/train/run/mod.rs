//! A run: many steps, and what happens between them.
//!
//! | file | what |
//! |---|---|
//! | `plan` | [`Run`]: the settings of a run |
//! | `drive` | `Trainer::run`: the loop |
//! | `best` | the best validation so far, a part of the training state |
//! | `event`, `watch` | what happens, and the trait of those who are told |
//! | `csv_log`, `json_log`, `tensorboard`, `history` | watchers that come with the crate |

mod best;
mod csv_log;
mod drive;
mod event;
mod history;
#[cfg(feature = "safetensors")]
mod json_log;
mod lines;
mod plan;
mod tensorboard;
mod watch;

pub use best::{Best, Validated};
pub use csv_log::CsvLog;
pub use event::{RunEnd, TrainEvent};
pub use history::{History, StepPoint, ValidationPoint};
#[cfg(feature = "safetensors")]
pub use json_log::JsonLog;
pub use plan::Run;
pub use tensorboard::TensorBoard;
pub use watch::Watch;
