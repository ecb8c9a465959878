//! MAML's inner loop and its derivatives, for any model.
//!
//! Nothing here is generic in the model, which comes in as `&dyn Model<T>`: so all of it is compiled
//! once, with this crate, and not again in each crate that has a model of its own.

use ndarray::ArrayD;

use super::learner::{Query, Score, TaskGrad, loss, on_one_tape};
use crate::arrays::minus_scaled;
use crate::data::{Episode, Examples, Targets};
use crate::grad::{grad, grad_values, last_grad_values, last_hvp};
use crate::nn::{Model, Norm};
use crate::real::Real;
use crate::tape::Tape;
use crate::value::Value;
use crate::var::Var;

/// What of the inner loop is differentiated. There is no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Inner gradients are constants (FOMAML, Finn et al. 2017, section 5.2).
    First,
    /// Exact: through the inner gradients.
    Second,
}

/// Gradient descent on a support set.
#[derive(Clone, Copy)]
pub(super) struct InnerLoop<'m, T: Real> {
    pub(super) model: &'m dyn Model<T>,
    pub(super) norm: Norm<'m>,
    pub(super) lr: f64,
}

impl<T: Real> InnerLoop<'_, T> {
    fn forward<'t>(&self, params: &[Var<'t, T>], x: &Value<T>) -> Var<'t, T> {
        self.model.forward(params, params[0].tape().push_leaf(x.clone()), self.norm)
    }

    fn loss<'t>(&self, params: &[Var<'t, T>], examples: &Shared<'_, T>) -> Var<'t, T> {
        loss(self.forward(params, &examples.x), examples.y)
    }

    fn query_of<'t>(&self, params: &[Var<'t, T>], query: &Shared<'_, T>) -> Query<'t, T> {
        let outputs = self.forward(params, &query.x);
        Query { loss: loss(outputs, query.y), outputs }
    }

    /// One inner step on plain arrays, on a tape of its own.
    fn step(&self, phi: &[ArrayD<T>], support: &Shared<'_, T>) -> Vec<ArrayD<T>> {
        let tape = Tape::new();
        let vars = tape.leaves(phi);
        let grads = last_grad_values(self.loss(&vars, support), &vars);
        minus_scaled(phi, self.lr, &grads)
    }

    /// The model's outputs for inputs `x`.
    #[inline(never)]
    pub(super) fn outputs(&self, params: &[ArrayD<T>], x: &ArrayD<T>) -> ArrayD<T> {
        let tape = Tape::new();
        self.forward(&tape.leaves(params), &Value::from_array(x.view())).value()
    }

    /// Parameters after `steps`; the memory is that of one step.
    #[inline(never)]
    pub(super) fn adapted(
        &self,
        params: &[ArrayD<T>],
        support: &Examples<T>,
        steps: usize,
    ) -> Vec<ArrayD<T>> {
        let support = Shared::new(support);
        (0..steps).fold(params.to_vec(), |phi, _| self.step(&phi, &support))
    }

    /// As [`adapted`](InnerLoop::adapted), with the query set's scores after 0, 1, … steps.
    #[inline(never)]
    pub(super) fn scored(
        &self,
        params: &[ArrayD<T>],
        episode: &Episode<T>,
        steps: usize,
    ) -> (Vec<ArrayD<T>>, Vec<Score>) {
        let (support, query) = (Shared::new(&episode.support), Shared::new(&episode.query));
        let score = |phi: &[ArrayD<T>]| {
            let tape = Tape::new();
            self.query_of(&tape.leaves(phi), &query).score(query.y)
        };
        let mut phi = params.to_vec();
        let mut scores = vec![score(&phi)];
        for _ in 0..steps {
            phi = self.step(&phi, &support);
            scores.push(score(&phi));
        }
        (phi, scores)
    }

    /// The query set after `steps` inner steps, all on the tape of `theta`.
    #[inline(never)]
    pub(super) fn unrolled<'t>(
        &self,
        theta: &[Var<'t, T>],
        episode: &Episode<T>,
        steps: usize,
        order: Order,
    ) -> Query<'t, T> {
        let (support, mut phi) = (Shared::new(&episode.support), theta.to_vec());
        for _ in 0..steps {
            let support_loss = self.loss(&phi, &support);
            let grads = match order {
                Order::Second => grad(support_loss, &phi),
                Order::First => phi[0].tape().leaves(&grad_values(support_loss, &phi)),
            };
            phi = phi.iter().zip(grads).map(|(&p, g)| p.minus_scaled(self.lr, g)).collect();
        }
        self.query_of(&phi, &Shared::new(&episode.query))
    }

    /// The meta-gradient with one step's graph at a time: forward keeping each step's
    /// parameters, then `v ← v − lr·H(φₖ)·v` from the last step to the first (or `v` as
    /// it is, for first order).
    #[inline(never)]
    pub(super) fn swept(
        &self,
        params: &[ArrayD<T>],
        episode: &Episode<T>,
        steps: usize,
        order: Order,
    ) -> TaskGrad<T> {
        let support = Shared::new(&episode.support);
        let (mut path, mut phi) = (Vec::new(), params.to_vec());
        for _ in 0..steps {
            let next = self.step(&phi, &support);
            if order == Order::Second {
                path.push(phi);
            }
            phi = next;
        }
        let TaskGrad { score, grads: mut v } =
            on_one_tape(&phi, &episode.query.y, &|phi| self.query_of(phi, &Shared::new(&episode.query)));
        for phi in path.iter().rev() {
            let tape = Tape::new();
            let (vars, direction) = (tape.leaves(phi), tape.leaves(&v));
            let curvature = last_hvp(self.loss(&vars, &support), &vars, &direction);
            v = minus_scaled(&v, self.lr, &curvature);
        }
        TaskGrad { score, grads: v }
    }
}

compiled_here!(
    T: InnerLoop::<T>::outputs,
    InnerLoop::<T>::adapted,
    InnerLoop::<T>::scored,
    InnerLoop::<T>::unrolled,
    InnerLoop::<T>::swept,
);

/// Examples in the form that every tape takes without copying them again.
struct Shared<'e, T: Real> {
    x: Value<T>,
    y: &'e Targets<T>,
}

impl<'e, T: Real> Shared<'e, T> {
    fn new(examples: &'e Examples<T>) -> Shared<'e, T> {
        Shared { x: Value::from_array(examples.x.view()), y: &examples.y }
    }
}
