//! Policies that adapt: exact meta-gradients, a trust region that is kept, the same bits on any number of threads.

mod estimates;
mod exact;
mod refused;
mod steps;

use innerloop::ndarray::ArrayD;
use innerloop::{
    Activation, Environment, GaussianPolicy, Key, Mlp, Navigation, NavigationGoals, Order, PolicyMaml,
    Progress, Tasks, Transition,
};

/// One action, judged by its distance to a target that is not observed.
#[derive(Debug, Clone, Copy)]
pub struct Bandit(pub f64);

impl Environment for Bandit {
    fn widths(&self) -> [usize; 2] {
        [1, 1]
    }

    fn horizon(&self) -> usize {
        1
    }

    fn reset(&self, _: Key) -> Vec<f64> {
        vec![1.0]
    }

    fn step(&self, state: &[f64], action: &[f64], _: Key) -> Transition {
        Transition { state: state.to_vec(), reward: -(action[0] - self.0).powi(2), done: true }
    }
}

/// A smooth policy for navigation: no kinks for finite differences to meet.
pub fn navigator(order: Order) -> PolicyMaml<Mlp> {
    let mean = Mlp::new(&[2, 6, 2]).unwrap().activation(Activation::Tanh);
    PolicyMaml::new(GaussianPolicy::new(mean), 0.5, order).trajectories(4)
}

/// The first goals of a seed.
pub fn goals(count: u64) -> Vec<Navigation> {
    (0..count).map(|i| NavigationGoals::new(5).task(i)).collect()
}

pub fn start() -> Progress {
    Progress::new(3, 10)
}

/// `a + factor·b`
pub fn moved(a: &[ArrayD<f64>], factor: f64, b: &[ArrayD<f64>]) -> Vec<ArrayD<f64>> {
    a.iter().zip(b).map(|(a, b)| a + factor * b).collect()
}

pub fn dot(a: &[ArrayD<f64>], b: &[ArrayD<f64>]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a * b).sum()).sum()
}
