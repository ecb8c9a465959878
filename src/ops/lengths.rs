//! Lengths of vectors and the cosines between them.
//!
//! `√Σx²` has no derivative at a zero vector. There both are defined as 0 with all their derivatives: the root is
//! taken of 1 instead and the result replaced, so nothing divides by zero.

use super::select::where_;
use crate::real::Real;

use crate::var::Var;

impl<'t, T: Real> Var<'t, T> {
    /// The Euclidean length `√Σx²` over `axes`, which disappear.
    ///
    /// At a zero vector every derivative is 0. Squares neither overflow nor vanish: a vector of very large or small
    /// elements is scaled by a power of two first.
    ///
    /// # Panics
    /// If an axis is not one of this array's.
    #[track_caller]
    #[inline(never)]
    pub fn norm(self, axes: &[usize]) -> Var<'t, T> {
        let (_, left) = self.without("norm", axes);
        self.norm_kept(axes).reshape(&left)
    }

    /// [`norm`](Var::norm), but `axes` stay with length 1, so the result broadcasts against this array.
    ///
    /// # Panics
    /// If an axis is not one of this array's.
    #[track_caller]
    #[inline(never)]
    pub fn norm_kept(self, axes: &[usize]) -> Var<'t, T> {
        let (kept, _) = self.without("norm_kept", axes);
        let squares = (self * self).sum_to(&kept);
        let low = T::min_positive_value() / T::epsilon();
        let sound = squares.read(|s| s.data().iter().all(|&s| s >= low && s.is_finite()));
        if sound || self.shape().size() == 0 {
            return root(squares);
        }
        // the length is scale·|x/scale| whatever the scale, so that is a constant
        let largest = axes.iter().fold(self.detach().abs(), |x, &axis| x.max_axis_kept(axis));
        let scale = self.tape().push_leaf(largest.read(|x| x.map(power_of_two)));
        let x = self / scale;
        scale * root((x * x).sum_to(&kept))
    }

    /// Scaled to length 1 over the last axis; a zero vector stays zero, with derivatives 0.
    fn unit(self) -> Var<'t, T> {
        let length = self.norm_kept(&[self.shape().len() - 1]);
        let (zero, tape) = (length.eq(0.0), self.tape());
        where_(&zero, tape.scalar(0.0), self) / where_(&zero, tape.scalar(1.0), length)
    }
}

/// `√x`, but 0 with all derivatives where `x` is 0.
fn root<'t, T: Real>(x: Var<'t, T>) -> Var<'t, T> {
    let (zero, tape) = (x.eq(0.0), x.tape());
    if zero.count() == 0 {
        return x.sqrt();
    }
    where_(&zero, tape.scalar(0.0), where_(&zero, tape.scalar(1.0), x).sqrt())
}

/// A power of two near `x`, within the range whose reciprocal is exact too; 1 for zero, infinity and NaN.
fn power_of_two<T: Real>(x: T) -> T {
    let (mantissa, exponent, _) = x.integer_decode();
    if mantissa == 0 || !x.is_finite() {
        return T::one();
    }
    let limit = (T::max_value().as_f64().log2() * 0.8) as i32;
    let exponent = i32::from(exponent) + mantissa.ilog2() as i32;
    T::from_f64(2f64.powi(exponent.clamp(-limit, limit)))
}

/// Cosines of the angles between the rows of two matrices: `yᵢⱼ = ⟨aᵢ, bⱼ⟩/(|aᵢ|·|bⱼ|)`.
///
/// `a: [n, d]`, `b: [m, d]`. Returns `[n, m]`. A row of zeros has cosine 0 with every row, and all derivatives in it
/// are 0. Rounding may take a cosine past 1 in the last digit.
///
/// # Panics
/// If a side does not have two axes, or their `d` differ.
#[track_caller]
#[inline(never)]
pub fn cosine_similarity<'t, T: Real>(a: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
    let (sa, sb) = (a.shape(), b.shape());
    let fits = sa.len() == 2 && sb.len() == 2 && sa[1] == sb[1];
    assert!(fits, "cosine_similarity: shapes {sa:?} and {sb:?} must be [n, d] and [m, d]");
    a.unit().matmul_t(b.unit())
}

