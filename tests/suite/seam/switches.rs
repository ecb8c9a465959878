//! Settings that are switched off leave plain MAML, bit for bit.

use innerloop::{Conv4, Downsample, Learner, Lesson, Maml, MultiStep, Order, Progress, Route, Trainable};

use super::moved;
use crate::tasks::{maml, random_episode, small_conv4};

fn plain(route: Route) -> Maml<Conv4> {
    maml(small_conv4(Downsample::MaxPool)).steps(3).route(route)
}

fn lesson(learner: &Maml<Conv4>, iteration: u64) -> Lesson<f32> {
    let episode = random_episode(&[16, 16, 1], 3, 7);
    learner.lesson(&moved(learner), &episode, &Progress::new(0, 10).at(iteration)).unwrap()
}

#[test]
fn a_multi_step_loss_of_no_epochs_has_the_bits_of_plain_maml() {
    for route in [Route::Unrolled, Route::Sweep] {
        let want = lesson(&plain(route), 3);
        let off = plain(route).multi_step(MultiStep::annealed(0, 500));
        assert_eq!(lesson(&off, 3), want, "{route:?}");
        let over = plain(route).multi_step(MultiStep::annealed(1, 3));
        assert_eq!(lesson(&over, 3), want, "{route:?}: its only epoch is over");
        assert_ne!(lesson(&over, 2), want, "{route:?}: and was not before");
    }
}

#[test]
fn no_steps_of_first_order_and_no_proximal_term_have_the_bits_of_plain_maml() {
    for route in [Route::Unrolled, Route::Sweep] {
        let want = lesson(&plain(route), 0);
        assert_eq!(lesson(&plain(route).first_order_steps(0), 0), want, "{route:?}");
        assert_eq!(lesson(&plain(route).proximal(0.0), 0), want, "{route:?}");
    }
}

#[test]
fn after_five_steps_of_first_order_come_steps_of_second_order_with_their_bits() {
    for route in [Route::Unrolled, Route::Sweep] {
        let first = lesson(&plain(route).order(Order::First), 0);
        let second = lesson(&plain(route), 0);
        assert_ne!(first.grads, second.grads);
        let both = plain(route).first_order_steps(5);
        for iteration in 0..5 {
            assert_eq!(lesson(&both, iteration), first, "{route:?}, {iteration}");
        }
        for iteration in 5..8 {
            assert_eq!(lesson(&both, iteration), second, "{route:?}, {iteration}");
        }
    }
}

#[test]
fn norms_by_step_begin_with_the_lesson_of_norms_that_do_not_adapt() {
    let episode = random_episode::<f64>(&[16, 16, 1], 3, 7);
    let shared = plain(Route::Unrolled).adapting(innerloop::Adapts::NoNorms);
    let own = plain(Route::Unrolled).norms_by_step();
    let of = |learner: &Maml<Conv4>| {
        learner.lesson(&learner.init(5).into(), &episode, &Progress::default()).unwrap()
    };
    let (shared, own) = (of(&shared), of(&own));
    assert_eq!(own.score, shared.score);
    for (a, b) in own.grads.iter().zip(&shared.grads) {
        if a.ndim() == b.ndim() {
            assert_eq!(a, b);
            continue;
        }
        // the gradient of a shared scale is the sum of those of the steps
        let sum = a.sum_axis(innerloop::ndarray::Axis(0));
        assert!(crate::tasks::distance(&[sum], std::slice::from_ref(b)) < 1e-11);
        assert!(a.outer_iter().all(|row| row.iter().any(|g| *g != 0.0)), "each step has its share");
    }
}
