//! The inner loop: one for every update rule.
//!
//! | file | what |
//! |---|---|
//! | `rule` | what a step does with a gradient, on variables: [`UpdateRule`], gradient descent |
//! | `adapts` | which parameters adapt |
//! | `steps` | one inner step, and the three ways to run a loop of them |
//! | `query` | support and query set through the model, by the mode of its norms |

mod adapts;
mod query;
mod rule;
mod steps;

pub use adapts::Adapts;
pub(super) use query::{inductive, moments_of, norm_of};
pub(super) use rule::check_rate;
pub use rule::{GradientDescent, Update, UpdateRule, Updated};
pub use steps::Order;
pub(super) use steps::{Fast, InnerLoop, Sets, Shared, on};
