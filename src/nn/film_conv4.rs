//! A convolutional network one layer of which is scaled and shifted by a context.

use ndarray::Array1;

use super::contextual::context_spec;
use super::conv4::{Conv4, Downsample};
use super::init::Init;
use super::model::Model;
use super::network::Network;
use super::norm::{BlockShape, Norm};
use super::spec::ParamSpec;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::var::Var;

/// The max-pooled [`Conv4`] with a feature-wise linear modulation (FiLM) of its third block: after pooling and before ReLU,
/// channels become `γ·h + β` with `[γ, β] = context·film_w + film_b` (CAVIA, Zintgraf et al. 2019, section 5.2).
///
/// The parameters are those of `Conv4`, then `film_w: [size, 2·filters]`, `film_b: [2·filters]` and `context: [size]`, zeros
/// that training does not change: [`Maml::cavia`](crate::Maml::cavia) adapts it alone. `γ` begins at 1 and `β` at 0; the
/// authors' code draws them near 0, which shrinks the layer.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
pub struct FilmConv4 {
    conv4: Conv4,
    filters: usize,
    size: usize,
}

/// The block that is modulated, counted from 0.
const MODULATED: usize = 2;
const BLOCKS: usize = 4;

impl FilmConv4 {
    /// A network for images `[h, w, c]` with `ways` outputs and a context of `size` numbers.
    ///
    /// # Errors
    /// As [`Conv4::new`]; [`Error::Setting`] for a context of no numbers.
    pub fn new(image: [usize; 3], filters: usize, ways: usize, size: usize) -> Result<FilmConv4> {
        if !(1..=(1 << 30) / 2 / filters.max(1)).contains(&size) {
            let need = "at least 1, and such that the modulation has at most 2^30 weights";
            return Err(Error::Setting { name: "size", value: size.to_string(), need });
        }
        Ok(FilmConv4 { conv4: Conv4::new(image, filters, Downsample::MaxPool, Some(ways))?, filters, size })
    }
}

impl Network for FilmConv4 {
    fn specs(&self) -> Vec<ParamSpec> {
        let (mut specs, both) = (self.conv4.specs(), 2 * self.filters);
        specs.push(ParamSpec::linear("film_w", self.size, both));
        let at_first = |shape: &[usize]| {
            Array1::from_shape_fn(shape[0], |i| if i < shape[0] / 2 { 1.0 } else { 0.0 }).into_dyn()
        };
        specs.push(ParamSpec::bias("film_b", both).with_init(Init::own(move |_, shape| at_first(shape))));
        specs.push(context_spec(self.size));
        specs
    }

    fn count(&self) -> usize {
        self.conv4.count() + 3
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        self.conv4.check_input(shape)
    }

    fn outputs(&self) -> usize {
        self.conv4.outputs()
    }

    fn norms(&self) -> Vec<usize> {
        self.conv4.norms()
    }
}

impl<T: Real> Model<T> for FilmConv4 {
    #[inline(never)]
    fn forward<'t>(&self, params: &[Var<'t, T>], x: Var<'t, T>, norm: Norm<'_>) -> Var<'t, T> {
        let (body, rest) = params.split_at(self.conv4.count());
        let [film_w, film_b, context] = rest[..] else {
            panic!("FilmConv4: {} parameters were given, there are {}", params.len(), self.count());
        };
        let film = context.reshape(&[1, self.size]).linear(film_w, film_b).reshape(&[2 * self.filters]);
        let film = film.split(0, &[self.filters, self.filters]);
        let (mut x, window) = (x, [2, 2]);
        for (layer, block) in body[..4 * BLOCKS].chunks_exact(4).enumerate() {
            let [w, bias, gamma, beta] = block.try_into().expect("chunks of four");
            x = if layer == MODULATED {
                let h = norm.apply(layer, x.conv2d(w, [1, 1], [1, 1]), bias, gamma, beta);
                h.max_pool2d(window, window).affine_channels(film[0], film[1]).relu()
            } else {
                let shape = BlockShape { stride: [1, 1], pad: [1, 1], window };
                norm.conv_block(layer, x, [w, bias, gamma, beta], shape)
            };
        }
        let features = x.reshape(&[x.shape()[0], self.conv4.features()]);
        features.linear(body[4 * BLOCKS], body[4 * BLOCKS + 1])
    }
}

compiled_here!(T: <FilmConv4 as Model<T>>::forward);
