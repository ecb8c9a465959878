//! How accurate the fused norm's sums over pixels are in `f32`.

use super::*;
use crate::kernels::norm::{Moments, Winners};
use crate::kernels::pool::PoolWindows;
use crate::kernels::reduce::sum_rows;

/// The error of each sum, relative to the sum of its terms' sizes: the largest, the mean.
struct Errors {
    /// Of `Winners::add_sums`.
    fused: [f64; 2],
    /// Of `sum_rows` over the cotangents put back at the winners.
    reduced: [f64; 2],
}

fn errors(shape: [usize; 4], window: [usize; 2]) -> Errors {
    let c = shape[3];
    let windows = PoolWindows { shape, window, stride: window };
    let mut dice = Dice(11);
    let x = dice.floats::<f32>(shape.iter().product());
    let mut moments = Moments::new(c);
    moments.add(&x);
    let mut winners = Winners::new(windows, 1e-5, moments);
    let mut y = vec![0.0; windows.pooled().iter().product()];
    winners.choose(0, &x, [&vec![1.0; c], &vec![0.3; c]], &mut y);
    // mostly of one sign, so that the sums are large
    let g: Vec<f32> = dice.floats::<f32>(y.len()).iter().map(|g| 0.75 + 0.5 * g).collect();
    let mut sums = [vec![0.0; c], vec![0.0; c]];
    winners.add_sums(0, &x, &g, &mut sums);

    let (at, on) = winners.positions("batch_norm_relu_pool");
    let mut a = vec![0.0; x.len()];
    let (mut exact, mut size) = ([vec![0.0; c], vec![0.0; c]], [vec![0.0; c], vec![0.0; c]]);
    for (i, &at) in at.iter().enumerate() {
        let (at, channel) = (at as usize, i % c);
        a[at] = g[i] * on[i];
        let (a, x) = (f64::from(a[at]), f64::from(x[at] - winners.mean[channel]));
        for (k, term) in [a, a * x].into_iter().enumerate() {
            exact[k][channel] += term;
            size[k][channel] += term.abs();
        }
    }
    let mut reduced = vec![0.0; c];
    sum_rows(&a, &mut reduced);
    let relative = |k: usize, got: &[f32]| -> Vec<f64> {
        (0..c).map(|i| (f64::from(got[i]) - exact[k][i]).abs() / size[k][i]).collect()
    };
    let summary = |errors: Vec<f64>| {
        [errors.iter().copied().fold(0.0, f64::max), errors.iter().sum::<f64>() / errors.len() as f64]
    };
    Errors {
        fused: summary([relative(0, &sums[0]), relative(1, &sums[1])].concat()),
        reduced: summary(relative(0, &reduced)),
    }
}

#[test]
fn sums_over_pixels_are_as_accurate_as_reductions_whatever_the_shape_of_the_images() {
    // narrow, so that a row of pixels is a short sum; and a single long row
    for shape in [[100, 200, 1, 16], [1, 1, 20_000, 16]] {
        let Errors { fused, .. } = errors(shape, [1, 1]);
        assert!(fused[0] < 1e-6, "{shape:?}: {fused:?}");
    }
}

/// The figures of a large batch of images; run with `--ignored --nocapture`.
#[test]
#[ignore = "prints a measurement, and takes some seconds"]
fn errors_of_the_sums_over_large_images() {
    for window in [[2, 2], [1, 1]] {
        let Errors { fused, reduced } = errors([100, 84, 84, 64], window);
        println!("windows {window:?}: largest and mean error {fused:?}, of a reduction {reduced:?}");
        assert!(fused[1] < 2.0 * reduced[1]);
    }
}
