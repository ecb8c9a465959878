//! Matrix products.
//!
//! A product with a transpose flag on each side closes on itself: each of its
//! two derivatives is again such a product.

use crate::op::{Op, Point};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::{Shape, Value};
use crate::var::Var;

/// `C = op(A)·op(B)`, where `op` transposes the last two axes if its flag is set. The flags
/// are in the type, so that recording a product allocates nothing.
#[derive(Debug)]
struct MatMul<const TA: bool, const TB: bool>;

impl<T: Real, const TA: bool, const TB: bool> Op<T> for MatMul<TA, TB> {
    fn reads_output(&self) -> bool {
        false
    }

    fn vjp<'t>(&self, wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let (a, b) = (at.input(0), at.input(1));
        match (wrt, TA, TB) {
            (0, false, tb) => product(g, false, b, !tb),
            (0, true, tb) => product(b, tb, g, true),
            (_, ta, false) => product(a, !ta, g, false),
            (_, ta, true) => product(g, true, a, ta),
        }
    }
}

#[track_caller]
pub(super) fn product<'t, T: Real>(a: Var<'t, T>, ta: bool, b: Var<'t, T>, tb: bool) -> Var<'t, T> {
    let value = a.read(|a| b.read(|b| multiplied(a, ta, b, tb)));
    let tape = a.tape();
    match (ta, tb) {
        (false, false) => tape.push(value, MatMul::<false, false>, &[a, b]),
        (false, true) => tape.push(value, MatMul::<false, true>, &[a, b]),
        (true, false) => tape.push(value, MatMul::<true, false>, &[a, b]),
        (true, true) => tape.push(value, MatMul::<true, true>, &[a, b]),
    }
}

/// `op(a)·op(b)`: 2-D, or 3-D with as many matrices on both sides.
#[track_caller]
pub(super) fn multiplied<T: Real>(a: &Value<T>, ta: bool, b: &Value<T>, tb: bool) -> Value<T> {
    let (sa, sb) = (a.shape(), b.shape());
    let (batch, [ra, ca], [rb, cb]) = match (&*sa, &*sb) {
        (&[ra, ca], &[rb, cb]) => (None, [ra, ca], [rb, cb]),
        (&[n, ra, ca], &[n_b, rb, cb]) if n == n_b => (Some(n), [ra, ca], [rb, cb]),
        _ => mismatch([sa, sb], [ta, tb]),
    };
    let (m, k) = if ta { (ca, ra) } else { (ra, ca) };
    let (k_b, n) = if tb { (cb, rb) } else { (rb, cb) };
    if k != k_b {
        mismatch([sa, sb], [ta, tb]);
    }
    let Some(batch) = batch else {
        let mut c = Buf::dirty(m * n);
        T::gemm(m, k, n, a.data(), ta, b.data(), tb, &mut c);
        return Value::new(&[m, n], c);
    };
    let mut c = Buf::dirty(batch * m * n);
    for i in 0..batch {
        let (a, b) = (&a.data()[i * m * k..(i + 1) * m * k], &b.data()[i * k * n..(i + 1) * k * n]);
        T::gemm(m, k, n, a, ta, b, tb, &mut c[i * m * n..(i + 1) * m * n]);
    }
    Value::new(&[batch, m, n], c)
}

#[cold]
#[track_caller]
fn mismatch([a, b]: [Shape; 2], [ta, tb]: [bool; 2]) -> ! {
    panic!("matmul: shapes {a:?} (transposed: {ta}) and {b:?} (transposed: {tb})")
}

