//! The residual network with twelve layers that most few-shot papers since 2018 use.

use super::blocks::check_images;
use super::init::Init;
use super::model::Model;
use super::network::Network;
use super::norm::{BlockShape, Norm};
use super::spec::ParamSpec;
use super::specs::{elements, fit_together};
use crate::error::{Error, Result};
use crate::real::Real;
use crate::var::Var;

/// ResNet-12: four residual blocks, each of which halves its image, then optionally a linear layer.
///
/// With conv for a convolution without bias and BN for batch norm, a block is
///
/// ```text
/// y = BN(conv3x3(x)), leaky ReLU, BN(conv3x3(y)), leaky ReLU, BN(conv3x3(y))
/// max_pool(leaky_relu(y + BN(conv1x1(x))))          slope 0.1, windows 2x2
/// ```
///
/// Inputs `[n, h, w, c]`; outputs are the features, or `[n, ways]` with a head. The features are the last block's image,
/// flattened (16,000 at 84x84 with the wide network), or its mean over height and width with
/// [`averaged`](ResNet12::averaged). Sizes and order are those of the embedding of MetaOptNet (Lee et al. 2019, section
/// 4.1), and parameters have the names of its published `state_dict`, `layer1.0.conv1.weight` and so on, so that
/// [`import_named`](crate::import_named) reads them with an empty table of names; the head, which it does not have, is
/// `classifier.weight` and `classifier.bias`. Convolutions begin with a normal distribution of variance
/// 2/(kh·kw·c_out). The leaky ReLU is computed after the pooling where one follows: the values are the same.
///
/// Its regularisation in training is a separate model: [`NoisyResNet12`](crate::NoisyResNet12).
///
/// ```
/// use innerloop::{Model, Network, Norm, ResNet12, Tape};
/// let model = ResNet12::wide([84, 84, 3], None)?;
/// assert_eq!(model.outputs(), 16_000);
/// let small = ResNet12::new([16, 16, 1], [4, 6, 8, 10], Some(5))?.averaged();
/// let tape = Tape::<f32>::new();
/// let logits = small.forward(&tape.leaves(&small.init(0)), tape.full(&[2, 16, 16, 1], 0.5), Norm::Batch);
/// assert_eq!(*logits.shape(), [2, 5]);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResNet12 {
    image: [usize; 3],
    widths: [usize; 4],
    averaged: bool,
    ways: Option<usize>,
}

/// Parameters of a block: three per convolution with its norm.
const PER_BLOCK: usize = 12;
/// Slope of the leaky ReLU.
const SLOPE: f64 = 0.1;

impl ResNet12 {
    /// A network for images `[h, w, c]` with so many channels in its blocks; `ways` is `None` for an embedding without
    /// a head.
    ///
    /// # Errors
    /// [`Error::Setting`] if a size is 0, if the image is smaller than 16x16, or if an image or one of the parameters
    /// would have more than 1,073,741,824 elements.
    pub fn new(image: [usize; 3], widths: [usize; 4], ways: Option<usize>) -> Result<ResNet12> {
        let model = ResNet12 { image, widths, averaged: false, ways };
        let refuse = |name, value: String, need| Err(Error::Setting { name, value, need });
        if image[..2].iter().any(|&d| d < 16) || image[2] == 0 {
            let need = "at least 16x16 pixels, to be halved four times, and at least one channel";
            return refuse("image", format!("{image:?}"), need);
        }
        let mut c_in = image[2];
        for width in widths {
            if width == 0 || elements(&[3, 3, width.max(c_in), width]).is_none() {
                let need = "from 1 on, and such that a convolution has at most 2^30 weights";
                return refuse("widths", format!("{widths:?}"), need);
            }
            c_in = width;
        }
        if elements(&[image[0], image[1], image[2].max(widths[0])]).is_none() {
            let need = "such that an image has at most 2^30 elements in the first block";
            return refuse("image", format!("{image:?}"), need);
        }
        if ways.is_some_and(|ways| ways == 0 || elements(&[model.features(), ways]).is_none()) {
            let need = "at least 1, and such that the last layer has at most 2^30 weights";
            return refuse("ways", format!("{ways:?}"), need);
        }
        if !fit_together(&model.specs()) {
            let need = "such that all layers together have at most 2^30 weights";
            return refuse("widths", format!("{widths:?}"), need);
        }
        Ok(model)
    }

