//! One labelled task: a support set to adapt to and a query set to evaluate on.

use ndarray::ArrayD;

use crate::error::{Error, Result};
use crate::real::{Real, all_finite};

/// What the examples should be mapped to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Targets<T> {
    /// Classification.
    Labels {
        /// A label in `0..ways` for each example.
        labels: Vec<usize>,
        /// The number of classes that the labels stand for.
        ways: usize,
    },
    /// Regression: an array `[n, ...]`, one row per example.
    Values(ArrayD<T>),
}

impl<T> Targets<T> {
    /// The number of targets.
    pub fn len(&self) -> usize {
        match self {
            Self::Labels { labels, .. } => labels.len(),
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
            Self::Labels { labels, .. } => Some(labels),
            Self::Values(_) => None,
        }
    }

    /// The number of classes, or `None` for regression.
    pub fn ways(&self) -> Option<usize> {
        match self {
            Self::Labels { ways, .. } => Some(*ways),
            Self::Values(_) => None,
        }
    }

    /// The values, or `None` for classification.
    pub fn values(&self) -> Option<&ArrayD<T>> {
        match self {
            Self::Labels { .. } => None,
            Self::Values(values) => Some(values),
        }
    }
}

/// Inputs and their targets, and possibly inputs without.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Examples<T> {
    /// Inputs `[n, ...]`; images are `[n, h, w, c]`.
    pub x: ArrayD<T>,
    /// Targets, one for each input.
    pub y: Targets<T>,
    /// Inputs `[m, ...]` without targets, which come with a semi-supervised support set
    /// (Ren et al. 2018): of its classes, of others, or of both.
    pub unlabelled: Option<ArrayD<T>>,
}

impl<T> Examples<T> {
    /// Inputs `[n, ...]` of `ways` classes, with a label in `0..ways` for each. They are checked where they are used.
    pub fn labelled(x: ArrayD<T>, labels: Vec<usize>, ways: usize) -> Self {
        Self { x, y: Targets::Labels { labels, ways }, unlabelled: None }
    }

    /// Inputs `[n, ...]` with a row of `values: [n, ...]` for each. They are checked where they are used.
    pub fn valued(x: ArrayD<T>, values: ArrayD<T>) -> Self {
        Self { x, y: Targets::Values(values), unlabelled: None }
    }

    /// The same with further inputs that have no targets.
    #[must_use]
    pub fn with_unlabelled(self, x: ArrayD<T>) -> Self {
        Self { unlabelled: Some(x), ..self }
    }

    /// The number of examples that have a target.
    pub fn len(&self) -> usize {
        self.y.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Real> Examples<T> {
    /// Whether inputs and targets fit each other, labels lie in `0..ways`, and numbers are finite.
    /// `set` is what messages call the examples, such as "support".
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 ways; [`Error::Shape`] for no examples or for inputs and targets that differ in
    /// number; [`Error::Label`]; [`Error::NotFinite`].
    #[inline(never)]
    pub fn check(&self, set: &'static str) -> Result<()> {
        let (x, targets) = (self.x.shape(), self.y.len());
        if x.first() != Some(&targets) || self.x.is_empty() {
            let expected = [&[targets.max(1)], x.get(1..).unwrap_or_default()].concat();
            return Err(Error::Shape { what: format!("{set} inputs"), expected, found: x.to_vec() });
        }
        if let Targets::Labels { labels, ways } = &self.y {
            if *ways == 0 {
                let need = "at least 1, the number of classes that the labels stand for";
                return Err(Error::Setting { name: "ways", value: "0".into(), need });
            }
            if let Some((index, &label)) = labels.iter().enumerate().find(|(_, label)| *label >= ways) {
                return Err(Error::Label { what: set, index, label, ways: *ways });
            }
        }
        if let Some(more) = &self.unlabelled {
            same_rows(&format!("{set} inputs without targets"), x, more.shape())?;
        }
        let arrays = [
            ("inputs", Some(&self.x)),
            ("values", self.y.values()),
            ("inputs without targets", self.unlabelled.as_ref()),
        ];
        for (what, array) in arrays {
            let infinite = array.filter(|array| !all_finite(array));
            if let Some(at) = infinite.and_then(|array| array.iter().position(|v| !v.is_finite())) {
                return Err(Error::NotFinite {
                    what: format!("element {at} (row-major) of the {set} {what}"),
                });
            }
        }
        Ok(())
    }

    /// As [`check`](Examples::check), and there are two classes at least, each with an example, as a support set needs it.
    ///
    /// # Errors
    /// As [`check`](Examples::check); [`Error::Setting`] for one way; [`Error::MissingLabel`].
    #[inline(never)]
    pub fn check_support(&self) -> Result<()> {
        self.check("support")?;
        let Targets::Labels { labels, ways } = &self.y else { return Ok(()) };
        if *ways == 1 {
            let need = "at least 2: with one class there is nothing to tell apart";
            return Err(Error::Setting { name: "ways", value: "1".into(), need });
        }
        match (0..*ways).find(|label| !labels.contains(label)) {
            Some(label) => Err(Error::MissingLabel { label, ways: *ways }),
            None => Ok(()),
        }
    }

    /// The same examples in another element type, for proofs in `f64` of what runs in `f32`.
    pub fn cast<U: Real>(&self) -> Examples<U> {
        let array = |x: &ArrayD<T>| x.map(|&v| U::from_f64(v.as_f64()));
        let y = match &self.y {
            Targets::Labels { labels, ways } => Targets::Labels { labels: labels.clone(), ways: *ways },
            Targets::Values(values) => Targets::Values(array(values)),
        };
        Examples { x: array(&self.x), y, unlabelled: self.unlabelled.as_ref().map(array) }
    }
}

/// One few-shot task.
///
/// ```
/// use innerloop::{Episode, Examples};
/// use ndarray::array;
///
/// let support = Examples::labelled(array![[0.0], [1.0]].into_dyn(), vec![0, 1], 2);
/// let query = Examples::labelled(array![[0.9]].into_dyn(), vec![1], 2);
/// let episode = Episode::new(support, query)?;
/// assert_eq!((episode.ways(), episode.support.len(), episode.query.len()), (Some(2), 2, 1));
/// # Ok::<(), innerloop::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Episode<T> {
    /// What the learner adapts to.
    pub support: Examples<T>,
    /// What the adapted learner is evaluated on.
    pub query: Examples<T>,
    /// The names of the classes in the order of the labels, where they are known; else empty.
    pub classes: Vec<String>,
}

impl<T: Real> Episode<T> {
    /// Puts an episode together from your own data and checks it.
    ///
    /// # Errors
    /// As [`check`](Episode::check).
    pub fn new(support: Examples<T>, query: Examples<T>) -> Result<Self> {
        let episode = Self { support, query, classes: Vec::new() };
        episode.check()?;
        Ok(episode)
    }

