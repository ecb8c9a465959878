//! The 2-D navigation of the MAML paper.

use super::environment::{Environment, Transition};
use crate::data::Tasks;
use crate::ops::Key;
use crate::random::{Purpose, between, stream};

/// The longest move along an axis in one step.
const SPEED: f64 = 0.1;
/// A trajectory ends where the point is nearer to the goal than this along both axes.
const NEAR: f64 = 0.01;

/// A point in the plane that starts at the origin and should come to a goal (Finn, Abbeel and Levine 2017, section 5.3).
///
/// Observations are the position `[x, y]`, actions are moves: an action of 1 is the longest move, 0.1, along its axis,
/// and larger ones are clipped to it. The reward is minus the distance to the goal after the move. A trajectory ends
/// within 0.01 of the goal along both axes, or after 100 steps. The goal is not observed.
///
/// (The paper's text has the squared distance; its code, cbfinn/maml_rl, and its figures have the distance.)
///
/// ```
/// use innerloop::{Environment, Key, Navigation};
/// let task = Navigation::new([0.3, -0.4]);
/// let there = task.step(&[0.2, 0.0], &[1.0, -7.0], Key::new(0));
/// assert!((there.state[0] - 0.3).abs() < 1e-12 && (there.state[1] + 0.1).abs() < 1e-12);
/// assert!((there.reward + 0.3).abs() < 1e-12 && !there.done);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Navigation {
    /// Where to go.
    pub goal: [f64; 2],
}

impl Navigation {
    /// With a goal.
    pub const fn new(goal: [f64; 2]) -> Navigation {
        Navigation { goal }
    }
}

impl Environment for Navigation {
    fn widths(&self) -> [usize; 2] {
        [2, 2]
    }

    fn reset(&self, _: Key) -> Vec<f64> {
        vec![0.0, 0.0]
    }

    fn step(&self, state: &[f64], action: &[f64], _: Key) -> Transition {
        let moved = |i: usize| state[i] + SPEED * action[i].clamp(-1.0, 1.0);
        let state = [moved(0), moved(1)];
        let off = [state[0] - self.goal[0], state[1] - self.goal[1]];
        let reward = -(off[0] * off[0] + off[1] * off[1]).sqrt();
        Transition { state: state.to_vec(), reward, done: off.iter().all(|d| d.abs() < NEAR) }
    }
}

/// Navigation tasks with goals uniform in `[-0.5, 0.5)²`, as in the paper.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NavigationGoals {
    /// Seed of all goals.
    pub seed: u64,
}

impl NavigationGoals {
    /// The tasks of a seed.
    pub const fn new(seed: u64) -> NavigationGoals {
        NavigationGoals { seed }
    }
}

impl Tasks<Navigation> for NavigationGoals {
    fn task(&self, i: u64) -> Navigation {
        let mut rng = stream(self.seed, Purpose::Goal, i);
        Navigation::new([between(&mut rng, -0.5, 0.5), between(&mut rng, -0.5, 0.5)])
    }

    fn describe(&self) -> String {
        format!("{self:#?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trajectory_ends_near_the_goal_along_both_axes() {
        let task = Navigation::new([0.1, 0.05]);
        let end = |action: [f64; 2]| task.step(&[0.0, 0.0], &action, Key::new(0)).done;
        assert!(end([0.91, 0.5]) && end([5.0, 0.41]));
        assert!(!end([0.89, 0.5]) && !end([1.0, 0.39]));
    }

    #[test]
    fn goals_fill_their_square() {
        let goals: Vec<_> = (0..2000).map(|i| NavigationGoals::new(3).task(i).goal).collect();
        assert!(goals.iter().flatten().all(|g| (-0.5..0.5).contains(g)));
        // standard error: 0.289 / 44.7
        for axis in 0..2 {
            let mean = goals.iter().map(|g| g[axis]).sum::<f64>() / 2000.0;
            assert!(mean.abs() < 0.03, "{mean}");
        }
        assert_ne!(NavigationGoals::new(3).task(0), NavigationGoals::new(4).task(0));
    }
}
