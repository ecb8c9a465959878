//! What convolutional networks say of their blocks and images in the same words.

use super::spec::ParamSpec;
use crate::error::{Error, Result};

/// The parameters of blocks with so many `filters`, for images of so many `channels`: for each a 3x3 convolution with bias, and
/// the scale and shift of its norm.
pub(super) fn blocks_specs(channels: usize, filters: &[usize]) -> Vec<ParamSpec> {
    let block = |((block, &c_in), &f): ((usize, &usize), &usize)| {
        [
            ParamSpec::conv(format!("conv{block}_w"), [3, 3, c_in, f]),
            ParamSpec::bias(format!("conv{block}_b"), f),
            ParamSpec::scale(format!("bn{block}_gamma"), f),
            ParamSpec::shift(format!("bn{block}_beta"), f),
        ]
    };
    (1..).zip(std::iter::once(&channels).chain(filters)).zip(filters).flat_map(block).collect()
}

/// Whether inputs of shape `[n, h, w, c]` are images of a network.
pub(super) fn check_images(network: &str, image: [usize; 3], shape: &[usize]) -> Result<()> {
    match shape.split_first() {
        Some((_, found)) if found == image => Ok(()),
        _ => {
            let n = shape.first().copied().unwrap_or(1);
            let (what, expected) = (format!("images for {network}"), [&[n], &image[..]].concat());
            Err(Error::Shape { what, expected, found: shape.to_vec() })
        }
    }
}
