//! How accurate the sums of the fused norm are.

use crate::kernels::norm::{Moments, Winners};
use crate::kernels::pool::PoolWindows;

/// Largest and mean relative error of the first derivative's sums against `f64`.
fn errors(shape: [usize; 4], window: [usize; 2]) -> [f64; 2] {
    let [n, h, w, c] = shape;
    let windows = PoolWindows { shape, window, stride: window };
    let mut state = 12345u64;
    let mut noise = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let x: Vec<f32> = (0..n * h * w * c).map(|_| noise() + noise() - 1.0).collect();
    let mut moments = Moments::new(c);
    moments.add(&x);
    let mut winners = Winners::new(windows, 1e-5, moments);
    let (gamma, beta) = (vec![1.0f32; c], vec![0.3f32; c]);
    let outputs: usize = windows.pooled().iter().product();
    let mut y = vec![0.0f32; outputs];
    winners.choose(0, &x, [&gamma, &beta], &mut y);
    // mostly of one sign, so that the sums are large
    let g: Vec<f32> = (0..outputs).map(|_| 0.25 + noise()).collect();
    let mut sums = [vec![0.0f32; c], vec![0.0f32; c]];
    winners.add_sums(0, &x, &g, &mut sums);
    let (mut want, mut size) = ([vec![0.0f64; c], vec![0.0f64; c]], [vec![0.0f64; c], vec![0.0f64; c]]);
    let (at, on) = winners.positions("sums");
    for (o, (&p, &on)) in at.iter().zip(on.iter()).enumerate() {
        let channel = o % c;
        let a = f64::from(g[o] * on);
        let ax = a * f64::from(x[p as usize] - winners.mean[channel]);
        for (i, v) in [a, ax].into_iter().enumerate() {
            want[i][channel] += v;
            size[i][channel] += v.abs();
        }
    }
    let mut a = vec![0.0f32; x.len()];
    at.iter().zip(g.iter().zip(on.iter())).for_each(|(&p, (g, on))| a[p as usize] = g * on);
    let mut total = vec![0.0f32; c];
    crate::kernels::reduce::sum_rows(&a, &mut total);
    let reduced: Vec<f64> = (0..c).map(|j| (f64::from(total[j]) - want[0][j]).abs() / size[0][j]).collect();
    println!(
        "  reduce: largest {:.2e}, mean {:.2e}",
        reduced.iter().fold(0.0, |a: f64, &b| a.max(b)),
        reduced.iter().sum::<f64>() / c as f64
    );
    let all = (0..2).flat_map(|i| (0..c).map(move |j| (i, j)));
    let errors: Vec<f64> =
        all.map(|(i, j)| (f64::from(sums[i][j]) - want[i][j]).abs() / size[i][j]).collect();
    [errors.iter().fold(0.0, |a: f64, &b| a.max(b)), errors.iter().sum::<f64>() / errors.len() as f64]
}

#[test]
fn sums_of_winners_measured() {
    for (shape, window) in [
        ([100, 84, 84, 64], [2, 2]),
        ([100, 84, 84, 64], [1, 1]),
        ([100, 42, 42, 64], [1, 1]),
        ([100, 200, 1, 16], [1, 1]),
        ([10, 1, 200_000, 3], [1, 1]),
    ] {
        let [most, mean] = errors(shape, window);
        println!("{shape:?} {window:?}: largest {most:.2e}, mean {mean:.2e}");
    }
}
