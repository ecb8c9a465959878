//! Reading at fixed positions, and its adjoint.
//!
//! `gather` is linear in `x`; its transpose is `scatter_add`, and back again.
//! Each one's rule is the other, so the pair is right at every order.

use std::ops::Deref;

use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::{Shape, Value};
use crate::var::Var;

/// Positions into an array in row-major order; a clone shares them, as an operation
/// and its adjoint do. Reads as a slice.
///
/// ```
/// let positions = innerloop::Positions::from([3, 0, 3]);
/// assert_eq!(positions[..], [3, 0, 3]);
/// ```
#[derive(Debug, Clone)]
pub struct Positions(Buf<u32>);

impl Positions {
    pub(super) fn new(positions: Buf<u32>) -> Positions {
        Positions(positions)
    }
}

impl Deref for Positions {
    type Target = [u32];
    fn deref(&self) -> &[u32] {
        &self.0
    }
}

impl<const N: usize> From<[u32; N]> for Positions {
    fn from(positions: [u32; N]) -> Positions {
        positions.into_iter().collect()
    }
}

impl FromIterator<u32> for Positions {
    fn from_iter<I: IntoIterator<Item = u32>>(positions: I) -> Positions {
        let positions: Vec<u32> = positions.into_iter().collect();
        let mut kept = Buf::dirty(positions.len());
        kept.copy_from_slice(&positions);
        Positions::new(kept)
    }
}

#[derive(Debug)]
struct Gather(Positions);

impl<T: Real> Op<T> for Gather {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        scatter(g, &self.0, &at.input(0).shape())
    }
}

#[derive(Debug)]
struct ScatterAdd(Positions);

impl<T: Real> Op<T> for ScatterAdd {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        pick(g, &self.0, &at.input(0).shape())
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Picks elements: `y[i] = x[positions[i]]`, both read in row-major order.
    ///
    /// `x`: any shape; `positions`: as many as `shape` has elements, repeats
    /// allowed. Returns an array of `shape`.
    ///
    /// # Panics
    /// If a position lies outside `x`, or the counts differ.
    #[track_caller]
    #[inline(never)]
    pub fn gather(self, positions: &Positions, shape: &[usize]) -> Var<'t, T> {
        let x = self.val();
        let fits = positions.len() == Shape::new(shape).size();
        assert!(fits, "gather: {} positions cannot fill {shape:?}", positions.len());
        check_positions("gather", positions, x.data().len());
        pick(self, positions, shape)
    }

    /// Adds elements up at positions: `y[positions[i]] += x[i]` from zeros, both
    /// read in row-major order: the adjoint of [`gather`](Var::gather).
    ///
    /// `x`: as many elements as there are positions. Returns an array of `shape`.
    ///
    /// # Panics
    /// If a position lies outside `shape`, or the counts differ.
    #[track_caller]
    #[inline(never)]
    pub fn scatter_add(self, positions: &Positions, shape: &[usize]) -> Var<'t, T> {
        let x = self.val();
        let fits = positions.len() == x.data().len();
        assert!(fits, "scatter_add: {} positions for elements of shape {:?}", positions.len(), x.shape());
        check_positions("scatter_add", positions, Shape::new(shape).size());
        scatter(self, positions, shape)
    }

    /// Picks rows: `y[i, ..] = x[rows[i], ..]`, repeats allowed. Returns `[rows.len(), features..]`.
    ///
    /// This is the embedding lookup: `x: [entries, features..]` is the table, `rows` are the tokens, and the
    /// gradient adds up the cotangents of a row that was picked several times.
    ///
    /// # Panics
    /// If `x` has no axis, a row lies outside it, or `x` has 2³² elements or more.
    #[track_caller]
    #[inline(never)]
    pub fn index_select(self, rows: &[usize]) -> Var<'t, T> {
        let shape = self.shape();
        check_countable("index_select", shape);
        let Some((&count, rest)) = shape.split_first() else {
            panic!("index_select: an array of shape {shape:?} has no rows")
        };
        let outside = rows.iter().find(|&&r| r >= count);
        assert!(
            outside.is_none(),
            "index_select: row {} of an array of shape {shape:?}",
            outside.unwrap_or(&0)
        );
        let width: usize = rest.iter().product();
        let positions: Positions =
            rows.iter().flat_map(|&r| (r * width..(r + 1) * width).map(|p| p as u32)).collect();
        self.gather(&positions, &[&[rows.len()], rest].concat())
    }
}

