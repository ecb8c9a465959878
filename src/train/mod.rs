//! Training and what it leaves on disk.

#[cfg(feature = "safetensors")]
mod bytes;
#[cfg(feature = "safetensors")]
mod checkpoint;
mod config;
#[cfg(feature = "safetensors")]
mod file;
#[cfg(all(feature = "safetensors", feature = "serde"))]
mod portable;
mod run;
mod same;
#[cfg(feature = "safetensors")]
mod saved;
#[cfg(feature = "safetensors")]
mod tensors;
mod tiny;
mod trainer;

#[cfg(feature = "safetensors")]
pub(crate) use bytes::bytes_of_file;
#[cfg(feature = "safetensors")]
pub use checkpoint::{load_checkpoint, save_checkpoint};
pub use config::TrainConfig;
#[cfg(all(feature = "safetensors", feature = "serde"))]
pub use portable::{Answer, Classifier, Pretrained};
#[cfg(feature = "safetensors")]
pub use run::JsonLog;
#[cfg(feature = "signals")]
pub use run::stop_on_signals;
pub use run::{
    Best, CsvLog, History, ProgressLines, Run, RunEnd, StepPoint, TensorBoard, TrainEvent, Validated,
    ValidationPoint, Watch,
};
#[cfg(feature = "safetensors")]
pub use saved::{
    changed_settings, load_adapted, load_learned, load_params, save_adapted, save_learned, save_params,
};
#[cfg(feature = "safetensors")]
pub(crate) use tensors::{array_of, file_of};
pub use trainer::{StepLog, TrainState, Trainer};
