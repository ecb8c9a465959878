//! The embedding network of R2D2.

use super::blocks::{blocks_specs, check_images};
use super::model::Model;
use super::network::Network;
use super::norm::{BlockShape, Norm};
use super::spec::ParamSpec;
use super::specs::{elements, fit_together};
use crate::error::{Error, Result};
use crate::real::Real;
use crate::var::Var;

/// Four blocks whose last two outputs are the features (Bertinetto et al. 2019, section 4.1 and published code).
///
/// A block is a 3x3 convolution, batch norm, a 2x2 max-pool and a leaky ReLU of slope 0.1. The pools of blocks 1 to 3 halve
/// the image, that of block 4 has stride 1. The features are the output of block 3, pooled once more by 2x2 windows at
/// stride 1, flattened, followed by that of block 4, flattened: `[n, features]`, of which there are 72,576 at 84x84 and
/// 8,064 at 32x32, as published. It has no head; parameters are named as those of [`Conv4`](crate::Conv4). The published
/// code also has a dropout after blocks 3 and 4, which this network leaves out.
///
/// ```
/// use innerloop::{Network, R2d2Net};
/// assert_eq!(R2d2Net::new([84, 84, 3])?.outputs(), 72_576);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct R2d2Net {
    image: [usize; 3],
    widths: [usize; 4],
}

impl R2d2Net {
    /// The published network: 96, 192, 384 and 512 filters.
    ///
    /// # Errors
    /// As [`with_widths`](R2d2Net::with_widths).
    pub fn new(image: [usize; 3]) -> Result<R2d2Net> {
        R2d2Net::with_widths(image, [96, 192, 384, 512])
    }

    /// A network with so many filters in its blocks; the code's small network has 64 in each.
    ///
    /// # Errors
    /// [`Error::Setting`] if a width is 0, the image is smaller than 16x16, or an array would have more than
    /// 1,073,741,824 elements.
    pub fn with_widths(image: [usize; 3], widths: [usize; 4]) -> Result<R2d2Net> {
        let refuse = |name, value: String, need| Err(Error::Setting { name, value, need });
        if image[..2].iter().any(|&d| d < 16) || image[2] == 0 {
            let need = "at least 16x16 pixels and one channel";
            return refuse("image", format!("{image:?}"), need);
        }
        let mut c_in = image[2];
        for width in widths {
            if width == 0 || elements(&[3, 3, c_in, width]).is_none() {
                let need = "from 1 on, and such that a convolution has at most 2^30 weights";
                return refuse("widths", format!("{widths:?}"), need);
            }
            c_in = width;
        }
        if elements(&[image[0], image[1], image[2].max(widths[0])]).is_none() {
            let need = "such that an image has at most 2^30 elements in the first block";
            return refuse("image", format!("{image:?}"), need);
        }
        let model = R2d2Net { image, widths };
        if !fit_together(&model.specs()) {
            let need = "such that all layers together have at most 2^30 weights";
            return refuse("widths", format!("{widths:?}"), need);
        }
        Ok(model)
    }
}

impl Network for R2d2Net {
    fn specs(&self) -> Vec<ParamSpec> {
        blocks_specs(self.image[2], &self.widths)
    }

    fn count(&self) -> usize {
        16
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        check_images("R2d2Net", self.image, shape)
    }

    fn norms(&self) -> Vec<usize> {
        self.widths.to_vec()
    }

    fn outputs(&self) -> usize {
        (self.image[0] / 8 - 1) * (self.image[1] / 8 - 1) * (self.widths[2] + self.widths[3])
    }
}

impl<T: Real> Model<T> for R2d2Net {
    #[inline(never)]
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
        let block = |layer: usize, x: Var<'t, T>, window: [usize; 2]| {
            let [w, bias, gamma, beta] = params[4 * layer..][..4].try_into().expect("four parameters");
            norm.conv_norm(
                layer,
                x,
                [w, gamma, beta],
                Some(bias),
                BlockShape { stride: [1, 1], pad: [1, 1], window },
            )
        };
        let mut third = x;
        for layer in 0..3 {
            third = block(layer, third, [2, 2]).leaky_relu(0.1);
        }
        let fourth = block(3, third, [1, 1]);
        let n = x.shape()[0];
        let flat = |y: Var<'t, T>| {
            let y = y.max_pool2d([2, 2], [1, 1]);
            y.reshape(&[n, y.shape()[1..].iter().product()])
        };
        Var::concat(&[flat(third), flat(fourth).leaky_relu(0.1)], 1)
    }
}

compiled_here!(T: <R2d2Net as Model<T>>::forward);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads_at;
    use ndarray::ArrayD;

    #[test]
    fn it_has_the_published_number_of_features() {
        for (image, features) in [([84, 84, 3], 72_576), ([32, 32, 3], 8064)] {
            assert_eq!(R2d2Net::new(image).unwrap().outputs(), features);
        }
        assert!(matches!(R2d2Net::new([15, 16, 1]), Err(Error::Setting { name: "image", .. })));
        assert!(matches!(
            R2d2Net::with_widths([16, 16, 1], [1, 2, 0, 1]),
            Err(Error::Setting { name: "widths", .. })
        ));
    }

    #[test]
    fn it_has_correct_grads_to_order_2() {
        let model = R2d2Net::with_widths([16, 17, 1], [2, 1, 2, 2]).unwrap();
        let mut inputs = Model::<f64>::init(&model, 2);
        inputs.push(ArrayD::from_shape_fn(vec![2, 16, 17, 1], |i| {
            ((i[0] * 71 + i[1] * 13 + i[2] * 5) as f64 * 12.9898).sin()
        }));
        check_grads_at(&inputs, 2, |x| {
            let (x, params) = x.split_last().expect("parameters and images");
            let y = model.forward(params, *x, Norm::Batch);
            assert_eq!(y.shape()[1], model.outputs());
            y.tanh()
        })
        .unwrap();
    }
}
