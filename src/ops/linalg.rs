//! Solving linear systems.
//!
//! `x = A⁻¹·b` pulls a cotangent `g` back to `b` as `h = A⁻ᵀ·g` and to `A` as `−h·xᵀ`: a solve with the
//! transposed matrix and a product. The operation keeps the factorisation, so its rule neither repeats it nor
//! fails, and the rule's own solve is again this operation: the set closes at every order. The same rule serves
//! LU, Cholesky and triangular matrices; they differ in their factors and in the entries of `A` that count.
//!
//! For `L = cholesky(S)` with cotangent `g` (Murray 2016, "Differentiation of the Cholesky decomposition",
//! equation 10): `S` gets `L⁻ᵀ·Φ(Lᵀ·g)·L⁻¹`, where `Φ` keeps the lower triangle and halves the diagonal. `Φ` is
//! linear and its own adjoint.

use std::rc::Rc;

use super::matmul::product;
use crate::error::{Error, Result};
use crate::kernels::linalg::{self, Stopped, Triangle};
use crate::op::{Emit, Op, Point, Rule};
use crate::pool::Buf;
use crate::real::Real;
use crate::value::{Shape, Value};
use crate::var::Var;

/// A matrix, or a batch of them, in the form in which it is solved.
#[derive(Debug)]
enum Factors<T: Real> {
    /// `L` and `U` in one array, and the row exchanges of each matrix.
    Lu(Value<T>, Vec<Vec<usize>>),
    /// The lower factor of a symmetric matrix.
    Cholesky(Value<T>),
    /// A lower triangular matrix itself; what stands above its diagonal does not count.
    Lower(Value<T>),
}

impl<T: Real> Factors<T> {
    /// `A⁻¹·b`, or `A⁻ᵀ·b`, for each matrix of the batch.
    fn solve(&self, transposed: bool, b: &Value<T>) -> Value<T> {
        let (Factors::Lu(a, _) | Factors::Cholesky(a) | Factors::Lower(a)) = self;
        let (shape, mut x) = (b.shape(), Buf::dirty(b.data().len()));
        x.copy_from_slice(b.data());
        let dims = [shape[shape.len() - 2], shape[shape.len() - 1]];
        let [n, k] = dims;
        if n * k == 0 {
            return Value::new(&shape, x);
        }
        for (i, (x, a)) in x.chunks_exact_mut(n * k).zip(a.data().chunks_exact(n * n)).enumerate() {
            match self {
                Factors::Lu(_, exchanged) => linalg::lu_solve(a, &exchanged[i], transposed, x, dims),
                Factors::Lower(_) => linalg::substitute(Triangle::Lower, transposed, a, x, dims),
                Factors::Cholesky(_) => {
                    linalg::substitute(Triangle::Lower, false, a, x, dims);
                    linalg::substitute(Triangle::Lower, true, a, x, dims);
                }
            }
        }
        Value::new(&shape, x)
    }
}

/// Inputs `A`, `b`; output `A⁻¹·b`, or `A⁻ᵀ·b` if `transposed`.
#[derive(Debug)]
struct Solve<T: Real> {
    factors: Rc<Factors<T>>,
    transposed: bool,
}

impl<T: Real> Rule<T> for Solve<T> {
    fn backward<'t>(&self, gs: &[Option<Var<'t, T>>], at: Point<'t, '_, T>, emit: &mut Emit<'_, 't, T>) {
        let Some(g) = gs[0] else { return };
        let h = solved(&self.factors, !self.transposed, at.input(0), g);
        if at.needs(0) {
            let x = at.output();
            let minus = if self.transposed { x.matmul_t(h) } else { h.matmul_t(x) };
            emit.cotangent(
                0,
                if matches!(*self.factors, Factors::Lower(_)) { -minus.tril() } else { -minus },
            );
        }
        if at.needs(1) {
            emit.cotangent(1, h);
        }
    }
}

/// Records a solve with the factors of `a`.
fn solved<'t, T: Real>(
    factors: &Rc<Factors<T>>,
    transposed: bool,
    a: Var<'t, T>,
    b: Var<'t, T>,
) -> Var<'t, T> {
    let x = b.read(|b| factors.solve(transposed, b));
    let rule = Solve { factors: Rc::clone(factors), transposed };
    let [x] = a.tape().push_all([x], rule, &[a, b]);
    x
}

/// Input `S`, symmetric; output its lower factor, which `factors` holds too.
#[derive(Debug)]
struct Cholesky<T: Real>(Rc<Factors<T>>);

