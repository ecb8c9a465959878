//! Training and what it leaves on disk.

#[cfg(feature = "safetensors")]
mod checkpoint;
mod config;
mod trainer;

#[cfg(feature = "safetensors")]
pub use checkpoint::{
    load_adapted, load_checkpoint, load_learned, load_params, save_adapted, save_checkpoint, save_learned,
    save_params,
};
pub use config::TrainConfig;
pub use trainer::{StepLog, TrainState, Trainer};
