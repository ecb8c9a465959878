//! Which classes of a fixed set are taken for which.

use std::fmt;

use crate::error::{Error, Result};

/// A confusion matrix of chosen classes over all episodes.
///
/// Two classes meet in some episodes only, so a count alone says little: `answered[i][j]` of the
/// `offered[i][j]` queries of class `i` in episodes that had class `j` too were answered with `j`. An answer with another
/// rotation of the same class counts as offered, not as answered.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Confusion {
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Queries of class `i` that were answered with class `j`.
    pub answered: Vec<Vec<u64>>,
    /// Queries of class `i` in episodes in which class `j` was a possible answer.
    pub offered: Vec<Vec<u64>>,
}

impl Confusion {
    pub(super) fn new(classes: &[String]) -> Result<Confusion> {
        if let Some((_, class)) = classes.iter().enumerate().find(|(i, class)| classes[..*i].contains(class))
        {
            let place = "the classes of the confusion matrix".into();
            return Err(Error::RepeatedClass { class: class.clone(), place });
        }
        let zeros = || vec![vec![0; classes.len()]; classes.len()];
        Ok(Confusion { classes: classes.to_vec(), answered: zeros(), offered: zeros() })
    }

    /// The share of the queries of class `i` that were answered with class `j` where both were there; `None` if they
    /// never met.
    ///
    /// # Panics
    /// If a class number is too large.
    pub fn share(&self, i: usize, j: usize) -> Option<f64> {
        let offered = self.offered[i][j];
        (offered > 0).then(|| self.answered[i][j] as f64 / offered as f64)
    }

    pub(super) fn add(&mut self, classes: &[String], chosen: &[[usize; 2]]) {
        let place = |name: &String| self.classes.iter().position(|class| class == name);
        let places: Vec<Option<usize>> = classes.iter().map(place).collect();
        for &[label, answer] in chosen {
            let Some(&Some(i)) = places.get(label) else { continue };
            let mut there: Vec<usize> = places.iter().flatten().copied().collect();
            there.sort_unstable();
            there.dedup();
            there.iter().for_each(|&j| self.offered[i][j] += 1);
            match places.get(answer) {
                Some(&Some(j)) if j != i || label == answer => self.answered[i][j] += 1,
                _ => {}
            }
        }
    }
}

/// A row per class: the shares of its answers in per cent.
impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.classes.iter().map(|class| class.chars().count()).max().unwrap_or(0).max(5);
        write!(f, "{:width$} ", "class")?;
        (0..self.classes.len()).try_for_each(|j| write!(f, "{:>5}", j + 1))?;
        for (i, class) in self.classes.iter().enumerate() {
            write!(f, "\n{class:width$} ")?;
            for j in 0..self.classes.len() {
                match self.share(i, j) {
                    Some(share) => write!(f, "{:>5.0}", 100.0 * share)?,
                    None => write!(f, "{:>5}", "-")?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_queries_that_could_be_answered_so() {
        let names = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        let mut confusion = Confusion::new(&names(&["a", "b", "c"])).unwrap();
        confusion.add(&names(&["b", "a", "other"]), &[[0, 0], [0, 1], [1, 2], [2, 0]]);
        confusion.add(&names(&["a", "a"]), &[[0, 1]]); // two rotations of one class
        assert_eq!(confusion.offered, [[2, 1, 0], [2, 2, 0], [0, 0, 0]]);
        assert_eq!(confusion.answered, [[0, 0, 0], [1, 1, 0], [0, 0, 0]]);
        assert_eq!((confusion.share(1, 0), confusion.share(2, 2)), (Some(0.5), None));
        assert!(confusion.to_string().ends_with("-    -    -"), "{confusion}");
        assert!(matches!(Confusion::new(&names(&["a", "a"])), Err(Error::RepeatedClass { .. })));
    }
}
