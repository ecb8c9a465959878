//! Gradients.

use super::*;

#[test]
fn gradients_are_those_of_central_differences() {
    let episode: Episode<f64> = episode(2, 9);
    for mode in modes() {
        for (which, learner) in learners::<f64>(SMOOTH, &mode).iter().enumerate() {
            if which == 4 || which == 8 {
                continue; // soft k-means and mask as in the code: with constants
            }
            let mut start = learned(learner);
            let own = noise::<f64>(&[64], 3);
            for (i, array) in start.params.iter_mut().enumerate().skip(4) {
                array.iter_mut().zip(&own).for_each(|(p, n)| *p += 0.3 * n * (1.0 + i as f64)); // away from the start
            }
            let found = learner.lesson(&start, &episode, &Progress::default()).unwrap().grads;
            for (i, grad) in found.iter().enumerate() {
                let along = noise::<f64>(grad.shape(), 10 + i as u64);
                let at = |h: f64| {
                    let mut moved = start.clone();
                    moved.params[i].scaled_add(h, &along);
                    loss(learner, &moved, &episode)
                };
                let want = (at(1e-5) - at(-1e-5)) / 2e-5;
                let product: f64 = grad.iter().zip(&along).map(|(g, a)| g * a).sum();
                assert!(
                    (product - want).abs() < 1e-7 * want.abs().max(1.0),
                    "{mode:?} {which} {i}: {product} {want}"
                );
            }
        }
    }
}
