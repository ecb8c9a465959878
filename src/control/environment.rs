//! What a task of control is.

use std::fmt::Debug;

use rand::rngs::ChaCha8Rng;

use crate::ops::Key;
use crate::random::Purpose;

/// What an environment answers to an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The state after the action.
    pub state: Vec<f64>,
    /// The reward of the action.
    pub reward: f64,
    /// Whether the trajectory ends here.
    pub done: bool,
}

/// A Markov decision process with states and actions of real numbers: one task of control.
///
/// Pure functions, nothing is updated in place: what is random is drawn from the key that is given, so that a
/// trajectory is the same on any thread. Actions are not bounded: a policy draws them from a Gaussian of about unit
/// size, and the environment scales and clips them. References and boxes of environments are environments.
///
/// ```
/// use innerloop::{Environment, Key, Transition, rand::Rng};
///
/// /// A cart on a line that is pushed towards 1, in wind.
/// #[derive(Debug)]
/// struct Cart { wind: f64 }
///
/// impl Environment for Cart {
///     fn widths(&self) -> [usize; 2] {
///         [2, 1] // position and speed, and a force
///     }
///
///     fn reset(&self, _: Key) -> Vec<f64> {
///         vec![0.0, 0.0]
///     }
///
///     fn step(&self, state: &[f64], action: &[f64], key: Key) -> Transition {
///         let gust = self.wind * f64::from(key.rng().next_u32()) / f64::from(u32::MAX);
///         let speed = state[1] + 0.1 * action[0].clamp(-1.0, 1.0) - gust;
///         let state = vec![state[0] + speed, speed];
///         Transition { reward: -(state[0] - 1.0).abs(), state, done: false }
///     }
/// }
/// # let cart = Cart { wind: 0.1 };
/// # assert_eq!(cart.step(&[0.0, 0.0], &[1.0], Key::new(1)), cart.step(&[0.0, 0.0], &[1.0], Key::new(1)));
/// ```
pub trait Environment: Sync + Debug {
    /// How many numbers an observation has, and an action.
    fn widths(&self) -> [usize; 2];

    /// After how many steps a trajectory ends at the latest; 100 unless said otherwise.
    fn horizon(&self) -> usize {
        100
    }

    /// The state in which a trajectory begins. `key` is the trajectory's.
    fn reset(&self, key: Key) -> Vec<f64>;

    /// What the policy sees of a state; by default all of it.
    fn observe(&self, state: &[f64]) -> Vec<f64> {
        state.to_vec()
    }

    /// What an action leads to. `key` is that of this step of the trajectory.
    fn step(&self, state: &[f64], action: &[f64], key: Key) -> Transition;
}

/// Implements the trait for a pointer to an environment.
macro_rules! forwarded {
    ($pointer:ty) => {
        impl<E: Environment + ?Sized> Environment for $pointer {
            fn widths(&self) -> [usize; 2] {
                (**self).widths()
            }

            fn horizon(&self) -> usize {
                (**self).horizon()
            }

            fn reset(&self, key: Key) -> Vec<f64> {
                (**self).reset(key)
            }

            fn observe(&self, state: &[f64]) -> Vec<f64> {
                (**self).observe(state)
            }

            fn step(&self, state: &[f64], action: &[f64], key: Key) -> Transition {
                (**self).step(state, action, key)
            }
        }
    };
}

forwarded!(&E);
forwarded!(Box<E>);

impl Key {
    /// A generator of random numbers for an [`Environment`] or another function of yours: the same key gives the same
    /// numbers on every platform. It is another generator than that of dropout under this key.
    pub fn rng(self) -> ChaCha8Rng {
        self.stream(Purpose::Control)
    }
}