    /// The same with the names of its classes, in the order of the labels.
    #[must_use]
    pub fn with_classes(self, classes: Vec<String>) -> Self {
        Self { classes, ..self }
    }

    /// The number of classes, or `None` for regression.
    pub fn ways(&self) -> Option<usize> {
        self.support.y.ways()
    }

    /// What [`new`](Episode::new) checks, for an episode whose fields were set by hand.
    ///
    /// # Errors
    /// What [`Examples::check`] and [`Examples::check_support`] refuse; [`Error::Setting`] if the kind of targets
    /// or the ways of the two sets differ, [`Error::Shape`] if their examples differ in shape, or if there are
    /// names of classes, but not one for each.
    #[inline(never)]
    pub fn check(&self) -> Result<()> {
        let Self { support, query, classes } = self;
        support.check_support()?;
        query.check("query")?;
        match (&support.y, &query.y) {
            (Targets::Labels { ways, .. }, Targets::Labels { ways: of_query, .. }) if ways == of_query => {}
            (Targets::Values(s), Targets::Values(q)) => same_rows("query values", s.shape(), q.shape())?,
            (_, of_query) => {
                let value = of_query.ways().map_or("none, because it has values".into(), |w| w.to_string());
                let need = "for the query set what it is for the support set";
                return Err(Error::Setting { name: "ways", value, need });
            }
        }
        same_rows("query inputs", support.x.shape(), query.x.shape())?;
        let ways = self.ways().unwrap_or(0);
        if !classes.is_empty() && classes.len() != ways {
            let what = "list of names of the classes of an episode".into();
            return Err(Error::Shape { what, expected: vec![ways], found: vec![classes.len()] });
        }
        Ok(())
    }

