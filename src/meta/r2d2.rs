//! Ridge regression as the head: R2-D2.

use ndarray::{Array2, ArrayD};

use super::adapted::Adapted;
use super::closed_form::{self, ClosedForm, Solution, Support, closed_form_learner};
use super::learner::{Learned, Learner, Trainable};
use super::lesson::Lesson;
use super::progress::Progress;
use super::tracking::{absorb, state_specs};
use crate::data::{Episode, Examples};
use crate::error::Result;
use crate::nn::{Init, Model, Norm, NormMode, ParamSpec};
use crate::real::Real;
use crate::var::Var;

/// R2-D2 (Bertinetto et al. 2019, section 3.2): the head is ridge regression on the support set's labels, solved in
/// closed form, and the gradient flows through the solution.
///
/// With `X = [z, 1]/√n` for the embeddings of the `n` support examples and `Y = one-hot/√n`, the weights are
/// `W = Xᵀ·(X·Xᵀ + λI)⁻¹·Y`, or the same as `(Xᵀ·X + λI)⁻¹·Xᵀ·Y` where this is the smaller system; logits are
/// `alpha·[z, 1]·W + beta`. `λ = exp(log_lambda)`, `alpha` and `beta` are meta-parameters. The bias is regularised too.
///
/// Initial values are those of the authors' code for Omniglot: `λ = 50`, `alpha = 10`, `beta = 0`. (There `λ` is a
/// constant: [`fixed_lambda`](R2d2::fixed_lambda). For miniImageNet `alpha` begins with 1e-4.) `beta` shifts all
/// logits alike, so its gradient is zero but for rounding; it is kept because the paper has it.
///
/// What [`adapt`](Learner::adapt) returns holds `weights`, `[d + 1, ways]`. A system that is not positive definite in
/// the precision at hand is [`Error::NotSolvable`](crate::Error::NotSolvable).
///
/// ```
/// use innerloop::{Conv4, Downsample, Learner, NormMode, R2d2};
/// let body = Conv4::new([28, 28, 1], 8, Downsample::MaxPool, None)?;
/// let learner = R2d2::new(body, NormMode::Together).lambda(1.0).calibration(5.0, 0.0);
/// let own: Vec<_> = Learner::<f32>::specs(&learner).split_off(16).into_iter().map(|spec| spec.name).collect();
/// assert_eq!(own, ["log_lambda", "alpha", "beta"]);
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct R2d2<M> {
    /// The embedding, usually a [`Conv4`](crate::Conv4) without its head.
    pub model: M,
    /// Which statistics batch norm uses; the published code has [`NormMode::TrackedTogether`].
    pub norm: NormMode,
    /// What the ridge `λ` begins with, above 0.
    pub lambda: f64,
    /// What the scale of the logits begins with.
    pub alpha: f64,
    /// What the shift of the logits begins with.
    pub beta: f64,
    /// Multiplies the outer learning rate for `log_lambda`; 0 if it is fixed.
    pub lambda_rate: f64,
}

impl<M> R2d2<M> {
    /// With the initial values for Omniglot, all learned.
    pub fn new(model: M, norm: NormMode) -> R2d2<M> {
        R2d2 { model, norm, lambda: 50.0, alpha: 10.0, beta: 0.0, lambda_rate: 1.0 }
    }

    /// With another initial ridge, above 0; it is checked where the learner is used.
    #[must_use]
    pub fn lambda(self, lambda: f64) -> R2d2<M> {
        R2d2 { lambda, ..self }
    }

    /// With other initial values of the scale and the shift of logits.
    #[must_use]
    pub fn calibration(self, alpha: f64, beta: f64) -> R2d2<M> {
        R2d2 { alpha, beta, ..self }
    }

    /// With a ridge that is not learned.
    #[must_use]
    pub fn fixed_lambda(self) -> R2d2<M> {
        R2d2 { lambda_rate: 0.0, ..self }
    }
}

closed_form_learner!(R2d2);

impl<T: Real, M: Model<T>> ClosedForm<T> for R2d2<M> {
    fn body(&self) -> (&dyn Model<T>, &NormMode) {
        (&self.model, &self.norm)
    }

    fn own(&self) -> Vec<ParamSpec> {
        let number = |name, value| ParamSpec::new(name, &[], Init::Constant(value));
        let log_lambda = number("log_lambda", self.lambda.ln()).with_rate(self.lambda_rate);
        vec![log_lambda, number("alpha", self.alpha), number("beta", self.beta)]
    }

    fn name(&self) -> &'static str {
        "weights"
    }

    fn shape(&self, ways: usize, features: usize) -> [usize; 2] {
        [features + 1, ways]
    }

    fn fit<'t>(&self, own: &[Var<'t, T>], support: &Support<'t, '_, T>) -> Result<Solution<'t, T>> {
        let (labels, ways) = (support.y.labels().expect("checked"), support.y.ways().expect("checked"));
        let share = (labels.len() as f64).sqrt().recip();
        let x = share * with_ones(support.z);
        let y = share * x.tape().one_hot(labels, ways);
        Ok(Solution::new(ridge(x, y, own[0].exp())?))
    }

    fn logits<'t>(&self, own: &[Var<'t, T>], weights: Var<'t, T>, z: Var<'t, T>, _: Norm<'_>) -> Var<'t, T> {
        own[1] * with_ones(z).matmul(weights) + own[2]
    }
}

/// `z: [n, d]` with a column of ones, `[n, d + 1]`.
fn with_ones<'t, T: Real>(z: Var<'t, T>) -> Var<'t, T> {
    Var::concat(&[z, z.tape().full(&[z.shape()[0], 1], 1.0)], 1)
}

/// The minimum of `‖X·W − Y‖² + λ‖W‖²` for `x: [n, d]`, `y: [n, k]` and a number `lambda`. Returns `[d, k]`.
#[inline(never)]
pub(super) fn ridge<'t, T: Real>(x: Var<'t, T>, y: Var<'t, T>, lambda: Var<'t, T>) -> Result<Var<'t, T>> {
    let shape = x.shape();
    if shape[0] <= shape[1] {
        let dual = damped(x.matmul_t(x), lambda).solve_spd(y)?;
        return Ok(x.matmul_with(dual, true, false));
    }
    damped(x.matmul_with(x, true, false), lambda).solve_spd(x.matmul_with(y, true, false))
}

/// `A + λI` for `a: [n, n]`.
fn damped<'t, T: Real>(a: Var<'t, T>, lambda: Var<'t, T>) -> Var<'t, T> {
    a + lambda * a.tape().leaf(&Array2::eye(a.shape()[0]).into_dyn())
}

compiled_here!(T: ridge::<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;

    /// The answer for `x` padded to other proportions by rows of zeros, which change nothing.
    fn padded<'t>(x: &[Var<'t, f64>], rows: usize) -> Var<'t, f64> {
        let more = |v: Var<'t, f64>| v.pad(&[(0, rows), (0, 0)]);
        ridge(more(x[0]), more(x[1]), x[2].exp()).unwrap()
    }

    #[test]
    fn the_two_forms_of_ridge_regression_are_the_same_function() {
        for rows in [0, 9] {
            check_grads(&[&[3, 5], &[3, 2], &[]], 2, |x| padded(x, rows));
        }
        let tape = crate::Tape::<f64>::new();
        let x = [tape.full(&[3, 5], 0.5).tanh(), tape.full(&[3, 2], 0.25), tape.scalar(-1.0)];
        let difference = (padded(&x, 0) - padded(&x, 9)).abs().sum().item();
        assert!(difference < 1e-12, "{difference:e}");
    }
}
