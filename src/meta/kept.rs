//! A support set as a part of what was adapted.

use ndarray::Array1;

use super::adapted::Adapted;
use super::embed::inputs;
use crate::data::Examples;
use crate::error::Result;
use crate::real::Real;

/// What an adapted learner may hold beside parameters and a fitted head: names that no parameter may have.
pub(super) const SHOWN: [&str; 7] =
    ["assignment", "encoding", "mask", "statistics", KEPT[0], KEPT[1], KEPT[2]];

/// The names under which a support set is kept.
const KEPT: [&str; 3] = ["support/x", "support/labels", "support/unlabelled"];

/// The same with the support set.
pub(super) fn with_support<T: Real>(adapted: Adapted<T>, support: &Examples<T>) -> Adapted<T> {
    let labels = support.y.labels().expect("checked: labels").iter().map(|&label| T::from_f64(label as f64));
    let adapted =
        adapted.with(KEPT[0], support.x.clone()).with(KEPT[1], Array1::from_iter(labels).into_dyn());
    match inputs(support)[..] {
        [_, unlabelled] => adapted.with(KEPT[2], unlabelled.clone()),
        _ => adapted,
    }
}

/// The support set that [`with_support`] kept, in which each class has an example.
pub(super) fn support_of<T: Real>(adapted: &Adapted<T>) -> Result<Examples<T>> {
    let labels: Vec<_> = adapted.array(KEPT[1])?.iter().map(|l| l.as_f64() as usize).collect();
    let ways = labels.iter().max().map_or(0, |label| label + 1);
    let support = Examples::labelled(adapted.array(KEPT[0])?.clone(), labels, ways);
    Ok(match adapted.array(KEPT[2]) {
        Ok(unlabelled) => support.with_unlabelled(unlabelled.clone()),
        Err(_) => support,
    })
}