compiled_here!(T: Var::<T>::norm, Var::<T>::norm_kept, cosine_similarity::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Tape;
    use crate::{check_grads, grad};
    use ndarray::{ArrayD, arr1, arr2};

    #[test]
    fn lengths_and_cosines_have_correct_grads_to_order_3() {
        for axes in [&[0][..], &[2], &[0, 2], &[0, 1, 2], &[]] {
            check_grads(&[&[3, 2, 4]], 3, |x| x[0].norm(axes));
            check_grads(&[&[3, 2, 4]], 2, |x| (x[0] * x[0].norm_kept(axes)).tanh());
        }
        check_grads(&[&[5, 4], &[3, 4]], 3, |x| cosine_similarity(x[0], x[1]));
    }

    #[test]
    fn lengths_and_cosines_have_known_values() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr2(&[[3.0, 4.0], [0.0, -2.0], [0.0, 0.0]]).into_dyn());
        assert_eq!(x.norm(&[1]).to_array(), arr1(&[5.0, 2.0, 0.0]).into_dyn());
        assert_eq!(x.norm(&[0, 1]).item(), 29f64.sqrt());
        let y = tape.leaf(&arr2(&[[1.0, 0.0], [0.0, 7.0]]).into_dyn());
        let want = arr2(&[[0.6, 0.8], [0.0, -1.0], [0.0, 0.0]]).into_dyn();
        assert_eq!(cosine_similarity(x, y).to_array(), want);
    }

    /// Sums of the derivatives of `y` in `x`, orders 1 to 4.
    fn derivatives<'t>(y: Var<'t, f64>, x: Var<'t, f64>) -> Vec<ArrayD<f64>> {
        let mut y = y;
        let mut next = || {
            y = grad(y.sum(), &[x])[0];
            y.to_array()
        };
        (0..4).map(|_| next()).collect()
    }

    #[test]
    fn every_derivative_at_a_zero_vector_is_zero_and_the_other_rows_keep_theirs() {
        let tape = Tape::<f64>::new();
        let (zero, other) = ([0.0, 0.0, 0.0], [1.0, -2.0, 0.5]);
        let x = tape.leaf(&arr2(&[zero, other]).into_dyn());
        let alone = tape.leaf(&arr2(&[other]).into_dyn());
        let b = tape.leaf(&arr2(&[[0.3, 0.1, -0.7], zero]).into_dyn());
        let pairs = [
            (derivatives(x.norm(&[1]), x), derivatives(alone.norm(&[1]), alone)),
            (derivatives(cosine_similarity(x, b), x), derivatives(cosine_similarity(alone, b), alone)),
        ];
        for (both, one) in &pairs {
            for (both, one) in both.iter().zip(one) {
                assert_eq!(both.row(0), arr1(&zero));
                approx::assert_relative_eq!(both.row(1), one.row(0), max_relative = 1e-12, epsilon = 1e-12);
                assert!(one.iter().any(|v| *v != 0.0), "a derivative that is not zero");
            }
        }
        assert!(derivatives(cosine_similarity(alone, b), b).iter().all(|g| g.row(1) == arr1(&zero)));
    }

    trait Rows {
        fn row(&self, i: usize) -> ndarray::Array1<f64>;
    }

    impl Rows for ArrayD<f64> {
        fn row(&self, i: usize) -> ndarray::Array1<f64> {
            self.index_axis(ndarray::Axis(0), i).to_owned().into_dimensionality().expect("a matrix")
        }
    }

    #[test]
    fn squares_of_extreme_elements_neither_overflow_nor_vanish() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr2(&[[3e200, 4e200], [3e-200, 4e-200], [3.0, 4.0], [5e-324, 0.0]]).into_dyn());
        let y = x.norm(&[1]);
        approx::assert_relative_eq!(y.to_array(), arr1(&[5e200, 5e-200, 5.0, 5e-324]).into_dyn());
        let g = crate::grad_values(y.sum(), &[x]).remove(0);
        approx::assert_relative_eq!(g, arr2(&[[0.6, 0.8], [0.6, 0.8], [0.6, 0.8], [1.0, 0.0]]).into_dyn());
        let tape = Tape::<f32>::new();
        let x = tape.leaf(&arr2(&[[3e30f32, 4e30], [3e-30, 4e-30]]).into_dyn());
        approx::assert_relative_eq!(x.norm(&[1]).to_array(), arr1(&[5e30, 5e-30]).into_dyn());
    }

    #[test]
    fn a_nan_or_an_infinity_comes_through() {
        let tape = Tape::<f64>::new();
        let x = tape.leaf(&arr2(&[[f64::NAN, 1.0], [1.0, f64::NEG_INFINITY], [0.0, 0.0]]).into_dyn());
        let y = x.norm(&[1]).to_array();
        assert!(y[[0]].is_nan() && y[[1]] == f64::INFINITY && y[[2]] == 0.0);
    }

    #[test]
    fn scales_are_powers_of_two_with_an_exact_reciprocal() {
        for x in [1.0, 0.7, 3e300, 1e-320, f64::MAX, f64::MIN_POSITIVE] {
            let scale: f64 = power_of_two(x);
            assert!(scale.recip().recip() == scale && (x / scale) * scale == x, "{x}");
        }
    }

    #[test]
    #[should_panic(expected = "cosine_similarity: shapes [2, 3] and [2, 4] must be [n, d] and [m, d]")]
    fn rows_of_another_length_are_named() {
        let tape = Tape::<f64>::new();
        let _ = cosine_similarity(tape.full(&[2, 3], 0.0), tape.full(&[2, 4], 0.0));
    }
}
