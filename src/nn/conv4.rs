//! The four-block convolutional network of few-shot learning.

use super::blocks::{blocks_specs, check_images};
use super::model::Model;
use super::network::Network;
use super::norm::{BlockShape, Norm};
use super::spec::ParamSpec;
use super::specs::{elements, fit_together};
use crate::error::{Error, Result};
use crate::real::Real;
use crate::settings::check_decay;
use crate::var::Var;

/// How a block of [`Conv4`] halves the size of its image.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Downsample {
    /// A 2x2 max-pool after the ReLU; the features are flattened (28, 14, 7, 3, 1).
    MaxPool,
    /// A convolution of stride 2; the features are averaged over the image
    /// (28, 14, 7, 4, 2, then the mean). The network of the MAML paper for Omniglot.
    Stride,
}

/// Four blocks of 3x3 convolution, batch norm, ReLU and halving, then one linear
/// layer (Vinyals et al. 2016, section 4.1; Finn et al. 2017, section 5.2).
///
/// Inputs `[n, h, w, c]`, outputs `[n, ways]`, or features `[n, features]` without
/// a head. Parameters by name: `conv1_w [3, 3, c, filters]`, `conv1_b`, `bn1_gamma`,
/// `bn1_beta [filters]`, … `bn4_beta`, `linear_w [features, ways]`, `linear_b [ways]`.
///
/// Variants of papers:
///
/// | network | constructor |
/// |---|---|
/// | MAML on Omniglot | `Conv4::new([28, 28, 1], 64, Downsample::Stride, ways)` |
/// | Reptile and implicit MAML on Omniglot, 2x2x64 features | the same with [`flattened`](Conv4::flattened) |
/// | MAML on miniImageNet | `Conv4::new([84, 84, 3], 32, Downsample::MaxPool, ways)` |
/// | MAML++ | `Downsample::MaxPool`, 64 filters (48 for miniImageNet), [`leaky(0.01)`](Conv4::leaky) |
/// | other widths per block | [`with_widths`](Conv4::with_widths) |
///
/// Some papers pool before the activation. The values are the same, since an activation that never falls takes the
/// largest value to the largest; so there is no setting for it. R2D2's network is [`R2d2Net`](crate::R2d2Net).
///
/// ```
/// use innerloop::{Conv4, Downsample, Model, Norm, Tape, ndarray::ArrayD};
/// let model = Conv4::new([28, 28, 1], 64, Downsample::MaxPool, Some(5))?;
/// let params = model.init(0);
/// let tape = Tape::<f32>::new();
/// let images = tape.leaf(&ArrayD::zeros(vec![2, 28, 28, 1]));
/// let logits = model.forward(&tape.leaves(&params), images, Norm::Batch);
/// assert_eq!(*logits.shape(), [2, 5]);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
pub struct Conv4 {
    image: [usize; 3],
    widths: [usize; BLOCKS],
    downsample: Downsample,
    flattened: bool,
    slope: f64,
    ways: Option<usize>,
}

const BLOCKS: usize = 4;

impl Conv4 {
    /// A network for images `[h, w, c]`; `ways` is `None` for an embedding without
    /// the linear layer.
    ///
    /// # Errors
    /// [`Error::Setting`] if a size is 0, if the image is too small to be halved four times,
    /// or if an image or one of the parameters would have more than 1,073,741,824 elements.
    pub fn new(
        image: [usize; 3],
        filters: usize,
        downsample: Downsample,
        ways: Option<usize>,
    ) -> Result<Conv4> {
        Conv4::with_widths(image, [filters; BLOCKS], downsample, ways)
    }