impl<T: Real> Op<T> for Cholesky<T> {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, at: Point<'t, '_, T>) -> Var<'t, T> {
        let l = at.output();
        let middle = product(l, true, g, false).lower(0.5);
        let left = solved(&self.0, true, l, middle);
        solved(&self.0, true, l, left.transpose()).transpose()
    }
}

/// `y = x` below the diagonal of each matrix, `diagonal·x` on it, 0 above: linear and its own adjoint.
#[derive(Debug)]
struct Lower {
    diagonal: f64,
}

impl<T: Real> Op<T> for Lower {
    fn vjp<'t>(&self, _wrt: usize, g: Var<'t, T>, _at: Point<'t, '_, T>) -> Var<'t, T> {
        g.lower(self.diagonal)
    }

    fn reads_output(&self) -> bool {
        false
    }
}

/// A batch of square matrices, taken apart: how many and how large.
#[track_caller]
fn square(name: &str, a: Shape) -> [usize; 2] {
    match *a {
        [n, cols] if n == cols => [1, n],
        [count, n, cols] if n == cols => [count, n],
        _ => panic!("{name}: a matrix of shape {a:?} must be square, [n, n] or [batch, n, n]"),
    }
}

#[track_caller]
fn check_right_side(name: &str, a: Shape, b: Shape) {
    square(name, a);
    let fits = a.len() == b.len() && a[..a.len() - 1] == b[..b.len() - 1];
    assert!(fits, "{name}: a right-hand side of shape {b:?} for a matrix of shape {a:?}");
}

/// Runs `factorise` on a copy of each matrix of `a`.
fn factorised<T: Real, R>(
    op: &'static str,
    a: Var<'_, T>,
    mut factorise: impl FnMut(&mut [T], usize) -> Result<R, Stopped>,
) -> Result<(Value<T>, Vec<R>)> {
    let (a, [_, n]) = (a.val(), square(op, a.shape()));
    let mut factors = Buf::dirty(a.data().len());
    factors.copy_from_slice(a.data());
    let matrices = factors.chunks_exact_mut((n * n).max(1)).enumerate();
    let each = matrices.map(|(matrix, a)| {
        factorise(a, n).map_err(|Stopped { row, pivot }| Error::NotSolvable { op, matrix, row, pivot })
    });
    let each = each.collect::<Result<Vec<R>>>()?;
    Ok((Value::new(&a.shape(), factors), each))
}

