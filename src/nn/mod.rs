//! Functional models: `forward(params, x)` on an explicit slice of parameters.

mod blocks;
mod contextual;
mod conv4;
mod drop_blocks;
mod film_conv4;
mod init;
mod layout;
mod map_conv4;
mod mlp;
mod model;
mod network;
mod noise;
mod norm;
mod norm_mode;
mod params;
mod r2d2_net;
mod resnet12;
mod scaled;
mod spec;
mod specs;
mod text;

pub(crate) use contextual::CONTEXT;
pub use contextual::Contextual;
pub use conv4::{Conv4, Downsample};
pub use drop_blocks::{DropBlocks, NoisyResNet12};
pub use film_conv4::FilmConv4;
pub use init::{Init, OwnInit};
#[cfg(any(feature = "npz", feature = "safetensors"))]
pub(crate) use layout::foreign_shape;
pub use layout::{
    Framework, export_named, export_params, images_from_channels_first, import_named, import_params,
};
pub use map_conv4::MapConv4;
pub use mlp::{Activation, Mlp};
pub use model::Model;
pub use network::Network;
pub use noise::{InTraining, Noise, NoisyModel};
pub use norm::{BlockShape, Moments, Norm, Observer};
pub use norm_mode::NormMode;
pub(crate) use norm_mode::check_moments;
pub use params::{check_params, init_params};
pub use r2d2_net::R2d2Net;
pub use resnet12::ResNet12;
pub use scaled::Scaled;
pub use spec::{ParamSpec, Role};
pub use specs::check_specs;
pub use text::{EmbeddingBag, SignatureAttention, TextConv, TextLstm, WordTable};
