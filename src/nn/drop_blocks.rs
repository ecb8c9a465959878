//! ResNet-12 with the regularisation that it was published with.

use ndarray::ArrayD;

use super::model::Model;
use super::network::Network;
use super::noise::{Noise, NoisyModel};
use super::norm::Norm;
use super::resnet12::ResNet12;
use super::spec::ParamSpec;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::settings::check_decay;
use crate::var::Var;

/// How [`NoisyResNet12`] drops what its blocks return: plain dropout after blocks 1 and 2,
/// [`drop_block`](Var::drop_block) after blocks 3 and 4.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DropBlocks {
    rate: f64,
    block: usize,
    ramp: u64,
}

impl DropBlocks {
    /// Rate 0.1 for all four blocks; squares of 5x5 for images of 64x64 and more, 2x2 for smaller ones; the rate of the
    /// squares rises over 20,000 meta-steps. These are MetaOptNet's values for 84x84 and 32x32; its code counts forward
    /// passes, up to 40,000, and makes two per meta-step.
    pub fn new(image: [usize; 3]) -> DropBlocks {
        DropBlocks { rate: 0.1, block: if image[0].min(image[1]) >= 64 { 5 } else { 2 }, ramp: 20_000 }
    }

    /// Another share to drop, in `0..1`.
    #[must_use]
    pub fn rate(self, rate: f64) -> DropBlocks {
        DropBlocks { rate, ..self }
    }

    /// Squares of another size, at least 1.
    #[must_use]
    pub fn block(self, block: usize) -> DropBlocks {
        DropBlocks { block, ..self }
    }

    /// The number of meta-steps over which the rate of the squares rises from 0; 0 for the full rate at once.
    #[must_use]
    pub fn ramp(self, ramp: u64) -> DropBlocks {
        DropBlocks { ramp, ..self }
    }

    fn check(&self) -> Result<()> {
        check_decay("rate", self.rate)?;
        match self.block {
            0 => Err(Error::Setting { name: "block", value: "0".into(), need: "at least 1" }),
            _ => Ok(()),
        }
    }

    /// The share that squares drop at a meta-step.
    pub fn rate_at(&self, iteration: u64) -> f64 {
        if iteration >= self.ramp { self.rate } else { self.rate * iteration as f64 / self.ramp as f64 }
    }

    /// The output of block number `block`, counted from 0, with its share dropped. The key also depends on the number of
    /// examples, so that sets of different sizes are dropped differently.
    fn apply<'t, T: Real>(&self, block: usize, x: Var<'t, T>, noise: &Noise) -> Var<'t, T> {
        let key = noise.key.with(block as u64).with(x.shape()[0] as u64);
        match block {
            0 | 1 => x.dropout(self.rate, key),
            _ => x.drop_block(self.rate_at(noise.iteration), self.block, key),
        }
    }
}

/// [`ResNet12`] with dropout and DropBlock in training (MetaOptNet's published code). Learners take it through
/// [`Regularized`](crate::Regularized); parameters are those of the plain network.
///
/// Within a lesson, sets of the same number of examples are dropped at the same positions: an inner step sees the same
/// network each time it is computed. MetaOptNet's code rescales by the share that the whole batch keeps, and so does
/// [`drop_block`](Var::drop_block).
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
pub struct NoisyResNet12 {
    model: ResNet12,
    settings: DropBlocks,
}

impl NoisyResNet12 {
    /// A network with its settings.
    ///
    /// # Errors
    /// [`Error::Setting`] for a rate that is not in `0..1` or squares of 0 pixels.
    pub fn new(model: ResNet12, settings: DropBlocks) -> Result<NoisyResNet12> {
        settings.check()?;
        Ok(NoisyResNet12 { model, settings })
    }

    /// The network without noise.
    pub fn plain(&self) -> &ResNet12 {
        &self.model
    }
}

impl Network for NoisyResNet12 {
    fn specs(&self) -> Vec<ParamSpec> {
        self.model.specs()
    }

