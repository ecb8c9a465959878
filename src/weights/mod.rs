//! Weights from PyTorch and back: files of named arrays, and which array is which parameter.
//!
//! How one array is laid out in another framework is `nn/layout.rs`; here are the names and the files around it.

mod differences;
mod files;
mod in_order;
mod names;
#[cfg(feature = "npz")]
mod npz;
#[cfg(feature = "safetensors")]
mod safetensors;
mod state_dict;

pub use names::WeightNames;
pub use state_dict::StateDict;
