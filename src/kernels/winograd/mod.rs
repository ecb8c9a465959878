//! 3x3 convolutions of stride 1 in fewer products: Winograd's F(2x2, 3x3)
//! (Lavin and Gray, 2016).
//!
//! A patch of 2x2 outputs is `Aᵀ [(G w Gᵀ) · (Bᵀ d B)] A`, where `d` are the 4x4
//! pixels it reads and the product is taken at each of 16 points, summed over
//! the channels: 16 products in place of 36. The adjoint in `w` is
//! `Gᵀ [(Bᵀ d B) · (A g Aᵀ)] G`, summed over the patches. The matrices stand in
//! `maps.rs`, the loops that apply them in `transform.rs`, and `patches.rs` says where
//! patches lie.

mod maps;
mod patches;
mod transform;
mod weight_grad;
mod window_sum;

pub(super) use maps::{Maps, maps_f32, maps_f64};
pub(super) use patches::PatchPoints;
pub(super) use weight_grad::weight_grad;
pub(super) use window_sum::WindowSum;
