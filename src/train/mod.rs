//! Training and what it leaves on disk.

#[cfg(feature = "safetensors")]
mod checkpoint;
mod trainer;

#[cfg(feature = "safetensors")]
pub use checkpoint::{load_checkpoint, load_params, save_checkpoint, save_params};
pub use trainer::{StepLog, TrainConfig, TrainState, Trainer};
