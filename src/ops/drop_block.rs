//! DropBlock: dropout of whole squares of a feature map.
//!
//! Neighbouring pixels of a feature map hold nearly the same, so single dropped elements hide little; squares do.

use rand::rngs::ChaCha8Rng;

use super::dropout::Key;
use super::mask::Mask;
use crate::random::{Purpose, unit};
use crate::real::Real;
use crate::var::Var;

impl<'t, T: Real> Var<'t, T> {
    /// DropBlock (Ghiasi, Lin and Le 2018, algorithm 1) of feature maps `x: [n, h, w, c]`: squares of `block x block`
    /// pixels of single channels become 0, and the rest is multiplied by (number of elements)/(number of elements kept).
    ///
    /// A square begins at each place where a whole square fits, with probability
    /// γ = rate/b²·(h·w)/((h − b + 1)·(w − b + 1)), so that about the share `rate` of all elements is dropped where
    /// squares do not overlap (equation 1 there). A `block` larger than the map is cut to the map's shorter side; at
    /// h = w = b a map of a channel is dropped as a whole. If nothing is kept, the result is 0.
    ///
    /// Which squares are dropped depends on `key` and the shape, on nothing else. The map is linear; a dropped NaN is 0.
    ///
    /// # Panics
    /// If `x` does not have four axes, `rate` is not in `0..1`, or `block` is 0.
    #[track_caller]
    #[inline(never)]
    pub fn drop_block(self, rate: f64, block: usize, key: Key) -> Var<'t, T> {
        let shape = self.shape();
        let &[n, h, w, c] = &*shape else { panic!("drop_block: images {shape:?} must have four axes") };
        assert!(
            (0.0..1.0).contains(&rate),
            "drop_block: a rate of {rate} for shape {shape:?} is not in 0..1"
        );
        assert!(block > 0, "drop_block: squares of 0 pixels for shape {shape:?}");
        if rate == 0.0 || shape.size() == 0 {
            return self.keep(&Mask::from_fn(&shape, |_| true), 1.0);
        }
        let b = block.min(h).min(w);
        let (rows, columns) = (h - b + 1, w - b + 1);
        let gamma = rate / (b * b) as f64 * (h * w) as f64 / (rows * columns) as f64;
        let mut dropped = vec![false; shape.size()];
        let mut bits: ChaCha8Rng = key.stream(Purpose::DropBlock);
        for image in 0..n {
            for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                for channel in 0..c {
                    if unit(&mut bits) >= gamma {
                        continue;
                    }
                    for row in y..y + b {
                        let first = ((image * h + row) * w + x) * c + channel;
                        (first..first + b * c).step_by(c).for_each(|at| dropped[at] = true);
                    }
                }
            }
        }
        let mask = Mask::from_fn(&shape, |i| !dropped[i]);
        let kept = mask.count();
        self.keep(&mask, shape.size() as f64 / kept.max(1) as f64)
    }
}

compiled_here!(T: Var::<T>::drop_block);

#[cfg(test)]
mod tests {
    use super::Key;
    use crate::check_grads;
    use crate::tape::Tape;

    #[test]
    fn drop_block_has_correct_grads_to_order_3() {
        check_grads(&[&[2, 5, 7, 3]], 3, |x| x[0].drop_block(0.3, 2, Key::new(1)).tanh());
    }

    /// Ones after dropping.
    fn ones(shape: [usize; 4], rate: f64, block: usize, key: Key) -> ndarray::ArrayD<f64> {
        Tape::<f64>::new().full(&shape, 1.0).drop_block(rate, block, key).to_array()
    }

    #[test]
    fn about_the_rate_is_dropped_and_the_mean_stays() {
        // 20 maps of 21x21 with 400 channels: overlaps of the squares drop a little less than the rate
        let y = ones([20, 21, 21, 40], 0.1, 5, Key::new(3));
        let dropped = y.iter().filter(|&&v| v == 0.0).count() as f64 / y.len() as f64;
        assert!((0.085..0.101).contains(&dropped), "{dropped}");
        approx::assert_relative_eq!(y.mean().unwrap(), 1.0, max_relative = 1e-9);
    }

    #[test]
    fn what_is_dropped_is_a_union_of_whole_squares() {
        let y = ones([3, 9, 8, 4], 0.2, 3, Key::new(5));
        let zero = |n: usize, i: usize, j: usize, c: usize| y[[n, i, j, c]] == 0.0;
        let whole = |n, i: usize, j: usize, c| (0..3).all(|p| (0..3).all(|q| zero(n, i + p, j + q, c)));
        let mut count = 0;
        for (at, _) in y.indexed_iter().filter(|(_, v)| **v == 0.0) {
            let (n, i, j, c) = (at[0], at[1], at[2], at[3]);
            let inside = |i: usize, last: usize| i.saturating_sub(2)..=i.min(last);
            assert!(inside(i, 6).any(|p| inside(j, 5).any(|q| whole(n, p, q, c))), "{at:?}");
            count += 1;
        }
        assert!(count > 50 && count < y.len() / 2, "{count}");
    }

    #[test]
    fn a_map_of_the_size_of_a_block_is_dropped_as_a_whole_and_a_larger_block_is_cut() {
        for block in [5, 9] {
            let y = ones([6, 5, 5, 50], 0.1, block, Key::new(2));
            let sums = y.sum_axis(ndarray::Axis(1)).sum_axis(ndarray::Axis(1));
            let whole = 25.0 * y.iter().copied().fold(0.0, f64::max);
            assert!(sums.iter().all(|s| *s == 0.0 || (s - whole).abs() < 1e-9));
            assert!(sums.iter().any(|s| *s == 0.0));
        }
    }

    #[test]
    fn the_same_key_drops_the_same_and_a_rate_of_zero_drops_nothing() {
        let shape = [2, 7, 7, 3];
        assert_eq!(ones(shape, 0.3, 3, Key::new(1)), ones(shape, 0.3, 3, Key::new(1)));
        assert_ne!(ones(shape, 0.3, 3, Key::new(1)), ones(shape, 0.3, 3, Key::new(2)));
        assert!(ones(shape, 0.0, 3, Key::new(1)).iter().all(|&v| v == 1.0));
    }

    #[test]
    #[should_panic(expected = "drop_block: a rate of 1 for shape [1, 2, 2, 1] is not in 0..1")]
    fn a_rate_of_one_is_refused() {
        let _ = Tape::<f32>::new().full(&[1, 2, 2, 1], 1.0).drop_block(1.0, 2, Key::new(0));
    }
}
