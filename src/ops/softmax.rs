//! Softmax over the last axis, and cross-entropy on top of it.
//!
//! The cotangents are written with the recorded outputs, so the Hessian of a
//! cross-entropy is the softmax's own derivative and nothing is dropped.

use std::fmt::Debug;

use ndarray::ArrayViewD;

use super::index::{Positions, check_countable};
use crate::kernels::pool::larger;
use crate::kernels::{each, exponential, vectorized};
use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::{Shape, Value};
use crate::var::Var;

#[derive(Debug)]
struct LogSoftmax;

impl<T: Real> Op<T> for LogSoftmax {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        g - at.output().exp() * g.sum_last()
    }
}

#[derive(Debug)]
struct Softmax;

impl<T: Real> Op<T> for Softmax {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let y = at.output();
        y * (g - (g * y).sum_last())
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// `ln softmax(x)` over the last axis, without overflow.
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    #[inline(never)]
    pub fn log_softmax(self) -> Var<'t, T> {
        let value = rows_of(
            self,
            "log_softmax",
            #[inline(always)]
            |x, y, max, total| {
                let log_sum = max + total.ln();
                each::map_to(y, x, |x| x - log_sum);
            },
        );
        self.tape().push(value, LogSoftmax, &[self])
    }

    /// `eˣ/Σeˣ` over the last axis, without overflow.
    ///
    /// # Panics
    /// If there is no axis.
    #[track_caller]
    #[inline(never)]
    pub fn softmax(self) -> Var<'t, T> {
        let value = rows_of(
            self,
            "softmax",
            #[inline(always)]
            |_, y, _, total| y.iter_mut().for_each(|y| *y /= total),
        );
        self.tape().push(value, Softmax, &[self])
    }

    /// The sum over the last axis, which stays with length 1.
    fn sum_last(self) -> Var<'t, T> {
        let mut kept = self.shape().to_vec();
        *kept.last_mut().expect("checked when recorded") = 1;
        self.sum_to(&kept)
    }
}

/// Makes each row `x` into `y = e^(x − m)` with its largest element `m`, and then into what `f(x, y, m, Σy)` leaves in `y`.
#[track_caller]
fn rows_of<T: Real>(x: Var<'_, T>, name: &str, f: impl Fn(&[T], &mut [T], T, T)) -> Value<T> {
    let x = x.val();
    let len = *x.shape().last().unwrap_or_else(|| panic!("{name}: a scalar has no last axis"));
    let mut y = Buf::dirty(x.data().len());
    if len > 0 {
        let (y, x) = (&mut y[..], x.data());
        vectorized(
            #[inline(always)]
            || {
                for (y, x) in y.chunks_exact_mut(len).zip(x.chunks_exact(len)) {
                    let max = x.iter().fold(T::neg_infinity(), |m, &x| m.max(x));
                    each::map_to(y, x, |x| exponential::exp(x - max));
                    let total = y.iter().copied().sum();
                    f(x, y, max, total);
                }
            },
        );
    }
    Value::new(&x.shape(), y)
}

/// Cross-entropy of `logits: [n, ways]` with one label per example, the mean over
/// examples: `−mean(log_softmax(logits)[i, labels[i]])`, in nats.
///
/// # Panics
/// If `logits` does not have two axes, the number of labels differs, there is none, a label is not in `0..ways`,
/// or `logits` has 2³² elements or more. (Labels of an [`Episode`](crate::Episode) were
/// checked when it was made.)
#[track_caller]
#[inline(never)]
pub fn cross_entropy<'t, T: Real>(logits: Var<'t, T>, labels: &[usize]) -> Var<'t, T> {
    let shape = logits.shape();
    check_labels("cross_entropy", shape, labels);
    assert!(!labels.is_empty(), "cross_entropy: a mean over no examples");
    check_countable("cross_entropy", shape);
    let picked: Positions = labels.iter().enumerate().map(|(i, &l)| (i * shape[1] + l) as u32).collect();
    -logits.log_softmax().gather(&picked, &[labels.len()]).mean()
}

/// The share of rows of `logits: [n, ways]` whose largest entry is at the label,
/// in `0..=1`. Among equal entries the first counts; a row with a NaN is wrong.
///
/// # Panics
/// As [`cross_entropy`].
#[track_caller]
#[inline(never)]
pub fn accuracy<T: Real>(logits: ArrayViewD<'_, T>, labels: &[usize]) -> f64 {
    check_labels("accuracy", Shape::new(logits.shape()), labels);
    assert!(!labels.is_empty(), "accuracy: a share of no examples");
    let right = logits.rows().into_iter().zip(labels).filter(|(row, label)| {
        let best = (0..row.len()).reduce(|b, i| if larger(row[i], row[b]) { i } else { b });
        best == Some(**label) && !row[**label].is_nan()
    });
    right.count() as f64 / labels.len() as f64
}

#[track_caller]
fn check_labels(name: &str, shape: Shape, labels: &[usize]) {
    assert!(shape.len() == 2, "{name}: logits {shape:?} must have two axes, examples and ways");
    let (n, ways) = (shape[0], shape[1]);
    assert!(n == labels.len(), "{name}: {} labels for logits {shape:?}", labels.len());
    let outside = labels.iter().position(|&l| l >= ways);
    assert!(
        outside.is_none(),
        "{name}: label {} in {labels:?} is not in 0..{ways}",
        labels[outside.unwrap_or(0)]
    );
}

compiled_here!(T: Var::<T>::log_softmax, Var::<T>::softmax, cross_entropy::<T>, accuracy::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::arr2;

    #[test]
    fn softmaxes_have_correct_grads_to_order_3() {
        check_grads(&[&[3, 5]], 3, |x| x[0].softmax());
        check_grads(&[&[3, 5]], 3, |x| x[0].log_softmax());
        check_grads(&[&[2, 1, 3]], 2, |x| x[0].log_softmax().exp());
    }

    #[test]
    fn cross_entropy_has_correct_grads_to_order_3() {
        check_grads(&[&[4, 3]], 3, |x| cross_entropy(x[0], &[2, 0, 1, 1]));
    }

    #[test]
    fn huge_logits_stay_finite() {
        let tape = Tape::<f32>::new();
        let x = tape.leaf(&arr2(&[[1e30, -1e30, 0.0]]).into_dyn());
        assert_eq!(x.softmax().to_array(), arr2(&[[1.0, 0.0, 0.0]]).into_dyn());
        assert_eq!(cross_entropy(x, &[0]).item(), 0.0);
        assert!(x.log_softmax().to_array().iter().all(|v| v.is_finite()));
    }

    #[test]
    fn accuracy_counts_first_maxima_and_no_nan() {
        let logits = arr2(&[[1.0, 1.0], [0.0, 2.0], [f64::NAN, 1.0], [3.0, 1.0]]).into_dyn();
        assert_eq!(accuracy(logits.view(), &[0, 1, 0, 1]), 0.5);
    }

    #[test]
    fn cross_entropy_of_equal_logits_is_the_logarithm_of_the_ways() {
        let tape = Tape::<f64>::new();
        let loss = cross_entropy(tape.full(&[3, 5], 0.7), &[0, 4, 2]).item();
        approx::assert_relative_eq!(loss, 5f64.ln(), max_relative = 1e-15);
    }

    #[test]
    #[should_panic(expected = "cross_entropy: label 3 in [0, 3] is not in 0..3")]
    fn a_label_out_of_range_is_named() {
        let _ = cross_entropy(Tape::<f64>::new().full(&[2, 3], 0.0), &[0, 3]);
    }
}
