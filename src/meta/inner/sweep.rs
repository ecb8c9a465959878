//! The inner loop swept back through one step's graph at a time.

use ndarray::ArrayD;

use super::steps::{InnerLoop, Sets, on};
use crate::error::Result;
use crate::grad::last_vjp;
use crate::meta::lesson::Lesson;
use crate::meta::score::Score;
use crate::real::Real;
use crate::tape::Tape;
use crate::value::Value;
use crate::var::Var;

impl<T: Real> InnerLoop<'_, T> {
    /// Third way: one step's graph at a time. Forward keeps what each step began with; backward takes the product of
    /// each step's Jacobian with the cotangent, from the last step to the first.
    #[inline(never)]
    pub(in crate::meta) fn swept(
        &self,
        theta: &[Value<T>],
        sets: &Sets<'_, T>,
        weights: &[f64],
    ) -> Result<Lesson<T>> {
        let steps = weights.len();
        let mut path = vec![self.at_start(theta)];
        for k in 0..steps {
            path.push(self.stepped(theta, &path[k], k, &sets.support)?);
        }
        let others = self.others(theta.len());
        let mut total = Cotangents { fast: vec![None; path[0].phi.len()], others: vec![None; others.len()] };
        total.fast.resize(path[0].phi.len() * (1 + self.rule.slots()), None);
        let (mut score, mut loss) = (None, 0.0);
        for k in (0..steps.max(1)).rev() {
            let weight = weights.get(k).copied().unwrap_or(1.0);
            if weight != 0.0 || k + 1 >= steps {
                let tape = Tape::new();
                let (vars, fast) = (on(&tape, theta), path[(k + 1).min(steps)].on(&tape));
                let query = self.query(&vars, &fast.phi, k, sets);
                let here = query.score(sets.query.y);
                loss += weight * here.loss;
                score.get_or_insert(here);
                let seed = tape.full(&query.loss.shape(), weight);
                total.add(&[query.loss], &[seed], &fast.all(), &pick(&vars, &others));
            }
            if k < steps {
                let tape = Tape::new();
                let (vars, fast) = (on(&tape, theta), path[k].on(&tape));
                let next = self.recorded(&vars, &fast, k, &sets.support, None)?.all();
                let seeds = total.seeds(&tape, &next);
                total.add(&next, &seeds, &fast.all(), &pick(&vars, &others));
            }
        }
        let mut grads = vec![None; theta.len()];
        others.iter().zip(total.others).for_each(|(&i, g)| grads[i] = g);
        for (i, g) in self.starts().zip(total.fast) {
            grads[i] = sum(grads[i].take(), g);
        }
        let array = |(g, t): (Option<Value<T>>, &Value<T>)| {
            g.map_or_else(|| ArrayD::zeros(&t.shape()[..]), |g| g.to_array())
        };
        let grads = grads.into_iter().zip(theta).map(array).collect();
        let score = score.expect("the last query set is always seen");
        Ok(Lesson::new(Score { loss, ..score }, grads))
    }
}

/// The gradient of what follows a step, in what the step passes on and in the meta-parameters.
struct Cotangents<T: Real> {
    fast: Vec<Option<Value<T>>>,
    others: Vec<Option<Value<T>>>,
}

impl<T: Real> Cotangents<T> {
    /// What each of `next` is followed by, taken out.
    fn seeds<'t>(&mut self, tape: &'t Tape<T>, next: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
        let leaf = |(g, y): (&mut Option<Value<T>>, &Var<'t, T>)| match g.take() {
            Some(g) => tape.push_leaf(g),
            None => tape.full(&y.shape(), 0.0),
        };
        self.fast.iter_mut().zip(next).map(leaf).collect()
    }

    fn add<'t>(
        &mut self,
        ys: &[Var<'t, T>],
        seeds: &[Var<'t, T>],
        fast: &[Var<'t, T>],
        others: &[Var<'t, T>],
    ) {
        let mut found = last_vjp(ys, seeds, &[fast, others].concat()).into_iter();
        for total in self.fast.iter_mut().chain(&mut self.others) {
            *total = sum(total.take(), found.next().expect("one for each"));
        }
    }
}

fn sum<T: Real>(a: Option<Value<T>>, b: Option<Value<T>>) -> Option<Value<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.plus(&b)),
        (a, b) => a.or(b),
    }
}

fn pick<'t, T: Real>(vars: &[Var<'t, T>], which: &[usize]) -> Vec<Var<'t, T>> {
    which.iter().map(|&i| vars[i]).collect()
}
