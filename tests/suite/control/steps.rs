//! Whole meta-steps.

use innerloop::{GaussianPolicy, Key, Mlp, Order, PolicyMaml, Progress, TrustRegion};

use super::{Bandit, goals, moved, navigator, start};

fn on_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}

#[test]
fn a_step_never_leaves_the_trust_region_and_never_raises_the_loss() {
    // bounds far beyond where the quadratic model holds, so that the line search has work to do
    let mut shortened = 0;
    for kl in [0.01, 0.3, 3.0] {
        let region = TrustRegion { kl, ..TrustRegion::default() };
        let maml = navigator(Order::Second).trust_region(region);
        let mut params = maml.policy.init::<f64>(1);
        for iteration in 0..3 {
            let progress = start().at(iteration);
            let seen = maml.experience(&params, &goals(3), &progress).unwrap();
            let step = maml.meta_step(&params, &goals(3), &progress).unwrap();
            assert!(step.after.kl <= kl, "{step:?}");
            // what it reports is true of the parameters that it returns
            assert_eq!(maml.outer(&step.params, &seen).unwrap(), step.after);
            if let Some(backtracks) = step.backtracks {
                assert!(step.after.loss < step.before.loss && step.after.kl > 0.1 * kl.min(0.1), "{step:?}");
                shortened += backtracks;
            } else {
                assert_eq!(step.params, params);
            }
            params = step.params;
        }
    }
    assert!(shortened > 0);
}

#[test]
fn a_step_that_no_length_makes_acceptable_is_not_taken() {
    let region = TrustRegion { kl: 30.0, backtracks: 0, ..TrustRegion::default() };
    let maml = navigator(Order::Second).trust_region(region);
    let params = maml.policy.init::<f64>(1);
    let step = maml.meta_step(&params, &goals(3), &start()).unwrap();
    assert_eq!((step.backtracks, &step.params, step.after), (None, &params, step.before));
}

#[test]
fn a_step_has_the_same_bits_on_any_number_of_threads() {
    let maml = PolicyMaml::new(GaussianPolicy::new(Mlp::new(&[2, 20, 2]).unwrap()), 0.5, Order::Second)
        .trajectories(3);
    let params = maml.policy.init::<f32>(0);
    let run = |threads| {
        on_threads(threads, || {
            let step = maml.meta_step(&params, &goals(5), &start()).unwrap();
            let means = maml.evaluate(&step.params, &goals(5), 1, &start()).unwrap();
            (step, means)
        })
    };
    let one = run(1);
    assert!(one.0.backtracks.is_some());
    assert_eq!(run(2), one);
    assert_eq!(run(3), one);
}

#[test]
fn trajectories_depend_on_seed_iteration_task_and_step_alone() {
    let maml = navigator(Order::Second);
    let params = maml.policy.init::<f64>(0);
    let at = |envs: &[_], progress: &Progress| maml.experience(&params, envs, progress).unwrap();
    let all = at(&goals(3), &start());
    assert_eq!(at(&goals(3)[1..], &start().of_task(1)), all[1..]);
    for other in [start().at(1), start().of_task(7), Progress::new(4, 10)] {
        assert_ne!(at(&goals(1), &other)[0].before[0].rollout, all[0].before[0].rollout);
    }
    let still = vec![goals(1)[0]; 2];
    let twice = at(&still, &start());
    assert_ne!(twice[0].before[0].rollout.actions, twice[1].before[0].rollout.actions);
    // and each trajectory on its number in the rollout
    let few = maml.policy.rollout(&params, &goals(1)[0], 2, Key::new(1)).unwrap();
    let more = maml.policy.rollout(&params, &goals(1)[0], 3, Key::new(1)).unwrap();
    let n = few.rewards.len();
    assert!(few.rewards.iter().zip(&more.rewards[..n]).all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn adapting_repeats_the_inner_step_and_halves_its_rate_after_those_of_training() {
    let maml = navigator(Order::Second);
    let params = maml.policy.init::<f64>(0);
    let adapt = |maml: &PolicyMaml<_>| maml.adapt(&params, &goals(1)[0], 2, Key::new(3)).unwrap();
    let (halved, same) = (adapt(&maml), adapt(&maml.clone().later_rate(1.0)));
    assert_eq!(halved.len(), 3);
    assert_eq!((&halved[0].params, &halved[..2]), (&params, &same[..2]));
    let by = |stages: &[innerloop::PolicyStage<f64>]| moved(&stages[2].params, -1.0, &stages[1].params);
    let [half, whole] = [by(&halved), by(&same)];
    let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
    assert!(half.iter().flatten().zip(whole.iter().flatten()).all(|(&h, &w)| close(2.0 * h, w)));
    assert!(whole.iter().flatten().any(|w| w.abs() > 1e-4));
}

#[test]
fn one_update_learns_which_of_two_targets_is_rewarded() {
    let policy = GaussianPolicy::new(Mlp::new(&[1, 8, 1]).unwrap()).with_std(0.5);
    let maml = PolicyMaml::new(policy, 0.3, Order::Second);
    let envs: Vec<_> = (0..6).map(|i| Bandit(if i % 2 == 0 { 1.0 } else { -1.0 })).collect();
    let mut params = maml.policy.init::<f32>(0);
    let after = |params: &[_]| maml.evaluate(params, &envs, 1, &Progress::new(99, 1)).unwrap()[1].mean;
    let untrained = after(&params);
    for iteration in 0..40 {
        params = maml.meta_step(&params, &envs, &start().at(iteration)).unwrap().params;
    }
    let trained = after(&params);
    println!("return after one update: {untrained} untrained, {trained} trained");
    assert!(trained > 0.5 * untrained && trained > -0.6, "{untrained} {trained}");
}
