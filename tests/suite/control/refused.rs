//! Wrong environments and settings come back as errors that name them.

use innerloop::ndarray::{ArrayD, arr1};
use innerloop::{
    Conv4, Downsample, Environment, Error, GaussianPolicy, Key, LinearBaseline, Mlp, Navigation, Order,
    PolicyBatch, PolicyMaml, Rollout, Transition, TrustRegion,
};

use super::{goals, navigator, start};

/// Returns something wrong in step 3.
#[derive(Debug, Clone, Copy)]
enum Broken {
    Reward,
    Wide,
    Infinite,
}

impl Environment for Broken {
    fn widths(&self) -> [usize; 2] {
        [2, 2]
    }

    fn reset(&self, _: Key) -> Vec<f64> {
        vec![0.0; 3]
    }

    fn observe(&self, state: &[f64]) -> Vec<f64> {
        match self {
            Broken::Wide if state[2] == 3.0 => vec![0.0; 5],
            Broken::Infinite if state[2] == 3.0 => vec![0.0, f64::INFINITY],
            _ => state[..2].to_vec(),
        }
    }

    fn step(&self, state: &[f64], _: &[f64], _: Key) -> Transition {
        let late = matches!(self, Broken::Reward) && state[2] == 3.0;
        let reward = if late { f64::NAN } else { 1.0 };
        Transition { state: vec![0.0, 0.0, state[2] + 1.0], reward, done: false }
    }
}

fn says(error: Error, words: &[&str]) {
    let message = error.to_string();
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
}

#[test]
fn what_an_environment_returns_is_checked_and_named_with_its_step() {
    let maml = navigator(Order::Second);
    let params = maml.policy.init::<f64>(0);
    for (env, word) in [
        (Broken::Reward, "reward is NaN"),
        (Broken::Wide, "5 numbers: it must have 2"),
        (Broken::Infinite, "inf"),
    ] {
        let error = maml.policy.rollout(&params, &env, 2, Key::new(0)).unwrap_err();
        assert!(matches!(error, Error::Environment { trajectory: 0, step: 3, .. }), "{error:?}");
        says(error, &[&format!("{env:?}"), "step 3", word]);
    }
    let envs: [Box<dyn Environment>; 2] = [Box::new(goals(1)[0]), Box::new(Broken::Reward)];
    let error = maml.meta_step(&params, &envs, &start().of_task(10)).unwrap_err();
    assert!(
        matches!(&error, Error::Task { task: 11, source } if matches!(**source, Error::Environment { .. }))
    );
    says(error, &["task 11", "Reward", "step 3"]);
}

#[test]
fn an_environment_of_another_width_than_the_network_is_refused() {
    let key = Key::new(0);
    for (widths, word) in [([3, 5, 2], "inputs for Mlp"), ([2, 5, 3], "actions of Navigation")] {
        let policy = GaussianPolicy::new(Mlp::new(&widths).unwrap());
        let error = policy.rollout(&policy.init::<f32>(0), &goals(1)[0], 2, key).unwrap_err();
        assert!(matches!(error, Error::Shape { .. }), "{error:?}");
        says(error, &[word]);
    }
}

#[test]
fn parameters_and_settings_out_of_range_are_refused_by_name() {
    let maml = navigator(Order::Second);
    let params = maml.policy.init::<f64>(0);
    let told = |maml: &PolicyMaml<Mlp>| maml.meta_step(&params, &goals(1), &start()).unwrap_err();
    let region = |change: fn(&mut TrustRegion)| {
        let mut region = TrustRegion::default();
        change(&mut region);
        navigator(Order::Second).trust_region(region)
    };
    let mean = Mlp::new(&[2, 6, 2]).unwrap();
    for (name, wrong) in [
        ("trajectories", maml.clone().trajectories(0)),
        ("discount", maml.clone().discount(1.1, 1.0)),
        ("gae_lambda", maml.clone().discount(0.9, f64::NAN)),
        ("later_rate", maml.clone().later_rate(-1.0)),
        ("inner_lr", PolicyMaml::new(maml.policy.clone(), 0.0, Order::First)),
        ("std", PolicyMaml::new(GaussianPolicy::new(mean).with_std(0.0), 0.1, Order::First)),
        ("kl", region(|r| r.kl = 0.0)),
        ("cg_steps", region(|r| r.cg_steps = 0)),
        ("damping", region(|r| r.damping = -1.0)),
        ("shrink", region(|r| r.shrink = 1.0)),
    ] {
        says(told(&wrong), &[&format!("`{name}`")]);
    }
    says(maml.meta_step::<f64, Navigation>(&params, &[], &start()).unwrap_err(), &["tasks"]);
    says(maml.outer(&params, &[]).unwrap_err(), &["tasks"]);
    let mut wrong = params.clone();
    wrong[4][[1]] = f64::NAN;
    says(maml.meta_step(&wrong, &goals(1), &start()).unwrap_err(), &["log_std", "finite"]);
    says(maml.adapt(&params[1..], &goals(1)[0], 1, Key::new(0)).unwrap_err(), &["parameter"]);
    let mut diverging = maml;
    diverging.inner_lr = 1e300;
    says(diverging.meta_step(&params, &goals(1), &start()).unwrap_err(), &["task 0", "learning rates"]);
}

#[test]
fn a_network_with_batch_norm_is_no_policy() {
    let policy = GaussianPolicy::new(Conv4::new([16, 16, 1], 4, Downsample::Stride, Some(2)).unwrap());
    let error = policy.rollout(&policy.init::<f32>(0), &goals(1)[0], 2, Key::new(0)).unwrap_err();
    says(error, &["batch norm"]);
}

#[test]
fn trajectories_that_do_not_fit_together_are_refused() {
    let new = |rewards: &[f64], lengths: &[usize], first: f64| {
        let column = |x: &[f64]| arr1(x).into_shape_with_order(vec![x.len(), 1]).unwrap();
        Rollout::new(column(&[first, 2.0, 3.0]), column(&[0.0; 3]), rewards.to_vec(), lengths.to_vec())
    };
    assert!(new(&[1.0; 3], &[1, 2], 1.0).is_ok());
    says(new(&[1.0; 3], &[3, 0], 1.0).unwrap_err(), &["lengths"]);
    says(new(&[1.0; 3], &[], 1.0).unwrap_err(), &["lengths"]);
    says(new(&[1.0; 3], &[4], 1.0).unwrap_err(), &["observations"]);
    says(new(&[1.0; 2], &[3], 1.0).unwrap_err(), &["rewards"]);
    says(new(&[1.0, f64::NAN, 1.0], &[3], 1.0).unwrap_err(), &["step 1 of the rewards"]);
    says(new(&[1.0; 3], &[3], f64::INFINITY).unwrap_err(), &["step 0 of the observations"]);
    let rollout = new(&[1.0; 3], &[3], 1.0).unwrap();
    says(LinearBaseline::fit(&rollout, &[1.0]).unwrap_err(), &["targets"]);
    says(
        Rollout::<f64>::new(ArrayD::zeros(vec![3]), ArrayD::zeros(vec![3, 1]), vec![], vec![3]).unwrap_err(),
        &["observations"],
    );
    assert!(PolicyBatch::new(rollout, 0.9, 1.0).is_ok());
}