    /// The same episode in another element type, for proofs in `f64` of what runs in `f32`.
    pub fn cast<U: Real>(&self) -> Episode<U> {
        Episode { support: self.support.cast(), query: self.query.cast(), classes: self.classes.clone() }
    }
}

compiled_here!(T: Episode::<T>::check, Examples::<T>::check, Examples::<T>::check_support);

/// Arrays of support and query set must agree in all but their first axis.
fn same_rows(what: &str, support: &[usize], query: &[usize]) -> Result<()> {
    if support.get(1..) == query.get(1..) {
        return Ok(());
    }
    let expected = [&[query.first().copied().unwrap_or(1)], &support[1..]].concat();
    Err(Error::Shape { what: what.into(), expected, found: query.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{IxDyn, array};

    fn labelled(ways: usize, labels: &[usize]) -> Examples<f64> {
        let x = ArrayD::from_elem(IxDyn(&[labels.len(), 3]), 0.5);
        Examples::labelled(x, labels.to_vec(), ways)
    }

    fn valued(n: usize) -> Examples<f64> {
        let values = || ArrayD::from_elem(IxDyn(&[n, 1]), 0.25);
        Examples::valued(values(), values())
    }

    #[test]
    fn whole_episodes_are_accepted() {
        assert!(Episode::new(labelled(2, &[0, 1]), labelled(2, &[1])).is_ok());
        assert!(Episode::new(valued(5), valued(3)).is_ok());
    }

    #[test]
    fn labels_are_checked_against_ways() {
        let error = Episode::new(labelled(2, &[0, 1]), labelled(2, &[0, 2])).unwrap_err();
        assert!(matches!(error, Error::Label { what: "query", index: 1, label: 2, ways: 2 }));
        let error = Episode::new(labelled(3, &[0, 2]), labelled(3, &[1])).unwrap_err();
        assert!(matches!(error, Error::MissingLabel { label: 1, ways: 3 }));
    }

    #[test]
    fn ways_say_which_kind_of_targets_there_are() {
        let error = Episode::new(labelled(0, &[0]), labelled(0, &[0])).unwrap_err();
        assert!(matches!(error, Error::Setting { name: "ways", .. }));
        let error = Episode::new(labelled(2, &[0, 1]), valued(1)).unwrap_err();
        assert!(matches!(error, Error::Setting { name: "ways", .. }));
        let error = Episode::new(labelled(1, &[0]), labelled(1, &[0])).unwrap_err();
        assert!(matches!(&error, Error::Setting { name: "ways", value, .. } if value == "1"), "{error}");
        let error = Episode::new(labelled(2, &[0, 1]), labelled(3, &[0])).unwrap_err();
        assert!(matches!(&error, Error::Setting { name: "ways", value, .. } if value == "3"), "{error}");
    }

    #[test]
    fn counts_and_shapes_are_checked() {
        let both = || labelled(2, &[0, 1]);
        let mut short = both();
        short.y = Targets::Labels { labels: vec![0], ways: 2 };
        let error = Episode::new(short, both()).unwrap_err();
        assert!(
            matches!(error, Error::Shape { expected, found, .. } if expected == [1, 3] && found == [2, 3])
        );
        let mut wide = labelled(2, &[0]);
        wide.x = array![[1.0, 2.0, 3.0, 4.0]].into_dyn();
        let error = Episode::new(both(), wide).unwrap_err();
        assert!(
            matches!(error, Error::Shape { expected, found, .. } if expected == [1, 3] && found == [1, 4])
        );
        assert!(matches!(Episode::new(both(), labelled(2, &[])), Err(Error::Shape { .. })));
        assert!(matches!(Episode::new(valued(0), valued(1)), Err(Error::Shape { .. })));
    }

    #[test]
    fn names_are_of_all_classes_or_of_none() {
        let named = |names: &[&str]| {
            let episode = Episode::new(labelled(2, &[0, 1]), labelled(2, &[1])).unwrap();
            episode.with_classes(names.iter().map(|n| n.to_string()).collect()).check()
        };
        assert!(named(&[]).is_ok() && named(&["a", "b"]).is_ok());
        assert!(
            matches!(named(&["a"]), Err(Error::Shape { expected, found, .. }) if expected == [2] && found == [1])
        );
    }

    #[test]
    fn inputs_without_targets_are_checked_like_the_others() {
        let support = |shape: &[usize], value| {
            labelled(2, &[0, 1]).with_unlabelled(ArrayD::from_elem(IxDyn(shape), value))
        };
        assert!(Episode::new(support(&[7, 3], 0.5), labelled(2, &[1])).is_ok());
        let error = Episode::new(support(&[7, 4], 0.5), labelled(2, &[1])).unwrap_err();
        assert!(
            matches!(error, Error::Shape { expected, found, .. } if expected == [7, 3] && found == [7, 4])
        );
        let error = Episode::new(support(&[], 0.5), labelled(2, &[1])).unwrap_err();
        assert!(
            matches!(&error, Error::Shape { expected, found, .. } if expected == &[1, 3] && found.is_empty()),
            "{error}"
        );
        let error = Episode::new(support(&[7, 3], f64::NAN), labelled(2, &[1])).unwrap_err();
        assert!(error.to_string().contains("support inputs without targets"), "{error}");
    }

    #[test]
    fn numbers_must_be_finite() {
        let mut query = valued(2);
        query.y = Targets::Values(array![[0.0], [f64::NAN]].into_dyn());
        let error = Episode::new(valued(2), query).unwrap_err();
        assert_eq!(error.to_string().split(" is ").next(), Some("element 1 (row-major) of the query values"));
    }

    #[test]
    fn a_cast_there_and_back_is_the_same_episode() {
        let episode = Episode::new(valued(5), valued(3)).unwrap();
        assert_eq!(episode.cast::<f32>().cast::<f64>(), episode);
    }
}
