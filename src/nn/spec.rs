//! What a model's parameters are.

use super::init::Init;

/// What a parameter does, which says how its axes are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Convolution weights `[kh, kw, c_in, c_out]`.
    Conv,
    /// Weights `[inputs, outputs]` of a linear layer. `image` is the `[h, w, c]` whose
    /// flattening are the inputs, if they are a flattened image.
    Linear {
        /// Height, width and channels before flattening.
        image: Option<[usize; 3]>,
    },
    /// Added to each channel or output.
    Bias,
    /// Multiplies each channel after a norm.
    Scale,
    /// Added to each channel after a norm.
    Shift,
    /// Anything else.
    Other,
}

/// One parameter of a model: its name, shape and role, and how its initial values are drawn.
///
/// ```
/// use innerloop::{Init, ParamSpec, check_specs};
/// let specs = [
///     ParamSpec::conv("conv_w", [3, 3, 1, 8]),
///     ParamSpec::bias("conv_b", 8),
///     ParamSpec::linear("out_w", 8, 5).with_init(Init::Orthogonal { gain: 1.0 }),
///     ParamSpec::bias("out_b", 5),
/// ];
/// check_specs(&specs)?;
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ParamSpec {
    /// Unique in its model, as `conv1_w`.
    pub name: String,
    /// Axis lengths, channels last.
    pub shape: Vec<usize>,
    /// What it does.
    pub role: Role,
    /// The distribution of its initial values.
    pub init: Init,
    /// Multiplies the outer learning rate for this parameter; 1 unless said otherwise, 0 freezes it.
    pub rate: f64,
    /// Weight decay: so many times the parameter is added to its meta-gradient; 0 unless said otherwise.
    pub decay: f64,
}

impl ParamSpec {
    /// A parameter of any shape, with role [`Role::Other`].
    ///
    /// Whether specs are sound is checked where they are used, by [`check_specs`](crate::check_specs).
    pub fn new(name: impl Into<String>, shape: &[usize], init: Init) -> ParamSpec {
        ParamSpec { name: name.into(), shape: shape.to_vec(), role: Role::Other, init, rate: 1.0, decay: 0.0 }
    }

    /// Convolution weights `[kh, kw, c_in, c_out]`, drawn from a normal distribution with
    /// variance `2/(kh·kw·c_in)` (He et al. 2015, equation 10).
    pub fn conv(name: impl Into<String>, shape: [usize; 4]) -> ParamSpec {
        let [kh, kw, c_in, _] = shape.map(|n| n as f64);
        let init = Init::Normal { deviation: (2.0 / (kh * kw * c_in)).sqrt() };
        ParamSpec { role: Role::Conv, ..ParamSpec::new(name, &shape, init) }
    }

    /// Weights `[inputs, outputs]` of a linear layer, drawn from a normal distribution with
    /// variance `2/(inputs + outputs)` (Glorot and Bengio 2010, equation 12).
    pub fn linear(name: impl Into<String>, inputs: usize, outputs: usize) -> ParamSpec {
        let init = Init::Normal { deviation: (2.0 / (inputs as f64 + outputs as f64)).sqrt() };
        ParamSpec { role: Role::Linear { image: None }, ..ParamSpec::new(name, &[inputs, outputs], init) }
    }

    /// A bias of `n` channels or outputs, zeros at first.
    pub fn bias(name: impl Into<String>, n: usize) -> ParamSpec {
        ParamSpec { role: Role::Bias, ..ParamSpec::new(name, &[n], Init::Constant(0.0)) }
    }

    /// A factor for each of `n` channels, ones at first.
    pub fn scale(name: impl Into<String>, n: usize) -> ParamSpec {
        ParamSpec { role: Role::Scale, ..ParamSpec::new(name, &[n], Init::Constant(1.0)) }
    }

    /// The same linear weights, whose inputs are a flattened image `[h, w, c]`. Weights from
    /// channels-first frameworks need this ([`import_params`](crate::import_params)).
    #[must_use]
    pub fn with_image(self, image: [usize; 3]) -> ParamSpec {
        ParamSpec { role: Role::Linear { image: Some(image) }, ..self }
    }

    /// A shift per channel after a norm, from 0.
    pub fn shift(name: impl Into<String>, n: usize) -> ParamSpec {
        ParamSpec { role: Role::Shift, ..ParamSpec::new(name, &[n], Init::Constant(0.0)) }
    }

    /// The same under another name.
    #[must_use]
    pub fn renamed(self, name: impl Into<String>) -> ParamSpec {
        ParamSpec { name: name.into(), ..self }
    }

    /// The same with its outer learning rate multiplied by `rate`.
    #[must_use]
    pub fn with_rate(self, rate: f64) -> ParamSpec {
        ParamSpec { rate, ..self }
    }

    /// The same with weight decay.
    #[must_use]
    pub fn with_decay(self, decay: f64) -> ParamSpec {
        ParamSpec { decay, ..self }
    }

    /// The same parameter with other initial values.
    #[must_use]
    pub fn with_init(self, init: Init) -> ParamSpec {
        ParamSpec { init, ..self }
    }
}
