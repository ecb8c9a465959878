//! The relation module: how well each query goes with each class.

use crate::nn::{BlockShape, Init, Norm, ParamSpec};
use crate::real::Real;
use crate::var::Var;

/// Sizes of a relation module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Module {
    /// Height, width and channels of the maps that it compares.
    pub(super) map: [usize; 3],
    /// Width of the layer before the score.
    pub(super) hidden: usize,
    /// Zeros around the maps in its convolutions.
    pub(super) pad: usize,
}

impl Module {
    /// Height and width after its two blocks; `None` if the maps are too small.
    pub(super) fn last(&self) -> Option<[usize; 2]> {
        let block = |d: usize| Some((d + 2 * self.pad).checked_sub(2)? / 2);
        let last = |d: usize| block(block(d)?).filter(|&d| d > 0);
        Some([last(self.map[0])?, last(self.map[1])?])
    }

    /// `rel_conv1_w` to `rel_fc2_b`, with the authors' initial values: a bias of 1 keeps the module alive at its flat start.
    pub(super) fn specs(&self) -> Vec<ParamSpec> {
        let (c, [h, w]) = (self.map[2], self.last().unwrap_or([1, 1]));
        let block = |i: usize, c_in: usize| {
            let deviation = (2.0 / (9 * c) as f64).sqrt();
            let weights = ParamSpec::conv(format!("rel_conv{i}_w"), [3, 3, c_in, c]);
            [
                weights.with_init(Init::Normal { deviation }),
                ParamSpec::bias(format!("rel_conv{i}_b"), c),
                ParamSpec::scale(format!("rel_bn{i}_gamma"), c),
                ParamSpec::shift(format!("rel_bn{i}_beta"), c),
            ]
        };
        let layer = |i: usize, weights: ParamSpec, outputs: usize| {
            let bias = ParamSpec::bias(format!("rel_fc{i}_b"), outputs).with_init(Init::Constant(1.0));
            [weights.with_init(Init::Normal { deviation: 0.01 }), bias]
        };
        let first = ParamSpec::linear("rel_fc1_w", h * w * c, self.hidden).with_image([h, w, c]);
        let mut specs = [block(1, 2 * c), block(2, c)].concat();
        specs.extend(layer(1, first, self.hidden));
        specs.extend(layer(2, ParamSpec::linear("rel_fc2_w", self.hidden, 1), 1));
        specs
    }

    /// Scores in 0..1 `[q, ways]` of queries `z: [q, d]` for class maps `[ways, d]`, both flat.
    ///
    /// Each pair is the channels of a class and then those of a query. The first convolution of such a pair is the sum of one of the
    /// class and one of the query, so these are computed once for each map and not once for each pair.
    #[inline(never)]
    pub(super) fn scores<'t, T: Real>(
        &self,
        own: &[Var<'t, T>],
        classes: Var<'t, T>,
        z: Var<'t, T>,
        norm: Norm<'_>,
    ) -> Var<'t, T> {
        let ([h, w, c], pad) = (self.map, [self.pad; 2]);
        let (q, ways, window) = (z.shape()[0], classes.shape()[0], [2, 2]);
        let weights = own[0].split(2, &[c, c]);
        let half =
            |maps: Var<'t, T>, n: usize, w_: Var<'t, T>| maps.reshape(&[n, h, w, c]).conv2d(w_, [1, 1], pad);
        let (of_class, of_query) = (half(classes, ways, weights[0]), half(z, q, weights[1]));
        let (oh, ow) = (of_query.shape()[1], of_query.shape()[2]);
        let pairs = of_query.reshape(&[q, 1, oh, ow, c]) + of_class.reshape(&[1, ways, oh, ow, c]);
        let pairs = norm.apply(0, pairs.reshape(&[q * ways, oh, ow, c]), own[1], own[2], own[3]);
        let pairs = pairs.relu().max_pool2d(window, window);
        let shape = BlockShape { stride: [1, 1], pad, window };
        let maps = norm.conv_block(1, pairs, [own[4], own[5], own[6], own[7]], shape);
        let features = maps.reshape(&[q * ways, own[8].shape()[0]]);
        features.linear_relu(own[8], own[9]).linear(own[10], own[11]).sigmoid().reshape(&[q, ways])
    }
}

compiled_here!(T: Module::scores::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;

    #[test]
    fn scores_have_correct_grads() {
        let module = Module { map: [4, 5, 2], hidden: 3, pad: 1 };
        let specs = module.specs();
        let shapes: Vec<_> =
            specs.iter().map(|s| s.shape.as_slice()).chain([&[2, 40][..], &[3, 40]]).collect();
        check_grads(&shapes, 1, |x| module.scores(&x[..12], x[12], x[13], Norm::Batch));
    }

    #[test]
    fn maps_too_small_have_no_last_size() {
        assert_eq!(Module { map: [5, 5, 1], hidden: 1, pad: 1 }.last(), Some([1, 1]));
        assert_eq!(Module { map: [19, 19, 1], hidden: 1, pad: 0 }.last(), Some([3, 3]));
        assert_eq!(Module { map: [3, 5, 1], hidden: 1, pad: 1 }.last(), None);
        assert_eq!(Module { map: [1, 1, 1], hidden: 1, pad: 0 }.last(), None);
    }
}
