//! Learners, one algorithm a file, behind one trait.

mod evaluate;
mod learner;
mod maml;
mod protonet;
mod step;

pub use evaluate::{Mean, StepReport, evaluate};
pub use learner::{Learner, Query, Score, TaskGrad, loss};
pub use maml::{Adaptation, Maml, Order, Route};
pub use protonet::ProtoNet;
pub use step::{MetaGrad, meta_grad};
