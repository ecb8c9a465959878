//! Misuse of the engine: panics that name the operation and the shapes.

use super::*;

#[test]
#[should_panic(expected = "matmul: shapes [2, 3] (transposed: false) and [4, 5] (transposed: false)")]
fn a_product_that_does_not_fit_panics_by_name() {
    let tape = Tape::<f32>::new();
    let _ = tape.full(&[2, 3], 1.0).matmul(tape.full(&[4, 5], 1.0));
}

#[test]
#[should_panic(expected = "add: shapes [2, 3] and [2, 4] do not broadcast")]
fn a_sum_that_does_not_broadcast_panics_with_the_shapes() {
    let tape = Tape::<f32>::new();
    let _ = tape.full(&[2, 3], 1.0) + tape.full(&[2, 4], 1.0);
}

#[test]
#[should_panic(expected = "grad: a gradient is of a single number, not of shape [2, 3]")]
fn a_gradient_of_an_array_panics_with_its_shape() {
    let tape = Tape::<f32>::new();
    let x = tape.full(&[2, 3], 1.0);
    grad(x * x, &[x]);
}

#[test]
#[should_panic(expected = "different tapes")]
fn mixing_tapes_panics() {
    let (one, other) = (Tape::<f32>::new(), Tape::<f32>::new());
    let _ = one.scalar(1.0) * other.scalar(2.0);
}

#[test]
#[should_panic(expected = "Adam: there must be as many gradients as parameters")]
fn gradients_that_do_not_match_the_parameters_panic() {
    use innerloop::Optimizer;
    let mut params = vec![ArrayD::<f32>::zeros(vec![2])];
    let mut state = Adam::default().init(&params);
    Adam::default().update(&[0.1], &mut params, &[], &mut state);
}

#[test]
#[should_panic(expected = "rates")]
fn rates_that_do_not_match_the_parameters_panic() {
    use innerloop::Optimizer;
    let mut params = vec![ArrayD::<f32>::zeros(vec![2])];
    let grads = params.clone();
    let mut state = Sgd::new(0.0).init(&params);
    Sgd::new(0.0).update(&[0.1, 0.1], &mut params, &grads, &mut state);
}
