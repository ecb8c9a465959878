//! Learners, and what is written once for all of them.

mod adapted;
mod baseline;
mod closed_form;
mod embed;
mod evaluate;
mod head;
mod head_fit;
mod inner;
mod kept;
mod learner;
mod lesson;
mod maml;
mod mini_batch;
mod multi_step;
mod nearest;
mod progress;
mod protonet;
mod r2d2;
mod refine;
mod regularized;
mod reptile;
mod score;
mod semi_protonet;
mod step;
mod support_batch;
mod task;
mod tracking;
mod variants;

pub use adapted::Adapted;
pub use baseline::Baseline;
pub use evaluate::{Mean, Report, StepReport, evaluate};
pub use head::BaselineHead;
pub use head_fit::HeadFit;
pub use inner::{
    AdamRule, Adapts, CurvatureRule, ElementRates, GradientDescent, MomentumRule, Order, RmsPropRule, Route,
    StepRates, Update, UpdateRule, Updated,
};
pub use learner::{Learned, Learner, Trainable};
pub use lesson::Lesson;
pub use maml::Maml;
pub use mini_batch::Fitted;
pub use multi_step::MultiStep;
pub use nearest::{Nearest, Nearness};
pub use progress::Progress;
pub use protonet::{Distance, ProtoNet};
pub use r2d2::R2d2;
pub use regularized::Regularized;
pub use reptile::Reptile;
pub use score::{Query, Score, Scores, task_loss};
pub use semi_protonet::{Follows, Refinement, SemiProtoNet};
pub(crate) use step::meta_grad_of;
pub use step::{MetaGrad, meta_grad};
pub(crate) use task::check_trainable;
pub use task::{Task, check_adapt, check_examples, check_inputs, check_learned};
