use super::*;

/// An array of `len` numbers between −1 and 1.
fn wave(len: usize, f: f64) -> Vec<f64> {
    // the last digits of a sine: sines themselves would make a matrix of rank 2
    (0..len).map(|i| (((i + 1) as f64 * f).sin() * 43_758.5).fract()).collect()
}

fn product(a: &[f64], b: &[f64], n: usize, k: usize) -> Vec<f64> {
    let entry = |i: usize, j: usize| (0..n).map(|l| a[i * n + l] * b[l * k + j]).sum();
    (0..n * k).map(|at| entry(at / k, at % k)).collect()
}

fn transposed(a: &[f64], n: usize) -> Vec<f64> {
    (0..n * n).map(|at| a[at % n * n + at / n]).collect()
}

fn assert_close(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-10, "{a} where {b} is wanted"));
}

#[test]
fn lu_solves_systems_whose_first_pivots_are_zero_both_ways() {
    for n in [1, 2, 3, 7, 20] {
        let mut a = wave(n * n, 12.9898);
        if n > 1 {
            (a[0], a[n + 1]) = (0.0, 0.0);
        }
        let x = wave(n * 3, 4.1);
        let mut factors = a.clone();
        let exchanged = lu(&mut factors, n).unwrap();
        for (of, flag) in [(a.clone(), false), (transposed(&a, n), true)] {
            let mut b = product(&of, &x, n, 3);
            lu_solve(&factors, &exchanged, flag, &mut b, [n, 3]);
            assert_close(&b, &x);
        }
    }
}

#[test]
fn cholesky_times_its_transpose_is_the_matrix() {
    for n in [1, 2, 5, 17] {
        let m = wave(n * n, 3.7);
        let mut a = product(&m, &transposed(&m, n), n, n);
        (0..n).for_each(|i| a[i * n + i] += 1.0);
        let mut l = a.clone();
        cholesky(&mut l, n).unwrap();
        assert_close(&product(&l, &transposed(&l, n), n, n), &a);
        assert!((0..n * n).all(|at| at % n <= at / n || l[at] == 0.0), "a lower triangle");
    }
}

#[test]
fn triangles_are_solved_both_ways_and_the_other_half_is_not_read() {
    for triangle in [Triangle::Lower, Triangle::UnitLower, Triangle::Upper] {
        let n = 5;
        let keep = |i: usize, j: usize| if triangle == Triangle::Upper { j >= i } else { j <= i };
        let (mut stored, mut t) = (wave(n * n, 2.3), vec![0.0; n * n]);
        for (i, j) in (0..n * n).map(|at| (at / n, at % n)) {
            stored[i * n + i] = 1.5 + i as f64;
            let unit = triangle == Triangle::UnitLower && i == j;
            if keep(i, j) && !unit {
                t[i * n + j] = stored[i * n + j];
            } else if unit {
                (t[i * n + j], stored[i * n + j]) = (1.0, f64::NAN);
            } else {
                stored[i * n + j] = f64::NAN;
            }
        }
        let x = wave(n * 2, 1.1);
        for (of, flag) in [(t.clone(), false), (transposed(&t, n), true)] {
            let mut b = product(&of, &x, n, 2);
            substitute(triangle, flag, &stored, &mut b, [n, 2]);
            assert_close(&b, &x);
        }
    }
}

#[test]
fn singular_matrices_stop_at_their_row_even_when_rounding_hides_it() {
    let mut a = [1.0, 2.0, 2.0, 4.0];
    assert_eq!(lu(&mut a, 2), Err(Stopped { row: 1, pivot: 0.0 }));
    // a third row that is the sum of the others, in numbers that are not exact
    let mut a = [0.1, 0.7, 0.3, 0.5, 0.2, 0.9, 0.6, 0.9, 1.2];
    assert_eq!(lu(&mut a, 3).unwrap_err().row, 2);
    // the products of three vectors in a plane with each other
    let v = [[0.1, 0.7], [0.5, 0.2], [0.6, 0.9]];
    let mut gram: Vec<f64> =
        (0..9).map(|at| v[at / 3][0] * v[at % 3][0] + v[at / 3][1] * v[at % 3][1]).collect();
    assert_eq!(cholesky(&mut gram, 3).unwrap_err().row, 2);
    assert_eq!(cholesky(&mut [1.0, 2.0, 2.0, 1.0], 2), Err(Stopped { row: 1, pivot: -3.0 }));
}

#[test]
fn badly_scaled_matrices_are_solved() {
    let mut a = [1e200, 0.0, 0.0, 1e-200];
    assert!(lu(&mut a, 2).is_ok());
    let mut a = [1.0, 1e-200, 1.0, 2e-200];
    assert!(lu(&mut a, 2).is_ok());
    let mut a = [1e100, 0.5, 0.5, 1e-100];
    assert!(cholesky(&mut a, 2).is_ok());
}

#[test]
fn entries_that_are_not_finite_are_named() {
    let stopped = lu(&mut [1.0, 0.0, f64::INFINITY, 1.0], 2).unwrap_err();
    assert_eq!(stopped, Stopped { row: 1, pivot: f64::INFINITY });
    let stopped = cholesky(&mut [1.0, f64::NAN, 0.0, 1.0], 2).unwrap_err();
    assert!(stopped.row == 0 && stopped.pivot.is_nan());
    assert_eq!(check_diagonal(&[1.0, 0.0, 2.0, 0.0], 2), Err(Stopped { row: 1, pivot: 0.0 }));
    assert_eq!(check_diagonal(&[1.0, f64::NAN, 2.0, 3.0], 2), Ok(()));
}
