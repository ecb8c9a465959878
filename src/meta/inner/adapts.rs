//! Which parameters an inner loop adapts.

use crate::error::{Error, Result};
use crate::nn::{ParamSpec, Role};

/// Which of a model's parameters the inner loop adapts. The others keep their meta-learned values, and
/// still get a meta-gradient.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Adapts {
    /// All of them (MAML).
    All,
    /// The last linear layer (ANIL): the last parameter of [`Role::Linear`] and what follows it.
    Head,
    /// All but the last linear layer (BOIL).
    Body,
    /// All but the scales and shifts of norms, as in the original code of MAML and in MAML++.
    NoNorms,
    /// Those of these names.
    Only(Vec<String>),
}

impl Adapts {
    /// Whether each of a model's parameters is adapted.
    ///
    /// # Errors
    /// [`Error::Setting`] if none is, or if a name is not a parameter's.
    pub fn of(&self, specs: &[ParamSpec]) -> Result<Vec<bool>> {
        let refuse = |value: String, need| Err(Error::Setting { name: "adapts", value, need });
        let head = Adapts::first_of_head(specs);
        let chosen = |i: usize, spec: &ParamSpec| match self {
            Adapts::All => true,
            Adapts::Head => head.is_some_and(|head| i >= head),
            Adapts::Body => head.is_none_or(|head| i < head),
            Adapts::NoNorms => !matches!(spec.role, Role::Scale | Role::Shift),
            Adapts::Only(names) => names.contains(&spec.name),
        };
        if let Adapts::Only(names) = self
            && let Some(name) = names.iter().find(|name| specs.iter().all(|s| s.name != **name))
        {
            return refuse(format!("{name:?}"), "a list of names of the model's parameters");
        }
        let all: Vec<bool> = specs.iter().enumerate().map(|(i, s)| chosen(i, s)).collect();
        if !all.contains(&true) {
            return refuse(format!("{self:?}"), "a choice of at least one of the model's parameters");
        }
        Ok(all)
    }

    /// The first parameter of the last linear layer.
    fn first_of_head(specs: &[ParamSpec]) -> Option<usize> {
        specs.iter().rposition(|s| matches!(s.role, Role::Linear { .. }))
    }

    /// How many parameters come before the head: all where there is none.
    pub(in crate::meta) fn before_head(specs: &[ParamSpec]) -> usize {
        Adapts::first_of_head(specs).unwrap_or(specs.len())
    }
}