    /// The network of MetaOptNet: 64, 160, 320 and 640 channels.
    ///
    /// # Errors
    /// As [`new`](ResNet12::new).
    pub fn wide(image: [usize; 3], ways: Option<usize>) -> Result<ResNet12> {
        ResNet12::new(image, [64, 160, 320, 640], ways)
    }

    /// The network with the widths of TADAM (Oreshkin et al. 2018): 64, 128, 256 and 512 channels. TADAM itself uses
    /// swish in place of the leaky ReLU.
    ///
    /// # Errors
    /// As [`new`](ResNet12::new).
    pub fn narrow(image: [usize; 3], ways: Option<usize>) -> Result<ResNet12> {
        ResNet12::new(image, [64, 128, 256, 512], ways)
    }

    /// The same with the mean over height and width as features.
    #[must_use]
    pub fn averaged(self) -> ResNet12 {
        ResNet12 { averaged: true, ..self }
    }

    /// The same body without the head.
    pub fn embedding(&self) -> ResNet12 {
        ResNet12 { ways: None, ..self.clone() }
    }

    /// The shape `[h, w, c]` of the images that it is for.
    pub fn image(&self) -> [usize; 3] {
        self.image
    }

    /// The number of features of an example.
    pub fn features(&self) -> usize {
        if self.averaged { self.widths[3] } else { self.last_image().iter().product() }
    }

    pub(super) fn has_head(&self) -> bool {
        self.ways.is_some()
    }

    fn last_image(&self) -> [usize; 3] {
        [self.image[0] / 16, self.image[1] / 16, self.widths[3]]
    }

    /// The features; `after` is applied to the output of each block, counted from 0.
    #[inline(never)]
    pub(super) fn blocks<'t, T: Real>(
        &self,
        params: &[Var<'t, T>],
        x: Var<'t, T>,
        norm: Norm<'_>,
        after: &dyn Fn(usize, Var<'t, T>) -> Var<'t, T>,
    ) -> Var<'t, T> {
        let mut x = x;
        for (block, params) in params[..4 * PER_BLOCK].chunks_exact(PER_BLOCK).enumerate() {
            x = after(block, residual(params, x, norm, 4 * block));
        }
        if self.averaged { x.global_mean2d() } else { x.reshape(&[x.shape()[0], self.features()]) }
    }
}

/// One block; `layer` is the number of its first norm.
fn residual<'t, T: Real>(params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>, layer: usize) -> Var<'t, T> {
    let conv = |at: usize, x, pad| {
        let shape = BlockShape { stride: [1, 1], pad: [pad, pad], window: [1, 1] };
        let params = params[3 * at..][..3].try_into().expect("three parameters");
        norm.conv_norm(layer + at, x, params, None, shape)
    };
    let y = conv(0, x, 1).leaky_relu(SLOPE);
    let y = conv(1, y, 1).leaky_relu(SLOPE);
    let y = conv(2, y, 1) + conv(3, x, 0);
    y.max_pool2d([2, 2], [2, 2]).leaky_relu(SLOPE)
}

impl Network for ResNet12 {
    fn specs(&self) -> Vec<ParamSpec> {
        let mut specs = Vec::with_capacity(self.count());
        let mut c_in = self.image[2];
        for (block, width) in (1..).zip(self.widths) {
            let mut layer = |conv: &str, norm: &str, k: usize, c_in: usize| {
                let fan_out = (k * k * width) as f64;
                let init = Init::Normal { deviation: (2.0 / fan_out).sqrt() };
                let name = |what: &str| format!("layer{block}.0.{what}");
                let weights = ParamSpec::conv(name(&format!("{conv}.weight")), [k, k, c_in, width]);
                specs.push(weights.with_init(init));
                specs.push(ParamSpec::scale(name(&format!("{norm}.weight")), width));
                specs.push(ParamSpec::shift(name(&format!("{norm}.bias")), width));
            };
            layer("conv1", "bn1", 3, c_in);
            layer("conv2", "bn2", 3, width);
            layer("conv3", "bn3", 3, width);
            layer("downsample.0", "downsample.1", 1, c_in);
            c_in = width;
        }
        if let Some(ways) = self.ways {
            let weights = ParamSpec::linear("classifier.weight", self.features(), ways);
            specs.push(if self.averaged { weights } else { weights.with_image(self.last_image()) });
            specs.push(ParamSpec::bias("classifier.bias", ways));
        }
        specs
    }

