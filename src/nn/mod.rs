//! Functional models: `forward(params, x)` on an explicit slice of parameters.

mod conv4;
mod init;
mod layout;
mod mlp;
mod model;
mod norm;
mod params;
mod specs;

pub use conv4::{Conv4, Downsample};
pub use init::{Init, OwnInit};
pub use layout::{images_from_channels_first, params_from_channels_first};
pub use mlp::Mlp;
pub use model::{Model, Network};
pub use norm::{Moments, Norm, NormMode};
pub use params::{ParamSpec, Role, check_params, init_params};
pub use specs::check_specs;
