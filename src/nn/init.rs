//! Distributions of initial parameters.

use std::fmt;
use std::sync::Arc;

use ndarray::ArrayD;
use rand::Rng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::random::between;
use crate::real::Real;

/// The distribution from which a parameter's initial values are drawn.
///
/// Draws are made in `f64`, in row-major order, from a generator of the parameter's own,
/// and then rounded to the element type.
///
/// ```
/// use innerloop::{Init, ParamSpec, init_params};
/// let specs = [
///     ParamSpec::linear("w", 4, 3).with_init(Init::Orthogonal { gain: 1.0 }),
///     ParamSpec::bias("b", 3).with_init(Init::Uniform { low: -0.5, high: 0.5 }),
///     ParamSpec::new("rates", &[2], Init::Constant(0.01)),
/// ];
/// let params = init_params::<f32>(&specs, 0);
/// assert_eq!(params[2].as_slice(), Some(&[0.01; 2][..]));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// Every element has this value.
    Constant(f64),
    /// Independent normal numbers with mean 0.
    Normal {
        /// The standard deviation, 0 or more.
        deviation: f64,
    },
    /// Independent numbers, uniform between two bounds.
    Uniform {
        /// The lower bound.
        low: f64,
        /// The upper bound, not below `low`.
        high: f64,
    },
    /// `gain` times a random semi-orthogonal matrix (Saxe, McClelland and Ganguli 2014,
    /// section 3.4). The array is read as a matrix whose columns are its last axis:
    /// `[inputs, outputs]` for a linear layer, `[kh·kw·c_in, c_out]` for a convolution.
    /// Its columns are orthonormal, or its rows if there are fewer rows. Needs two axes or more.
    Orthogonal {
        /// The factor of the orthonormal matrix.
        gain: f64,
    },
    /// The identity matrix `[n, n]`.
    Identity,
    /// A function of your own: see [`Init::own`].
    Own(OwnInit),
}

/// A user's function that draws initial values; made by [`Init::own`].
///
/// Two of them are equal if they are clones of each other.
#[derive(Clone)]
pub struct OwnInit(Arc<Draw>);

type Draw = dyn Fn(&mut dyn Rng, &[usize]) -> ArrayD<f64> + Send + Sync;

impl fmt::Debug for OwnInit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnInit(..)")
    }
}

