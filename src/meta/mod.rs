//! Learners, one algorithm per file, behind one trait.

mod evaluate;
mod inner_loop;
mod learner;
mod maml;
mod protonet;
mod step;

pub use evaluate::{Mean, StepReport, evaluate};
pub use inner_loop::Order;
pub use learner::{Learner, Query, Score, TaskGrad, loss};
pub use maml::{Adaptation, Maml, Route};
pub use protonet::ProtoNet;
pub(crate) use step::mean_of_tasks;
pub use step::{MetaGrad, meta_grad};