    fn count(&self) -> usize {
        self.model.count()
    }

    fn check_input(&self, shape: &[usize]) -> Result<()> {
        self.model.check_input(shape)
    }

    fn outputs(&self) -> usize {
        self.model.outputs()
    }

    fn norms(&self) -> Vec<usize> {
        self.model.norms()
    }
}

impl NoisyResNet12 {
    #[inline(never)]
    fn body<'t, T: Real>(
        &self,
        params: &[Var<'t, T>],
        x: Var<'t, T>,
        norm: Norm<'_>,
        noise: Option<&Noise>,
    ) -> Var<'t, T> {
        self.model.blocks(params, x, norm, &|block, x| match noise {
            Some(noise) => self.settings.apply(block, x, noise),
            None => x,
        })
    }
}

impl<T: Real> NoisyModel<T> for NoisyResNet12 {
    fn noisy_forward<'t>(
        &self,
        params: &[Var<'t, T>],
        x: Var<'t, T>,
        norm: Norm<'_>,
        noise: Option<&Noise>,
    ) -> Var<'t, T> {
        let features = self.body(params, x, norm, noise);
        self.model.head(params, features).unwrap_or(features)
    }

    fn noisy_features<'t>(
        &self,
        params: &[Var<'t, T>],
        x: Var<'t, T>,
        norm: Norm<'_>,
        noise: Option<&Noise>,
    ) -> Option<Var<'t, T>> {
        self.model.has_head().then(|| self.body(params, x, norm, noise))
    }

    fn plain_head<'t>(&self, params: &[Var<'t, T>], features: Var<'t, T>) -> Option<Var<'t, T>> {
        self.model.head(params, features)
    }

    fn initial(&self, seed: u64) -> Vec<ArrayD<T>> {
        self.model.init(seed)
    }
}

compiled_here!(T: NoisyResNet12::body::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Key;
    use crate::tape::Tape;

    #[test]
    fn the_rate_of_the_squares_rises_to_its_full_value() {
        let settings = DropBlocks::new([84, 84, 3]).ramp(100);
        assert_eq!([0, 50, 100, 500].map(|i| settings.rate_at(i)), [0.0, 0.05, 0.1, 0.1]);
        assert_eq!(settings.ramp(0).rate_at(0), 0.1);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let model = ResNet12::new([16, 16, 1], [2, 2, 2, 2], None).unwrap();
        let settings = DropBlocks::new([16, 16, 1]);
        for (bad, name) in
            [(settings.rate(1.0), "rate"), (settings.rate(f64::NAN), "rate"), (settings.block(0), "block")]
        {
            let error = NoisyResNet12::new(model.clone(), bad).unwrap_err();
            assert!(matches!(error, Error::Setting { name: told, .. } if told == name), "{error}");
        }
    }

    #[test]
    fn without_noise_it_is_the_plain_network_and_with_noise_a_function_of_the_key() {
        let model = ResNet12::new([16, 16, 1], [3, 4, 5, 6], Some(2)).unwrap();
        let noisy =
            NoisyResNet12::new(model.clone(), DropBlocks::new([16, 16, 1]).rate(0.4).ramp(0)).unwrap();
        let tape = Tape::<f64>::new();
        let params = tape.leaves(&Model::<f64>::init(&model, 3));
        let x = tape.leaf(&ArrayD::from_shape_fn(vec![3, 16, 16, 1], |i| {
            ((i[0] * 7 + i[1] * 3 + i[2] * 5) % 11) as f64 - 5.0
        }));
        let with =
            |noise: Option<Noise>| noisy.noisy_forward(&params, x, Norm::Batch, noise.as_ref()).to_array();
        let key = |seed| Some(Noise::new(Key::new(seed), 1));
        assert_eq!(with(None), model.forward(&params, x, Norm::Batch).to_array());
        assert_eq!(with(key(1)), with(key(1)));
        assert_ne!(with(key(1)), with(key(2)));
        assert_ne!(with(key(1)), with(None));
    }
}