    fn count(&self) -> usize {
        4 * PER_BLOCK + if self.ways.is_some() { 2 } else { 0 }
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        check_images("ResNet12", self.image, shape)
    }

    fn norms(&self) -> Vec<usize> {
        self.widths.iter().flat_map(|&width| [width; 4]).collect()
    }

    fn outputs(&self) -> usize {
        self.ways.unwrap_or_else(|| self.features())
    }
}

impl<T: Real> Model<T> for ResNet12 {
    #[inline(never)]
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
        let features = self.blocks(params, x, norm, &|_, x| x);
        self.head(params, features).unwrap_or(features)
    }

    fn features<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Option<Var<'t, T>> {
        self.ways.map(|_| self.blocks(params, x, norm, &|_, x| x))
    }

    fn head<'t>(&self, params: &[Var<'t, T>], features: Var<'t, T>) -> Option<Var<'t, T>> {
        match params[4 * PER_BLOCK..] {
            [w, b] => Some(features.linear(w, b)),
            [] => None,
            _ => panic!("ResNet12: {} parameters were given, the body has 48 and the head 2", params.len()),
        }
    }
}

compiled_here!(T: <ResNet12 as Model<T>>::forward, ResNet12::blocks::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Observer;
    use crate::tape::Tape;
    use crate::{check_grads, check_grads_at, grad, grad_values};
    use ndarray::ArrayD;

    fn waves(shape: &[usize], f: f64) -> ArrayD<f64> {
        let mut i = 0.0;
        ArrayD::from_shape_simple_fn(shape, || {
            i += 1.0;
            (i * f).sin() + 0.1 * (i * 0.37).cos()
        })
    }

    fn small(ways: Option<usize>) -> ResNet12 {
        ResNet12::new([17, 16, 2], [2, 3, 2, 3], ways).unwrap()
    }

    #[test]
    fn both_widths_have_the_published_sizes_and_names() {
        let count = |m: &ResNet12| m.specs().iter().map(|s| s.shape.iter().product::<usize>()).sum::<usize>();
        let wide = ResNet12::wide([84, 84, 3], None).unwrap();
        assert_eq!((count(&wide), wide.features(), wide.count()), (12_424_320, 16_000, 48));
        let narrow = ResNet12::narrow([84, 84, 3], Some(5)).unwrap().averaged();
        assert_eq!((narrow.features(), narrow.count(), narrow.specs().len()), (512, 50, 50));
        let names: Vec<_> = wide.specs().into_iter().map(|s| s.name).collect();
        assert_eq!(names[..2], ["layer1.0.conv1.weight", "layer1.0.bn1.weight"]);
        assert_eq!(names[45..47], ["layer4.0.downsample.0.weight", "layer4.0.downsample.1.weight"]);
    }

    /// The definition with small operations, without fused blocks and with the activation before the pooling.
    fn composed<'t>(params: &[Var<'t, f64>], x: Var<'t, f64>) -> Var<'t, f64> {
        let mut x = x;
        for p in params.chunks_exact(PER_BLOCK) {
            let norm = |i: usize, x: Var<'t, f64>, pad| {
                x.conv2d(p[3 * i], [1, 1], [pad, pad]).batch_norm(p[3 * i + 1], p[3 * i + 2], 1e-5)
            };
            let y = norm(1, norm(0, x, 1).leaky_relu(0.1), 1).leaky_relu(0.1);
            x = (norm(2, y, 1) + norm(3, x, 0)).leaky_relu(0.1).max_pool2d([2, 2], [2, 2]);
        }
        x.reshape(&[x.shape()[0], x.shape().iter().skip(1).product()])
    }

    #[test]
    fn it_equals_its_definition_in_value_and_two_gradients() {
        let model = small(None);
        let tape = Tape::<f64>::new();
        let (params, x) = (tape.leaves(&model.init(1)), tape.leaf(&waves(&[3, 17, 16, 2], 12.9898)));
        let [a, b] = [model.forward(&params, x, Norm::Batch), composed(&params, x)].map(|y| {
            let xs = [&params[..], &[x]].concat();
            let grads = grad((y * y * y).mean(), &xs);
            let squares = grads.iter().map(|&g| (g * g).sum()).reduce(|a, b| a + b).expect("gradients");
            let grads: Vec<_> = grads.iter().map(|g| g.to_array()).collect();
            [vec![y.to_array()], grads, grad_values(squares, &xs)].concat()
        });
        for (a, b) in a.iter().zip(&b) {
            let size = b.iter().fold(1e-9, |m: f64, v| m.max(v.abs()));
            approx::assert_relative_eq!(a / size, b / size, epsilon = 1e-8);
        }
    }

    #[test]
    fn a_block_has_correct_grads_to_order_2_and_the_network_to_order_1() {
        let (c, n): ([usize; 1], [usize; 4]) = ([2], [3, 5, 4, 2]);
        let conv: [&[usize]; 3] = [&[3, 3, 2, 2], &c, &c];
        let shortcut: [&[usize]; 4] = [&[1, 1, 2, 2], &c, &c, &n];
        let shapes = [&conv[..], &conv, &conv, &shortcut].concat();
        check_grads(&shapes, 2, |x| residual(&x[..PER_BLOCK], x[PER_BLOCK], Norm::Batch, 0).tanh());
        let model = ResNet12::new([16, 17, 1], [2, 3, 2, 2], Some(2)).unwrap().averaged();
        let mut inputs = Model::<f64>::init(&model, 3);
        inputs.push(waves(&[5, 16, 17, 1], 12.9898));
        check_grads_at(&inputs, 1, |x| {
            let (x, params) = x.split_last().expect("parameters and images");
            model.forward(params, *x, Norm::Batch).tanh()
        })
        .unwrap();
    }

    #[test]
    fn statistics_given_back_reproduce_the_batch_mode_and_the_first_examples_theirs() {
        let model = small(Some(4));
        let tape = Tape::<f64>::new();
        let (params, images) = (tape.leaves(&model.init(1)), waves(&[5, 17, 16, 2], 12.9898));
        let x = tape.leaf(&images);
        let observer = Observer::new();
        let batch = model.forward(&params, x, Norm::Observe(&observer)).to_array();
        let seen = observer.into_moments();
        assert_eq!(seen.iter().map(|m| m.mean.len()).collect::<Vec<_>>(), model.norms());
        let running = model.forward(&params, x, Norm::Running(&seen)).to_array();
        approx::assert_relative_eq!(batch, running, max_relative = 1e-9, epsilon = 1e-9);
        let all = model.forward(&params, x, Norm::First(5)).to_array();
        approx::assert_relative_eq!(batch, all, max_relative = 1e-9, epsilon = 1e-9);
        let first = tape.leaf(&images.slice_axis(ndarray::Axis(0), (0..3).into()).to_owned());
        let alone = model.forward(&params, first, Norm::Batch).to_array();
        let among = model.forward(&params, x, Norm::First(3)).to_array();
        let among = among.slice_axis(ndarray::Axis(0), (0..3).into()).to_owned();
        approx::assert_relative_eq!(alone, among, max_relative = 1e-9, epsilon = 1e-9);
    }

    #[test]
    fn features_and_head_together_are_the_network() {
        for model in [small(Some(4)), small(Some(4)).averaged()] {
            let tape = Tape::<f64>::new();
            let (params, x) = (tape.leaves(&model.init(1)), tape.leaf(&waves(&[2, 17, 16, 2], 3.1)));
            let features = Model::features(&model, &params, x, Norm::Batch).unwrap();
            assert_eq!(features.shape()[1], model.features());
            let whole = model.forward(&params, x, Norm::Batch).to_array();
            assert_eq!(model.head(&params, features).unwrap().to_array(), whole);
        }
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let widths = [4, 4, 4, 4];
        for (image, widths, ways, name) in [
            ([15, 84, 3], widths, None, "image"),
            ([84, 84, 0], widths, None, "image"),
            ([1 << 20, 1 << 20, 3], widths, None, "image"),
            ([84, 84, 3], [4, 0, 4, 4], None, "widths"),
            ([84, 84, 3], [4, 1 << 20, 4, 4], None, "widths"),
            ([84, 84, 3], widths, Some(0), "ways"),
            ([84, 84, 3], widths, Some(usize::MAX), "ways"),
        ] {
            let error = ResNet12::new(image, widths, ways).unwrap_err();
            assert!(matches!(error, Error::Setting { name: told, .. } if told == name), "{error}");
        }
    }
}
