//! Which array of another framework each parameter is, by name.

use std::fmt;

use crate::error::{Error, Result};
use crate::nn::ParamSpec;

/// Which array of a [`StateDict`](crate::StateDict) each parameter of a network is.
///
/// A parameter that is not listed has the same name on both sides. Printed, it is a line per pair: a table to look at
/// after [`StateDict::names_in_order`](crate::StateDict::names_in_order) has made it.
///
/// ```
/// use innerloop::WeightNames;
/// let names = WeightNames::new([("linear1_w", "0.weight"), ("linear1_b", "0.bias")]);
/// assert_eq!(names.theirs("linear1_b"), "0.bias");
/// assert_eq!(names.theirs("linear2_b"), "linear2_b"); // not listed
/// assert_eq!(names.to_string(), "linear1_w = 0.weight\nlinear1_b = 0.bias\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WeightNames {
    pairs: Vec<(String, String)>,
}

impl WeightNames {
    /// Of pairs, this crate's name first.
    pub fn new<A: Into<String>, B: Into<String>>(pairs: impl IntoIterator<Item = (A, B)>) -> WeightNames {
        WeightNames { pairs: pairs.into_iter().map(|(ours, theirs)| (ours.into(), theirs.into())).collect() }
    }

    /// All names are the same on both sides, as those of [`ResNet12`](crate::ResNet12) are.
    pub fn same() -> WeightNames {
        WeightNames::default()
    }

    /// The pairs, this crate's name first.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The other framework's name of a parameter.
    pub fn theirs<'n>(&'n self, ours: &'n str) -> &'n str {
        self.pairs.iter().find(|(name, _)| name == ours).map_or(ours, |(_, theirs)| theirs)
    }

    /// Whether all names that are listed are parameters, so that a slip of the pen is seen.
    pub(super) fn check(&self, specs: &[ParamSpec]) -> Result<()> {
        match self.pairs.iter().find(|(ours, _)| specs.iter().all(|spec| spec.name != *ours)) {
            None => Ok(()),
            Some((ours, theirs)) => {
                let reason = format!(
                    "the table of names gives it as {theirs:?}, but the network has no such parameter: see its specs"
                );
                Err(Error::Spec { name: format!("{ours:?}"), reason })
            }
        }
    }
}

impl fmt::Display for WeightNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pairs.iter().try_for_each(|(ours, theirs)| writeln!(f, "{ours} = {theirs}"))
    }
}

/// The part of an array's name that says its layer, and what it is there: `("features.0", "weight")`.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

/// The name of another array of a layer.
pub(super) fn joined(layer: &str, what: &str) -> String {
    if layer.is_empty() { what.to_owned() } else { format!("{layer}.{what}") }
}