impl<'t, T: Real> Var<'t, T> {
    /// Matrix product over the last two axes: `[.., m, k] · [.., k, n] → [.., m, n]`.
    ///
    /// Both sides have two axes, or three with as many matrices on both; or the
    /// left has any number and the right is one matrix `[k, n]` for all.
    ///
    /// # Panics
    /// If the shapes do not match.
    #[track_caller]
    #[inline(never)]
    pub fn matmul(self, other: Var<'t, T>) -> Var<'t, T> {
        self.product_with(other, false)
    }

    /// Matrix product with the right side's last two axes swapped:
    /// `[.., m, k] · [.., n, k]ᵀ → [.., m, n]`, else as [`matmul`](Var::matmul).
    ///
    /// # Panics
    /// If the shapes do not match.
    #[track_caller]
    #[inline(never)]
    pub fn matmul_t(self, other: Var<'t, T>) -> Var<'t, T> {
        self.product_with(other, true)
    }

    /// Matrix product with each side transposed or not: `op(self)·op(other)`, where `op` swaps the last two axes if
    /// its flag, `ta` for `self` and `tb` for `other`, is set.
    ///
    /// `op(self): [m, k]` and `op(other): [k, n]`, or as many of both, `[batch, m, k]` and `[batch, k, n]`. Returns
    /// `[m, n]` or `[batch, m, n]`. Nothing is copied to transpose it.
    ///
    /// # Panics
    /// If the shapes do not match.
    #[track_caller]
    #[inline(never)]
    pub fn matmul_with(self, other: Var<'t, T>, ta: bool, tb: bool) -> Var<'t, T> {
        if ta { product(self, true, other, tb) } else { self.product_with(other, tb) }
    }

    #[track_caller]
    fn product_with(self, other: Var<'t, T>, tb: bool) -> Var<'t, T> {
        let (sa, matrix) = (self.shape(), other.shape().len() == 2);
        if matrix && sa.len() > 2 {
            let (outer, k) = (&sa[..sa.len() - 1], sa[sa.len() - 1]);
            let rows = self.reshape(&[outer.iter().product(), k]);
            let flat = product(rows, false, other, tb);
            return flat.reshape(&[outer, &[flat.shape()[1]]].concat());
        }
        product(self, false, other, tb)
    }
}

compiled_here!(T: Var::<T>::matmul, Var::<T>::matmul_t, Var::<T>::matmul_with);

#[cfg(test)]
mod tests {
    use super::product;
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::arr2;

    #[test]
    fn products_have_correct_grads_to_order_3_with_every_transpose() {
        for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
            let a = if ta { [5, 3] } else { [3, 5] };
            let b = if tb { [2, 5] } else { [5, 2] };
            check_grads(&[&a, &b], 3, |x| product(x[0], ta, x[1], tb));
        }
    }

    #[test]
    fn products_with_any_transposes_have_correct_grads_and_known_values() {
        let tape = Tape::<f64>::new();
        let a = tape.leaf(&arr2(&[[1.0, 2.0], [3.0, 4.0]]).into_dyn());
        for (ta, tb, want) in [
            (false, false, [[7.0, 10.0], [15.0, 22.0]]),
            (false, true, [[5.0, 11.0], [11.0, 25.0]]),
            (true, false, [[10.0, 14.0], [14.0, 20.0]]),
            (true, true, [[7.0, 15.0], [10.0, 22.0]]),
        ] {
            assert_eq!(a.matmul_with(a, ta, tb).to_array(), arr2(&want).into_dyn());
            let shapes = [if ta { [4, 5, 3] } else { [4, 3, 5] }, if tb { [4, 2, 5] } else { [4, 5, 2] }];
            check_grads(&[&shapes[0], &shapes[1]], 3, |x| x[0].matmul_with(x[1], ta, tb));
        }
        check_grads(&[&[2, 2, 3, 5], &[2, 5]], 2, |x| x[0].matmul_with(x[1], false, true).tanh());
    }

    #[test]
    fn batched_products_have_correct_grads() {
        check_grads(&[&[4, 3, 5], &[4, 5, 2]], 2, |x| x[0].matmul(x[1]).tanh());
        check_grads(&[&[4, 3, 5], &[4, 2, 5]], 2, |x| x[0].matmul_t(x[1]).tanh());
        check_grads(&[&[2, 2, 3, 5], &[5, 3]], 2, |x| x[0].matmul(x[1]).tanh());
    }

    #[test]
    fn a_product_gives_known_values() {
        let tape = Tape::<f64>::new();
        let a = tape.leaf(&arr2(&[[1.0, 2.0], [3.0, 4.0]]).into_dyn());
        assert_eq!(a.matmul(a).to_array(), arr2(&[[7.0, 10.0], [15.0, 22.0]]).into_dyn());
        assert_eq!(a.matmul_t(a).to_array(), arr2(&[[5.0, 11.0], [11.0, 25.0]]).into_dyn());
    }

    #[test]
    #[should_panic(expected = "matmul: shapes [2, 3] (transposed: false) and [2, 3] (transposed: false)")]
    fn shapes_that_do_not_match_are_named() {
        let a = Tape::<f32>::new();
        let a = a.full(&[2, 3], 1.0);
        let _ = a.matmul(a);
    }
}
