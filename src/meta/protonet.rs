//! Prototypical networks.

use ndarray::ArrayD;

use super::learner::{Learner, Query, check_episode, loss};
use crate::data::Episode;
use crate::error::{Error, Result};
use crate::nn::{Model, Norm, NormMode, ParamSpec};
use crate::real::Real;
use crate::var::Var;

/// ProtoNet (Snell, Swersky and Zemel 2017, algorithm 1): the logit of a class is
/// minus the squared Euclidean distance between a query's embedding and the mean
/// embedding of the class's support examples.
#[derive(Debug, Clone)]
pub struct ProtoNet<M> {
    /// The embedding, usually a [`Conv4`](crate::Conv4) without its head.
    pub model: M,
    /// Which statistics batch norm uses. In batch mode support and query are
    /// embedded as one batch each.
    pub norm: NormMode,
}

impl<T: Real, M: Model<T>> Learner<T> for ProtoNet<M> {
    fn specs(&self) -> Vec<ParamSpec> {
        self.model.specs()
    }

    fn init(&self, seed: u64) -> Vec<ArrayD<T>> {
        self.model.init(seed)
    }

    fn query<'t>(&self, theta: &[Var<'t, T>], episode: &Episode<T>) -> Query<'t, T> {
        query(&self.model, self.norm.as_norm(), theta, episode)
    }

    fn check(&self, episode: &Episode<T>) -> Result<()> {
        if episode.ways == 0 {
            let need = "at least 1, because prototypes are means of classes";
            return Err(Error::Setting { name: "ways", value: "0".into(), need });
        }
        self.norm.check(&self.model)?;
        check_episode(&self.model, usize::MAX, episode)
    }
}

/// Not generic in the model, so that it is compiled with this crate.
#[inline(never)]
fn query<'t, T: Real>(
    model: &dyn Model<T>,
    norm: Norm<'_>,
    theta: &[Var<'t, T>],
    episode: &Episode<T>,
) -> Query<'t, T> {
    let tape = theta[0].tape();
    let embed = |x| model.forward(theta, tape.leaf(x), norm);
    let (support, query) = (embed(&episode.support.x), embed(&episode.query.x));
    let labels = episode.support.y.labels().expect("checked: a classification episode");
    let prototypes = class_means(support, labels, episode.ways);
    let outputs = -squared_distances(query, prototypes);
    Query { loss: loss(outputs, &episode.query.y), outputs }
}

compiled_here!(T: query::<T>);

/// The mean of the rows of `x: [n, d]` with each label. Returns `[ways, d]`.
fn class_means<'t, T: Real>(x: Var<'t, T>, labels: &[usize], ways: usize) -> Var<'t, T> {
    let mut shares = ArrayD::zeros(vec![ways, labels.len()]);
    for way in 0..ways {
        let members = labels.iter().filter(|&&l| l == way).count().max(1);
        let share = T::of(1.0 / members as f64);
        labels.iter().enumerate().filter(|(_, l)| **l == way).for_each(|(i, _)| shares[[way, i]] = share);
    }
    x.tape().leaf(&shares).matmul(x)
}

/// `‖aᵢ − bⱼ‖²` for rows of `a: [n, d]` and `b: [m, d]`, as `‖a‖² − 2a·b + ‖b‖²`. Returns `[n, m]`.
fn squared_distances<'t, T: Real>(a: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
    let (n, m) = (a.shape()[0], b.shape()[0]);
    let square = |v: Var<'t, T>| (v * v).sum_axes(&[1]);
    square(a).reshape(&[n, 1]) - 2.0 * a.matmul_t(b) + square(b).reshape(&[1, m])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_grads;
    use crate::tape::Tape;
    use ndarray::arr2;

    #[test]
    fn distances_and_means_are_what_they_say() {
        let tape = Tape::<f64>::new();
        let a = tape.leaf(&arr2(&[[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]]).into_dyn());
        let d = squared_distances(a, a).value();
        assert_eq!(d, arr2(&[[0.0, 25.0, 1.0], [25.0, 0.0, 20.0], [1.0, 20.0, 0.0]]).into_dyn());
        let means = class_means(a, &[1, 0, 1], 2).value();
        assert_eq!(means, arr2(&[[3.0, 4.0], [0.5, 0.0]]).into_dyn());
        check_grads(&[&[3, 2], &[2, 2]], 2, |x| squared_distances(x[0], x[1]).tanh());
    }
}
