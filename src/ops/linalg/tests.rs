use crate::tape::Tape;
use crate::var::Var;
use crate::{Error, check_grads, grad, grad_values};
use approx::assert_relative_eq;
use ndarray::{ArrayD, arr1, arr2};

/// A general matrix that is far from singular, from inputs of size 1.
fn general<'t>(a: Var<'t, f64>) -> Var<'t, f64> {
    a + identity(a, 3.0)
}

/// A symmetric positive definite matrix.
fn spd<'t>(m: Var<'t, f64>) -> Var<'t, f64> {
    m.matmul_t(m) + identity(m, 1.0)
}

fn identity<'t>(like: Var<'t, f64>, scale: f64) -> Var<'t, f64> {
    let n = like.shape()[like.shape().len() - 1];
    like.tape().leaf(&(ndarray::Array2::eye(n) * scale).into_dyn())
}

const SHAPES: [([usize; 3], [usize; 3]); 2] = [([1, 3, 3], [1, 3, 2]), ([2, 4, 4], [2, 4, 1])];

/// The shapes of a test: without the batch's axis if there is one matrix.
fn each_shape(f: impl Fn(&[usize], &[usize])) {
    for (a, b) in &SHAPES {
        let skip = usize::from(a[0] == 1);
        f(&a[skip..], &b[skip..]);
    }
}

#[test]
fn general_solves_have_correct_grads_to_order_3() {
    each_shape(|a, b| check_grads(&[a, b], 3, |x| general(x[0]).solve(x[1]).unwrap()));
}

#[test]
fn symmetric_solves_have_correct_grads_to_order_3() {
    each_shape(|a, b| check_grads(&[a, b], 3, |x| spd(x[0]).solve_spd(x[1]).unwrap()));
}

#[test]
fn cholesky_has_correct_grads_to_order_3() {
    each_shape(|a, _| check_grads(&[a], 3, |x| spd(x[0]).cholesky().unwrap()));
}

#[test]
fn symmetrising_operations_have_correct_grads_at_matrices_that_are_not_symmetric() {
    each_shape(|a, b| {
        check_grads(&[a, b], 2, |x| (x[0] + identity(x[0], 6.0)).solve_spd(x[1]).unwrap());
        check_grads(&[a], 2, |x| (x[0] + identity(x[0], 6.0)).cholesky().unwrap());
    });
}

#[test]
fn triangular_solves_have_correct_grads_to_order_3_both_ways() {
    each_shape(|a, b| {
        for transposed in [false, true] {
            check_grads(&[a, b], 3, |x| general(x[0]).solve_triangular(x[1], transposed).unwrap());
        }
        check_grads(&[a], 2, |x| x[0].tril().tanh());
    });
    check_grads(&[&[2, 3, 5]], 2, |x| x[0].tril().tanh());
    check_grads(&[&[5, 3]], 2, |x| x[0].tril().tanh());
}

#[test]
fn solves_and_factors_give_known_values() {
    let tape = Tape::<f64>::new();
    let a = tape.leaf(&arr2(&[[0.0, 2.0], [4.0, 1.0]]).into_dyn());
    let b = tape.leaf(&arr2(&[[2.0], [9.0]]).into_dyn());
    assert_eq!(a.solve(b).unwrap().to_array(), arr2(&[[2.0], [1.0]]).into_dyn());
    let s = tape.leaf(&arr2(&[[4.0, 2.0], [2.0, 10.0]]).into_dyn());
    assert_eq!(s.cholesky().unwrap().to_array(), arr2(&[[2.0, 0.0], [1.0, 3.0]]).into_dyn());
    let l = tape.leaf(&arr2(&[[2.0, f64::NAN], [1.0, 3.0]]).into_dyn()); // above the diagonal nothing is read
    let b = tape.leaf(&arr2(&[[8.0], [16.0]]).into_dyn());
    assert_eq!(l.solve_triangular(b, false).unwrap().to_array(), arr2(&[[4.0], [4.0]]).into_dyn());
    let x = l.solve_triangular(b, true).unwrap();
    assert_relative_eq!(x.to_array(), arr2(&[[4.0 / 3.0], [16.0 / 3.0]]).into_dyn(), max_relative = 1e-15);
    assert_eq!(grad_values(x.sum(), &[l])[0][[0, 1]], 0.0);
    let x = s.solve_spd(b).unwrap();
    assert_relative_eq!(s.matmul(x).to_array(), b.to_array(), max_relative = 1e-15);
    let rows = tape.leaf(&arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).into_dyn());
    assert_eq!(rows.tril().to_array(), arr2(&[[1.0, 0.0, 0.0], [4.0, 5.0, 0.0]]).into_dyn());
}

fn solve_through_the_factor<'t>(a: Var<'t, f64>, b: Var<'t, f64>) -> Var<'t, f64> {
    let l = a.cholesky().unwrap();
    l.solve_triangular(l.solve_triangular(b, false).unwrap(), true).unwrap()
}

