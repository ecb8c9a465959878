//! Evaluation in full: what one number leaves out.
//!
//! | file | what |
//! |---|---|
//! | `evaluator` | runs the episodes and collects what is below |
//! | `calibration`, `temperature` | whether a confidence of 0.8 is right 8 times in 10, and the scalar that mends it |
//! | `confidence` | probabilities of answers, and inputs that belong to no class |
//! | `confusion`, `classes`, `worst` | which classes and which episodes are hard |
//! | `times` | milliseconds of one user's request |
//! | `running` | means over episodes that are not kept |
//! | `table` | the printed form |

mod answers;
mod calibration;
mod classes;
mod confidence;
mod confusion;
mod evaluator;
mod figures;
mod running;
mod table;
mod temperature;
mod times;
mod worst;

pub use calibration::{Calibration, Reliability, ReliabilityBin};
pub use classes::ClassAccuracy;
pub use confidence::Confidence;
pub use confusion::Confusion;
pub use evaluator::{Evaluation, Evaluator};
pub use figures::Figures;
pub use times::Times;
pub use worst::{Worst, WorstEpisode};
