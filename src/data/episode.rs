//! One task: a support set to adapt to and a query set to evaluate on.

use ndarray::ArrayD;

use crate::error::{Error, Result};
use crate::real::{Real, all_finite};

/// What the examples should be mapped to.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets<T> {
    /// Classification: a label in `0..ways` for each example.
    Labels(Vec<usize>),
    /// Regression: an array `[n, ...]`, one row per example.
    Values(ArrayD<T>),
}

impl<T> Targets<T> {
    /// The number of targets.
    pub fn len(&self) -> usize {
        match self {
            Self::Labels(labels) => labels.len(),
            Self::Values(values) => values.shape().first().copied().unwrap_or(0),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels, or `None` for regression.
    pub fn labels(&self) -> Option<&[usize]> {
        match self {
            Self::Labels(labels) => Some(labels),
            Self::Values(_) => None,
        }
    }

    /// The values, or `None` for classification.
    pub fn values(&self) -> Option<&ArrayD<T>> {
        match self {
            Self::Labels(_) => None,
            Self::Values(values) => Some(values),
        }
    }
}

/// Inputs and their targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Examples<T> {
    /// Inputs `[n, ...]`; images are `[n, h, w, c]`.
    pub x: ArrayD<T>,
    /// Targets, one for each input.
    pub y: Targets<T>,
}

impl<T> Examples<T> {
    /// The number of examples.
    pub fn len(&self) -> usize {
        self.y.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Real> Examples<T> {
    /// Whether inputs and targets fit each other and `ways`, and are finite.
    pub(crate) fn check(&self, ways: usize, set: &'static str) -> Result<()> {
        if (ways == 0) != self.y.labels().is_none() {
            let need = "at least 1 if the targets are labels, and 0 if they are values";
            return Err(Error::Setting { name: "ways", value: ways.to_string(), need });
        }
        let (x, targets) = (self.x.shape(), self.y.len());
        if x.first() != Some(&targets) || self.x.is_empty() {
            let expected = [&[targets.max(1)], x.get(1..).unwrap_or_default()].concat();
            return Err(Error::Shape { what: format!("{set} inputs"), expected, found: x.to_vec() });
        }
        for (index, &label) in self.y.labels().unwrap_or_default().iter().enumerate() {
            if label >= ways {
                return Err(Error::Label { what: set, index, label, ways });
            }
        }
        for (what, array) in [("inputs", Some(&self.x)), ("values", self.y.values())] {
            let infinite = array.filter(|array| !all_finite(array));
            if let Some(at) = infinite.and_then(|array| array.iter().position(|v| !v.is_finite())) {
                return Err(Error::NotFinite {
                    what: format!("element {at} (row-major) of the {set} {what}"),
                });
            }
        }
        Ok(())
    }
}

/// One few-shot task.
///
/// ```
/// use innerloop::{Episode, Examples, Targets};
/// use ndarray::array;
///
/// let support = Examples { x: array![[0.0], [1.0]].into_dyn(), y: Targets::Labels(vec![0, 1]) };
/// let query = Examples { x: array![[0.9]].into_dyn(), y: Targets::Labels(vec![1]) };
/// let episode = Episode::new(2, support, query)?;
/// assert_eq!((episode.ways, episode.support.len(), episode.query.len()), (2, 2, 1));
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Episode<T> {
    /// The number of classes; 0 for regression.
    pub ways: usize,
    /// What the learner adapts to.
    pub support: Examples<T>,
    /// What the adapted learner is evaluated on.
    pub query: Examples<T>,
}

impl<T: Real> Episode<T> {
    /// Puts an episode together from your own data and checks it.
    ///
    /// Either `ways` is at least 1 and both sets have labels, or `ways` is 0 and both have values.
    ///
    /// # Errors
    /// [`Error::Setting`] if `ways` and the kind of targets disagree; [`Error::Shape`] if a set is
    /// empty, if inputs and targets differ in number, or if the examples of the two sets differ in
    /// shape; [`Error::Label`], [`Error::MissingLabel`], [`Error::NotFinite`].
    pub fn new(ways: usize, support: Examples<T>, query: Examples<T>) -> Result<Self> {
        let episode = Self { ways, support, query };
        episode.check()?;
        Ok(episode)
    }

    /// What [`new`](Episode::new) checks, for an episode whose fields were set by hand.
    ///
    /// # Errors
    /// As [`new`](Episode::new).
    #[inline(never)]
    pub fn check(&self) -> Result<()> {
        let Self { ways, support, query } = self;
        support.check(*ways, "support")?;
        query.check(*ways, "query")?;
        same_rows("query inputs", support.x.shape(), query.x.shape())?;
        if let (Some(s), Some(q)) = (support.y.values(), query.y.values()) {
            same_rows("query values", s.shape(), q.shape())?;
        }
        let labels = support.y.labels().unwrap_or_default();
        match (0..*ways).find(|label| !labels.contains(label)) {
            Some(label) => Err(Error::MissingLabel { label, ways: *ways }),
            None => Ok(()),
        }
    }

    /// The same episode in another element type, for proofs in `f64` of what runs in `f32`.
    pub fn cast<U: Real>(&self) -> Episode<U> {
        let array = |x: &ArrayD<T>| x.map(|&v| U::of(v.as_f64()));
        let examples = |e: &Examples<T>| Examples {
            x: array(&e.x),
            y: match &e.y {
                Targets::Labels(labels) => Targets::Labels(labels.clone()),
                Targets::Values(values) => Targets::Values(array(values)),
            },
        };
        Episode { ways: self.ways, support: examples(&self.support), query: examples(&self.query) }
    }
}

compiled_here!(T: Episode::<T>::check);

/// Arrays of support and query set must agree in all but their first axis.
fn same_rows(what: &str, support: &[usize], query: &[usize]) -> Result<()> {
    if support[1..] == query[1..] {
        return Ok(());
    }
    let expected = [&query[..1], &support[1..]].concat();
    Err(Error::Shape { what: what.into(), expected, found: query.to_vec() })
}

/// A source of episodes.
///
/// Implementations are pure: `episode(i)` depends on the source and `i` only, not on earlier calls. So
/// any thread may ask for any episode in any order, and a run can continue where it stopped. References
/// and boxes of sources are sources.
pub trait Episodes<T>: Sync {
    /// Episode number `i`.
    ///
    /// # Panics
    /// If [`check`](Episodes::check) would refuse the source.
    fn episode(&self, i: u64) -> Episode<T>;

    /// Whether the source can make episodes. Training and evaluation ask this first; a source whose
    /// settings were checked when it was made needs no method of its own.
    ///
    /// # Errors
    /// What is wrong with the settings of the source.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Implements the trait for a pointer to a source.
macro_rules! forwarded {
    ($pointer:ty) => {
        impl<T, E: Episodes<T> + ?Sized> Episodes<T> for $pointer {
            fn episode(&self, i: u64) -> Episode<T> {
                (**self).episode(i)
            }

            fn check(&self) -> Result<()> {
                (**self).check()
            }
        }
    };
}

forwarded!(&E);
forwarded!(Box<E>);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{IxDyn, array};

    fn labelled(labels: &[usize]) -> Examples<f64> {
        Examples { x: ArrayD::from_elem(IxDyn(&[labels.len(), 3]), 0.5), y: Targets::Labels(labels.to_vec()) }
    }

    fn valued(n: usize) -> Examples<f64> {
        let values = || ArrayD::from_elem(IxDyn(&[n, 1]), 0.25);
        Examples { x: values(), y: Targets::Values(values()) }
    }

    #[test]
    fn whole_episodes_are_accepted() {
        assert!(Episode::new(2, labelled(&[0, 1]), labelled(&[1])).is_ok());
        assert!(Episode::new(0, valued(5), valued(3)).is_ok());
    }

    #[test]
    fn labels_are_checked_against_ways() {
        let error = Episode::new(2, labelled(&[0, 1]), labelled(&[0, 2])).unwrap_err();
        assert!(matches!(error, Error::Label { what: "query", index: 1, label: 2, ways: 2 }));
        let error = Episode::new(3, labelled(&[0, 2]), labelled(&[1])).unwrap_err();
        assert!(matches!(error, Error::MissingLabel { label: 1, ways: 3 }));
    }

    #[test]
    fn ways_say_which_kind_of_targets_there_are() {
        let error = Episode::new(0, labelled(&[0]), labelled(&[0])).unwrap_err();
        assert!(matches!(error, Error::Setting { name: "ways", .. }));
        let error = Episode::new(1, labelled(&[0]), valued(1)).unwrap_err();
        assert!(matches!(error, Error::Setting { name: "ways", .. }));
    }

    #[test]
    fn counts_and_shapes_are_checked() {
        let mut short = labelled(&[0, 1]);
        short.y = Targets::Labels(vec![0]);
        let error = Episode::new(1, short, labelled(&[0])).unwrap_err();
        assert!(
            matches!(error, Error::Shape { expected, found, .. } if expected == [1, 3] && found == [2, 3])
        );
        let mut wide = labelled(&[0]);
        wide.x = array![[1.0, 2.0, 3.0, 4.0]].into_dyn();
        let error = Episode::new(1, labelled(&[0]), wide).unwrap_err();
        assert!(
            matches!(error, Error::Shape { expected, found, .. } if expected == [1, 3] && found == [1, 4])
        );
        assert!(matches!(Episode::new(1, labelled(&[0]), labelled(&[])), Err(Error::Shape { .. })));
        assert!(matches!(Episode::new(0, valued(0), valued(1)), Err(Error::Shape { .. })));
    }

    #[test]
    fn numbers_must_be_finite() {
        let mut query = valued(2);
        query.y = Targets::Values(array![[0.0], [f64::NAN]].into_dyn());
        let error = Episode::new(0, valued(2), query).unwrap_err();
        assert_eq!(error.to_string().split(" is ").next(), Some("element 1 (row-major) of the query values"));
    }

    #[test]
    fn a_cast_there_and_back_is_the_same_episode() {
        let episode = Episode::new(0, valued(5), valued(3)).unwrap();
        assert_eq!(episode.cast::<f32>().cast::<f64>(), episode);
    }
}
