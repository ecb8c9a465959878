//! Derivatives through the inner step, against finite differences in `f64` along random directions.

use innerloop::ndarray::ArrayD;
use innerloop::{Experience, Order, Tape, grad, hvp};

use super::{dot, goals, moved, navigator, start};

/// Meta-parameters, of the size of initial ones but none of them 0; different ones per seed.
fn params(seed: u64) -> Vec<ArrayD<f64>> {
    let policy = navigator(Order::Second).policy;
    let weights = |seed| policy.init::<f64>(seed);
    // biases and deviations begin with 0: give them a part of the weights
    let filled = |(i, mut p): (usize, ArrayD<f64>)| {
        p.iter_mut().enumerate().filter(|(_, x)| **x == 0.0).for_each(|(j, x)| {
            *x = 0.2 * ((7 * i + 3 * j) as f64 + 2.0 * seed as f64).sin();
        });
        p
    };
    weights(seed).into_iter().enumerate().map(filled).collect()
}

fn seen(order: Order, steps: usize) -> Vec<Experience<f64>> {
    navigator(order).steps(steps).experience(&params(0), &goals(2), &start()).unwrap()
}

/// Where the trajectories were drawn, and a place at which ratios are not 1 and divergences not 0.
fn places() -> [Vec<ArrayD<f64>>; 2] {
    [params(0), moved(&params(0), 0.05, &params(9))]
}

#[test]
fn the_meta_gradient_of_the_surrogate_is_its_finite_difference() {
    for steps in [0, 1, 2] {
        let (maml, seen) = (navigator(Order::Second).steps(steps), seen(Order::Second, steps));
        for place in places() {
            let (outer, gradient) = maml.outer_gradient(&place, &seen).unwrap();
            let alone = maml.outer(&place, &seen).unwrap();
            assert!((outer.loss - alone.loss).abs() < 1e-12 && (outer.kl - alone.kl).abs() < 1e-12);
            for direction in [1, 2].map(params) {
                let h = 1e-5;
                let at = |h| maml.outer(&moved(&place, h, &direction), &seen).unwrap().loss;
                let (want, found) = ((at(h) - at(-h)) / (2.0 * h), dot(&gradient, &direction));
                assert!((found - want).abs() < 1e-7 * (1.0 + want.abs()), "{steps}: {found} {want}");
            }
        }
    }
}

#[test]
fn without_the_second_derivatives_the_gradient_is_another() {
    let seen = seen(Order::Second, 1);
    let [exact, first] = [Order::Second, Order::First].map(|order| {
        let (outer, gradient) = navigator(order).outer_gradient(&params(0), &seen).unwrap();
        (outer.loss, gradient)
    });
    assert_eq!(exact.0, first.0);
    let off = moved(&exact.1, -1.0, &first.1);
    assert!(dot(&off, &off) > 1e-4 * dot(&exact.1, &exact.1), "{}", dot(&off, &off));
    // with no inner step there is nothing to differentiate twice
    let seen = self::seen(Order::Second, 0);
    let of = |order| navigator(order).steps(0).outer_gradient(&params(0), &seen).unwrap();
    assert_eq!(of(Order::First), of(Order::Second));
}

#[test]
fn a_product_with_the_hessian_of_the_divergence_is_its_second_difference() {
    let (maml, seen) = (navigator(Order::Second), seen(Order::Second, 1));
    for place in places() {
        let [u, v] = [1, 2].map(params);
        let product = |v: &[_]| maml.kl_product(&place, &seen, v).unwrap();
        let h = 1e-4;
        let kl = |h| maml.outer(&moved(&place, h, &v), &seen).unwrap().kl;
        let (want, found) = ((kl(h) - 2.0 * kl(0.0) + kl(-h)) / (h * h), dot(&v, &product(&v)));
        assert!((found - want).abs() < 1e-5 * (1.0 + want.abs()), "{found} {want}");
        let (uv, vu) = (dot(&u, &product(&v)), dot(&v, &product(&u)));
        assert!((uv - vu).abs() < 1e-9 * (1.0 + uv.abs()), "{uv} {vu}");
    }
}

#[test]
fn where_the_trajectories_were_drawn_the_divergence_is_least_and_its_hessian_not_negative() {
    let (maml, seen) = (navigator(Order::Second), seen(Order::Second, 1));
    let outer = maml.outer(&params(0), &seen).unwrap();
    assert!(outer.kl.abs() < 1e-15 && outer.loss.abs() < 1e-12, "{outer:?}");
    for v in (1..6).map(params) {
        assert!(dot(&v, &maml.kl_product(&params(0), &seen, &v).unwrap()) > 0.0);
    }
}

#[test]
fn a_likelihood_ratio_in_the_inner_loss_would_have_the_same_gradient_and_another_curvature() {
    let policy = navigator(Order::Second).policy;
    let batch = &seen(Order::Second, 1)[0].before[0];
    let tape = Tape::<f64>::new();
    let theta = tape.leaves(&params(0));
    let [x, actions, advantages] =
        [&batch.rollout.observations, &batch.rollout.actions, &batch.advantages].map(|a| tape.leaf(a));
    let log_prob = policy.at(&theta, x).log_prob(actions);
    let logs = -(log_prob * advantages).mean();
    let ratios = -((log_prob - log_prob.detach()).exp() * advantages).mean();
    let v = tape.leaves(&params(1));
    let gradient = |loss| grad(loss, &theta).iter().map(|g| g.to_array()).collect::<Vec<_>>();
    let apart = |a: &[_], b: &[_]| {
        let off = moved(a, -1.0, b);
        dot(&off, &off) / dot(a, a)
    };
    assert!(apart(&gradient(logs), &gradient(ratios)) < 1e-20);
    assert!(apart(&hvp(logs, &theta, &v), &hvp(ratios, &theta, &v)) > 1e-3);
}