/// Records the first solve and looks at what came out.
#[track_caller]
fn checked_solve<'t, T: Real>(
    op: &'static str,
    factors: Factors<T>,
    transposed: bool,
    a: Var<'t, T>,
    b: Var<'t, T>,
) -> Result<Var<'t, T>> {
    let infinite = |v: &Value<T>| v.data().iter().position(|x| !x.is_finite());
    if let Some(at) = b.read(infinite) {
        let what = format!("{op}: element {at} of the right-hand side {:?}", b.shape());
        return Err(Error::NotFinite { what });
    }
    let x = solved(&Rc::new(factors), transposed, a, b);
    match x.read(infinite) {
        Some(at) => {
            Err(Error::NotFinite { what: format!("{op}: element {at} of the solution {:?}", x.shape()) })
        }
        None => Ok(x),
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// The solution of `A·x = b` for this square matrix `A`, by LU factorisation with partial pivoting.
    ///
    /// `self: [n, n]`, `b: [n, k]`; or a batch, `[m, n, n]` and `[m, n, k]`. Returns the shape of `b`.
    ///
    /// # Errors
    /// [`Error::NotSolvable`] if a matrix has an entry that is not finite, or a pivot that is not larger than
    /// rounding errors; [`Error::NotFinite`] if `b` or the solution is not finite.
    ///
    /// # Panics
    /// If the shapes do not match.
    #[track_caller]
    #[inline(never)]
    pub fn solve(self, b: Var<'t, T>) -> Result<Var<'t, T>> {
        check_right_side("solve", self.shape(), b.shape());
        let (factors, exchanged) = factorised("solve", self, linalg::lu)?;
        checked_solve("solve", Factors::Lu(factors, exchanged), false, self, b)
    }

    /// The solution of `S·x = b` for a symmetric positive definite matrix, by Cholesky factorisation: half the
    /// work of [`solve`](Var::solve), and a matrix that is not positive definite is an error.
    ///
    /// `self: [n, n]`, `b: [n, k]`; or a batch, `[m, n, n]` and `[m, n, k]`. Returns the shape of `b`. `S` is
    /// `(A + Aᵀ)/2` of this matrix `A`, so the function is defined for every `A` and its gradient in `A` is
    /// symmetric.
    ///
    /// # Errors
    /// [`Error::NotSolvable`] if a matrix is not finite or not positive definite beyond rounding errors;
    /// [`Error::NotFinite`] if `b` or the solution is not finite.
    ///
    /// # Panics
    /// If the shapes do not match.
    #[track_caller]
    #[inline(never)]
    pub fn solve_spd(self, b: Var<'t, T>) -> Result<Var<'t, T>> {
        check_right_side("solve_spd", self.shape(), b.shape());
        let s = self.symmetrised();
        let (factor, _) = factorised("solve_spd", s, linalg::cholesky)?;
        checked_solve("solve_spd", Factors::Cholesky(factor), false, s, b)
    }

    /// The lower triangular `L` with a positive diagonal and `L·Lᵀ = S`, for a symmetric positive definite matrix.
    ///
    /// `self: [n, n]`, or a batch `[m, n, n]`. Returns the same shape, zeros above the diagonal. `S` is
    /// `(A + Aᵀ)/2` of this matrix `A`, so the function is defined for every `A` and its gradient in `A` is
    /// symmetric (Murray 2016, "Differentiation of the Cholesky decomposition", equation 10).
    ///
    /// # Errors
    /// [`Error::NotSolvable`] if a matrix is not finite or not positive definite beyond rounding errors.
    ///
    /// # Panics
    /// If the matrix is not square.
    #[track_caller]
    #[inline(never)]
    pub fn cholesky(self) -> Result<Var<'t, T>> {
        square("cholesky", self.shape());
        let s = self.symmetrised();
        let (factor, _) = factorised("cholesky", s, linalg::cholesky)?;
        let rule = Cholesky(Rc::new(Factors::Lower(factor.clone())));
        Ok(self.tape().push(factor, rule, &[s]))
    }

    /// The solution of `L·x = b`, or of `Lᵀ·x = b` if `transposed`, where `L` is the lower triangle of this matrix.
    ///
    /// `self: [n, n]`, `b: [n, k]`; or a batch, `[m, n, n]` and `[m, n, k]`. Returns the shape of `b`. What stands
    /// above the diagonal is not read and has gradient 0.
    ///
    /// # Errors
    /// [`Error::NotSolvable`] if a triangle is not finite or has a zero on its diagonal; [`Error::NotFinite`] if
    /// `b` or the solution is not finite.
    ///
    /// # Panics
    /// If the shapes do not match.
    #[track_caller]
    #[inline(never)]
    pub fn solve_triangular(self, b: Var<'t, T>, transposed: bool) -> Result<Var<'t, T>> {
        const OP: &str = "solve_triangular";
        check_right_side(OP, self.shape(), b.shape());
        let (lower, _) = factorised(OP, self, |a, n| linalg::check_diagonal(a, n))?;
        checked_solve(OP, Factors::Lower(lower), transposed, self, b)
    }

    /// The lower triangle of a matrix with its diagonal; zeros above.
    ///
    /// `self: [n, m]`, or a batch `[.., n, m]`. Returns the same shape.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[inline(never)]
    pub fn tril(self) -> Var<'t, T> {
        assert!(self.shape().len() >= 2, "tril: an array of shape {:?} is not a matrix", self.shape());
        self.lower(1.0)
    }

    /// Below the diagonal itself, on it `diagonal` times itself, 0 above.
    fn lower(self, diagonal: f64) -> Var<'t, T> {
        let (x, scale) = (self.val(), T::from_f64(diagonal));
        let shape = x.shape();
        let (rows, cols) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        let mut y = Buf::zeros(x.data().len());
        if !y.is_empty() {
            let lines = y.chunks_exact_mut(cols).zip(x.data().chunks_exact(cols)).enumerate();
            lines.map(|(line, rows_of)| (line % rows, rows_of)).for_each(|(i, (y, x))| {
                let below = i.min(cols);
                y[..below].copy_from_slice(&x[..below]);
                if i < cols {
                    y[i] = scale * x[i];
                }
            });
        }
        self.tape().push(Value::new(&shape, y), Lower { diagonal }, &[self])
    }

    /// `(A + Aᵀ)/2`.
    fn symmetrised(self) -> Var<'t, T> {
        0.5 * (self + self.transpose())
    }
}

compiled_here!(
    T: Var::<T>::solve, Var::<T>::solve_spd, Var::<T>::cholesky, Var::<T>::solve_triangular,
        Var::<T>::tril,
);

#[cfg(test)]
mod tests;
