//! What a network looks like from outside.

use std::fmt::Debug;

use super::spec::ParamSpec;
use crate::error::Result;

/// What a network looks like from outside, whatever the type of its elements.
pub trait Network: Sync + Debug {
    /// Its parameters, in the order in which [`Model::forward`](crate::Model::forward) takes them.
    fn specs(&self) -> Vec<ParamSpec>;

    /// How many parameters it has: the length of [`specs`](Network::specs), which a network may know without making them.
    fn count(&self) -> usize {
        self.specs().len()
    }

    /// Whether inputs of this shape (examples first) fit.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) saying what was expected.
    fn check_input(&self, shape: &[usize]) -> Result<()>;

    /// Whether the values of inputs of this shape fit, given in row-major order: whether word ids lie in a table. It is asked
    /// wherever a user's inputs enter, after [`check_input`](Network::check_input). By default yes, without a look.
    ///
    /// # Errors
    /// Which value does not fit, as [`Error::WordId`](crate::Error::WordId).
    fn check_values(&self, shape: &[usize], values: &mut dyn Iterator<Item = f64>) -> Result<()> {
        let _ = (shape, values);
        Ok(())
    }

    /// How many numbers it returns for each example.
    fn outputs(&self) -> usize;

    /// The channels of each batch-normalised layer, in order; none by default.
    fn norms(&self) -> Vec<usize> {
        Vec::new()
    }
}
