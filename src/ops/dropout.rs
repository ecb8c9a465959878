//! Dropout from an explicit key: no hidden generator, so a rule, a second sweep or another thread sees the same mask.

use rand::Rng;
use rand::rngs::ChaCha8Rng;

use super::mask::Mask;
use crate::random::{Purpose, stream, stream2, unit};
use crate::real::Real;
use crate::var::Var;

/// What decides random numbers inside a model: a seed and any number of indices. Plain data, the same on every
/// platform and in every thread.
///
/// Derive one key per use: two dropout layers with the same key drop the same positions.
///
/// ```
/// use innerloop::Key;
/// let key = Key::new(7);
/// let (step, layer) = (3, 1);
/// assert_eq!(key.with(step).with(layer), Key::new(7).with(3).with(1));
/// assert_ne!(key.with(step).with(layer), key.with(layer).with(step));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    seed: u64,
}

impl Key {
    /// The key of a seed.
    pub fn new(seed: u64) -> Key {
        Key { seed }
    }

    /// The key of this key and an index: of an episode, a step, a layer. Different indices give unrelated keys, and
    /// the order of indices counts.
    pub fn with(self, index: u64) -> Key {
        Key { seed: stream2(self.seed, Purpose::Dropout, index, 1).next_u64() }
    }

    /// The generator of this key for another purpose than dropout.
    pub(crate) fn stream(self, purpose: Purpose) -> ChaCha8Rng {
        stream(self.seed, purpose, 0)
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Dropout (Srivastava et al. 2014, in the inverted form): each element is 0 with probability `rate`, else it is
    /// multiplied by `1/(1 − rate)`, so that its mean stays.
    ///
    /// Which elements are dropped depends on `key` and on their position in row-major order, on nothing else. The
    /// map is linear; a dropped NaN is 0.
    ///
    /// # Panics
    /// If `rate` is not in `0..1`.
    #[track_caller]
    #[inline(never)]
    pub fn dropout(self, rate: f64, key: Key) -> Var<'t, T> {
        let shape = self.shape();
        assert!((0.0..1.0).contains(&rate), "dropout: a rate of {rate} for shape {shape:?} is not in 0..1");
        let mut bits = stream2(key.seed, Purpose::Dropout, 0, 0);
        let mask = Mask::from_fn(&shape, |_| unit(&mut bits) >= rate);
        self.keep(&mask, 1.0 / (1.0 - rate))
    }
}

compiled_here!(T: Var::<T>::dropout);

#[cfg(test)]
mod tests {
    use super::Key;
    use crate::check_grads;
    use crate::tape::Tape;

    #[test]
    fn dropout_has_correct_grads_to_order_3() {
        check_grads(&[&[3, 5]], 3, |x| x[0].dropout(0.4, Key::new(1)).tanh());
    }

    /// Which of `len` elements are kept.
    fn kept(len: usize, rate: f64, key: Key) -> Vec<bool> {
        let tape = Tape::<f64>::new();
        let y = tape.full(&[len], 3.0).dropout(rate, key).to_array();
        assert!(y.iter().all(|&y| y == 0.0 || y == 3.0 * (1.0 / (1.0 - rate))), "{y}");
        y.iter().map(|&y| y != 0.0).collect()
    }

    #[test]
    fn the_mask_depends_on_key_and_position_alone() {
        let key = Key::new(5).with(2);
        assert_eq!(kept(40, 0.5, key), kept(100, 0.5, key)[..40]);
        let tape = Tape::<f32>::new();
        let square = tape.full(&[5, 8], 1.0).dropout(0.5, key).to_array();
        assert_eq!(square.iter().map(|&y| y != 0.0).collect::<Vec<_>>(), kept(40, 0.5, key));
        let keys = [key, Key::new(5), Key::new(2).with(5), key.with(0), Key::new(5).with(3)];
        for (i, &a) in keys.iter().enumerate() {
            assert!(keys[i + 1..].iter().all(|&b| kept(64, 0.5, a) != kept(64, 0.5, b)), "key {i}");
        }
    }

    #[test]
    fn the_bits_of_a_key_are_the_recorded_ones() {
        // made by an independent ChaCha8 in Python, as in `random`; element i is kept if word i is in the
        // upper half. A change here breaks every published seed.
        let want = [0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0].map(|k| k == 1);
        let key = Key::new(5).with(2);
        assert_eq!(key.seed, 0x51e1_b476_95b3_c481);
        assert_eq!(kept(20, 0.5, key), want);
    }

    #[test]
    fn the_share_of_dropped_elements_is_the_rate() {
        for rate in [0.0, 0.1, 0.5, 0.9] {
            let dropped = kept(10_000, rate, Key::new(0)).iter().filter(|k| !**k).count() as f64;
            assert!((dropped / 10_000.0 - rate).abs() < 0.02, "{dropped} at rate {rate}"); // 4 deviations
        }
    }

    #[test]
    #[should_panic(expected = "dropout: a rate of 1 for shape [2] is not in 0..1")]
    fn a_rate_of_one_is_refused() {
        let _ = Tape::<f64>::new().full(&[2], 0.0).dropout(1.0, Key::new(0));
    }
}