#[test]
fn all_solvers_agree_to_order_2_and_the_gradient_of_a_symmetric_solve_is_symmetric() {
    let tape = Tape::<f64>::new();
    let wave = |shape: &[usize], f: f64| {
        let mut i = 0.0;
        tape.leaf(&ArrayD::from_shape_simple_fn(shape, || {
            i += 1.0;
            (i * f).sin()
        }))
    };
    let (m, b) = (wave(&[3, 5, 5], 2.3), wave(&[3, 5, 2], 4.1));
    let a = (m.matmul_t(m) + identity(m, 1.0)).detach();
    let symmetrised = 0.5 * (a + a.transpose());
    let results = [symmetrised.solve(b).unwrap(), a.solve_spd(b).unwrap(), solve_through_the_factor(a, b)]
        .map(|x| {
            let g = grad((x * x * x).sum(), &[a, b]);
            let second = grad_values((g[0] * g[0]).sum() + (g[1] * g[1] * g[1]).sum(), &[a, b]);
            [vec![x.to_array(), g[0].to_array(), g[1].to_array()], second].concat()
        });
    for other in &results[1..] {
        for (x, y) in results[0].iter().zip(other) {
            assert_relative_eq!(x, y, max_relative = 1e-9, epsilon = 1e-10);
        }
    }
    let gradient = &results[1][1];
    assert_relative_eq!(gradient, &gradient.view().permuted_axes(vec![0, 2, 1]).to_owned(), epsilon = 1e-12);
}

#[test]
fn a_matrix_that_cannot_be_solved_is_an_error_that_names_it() {
    let tape = Tape::<f64>::new();
    let b = tape.full(&[2, 2, 1], 1.0);
    let pair = |second: [f64; 4]| {
        let all = [[1.0, 0.0, 0.0, 1.0], second].concat();
        tape.leaf(&arr1(&all).into_shape_with_order(vec![2, 2, 2]).unwrap())
    };
    type Case = (Result<(), Error>, &'static str, usize, f64);
    let done = |r: crate::Result<Var<'_, f64>>| r.map(|_| ());
    let cases: [Case; 6] = [
        (done(pair([1.0, 2.0, 2.0, 4.0]).solve(b)), "solve", 1, 0.0),
        (done(pair([1.0, 2.0, 2.0, 1.0]).solve_spd(b)), "solve_spd", 1, -3.0),
        (done(pair([-1.0, 0.0, 0.0, 1.0]).cholesky()), "cholesky", 0, -1.0),
        (done(pair([1.0, 7.0, 2.0, 0.0]).solve_triangular(b, false)), "solve_triangular", 1, 0.0),
        (done(pair([1.0, 0.0, f64::NAN, 4.0]).solve(b)), "solve", 1, f64::NAN),
        (done(pair([f64::INFINITY, 0.0, 0.0, 4.0]).cholesky()), "cholesky", 0, f64::INFINITY),
    ];
    for (result, name, at, value) in cases {
        match result {
            Err(Error::NotSolvable { op, matrix: 1, row, pivot }) => {
                assert!(op == name && row == at && pivot.total_cmp(&value).is_eq(), "{op} {row} {pivot}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    let message = pair([1.0, 2.0, 2.0, 4.0]).solve(b).unwrap_err().to_string();
    assert!(message.starts_with("solve: matrix 1 of the batch (counted from 0) cannot be solved, the pivot in its row 1 is 0: add a ridge"), "{message}");
}

#[test]
fn a_right_hand_side_or_solution_that_is_not_finite_is_an_error() {
    let tape = Tape::<f64>::new();
    let b = tape.leaf(&arr2(&[[1.0], [f64::NAN]]).into_dyn());
    let message = tape.leaf(&ArrayD::from_elem(vec![2, 2], 1.0)).tril().solve(b).unwrap_err().to_string();
    assert!(message.starts_with("solve: element 1 of the right-hand side [2, 1] is not finite"), "{message}");
    let tiny = tape.full(&[1, 1], 1e-300);
    let message = tiny.solve_spd(tape.full(&[1, 1], 1e300)).unwrap_err().to_string();
    assert!(message.starts_with("solve_spd: element 0 of the solution [1, 1] is not finite"), "{message}");
}

#[test]
fn empty_systems_have_empty_solutions() {
    let tape = Tape::<f32>::new();
    for (a, b) in [(&[0, 0][..], &[0, 3][..]), (&[2, 2], &[2, 0]), (&[0, 2, 2], &[0, 2, 1])] {
        let x = (tape.full(a, 0.0)
            + if a == [2, 2] { tape.leaf(&ndarray::Array2::eye(2).into_dyn()) } else { tape.scalar(1.0) })
        .solve(tape.full(b, 1.0));
        assert_eq!(*x.unwrap().shape(), *b);
    }
}

#[test]
#[should_panic(expected = "solve: a matrix of shape [2, 3] must be square")]
fn a_matrix_that_is_not_square_is_named() {
    let tape = Tape::<f32>::new();
    let _ = tape.full(&[2, 3], 1.0).solve(tape.full(&[2, 1], 1.0));
}

#[test]
#[should_panic(expected = "solve_spd: a right-hand side of shape [3, 1] for a matrix of shape [2, 2]")]
fn a_right_hand_side_of_another_height_is_named() {
    let tape = Tape::<f32>::new();
    let _ = tape.full(&[2, 2], 1.0).solve_spd(tape.full(&[3, 1], 1.0));
}
