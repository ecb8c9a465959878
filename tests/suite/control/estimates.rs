//! Returns, baselines and advantages of trajectories that were recorded by hand.

use innerloop::ndarray::{ArrayD, arr1};
use innerloop::{LinearBaseline, PolicyBatch, Rollout, standardized};

/// Trajectories with one number per observation.
fn rollout(observations: &[f64], rewards: &[f64], lengths: &[usize]) -> Rollout<f64> {
    let n = observations.len();
    let column = arr1(observations).into_shape_with_order(vec![n, 1]).unwrap();
    Rollout::new(column, ArrayD::zeros(vec![n, 1]), rewards.to_vec(), lengths.to_vec()).unwrap()
}

fn close(found: &[f64], want: &[f64], tolerance: f64) {
    let near = found.iter().zip(want).all(|(f, w)| (f - w).abs() <= tolerance * (1.0 + w.abs()));
    assert!(found.len() == want.len() && near, "{found:?} {want:?}");
}

#[test]
fn a_baseline_is_the_ridge_regression_on_its_features() {
    // solved exactly with Python's fractions.Fraction: rows [o, o², s, s², s³, 1] with o clipped to ±10 and s = step/100,
    // (FᵀF + I/100000)·c = Fᵀy by Gauss-Jordan elimination
    let rollout = rollout(&[0.5, -0.25, 1.5, 12.0, -1.0, 0.75, 2.0], &[0.0; 7], &[4, 3]);
    let baseline = LinearBaseline::fit(&rollout, &[3.0, 1.0, -2.0, 0.5, 4.0, 0.0, 1.0]).unwrap();
    let coefficients = [
        -0.20637817832014602,
        0.05067863264175461,
        -183.65423232715554,
        8.381272083971606,
        0.2595897007871938,
        3.045627515372145,
    ];
    close(baseline.coefficients(), &coefficients, 1e-8);
    let values = [
        2.955108084372511,
        1.264685538018834,
        -0.8196428896560416,
        0.5476321803289759,
        3.3026843263340457,
        1.0836466760195653,
        -0.8341443716930441,
    ];
    close(&baseline.values(&rollout), &values, 1e-8);
}

#[test]
fn returns_end_with_their_trajectory() {
    let rollout = rollout(&[0.0; 5], &[1.0, 2.0, 3.0, 10.0, 20.0], &[3, 2]);
    close(&rollout.discounted_returns(0.5), &[2.75, 3.5, 3.0, 20.0, 20.0], 0.0);
    assert_eq!(rollout.mean_return(), 18.0);
}

#[test]
fn advantages_are_sums_of_errors_of_the_baseline() {
    let rollout = rollout(&[0.3, -0.7, 1.1, 0.2, -0.4], &[1.0, 2.0, 3.0, 10.0, 20.0], &[3, 2]);
    let gamma = 0.9;
    let returns = rollout.discounted_returns(gamma);
    let baseline = LinearBaseline::fit(&rollout, &returns).unwrap();
    let v = baseline.values(&rollout);
    let less: Vec<f64> = returns.iter().zip(&v).map(|(r, v)| r - v).collect();
    close(&rollout.advantages(&baseline, gamma, 1.0), &less, 1e-12);
    let errors = [
        1.0 + gamma * v[1] - v[0],
        2.0 + gamma * v[2] - v[1],
        3.0 - v[2],
        10.0 + gamma * v[4] - v[3],
        20.0 - v[4],
    ];
    close(&rollout.advantages(&baseline, gamma, 0.0), &errors, 1e-12);
    let k = gamma * 0.5;
    let mixed = [
        errors[0] + k * errors[1] + k * k * errors[2],
        errors[1] + k * errors[2],
        errors[2],
        errors[3] + k * errors[4],
        errors[4],
    ];
    close(&rollout.advantages(&baseline, gamma, 0.5), &mixed, 1e-12);
}

#[test]
fn a_batch_has_standardised_advantages() {
    let rollout = rollout(&[0.3, -0.7, 1.1, 0.2, -0.4], &[1.0, 2.0, 3.0, 10.0, 20.0], &[3, 2]);
    let batch = PolicyBatch::new(rollout.clone(), 0.9, 1.0).unwrap();
    let baseline = LinearBaseline::fit(&rollout, &rollout.discounted_returns(0.9)).unwrap();
    let want = standardized(&rollout.advantages(&baseline, 0.9, 1.0));
    assert_eq!(batch.advantages, arr1(&want).into_dyn());
    close(&standardized(&[1.0, 3.0]), &[-1.0, 1.0], 1e-7);
    assert_eq!(standardized(&[2.0, 2.0]), [0.0, 0.0]);
}
