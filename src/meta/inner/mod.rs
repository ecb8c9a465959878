//! The inner loop: one for every update rule.
//!
//! | file | what |
//! |---|---|
//! | `rule` | what a step does with a gradient, on variables: [`UpdateRule`], gradient descent |
//! | `moments`, `rates`, `curvature`, `slow_body` | the other rules |
//! | `adapts` | which parameters adapt |
//! | `steps` | one inner step; a loop of them unrolled, and on plain values |
//! | `sweep` | the loop swept back through one step's graph at a time |
//! | `hessian_free` | a Newton step on plain values in place of the rule's |
//! | `adaptation` | what the loop does besides training: adapt, score, watch statistics, predict |
//! | `query` | support and query set through the model, by the mode of its norms |

mod adaptation;
mod adapts;
mod curvature;
mod hessian_free;
mod moments;
mod query;
mod rates;
mod rule;
mod slow_body;
mod steps;
mod sweep;

pub(super) use adaptation::{adapt, inner, lesson, outputs, scores, settled};
pub use adapts::Adapts;
pub use curvature::CurvatureRule;
pub(super) use hessian_free::HessianFree;
pub use moments::{AdamRule, MomentumRule, RmsPropRule};
pub(super) use query::{inductive, norm_of, query_outputs};
pub use rates::{ElementRates, StepRates};
pub use rule::{GradientDescent, Update, UpdateRule, Updated};
pub use slow_body::SlowBody;
pub(super) use steps::InnerLoop;
pub use steps::{Order, Route};