impl PartialEq for OwnInit {
    fn eq(&self, other: &OwnInit) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Init {
    /// A function of your own, given the parameter's generator and its shape. It must return
    /// an array of that shape; the first call that uses the parameters refuses any other.
    ///
    /// ```
    /// use innerloop::{Init, ParamSpec, init_params, ndarray::ArrayD, rand::Rng};
    /// // +1 or -1 with equal probability
    /// let signs = Init::own(|rng, shape| {
    ///     ArrayD::from_shape_simple_fn(shape, || if rng.next_u32() % 2 == 0 { 1.0 } else { -1.0 })
    /// });
    /// let params = init_params::<f32>(&[ParamSpec::scale("s", 5).with_init(signs)], 0);
    /// assert!(params[0].iter().all(|s| s.abs() == 1.0));
    /// ```
    pub fn own(draw: impl Fn(&mut dyn Rng, &[usize]) -> ArrayD<f64> + Send + Sync + 'static) -> Init {
        Init::Own(OwnInit(Arc::new(draw)))
    }

    /// Draws an array of `shape`.
    pub(super) fn draw<T: Real>(&self, rng: &mut ChaCha8Rng, shape: &[usize]) -> ArrayD<T> {
        match *self {
            Init::Constant(value) => ArrayD::from_elem(shape, T::from_f64(value)),
            Init::Normal { deviation } => {
                ArrayD::from_shape_simple_fn(shape, || T::from_f64(deviation * standard_normal(rng)))
            }
            Init::Uniform { low, high } => {
                ArrayD::from_shape_simple_fn(shape, || T::from_f64(between(rng, low, high)))
            }
            Init::Orthogonal { gain } => {
                let (rows, cols) = matrix(shape);
                let columns = orthonormal(rng, rows.max(cols), rows.min(cols));
                let at = |i: usize| {
                    let (row, col) = (i / cols, i % cols);
                    if rows >= cols { columns[col][row] } else { columns[row][col] }
                };
                let numbers = (0..rows * cols).map(|i| T::from_f64(gain * at(i))).collect();
                ArrayD::from_shape_vec(shape, numbers).expect("as many numbers as the shape has elements")
            }
            Init::Identity => {
                ArrayD::from_shape_fn(shape, |at| if at[0] == at[1] { T::one() } else { T::zero() })
            }
            Init::Own(ref own) => own.0(rng, shape).mapv(T::from_f64),
        }
    }
}

fn standard_normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Rows and columns of an array whose columns are its last axis.
fn matrix(shape: &[usize]) -> (usize, usize) {
    let (cols, rows) = shape.split_last().expect("checked: an orthogonal array has at least two axes");
    (rows.iter().product(), *cols)
}

/// `count` orthonormal vectors of length `n`, uniform over all such lists: normal vectors after
/// Gram-Schmidt, which is a QR factorisation with a positive diagonal (Mezzadri 2007).
fn orthonormal(rng: &mut ChaCha8Rng, n: usize, count: usize) -> Vec<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut v: Vec<f64> = (0..n).map(|_| standard_normal(rng)).collect();
        let drawn = dot(&v, &v).sqrt();
        // a second round removes the rounding errors of the first
        for _ in 0..2 {
            for other in &vectors {
                let share = dot(&v, other);
                v.iter_mut().zip(other).for_each(|(v, o)| *v -= share * o);
            }
        }
        let left = dot(&v, &v).sqrt();
        // a draw inside the span of the others has no direction left; take another
        if left > 1e-12 * drawn {
            v.iter_mut().for_each(|v| *v /= left);
            vectors.push(v);
        }
    }
    vectors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    fn draw(init: &Init, shape: &[usize]) -> ArrayD<f64> {
        init.draw(&mut stream(3, Purpose::Init, 0), shape)
    }

    #[test]
    fn an_orthogonal_array_has_orthonormal_columns_or_rows_times_its_gain() {
        for shape in [&[7, 4][..], &[4, 7], &[5, 5], &[3, 3, 2, 6], &[1, 9]] {
            let array = draw(&Init::Orthogonal { gain: 1.5 }, shape);
            let (rows, cols) = matrix(shape);
            let a = array.into_shape_with_order((rows, cols)).unwrap();
            let gram = if rows >= cols { a.t().dot(&a) } else { a.dot(&a.t()) };
            let want = 2.25 * ndarray::Array2::eye(rows.min(cols));
            approx::assert_relative_eq!(gram, want, epsilon = 1e-12);
        }
    }

    #[test]
    fn a_normal_array_has_its_deviation_and_a_uniform_one_its_bounds() {
        let normal = draw(&Init::Normal { deviation: 0.3 }, &[100, 100]);
        // standard error of the deviation: 0.3/√20000
        assert!((normal.std(0.0) - 0.3).abs() < 0.01, "{}", normal.std(0.0));
        let uniform = draw(&Init::Uniform { low: -1.0, high: 3.0 }, &[100, 100]);
        assert!(uniform.iter().all(|v| (-1.0..=3.0).contains(v)));
        assert!((uniform.mean().unwrap() - 1.0).abs() < 0.05 && uniform.iter().any(|&v| v > 2.9));
    }

    #[test]
    fn a_draw_is_a_function_of_its_generator() {
        for init in [Init::Orthogonal { gain: 1.0 }, Init::Uniform { low: 0.0, high: 1.0 }] {
            assert_eq!(draw(&init, &[3, 4]), draw(&init, &[3, 4]));
            assert_ne!(draw(&init, &[3, 4]), init.draw::<f64>(&mut stream(4, Purpose::Init, 0), &[3, 4]));
        }
    }
}
