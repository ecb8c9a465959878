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
        let block = |d: usize| Some(self.pad.checked_mul(2)?.checked_add(d)?.checked_sub(2)? / 2);
        let last = |d: usize| block(block(d)?).filter(|&d| d > 0);
        Some([last(self.map[0])?, last(self.map[1])?])
    }

    /// `rel_conv1_w` to `rel_fc2_b`, with the authors' initial values: a bias of 1 keeps the module alive at its flat start.
    pub(super) fn specs(&self) -> Vec<ParamSpec> {
        let (c, [h, w]) = (self.map[2], self.last().unwrap_or([1, 1]));
        let block = |i: usize, c_in: usize| {
            let deviation = (2.0 / (9.0 * c as f64)).sqrt();
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
        // these saturate because specs are asked for before sizes out of range are refused
        let features = h.saturating_mul(w).saturating_mul(c);
        let first = ParamSpec::linear("rel_fc1_w", features, self.hidden).with_image([h, w, c]);
        let mut specs = [block(1, c.saturating_mul(2)), block(2, c)].concat();
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
    use crate::tape::Tape;
    use ndarray::ArrayD;

    #[test]
    fn scores_have_correct_grads() {
        for (map, pad) in [([4, 5, 2], 1), ([10, 11, 1], 0)] {
            let module = Module { map, hidden: 3, pad };
            let (specs, d) = (module.specs(), map.iter().product());
            let sizes = [[2, d], [3, d]];
            let shapes: Vec<_> =
                specs.iter().map(|s| s.shape.as_slice()).chain(sizes.iter().map(|s| &s[..])).collect();
            check_grads(&shapes, 2, |x| module.scores(&x[..12], x[12], x[13], Norm::Batch));
        }
    }

    #[test]
    fn the_first_convolution_by_halves_is_that_of_the_pairs() {
        let module = Module { map: [4, 4, 2], hidden: 3, pad: 1 };
        let tape = Tape::<f64>::new();
        let wave = |shape: &[usize], phase: f64| {
            let n = shape.iter().product::<usize>();
            let values = (0..n).map(|i| (phase + 1.7 * i as f64).sin()).collect();
            tape.leaf(&ArrayD::from_shape_vec(shape, values).unwrap())
        };
        let own: Vec<_> = module.specs().iter().enumerate().map(|(i, s)| wave(&s.shape, i as f64)).collect();
        let (classes, z) = (wave(&[2, 32], 0.3), wave(&[3, 32], 0.9));
        let mut pairs = Vec::new();
        for q in 0..3 {
            for way in 0..2 {
                let pair = [classes.slice(&[way..way + 1, 0..32]), z.slice(&[q..q + 1, 0..32])];
                pairs.push(Var::concat(&pair.map(|map| map.reshape(&[1, 4, 4, 2])), 3));
            }
        }
        let shape = BlockShape { stride: [1, 1], pad: [1, 1], window: [2, 2] };
        let block = |layer: usize, x, from: usize| {
            Norm::Batch.conv_block(layer, x, [own[from], own[from + 1], own[from + 2], own[from + 3]], shape)
        };
        let maps = block(1, block(0, Var::concat(&pairs, 0), 0), 4).reshape(&[6, 2]);
        let want = maps.linear_relu(own[8], own[9]).linear(own[10], own[11]).sigmoid().reshape(&[3, 2]);
        let found = module.scores(&own, classes, z, Norm::Batch);
        assert!((found - want).abs().sum().item() < 1e-12, "{:?} {:?}", found.to_array(), want.to_array());
    }

    #[test]
    fn maps_too_small_have_no_last_size() {
        assert_eq!(Module { map: [5, 5, 1], hidden: 1, pad: 1 }.last(), Some([1, 1]));
        assert_eq!(Module { map: [19, 19, 1], hidden: 1, pad: 0 }.last(), Some([3, 3]));
        assert_eq!(Module { map: [3, 5, 1], hidden: 1, pad: 1 }.last(), None);
        assert_eq!(Module { map: [1, 1, 1], hidden: 1, pad: 0 }.last(), None);
    }
}
