//! Numbers too small to matter, which are slow.
//!
//! What nothing but weight decay moves falls towards 0 by a factor in each meta-step, and at last below the smallest normal
//! number, with which processors are slow. A ProtoNet with `weight_decay` 0.0005 had a sixth
//! of its speed left after 7,300 meta-steps.

use ndarray::ArrayD;

use crate::arrays::elements_mut;
use crate::kernels::vectorized;
use crate::real::Real;

/// Puts 0 in the place of numbers so small that the product of two of them is no normal number: 1.1e-19 in `f32`, 1.5e-154 in `f64`.
#[inline(never)]
pub(super) fn drop_tiny<T: Real>(params: &mut [ArrayD<T>]) {
    let least = T::min_positive_value().sqrt();
    for param in params {
        let elements = elements_mut(param);
        vectorized(
            #[inline(always)]
            || {
                for p in &mut *elements {
                    *p = if p.abs() < least { T::zero() } else { *p };
                }
            },
        );
    }
}

compiled_here!(T: drop_tiny::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::{Learned, MetaGrad};
    use crate::nn::{Init, ParamSpec};
    use crate::optim::{Optimizer, Sgd};
    use crate::train::trainer::updated;
    use crate::train::{TrainConfig, TrainState, Validated};

    #[test]
    fn products_of_what_is_left_are_normal_and_the_rest_is_as_it_was() {
        fn check<T: Real>(tiny: f64, small: f64) {
            let numbers = [tiny, -tiny, small, -small, 0.0, 1.0, -3.5, f64::INFINITY].map(T::from_f64);
            let mut params = [ArrayD::from_shape_vec(vec![2, 4], numbers.to_vec()).unwrap()];
            drop_tiny(&mut params);
            let [zero, small] = [T::zero(), numbers[2]];
            let want = [zero, zero, small, -small, zero, numbers[5], numbers[6], numbers[7]];
            assert_eq!(params[0].as_slice().unwrap(), want);
            assert!((small * small).is_normal());
        }
        check::<f32>(1.0e-19, 1.2e-19);
        check::<f64>(1.4e-154, 1.6e-154);
    }

    #[test]
    fn what_decay_alone_moves_ends_at_zero_and_is_never_tiny() {
        let specs = [ParamSpec::new("w", &[3], Init::Constant(0.3))];
        let params = vec![ArrayD::<f32>::from_elem(vec![3], 0.3)];
        let optimizer = Sgd::new(0.0);
        let mut state = TrainState {
            iteration: 0,
            settings: String::new(),
            data: String::new(),
            optimizer: optimizer.init(&params),
            learned: Learned { params, state: Vec::new() },
            validated: Validated::default(),
        };
        let config = TrainConfig::new(1, 0.5, 200).weight_decay(1.0); // a half in each meta-step
        for _ in 0..200 {
            let grads = vec![ArrayD::zeros(vec![3])];
            let mut meta = MetaGrad { loss: 0.0, accuracy: None, grads, seen: Vec::new(), skipped: 0 };
            state = updated(&specs, &optimizer, &config, &state, &mut meta).unwrap().0;
            let left = state.learned.params[0][[0]];
            assert!(left == 0.0 || left > 1e-19, "{left:e}");
        }
        assert_eq!(state.learned.params[0], ArrayD::<f32>::zeros(vec![3]));
    }
}
