//! Tests through the public interface. One program, since each one compiles the engine for its tasks; what needs a process of its own
//! is beside it: `memory`, `kills`, `mpi`.

#[path = "../common/mod.rs"]
mod common;
#[cfg(all(
    feature = "safetensors",
    any(feature = "npz", all(feature = "photos", feature = "csv", feature = "text"))
))]
mod damage;
#[cfg(feature = "images")]
mod drawing;
#[path = "../tasks/mod.rs"]
mod tasks;

mod bad_input;
#[cfg(feature = "safetensors")]
mod changed_settings;
mod context;
mod control;
mod curves;
mod data_errors;
mod determinism;
mod embeddings;
mod ensemble;
mod evaluation;
mod every_device;
mod feature_files;
mod features;
mod fetch;
mod fitted;
mod golden;
mod golden_learners;
mod golden_ops;
mod hostile_data;
mod implicit;
mod learns;
mod meta_gradient;
mod meta_lstm;
mod metric;
mod mutations;
mod one_shot_runs;
mod operations;
mod own_code;
mod photos;
mod photos_own;
mod pretrained;
mod pytorch;
mod ranks;
mod real_data;
mod regularized;
mod report;
mod run;
mod seam;
mod serde;
mod signatures;
mod skipped;
mod split_lists;
mod sweeps;
mod text;
mod text_encoders;
mod word_vectors;