    /// The same with so many filters in each block.
    ///
    /// # Errors
    /// As [`new`](Conv4::new).
    pub fn with_widths(
        image: [usize; 3],
        widths: [usize; 4],
        downsample: Downsample,
        ways: Option<usize>,
    ) -> Result<Conv4> {
        let model = Conv4 { image, widths, downsample, flattened: false, slope: 0.0, ways };
        let refuse = |name, value: String, need| Err(Error::Setting { name, value, need });
        if let Some(filters) = widths.into_iter().find(|&filters| filters == 0) {
            return refuse("filters", filters.to_string(), "at least 1");
        }
        if image.contains(&0) || model.last_image().contains(&0) {
            let need = "at least 16x16 pixels for max-pooling and 1x1 for strides, and at least one channel";
            return refuse("image", format!("{image:?}"), need);
        }
        if ways == Some(0) {
            return refuse("ways", "0".into(), "at least 1");
        }
        for pair in widths.windows(2) {
            if elements(&[3, 3, pair[0], pair[1]]).is_none() {
                let need = "such that a convolution has at most 2^30 weights";
                return refuse("filters", pair[0].max(pair[1]).to_string(), need);
            }
        }
        let sizes = [&[3, 3, image[2], widths[0]][..], &image, &model.last_image()];
        if sizes.iter().any(|size| elements(size).is_none()) {
            let need = "such that images, features and weights have at most 2^30 elements";
            return refuse("image", format!("{image:?}"), need);
        }
        if let Some(ways) = ways.filter(|&ways| elements(&[model.features(), ways]).is_none()) {
            return refuse("ways", ways.to_string(), "such that the last layer has at most 2^30 weights");
        }
        if !fit_together(&model.specs()) {
            let need = "such that all layers together have at most 2^30 weights";
            return refuse("filters", format!("{widths:?}"), need);
        }
        Ok(model)
    }

    /// The same with the last block's image flattened in place of averaged, for [`Downsample::Stride`] (28x28 images give
    /// 2x2 pixels); with max-pooling it always is.
    #[must_use]
    pub fn flattened(self) -> Conv4 {
        Conv4 { flattened: true, ..self }
    }

    /// The same with a leaky ReLU of this slope in place of the ReLU. A block then takes one pass more each way: the
    /// activation is an operation of its own after the fused convolution, norm and pooling.
    ///
    /// # Errors
    /// [`Error::Setting`] for a slope that is not in `0..1`.
    pub fn leaky(self, slope: f64) -> Result<Conv4> {
        check_decay("slope", slope)?;
        Ok(Conv4 { slope, ..self })
    }

    /// The same body without the linear layer.
    pub fn embedding(&self) -> Conv4 {
        Conv4 { ways: None, ..self.clone() }
    }

    /// The same body with a linear layer for so many classes, whatever it had.
    ///
    /// # Errors
    /// As [`new`](Conv4::new).
    pub fn with_ways(&self, ways: usize) -> Result<Conv4> {
        let made = Conv4::with_widths(self.image, self.widths, self.downsample, Some(ways))?;
        Ok(Conv4 { flattened: self.flattened, slope: self.slope, ..made })
    }

    /// The shape `[h, w, c]` of the images that it is for.
    pub fn image(&self) -> [usize; 3] {
        self.image
    }

    /// The number of features of an example.
    pub fn features(&self) -> usize {
        if self.averages() { self.widths[BLOCKS - 1] } else { self.last_image().iter().product() }
    }

    /// Whether the features are means over the last image.
    fn averages(&self) -> bool {
        self.downsample == Downsample::Stride && !self.flattened
    }

    /// Height, width and channels after the last block.
    fn last_image(&self) -> [usize; 3] {
        let halve = |d: usize| match self.downsample {
            Downsample::MaxPool => d / 2,
            Downsample::Stride => d.div_ceil(2),
        };
        let last = |d| (0..BLOCKS).fold(d, |d, _| halve(d));
        [last(self.image[0]), last(self.image[1]), self.widths[BLOCKS - 1]]
    }
}

impl Network for Conv4 {
    fn specs(&self) -> Vec<ParamSpec> {
        let mut specs = blocks_specs(self.image[2], &self.widths);
        if let Some(ways) = self.ways {
            let weights = ParamSpec::linear("linear_w", self.features(), ways);
            specs.push(if self.averages() { weights } else { weights.with_image(self.last_image()) });
            specs.push(ParamSpec::bias("linear_b", ways));
        }
        specs
    }

    fn count(&self) -> usize {
        4 * BLOCKS + if self.ways.is_some() { 2 } else { 0 }
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        check_images("Conv4", self.image, shape)
    }

    fn norms(&self) -> Vec<usize> {
        self.widths.to_vec()
    }

    fn outputs(&self) -> usize {
        self.ways.unwrap_or_else(|| self.features())
    }
}

impl<T: Real> Model<T> for Conv4 {
    #[inline(never)]
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
        let features = self.blocks(params, x, norm);
        self.head(params, features).unwrap_or(features)
    }

    fn features<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Option<Var<'t, T>> {
        self.ways.map(|_| self.blocks(params, x, norm))
    }

    fn head<'t>(&self, params: &[Var<'t, T>], features: Var<'t, T>) -> Option<Var<'t, T>> {
        match params[4 * BLOCKS..] {
            [w, b] => Some(features.linear(w, b)),
            [] => None,
            _ => panic!("Conv4: {} parameters were given, the body has 16 and the head 2", params.len()),
        }
    }
}