/// Records a gather whose result is already known, such as that of max-pooling.
pub(super) fn gathered<'t, T: Real>(x: Var<'t, T>, y: Value<T>, positions: Positions) -> Var<'t, T> {
    x.tape().push(y, Gather(positions), &[x])
}

/// [`Var::gather`] at positions that were checked.
fn pick<'t, T: Real>(x: Var<'t, T>, positions: &Positions, shape: &[usize]) -> Var<'t, T> {
    let from = x.val();
    let mut y = Buf::dirty(positions.len());
    y.iter_mut().zip(positions.iter()).for_each(|(y, &p)| *y = from.data()[p as usize]);
    gathered(x, Value::new(shape, y), positions.clone())
}

/// [`Var::scatter_add`] at positions that were checked.
fn scatter<'t, T: Real>(x: Var<'t, T>, positions: &Positions, shape: &[usize]) -> Var<'t, T> {
    let from = x.val();
    let mut y = Buf::zeros(shape.iter().product());
    positions.iter().zip(from.data()).for_each(|(&p, &x)| y[p as usize] += x);
    x.tape().push(Value::new(shape, y), ScatterAdd(positions.clone()), &[x])
}

/// Refuses an array with elements that a 32-bit position cannot name: what every operation calls that makes
/// [`Positions`] from places in an array.
#[track_caller]
pub(super) fn check_countable(name: &str, shape: Shape) {
    let fits = u32::try_from(shape.size()).is_ok();
    assert!(
        fits,
        "{name}: an array of shape {shape:?} has 2^32 elements or more, too many for 32-bit positions"
    );
}

#[track_caller]
fn check_positions(name: &str, positions: &[u32], len: usize) {
    let largest = positions.iter().max().map_or(0, |&p| p as usize + 1);
    assert!(largest <= len, "{name}: position {} among {len} elements", largest.saturating_sub(1));
}

compiled_here!(T: Var::<T>::gather, Var::<T>::scatter_add, Var::<T>::index_select);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::{arr1, arr2};

    #[test]
    fn gather_with_repeated_positions_has_correct_grads_to_order_3() {
        let positions = Positions::from([3, 0, 3, 5]);
        check_grads(&[&[2, 3]], 3, |x| x[0].gather(&positions, &[2, 2]).tanh());
    }

    #[test]
    fn scatter_add_has_correct_grads_to_order_3() {
        let positions = Positions::from([3, 0, 3, 5]);
        check_grads(&[&[4]], 3, |x| (x[0].scatter_add(&positions, &[2, 3]) + 0.3).tanh());
    }

    #[test]
    fn index_select_reads_rows_and_adds_their_cotangents() {
        let tape = Tape::<f64>::new();
        let table = tape.leaf(&arr2(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).into_dyn());
        let rows = table.index_select(&[2, 0, 2]);
        assert_eq!(rows.to_array(), arr2(&[[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]).into_dyn());
        let g = crate::grad_values(rows.sum(), &[table]);
        assert_eq!(g[0], arr2(&[[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]).into_dyn());
        check_grads(&[&[3, 2]], 2, |x| x[0].index_select(&[2, 0, 2, 1]).tanh());
    }

    #[test]
    #[should_panic(expected = "gather: position 6 among 6 elements")]
    fn a_position_outside_is_named() {
        let x = Tape::<f64>::new();
        let _ = x.leaf(&arr1(&[0.0; 6]).into_dyn()).gather(&Positions::from([0, 6]), &[2]);
    }

    #[test]
    #[should_panic(expected = "max_axis: an array of shape [65536, 65536] has 2^32 elements or more")]
    fn an_array_that_positions_cannot_count_is_named() {
        check_countable("max_axis", Shape::new(&[65_535, 65_537])); // 2³² − 1
        check_countable("max_axis", Shape::new(&[65_536, 65_536]));
    }

    #[test]
    #[should_panic(expected = "index_select: an array of shape [] has no rows")]
    fn a_scalar_has_no_rows() {
        let _ = Tape::<f64>::new().scalar(1.0).index_select(&[0]);
    }
}
