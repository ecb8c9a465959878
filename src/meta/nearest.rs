//! Nearest neighbours and nearest centroids on the inputs themselves: the floor that every learner must clear.

use ndarray::{Array1, ArrayD};

use super::adapted::Adapted;
use super::embed::{class_means, squared_distances};
use super::learner::{Learned, Learner};
use super::protonet::check_labelled;
use super::task::check_adapt;
use crate::data::{Examples, Targets};
use crate::error::{Error, Result};
use crate::nn::ParamSpec;
use crate::ops::cosine_similarity;
use crate::real::{Real, all_finite};
use crate::tape::Tape;

/// How [`Nearest`] measures nearness.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Nearness {
    /// The cosine of the angle between inputs.
    Cosine,
    /// Minus the squared Euclidean distance.
    Euclidean,
}

/// Nearest neighbour or nearest centroid on flattened inputs, without anything learned.
///
/// The score of a class, which stands for a logit, is the nearness of its nearest support example, or of its
/// mean. Only their order has a meaning, so judge it by accuracy and not by loss.
///
/// ```
/// use innerloop::{Examples, Learner, Nearest, Nearness, ndarray::array};
/// let nearest = Nearest::neighbour(Nearness::Euclidean);
/// let support = Examples::labelled(array![[0.0f32], [1.0], [5.0]].into_dyn(), vec![0, 0, 1], 2);
/// let adapted = nearest.adapt(&Vec::new().into(), &support)?;
/// assert_eq!(nearest.predict(&adapted, &array![[2.0]].into_dyn())?, array![[-1.0, -9.0]].into_dyn());
/// # Ok::<(), innerloop::Error>(())
/// ```
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Nearest {
    /// What is compared.
    pub nearness: Nearness,
    /// Whether a class is the mean of its support examples, and not each of them.
    pub centroid: bool,
}

impl Nearest {
    /// The class of the nearest support example.
    pub fn neighbour(nearness: Nearness) -> Nearest {
        Nearest { nearness, centroid: false }
    }

    /// The class whose support examples have the nearest mean.
    pub fn centroid(nearness: Nearness) -> Nearest {
        Nearest { nearness, centroid: true }
    }
}

impl<T: Real> Learner<T> for Nearest {
    /// None.
    fn specs(&self) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn check(&self, _: &'static str, examples: &Examples<T>) -> Result<()> {
        check_labelled(examples)
    }

    fn adapt(&self, learned: &Learned<T>, support: &Examples<T>) -> Result<Adapted<T>> {
        check_adapt(self, learned, support)?;
        Ok(points(self.centroid, support))
    }

    fn predict(&self, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
        scores(self.nearness, adapted, x)
    }
}

compiled_here!(T: points::<T>, scores::<T>);

/// The points to compare with, `[m, ..]`, and the class of each.
#[inline(never)]
fn points<T: Real>(centroid: bool, support: &Examples<T>) -> Adapted<T> {
    let Targets::Labels { labels, ways } = &support.y else { unreachable!("labels, which was checked") };
    let (points, labels) = if centroid {
        let tape = Tape::new();
        let x = support.x.shape();
        let means = class_means(tape.constant(&flat(&support.x)), &support.y).to_array();
        let shape = [&[*ways], &x[1..]].concat();
        (means.into_shape_with_order(shape).expect("the same elements"), (0..*ways).collect())
    } else {
        (support.x.clone(), labels.clone())
    };
    let labels = Array1::from_iter(labels.iter().map(|&label| T::from_f64(label as f64)));
    Adapted::new([("points".into(), points), ("labels".into(), labels.into_dyn())])
}

/// For each of the inputs `x: [n, ..]` the nearness of each class: `[n, ways]`.
#[inline(never)]
fn scores<T: Real>(nearness: Nearness, adapted: &Adapted<T>, x: &ArrayD<T>) -> Result<ArrayD<T>> {
    let (points, labels) = (adapted.array("points")?, adapted.array("labels")?);
    let refuse = |what: &str, expected, found| Err(Error::Shape { what: what.into(), expected, found });
    if labels.shape() != [points.shape()[0]] {
        return refuse("labels of the points", vec![points.shape()[0]], labels.shape().to_vec());
    }
    let expected = [&[x.shape().first().copied().unwrap_or(1).max(1)], &points.shape()[1..]].concat();
    if x.shape() != expected {
        return refuse("inputs to predict for", expected, x.shape().to_vec());
    }
    if !all_finite(x) {
        return Err(Error::NotFinite { what: "the array of inputs to predict for".into() });
    }
    let labels: Vec<usize> = labels.iter().map(|label| label.as_f64() as usize).collect();
    let ways = labels.iter().max().map_or(0, |&last| last + 1);
    let tape = Tape::new();
    let [x, points] = [x, points].map(|a| tape.constant(&flat(a)));
    let near = match nearness {
        Nearness::Cosine => cosine_similarity(x, points).to_array(),
        Nearness::Euclidean => -squared_distances(x, points).to_array(),
    };
    let nearest = |i, way| {
        let of_way = labels.iter().enumerate().filter(|(_, label)| **label == way);
        of_way.map(|(j, _)| near[[i, j]]).fold(T::neg_infinity(), T::max)
    };
    Ok(ArrayD::from_shape_fn(vec![near.shape()[0], ways], |at| nearest(at[0], at[1])))
}

/// Inputs as rows.
fn flat<T: Real>(x: &ArrayD<T>) -> ArrayD<T> {
    let n = x.shape()[0];
    x.to_shape((n, x.len() / n)).expect("the same elements").into_owned().into_dyn()
}
