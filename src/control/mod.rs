//! Meta-reinforcement learning: MAML by policy gradients (Finn, Abbeel and Levine 2017, sections 4.2 and 5.3).
//!
//! | file | content |
//! |---|---|
//! | `environment` | what a task is: `reset` and `step`, pure functions of a key |
//! | `navigation` | the paper's 2-D navigation |
//! | `gaussian`, `policy` | diagonal Gaussians, and a policy whose mean is a network |
//! | `rollout`, `sample` | trajectories, and drawing them |
//! | `baseline`, `advantages` | which actions were better than expected |
//! | `batch`, `experience` | what the inner and the outer loss of one task are computed from |
//! | `trust_region` | the outer step: TRPO on the adapted policies |
//! | `policy_maml` | settings |
//! | `meta_step`, `adapt` | the algorithm: training, and use |
//! | `over_tasks` | tasks in parallel, in order |

mod adapt;
mod advantages;
mod baseline;
mod batch;
mod environment;
mod experience;
mod gaussian;
mod meta_step;
mod navigation;
mod over_tasks;
mod policy;
mod policy_maml;
mod rollout;
mod sample;
mod trust_region;

pub use adapt::PolicyStage;
pub use advantages::standardized;
pub use baseline::LinearBaseline;
pub use batch::PolicyBatch;
pub use environment::{Environment, Transition};
pub use experience::{Experience, Outer};
pub use gaussian::Gaussian;
pub use meta_step::PolicyStep;
pub use navigation::{Navigation, NavigationGoals};
pub use policy::GaussianPolicy;
pub use policy_maml::PolicyMaml;
pub use rollout::Rollout;
pub use trust_region::TrustRegion;
