//! A convolutional embedding whose features are maps.

use super::blocks::{blocks_specs, check_images};
use super::model::Model;
use super::network::Network;
use super::norm::{BlockShape, Norm};
use super::spec::ParamSpec;
use super::specs::elements;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::var::Var;

/// The embedding of relation networks (Sung et al. 2018, section 3.4): four blocks of 3x3 convolution, batch norm and ReLU, the
/// first two with 2x2 max-pooling. Its features `[n, h·w·filters]` are the last block's maps
/// [`map`](MapConv4::map) `= [h, w, filters]`, channels last.
///
/// The parameters are named as in [`Conv4`](crate::Conv4). All convolutions are padded by 1; the authors' network for Omniglot
/// does not pad the first two ([`unpadded`](MapConv4::unpadded): 28x28 pixels become 5x5).
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapConv4 {
    image: [usize; 3],
    filters: usize,
    padded: bool,
}

const BLOCKS: usize = 4;

impl MapConv4 {
    /// A network for images `[h, w, c]`.
    ///
    /// # Errors
    /// [`Error::Setting`] if a size is 0, if the image is too small to be halved twice, or if an image or one
    /// of the parameters would have more than 1,073,741,824 elements.
    pub fn new(image: [usize; 3], filters: usize) -> Result<MapConv4> {
        MapConv4 { image, filters, padded: true }.checked()
    }

    /// The same without padding in the first two blocks.
    ///
    /// # Errors
    /// As [`new`](MapConv4::new), if the image is too small now.
    pub fn unpadded(self) -> Result<MapConv4> {
        MapConv4 { padded: false, ..self }.checked()
    }

    fn checked(self) -> Result<MapConv4> {
        let refuse = |name, value: String, need| Err(Error::Setting { name, value, need });
        if self.filters == 0 || elements(&[3, 3, self.filters, self.filters]).is_none() {
            let need = "at least 1, and such that a convolution has at most 2^30 weights";
            return refuse("filters", self.filters.to_string(), need);
        }
        let sizes = [&[3, 3, self.image[2], self.filters][..], &self.image, &self.map()];
        if self.image.contains(&0) || self.map().contains(&0) || sizes.iter().any(|s| elements(s).is_none()) {
            let need = "at least 4x4 pixels (10x10 without padding), at least one channel, and at most 2^30 elements";
            return refuse("image", format!("{:?}", self.image), need);
        }
        Ok(self)
    }

    /// Height, width and channels of the features.
    pub fn map(&self) -> [usize; 3] {
        let lost = if self.padded { 0 } else { 2 };
        let half = |d: usize| d.saturating_sub(lost) / 2;
        [half(half(self.image[0])), half(half(self.image[1])), self.filters]
    }
}

impl Network for MapConv4 {
    fn specs(&self) -> Vec<ParamSpec> {
        blocks_specs(self.image[2], &[self.filters; BLOCKS])
    }

    fn count(&self) -> usize {
        4 * BLOCKS
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        check_images("MapConv4", self.image, shape)
    }

    fn outputs(&self) -> usize {
        self.map().iter().product()
    }

    fn norms(&self) -> Vec<usize> {
        vec![self.filters; BLOCKS]
    }
}

impl<T: Real> Model<T> for MapConv4 {
    #[inline(never)]
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
        let mut x = x;
        for (layer, block) in params[..4 * BLOCKS].chunks_exact(4).enumerate() {
            let pooled = layer < 2;
            let pad = if pooled && !self.padded { [0, 0] } else { [1, 1] };
            let window = if pooled { [2, 2] } else { [1, 1] };
            let block = block.try_into().expect("chunks of four");
            x = norm.conv_block(layer, x, block, BlockShape { stride: [1, 1], pad, window });
        }
        x.reshape(&[x.shape()[0], self.outputs()])
    }
}

compiled_here!(T: <MapConv4 as Model<T>>::forward);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;

    #[test]
    fn maps_have_the_published_sizes() {
        let omniglot = MapConv4::new([28, 28, 1], 64).unwrap();
        assert_eq!(omniglot.map(), [7, 7, 64]);
        assert_eq!(omniglot.unpadded().unwrap().map(), [5, 5, 64]);
        assert_eq!(MapConv4::new([84, 84, 3], 64).unwrap().unpadded().unwrap().map(), [19, 19, 64]);
    }

    #[test]
    fn features_have_correct_grads_with_padding_and_without() {
        for network in
            [MapConv4::new([5, 4, 1], 2), MapConv4::new([10, 11, 1], 2).and_then(MapConv4::unpadded)]
        {
            let network = network.unwrap();
            let specs = network.specs();
            let [h, w, c] = network.image;
            let x = [3, h, w, c];
            let shapes: Vec<_> = specs.iter().map(|s| s.shape.as_slice()).chain([&x[..]]).collect();
            check_grads(&shapes, 2, |x| network.forward(&x[..16], x[16], Norm::Batch));
        }
    }

    #[test]
    fn what_makes_no_network_is_refused() {
        for (image, filters, name) in [
            ([3, 28, 1], 8, "image"),
            ([28, 28, 0], 8, "image"),
            ([28, 28, 1], 0, "filters"),
            ([28, 28, 1], 1 << 20, "filters"),
        ] {
            let error = MapConv4::new(image, filters).unwrap_err();
            assert!(matches!(error, Error::Setting { name: told, .. } if told == name), "{error}");
        }
        assert!(MapConv4::new([9, 9, 1], 4).unwrap().unpadded().is_err());
    }
}