impl Conv4 {
    #[inline(never)]
    fn blocks<'t, T: Real>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
        let (stride, window) = match self.downsample {
            Downsample::MaxPool => ([1, 1], [2, 2]),
            Downsample::Stride => ([2, 2], [1, 1]),
        };
        let mut x = x;
        for (layer, block) in params[..4 * BLOCKS].chunks_exact(4).enumerate() {
            let [w, bias, gamma, beta] = block.try_into().expect("chunks of four");
            let shape = BlockShape { stride, pad: [1, 1], window };
            x = if self.slope == 0.0 {
                norm.conv_block(layer, x, [w, bias, gamma, beta], shape)
            } else {
                norm.conv_norm(layer, x, [w, gamma, beta], Some(bias), shape).leaky_relu(self.slope)
            };
        }
        if self.averages() { x.global_mean2d() } else { x.reshape(&[x.shape()[0], self.features()]) }
    }
}

compiled_here!(T: <Conv4 as Model<T>>::forward, Conv4::blocks::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Observer, Role};
    use crate::tape::Tape;

    #[test]
    fn both_networks_have_the_published_sizes() {
        for model in [None, Some(5)].map(|ways| Conv4::new([28, 28, 1], 4, Downsample::Stride, ways).unwrap())
        {
            assert_eq!(model.count(), model.specs().len());
        }
        let count = |m: &Conv4| m.specs().iter().map(|s| s.shape.iter().product::<usize>()).sum::<usize>();
        let pooled = Conv4::new([28, 28, 1], 64, Downsample::MaxPool, Some(5)).unwrap();
        let strided = Conv4::new([28, 28, 1], 64, Downsample::Stride, Some(5)).unwrap();
        assert_eq!((count(&pooled), count(&strided)), (112_261, 112_261));
        assert_eq!(Conv4::new([84, 84, 3], 32, Downsample::MaxPool, Some(5)).unwrap().features(), 800);
    }

    #[test]
    fn the_variants_have_the_published_features() {
        let flat = Conv4::new([28, 28, 1], 64, Downsample::Stride, Some(5)).unwrap().flattened();
        assert_eq!(flat.features(), 256);
        assert_eq!(flat.specs()[16].role, Role::Linear { image: Some([2, 2, 64]) });
        let seven = Conv4::new([28, 28, 1], 64, Downsample::Stride, Some(7)).unwrap().flattened();
        assert_eq!(
            (flat.with_ways(7).unwrap(), flat.embedding().with_ways(5).unwrap()),
            (seven, flat.clone())
        );
        let wide = Conv4::with_widths([84, 84, 3], [2, 3, 4, 5], Downsample::MaxPool, None).unwrap();
        assert_eq!((wide.features(), wide.norms()), (125, vec![2, 3, 4, 5]));
        assert_eq!(wide.specs()[4].shape, [3, 3, 2, 3]);
        for slope in [-0.1, 1.0, f64::NAN] {
            assert!(matches!(flat.clone().leaky(slope), Err(Error::Setting { name: "slope", .. })));
        }
    }

    #[test]
    fn a_leaky_block_equals_its_composition_with_the_activation_before_the_pooling() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&ndarray::Array::from_shape_fn(vec![3, 17, 16, 1], |i| {
            ((i[0] * 7 + i[1] * 3 + i[2] * 5) % 11) as f64 - 5.0
        }));
        let model = Conv4::with_widths([17, 16, 1], [2, 3, 4, 3], Downsample::MaxPool, None).unwrap();
        let model = model.leaky(0.01).unwrap();
        let params = tape.leaves(&model.init(1));
        let mut y = x;
        for p in params.chunks_exact(4) {
            let z = y.conv2d(p[0], [1, 1], [1, 1]).batch_norm(p[2], p[3], 1e-5);
            y = z.leaky_relu(0.01).max_pool2d([2, 2], [2, 2]);
        }
        let got = model.forward(&params, x, Norm::Batch);
        approx::assert_relative_eq!(got.to_array(), y.reshape(&[3, 3]).to_array(), epsilon = 1e-10);
        let grads = [got, y].map(|y| crate::grad_values((y * y * y).mean(), &params));
        for (a, b) in grads[0].iter().zip(&grads[1]) {
            approx::assert_relative_eq!(a, b, epsilon = 1e-10, max_relative = 1e-9);
        }
    }

    #[test]
    fn every_variant_has_correct_grads_to_order_2() {
        let models = [
            Conv4::new([9, 8, 1], 2, Downsample::Stride, Some(2)).unwrap().flattened(),
            Conv4::with_widths([16, 17, 1], [2, 1, 2, 3], Downsample::MaxPool, Some(2))
                .unwrap()
                .leaky(0.1)
                .unwrap(),
        ];
        for model in models {
            let mut inputs = Model::<f64>::init(&model, 2);
            let [h, w, c] = model.image;
            inputs.push(ndarray::ArrayD::from_shape_fn(vec![3, h, w, c], |i| {
                ((i[0] * 71 + i[1] * 13 + i[2] * 5) as f64 * 12.9898).sin()
            }));
            crate::check_grads_at(&inputs, 2, |x| {
                let (x, params) = x.split_last().expect("parameters and images");
                model.forward(params, *x, Norm::Batch).tanh()
            })
            .unwrap();
        }
    }

    #[test]
    fn an_image_too_small_is_refused() {
        let error = Conv4::new([15, 28, 1], 8, Downsample::MaxPool, Some(5)).unwrap_err();
        assert!(error.to_string().contains("[15, 28, 1]"), "{error}");
        assert!(Conv4::new([1, 1, 1], 8, Downsample::Stride, None).is_ok());
    }

    #[test]
    fn sizes_that_overflow_are_refused_by_name() {
        let (stride, pool) = (Downsample::Stride, Downsample::MaxPool);
        for (image, filters, downsample, ways, name) in [
            ([28, 28, 1], usize::MAX, stride, Some(5), "filters"),
            ([28, 28, 1], 1 << 20, stride, None, "filters"),
            ([28, 28, 1], 100_000, stride, Some(5), "filters"),
            ([28, 28, 1], 10_000, stride, Some(5), "filters"), // each layer would do, but not all
            ([1 << 40, 1 << 40, 1], 8, pool, Some(5), "image"),
            ([1 << 40, 1 << 40, 1], 8, stride, Some(5), "image"),
            ([28, 28, usize::MAX], 8, stride, Some(5), "image"),
            ([1 << 15, 1 << 15, 1], 1 << 12, pool, None, "image"),
            ([28, 28, 1], 8, stride, Some(usize::MAX), "ways"),
        ] {
            let error = Conv4::new(image, filters, downsample, ways).unwrap_err();
            assert!(matches!(error, Error::Setting { name: told, .. } if told == name), "{error}");
        }
    }

    #[test]
    fn observed_statistics_given_back_reproduce_the_batch_mode() {
        let model = Conv4::new([16, 16, 1], 3, Downsample::MaxPool, Some(2)).unwrap();
        let tape = Tape::<f64>::new();
        let mut params = model.init(1);
        params[1].fill(0.7); // a bias that only the running mode sees
        let params = tape.leaves(&params);
        let x = tape.full(&[4, 16, 16, 1], 0.0);
        let x = x + tape.leaf(&ndarray::Array::from_shape_fn(vec![4, 16, 16, 1], |i| {
            ((i[0] * 7 + i[1] * 3 + i[2] * 5) % 11) as f64
        }));
        let observer = Observer::new();
        let batch = model.forward(&params, x, Norm::Observe(&observer)).to_array();
        let seen = observer.into_moments();
        assert_eq!(batch, model.forward(&params, x, Norm::Batch).to_array(), "to observe changes a bit");
        let running = model.forward(&params, x, Norm::Running(&seen)).to_array();
        assert_eq!(seen.len(), 4);
        approx::assert_relative_eq!(batch, running, max_relative = 1e-9, epsilon = 1e-9);
        let half = Moments::standard(3).updated(&seen[0], 0.5);
        approx::assert_relative_eq!(half.mean[1], 0.5 * seen[0].mean[1]);
    }

    #[test]
    #[should_panic(expected = "each forward pass needs an observer of its own")]
    fn an_observer_refuses_a_second_forward_pass() {
        let model = Conv4::new([16, 16, 1], 3, Downsample::MaxPool, Some(2)).unwrap();
        let (tape, observer) = (Tape::<f64>::new(), Observer::new());
        let (params, x) = (tape.leaves(&model.init(1)), tape.full(&[2, 16, 16, 1], 0.5));
        let _ = model.forward(&params, x, Norm::Observe(&observer));
        let _ = model.forward(&params, x, Norm::Observe(&observer));
    }

    use super::super::norm::Moments;
}
