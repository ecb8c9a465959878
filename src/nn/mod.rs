//! Functional models: `forward(params, x)` on an explicit slice of parameters.

mod conv4;
mod layout;
mod mlp;
mod model;
mod params;

pub use conv4::{Conv4, Downsample};
pub use layout::{images_from_channels_first, params_from_channels_first};
pub use mlp::Mlp;
pub use model::{Model, Moments, Norm, NormMode};
pub use params::{ParamSpec, Role, check_params, init_params};
