//! The settings.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Few-shot regression. The defaults are those of the MAML paper, except for the number of iterations (70,000 there).
#[derive(Debug, Parser)]
pub struct Settings {
    /// Learner
    #[arg(long, value_enum, default_value_t = Named::Maml)]
    pub learner: Named,
    /// Family of curves
    #[arg(long, value_enum, default_value_t = Data::Sinusoids)]
    pub data: Data,
    /// Meta-steps
    #[arg(long, default_value_t = 30_000)]
    pub iterations: u64,
    /// Points to adapt to
    #[arg(long, default_value_t = 10)]
    pub shots: usize,
    /// Points to predict in training
    #[arg(long, default_value_t = 10)]
    pub queries: usize,
    /// Tasks per meta-step
    #[arg(long, default_value_t = 25)]
    pub meta_batch: usize,
    /// Rate of the inner gradient descent, which `imaml`, `meta-sgd` and `meta-lstm` do not have
    /// [default: 0.01, or what the learner was published with]
    #[arg(long)]
    pub inner_lr: Option<f64>,
    /// Inner steps in training
    #[arg(long, default_value_t = 1)]
    pub inner_steps: usize,
    /// Inner steps in the evaluation. Rates that were learned for one step, as those of Meta-SGD, may diverge over more
    #[arg(long, default_value_t = 10)]
    pub eval_steps: usize,
    /// Rate of the outer loop [default: 1e-3]
    #[arg(long)]
    pub outer_lr: Option<f64>,
    /// Weight λ of the proximal term of `imaml`
    #[arg(long, default_value_t = 2.0)]
    pub lambda: f64,
    /// Clip the meta-gradient to this norm
    #[arg(long)]
    pub clip_norm: Option<f64>,
    /// Leave a task whose inner loop or meta-gradient diverges out of its meta-step, where it would end the training
    #[arg(long)]
    pub skip_diverged: bool,
    /// Unseen tasks to evaluate on
    #[arg(long, default_value_t = 600)]
    pub eval_tasks: u64,
    /// Seed of initial parameters and tasks
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Folder for the picture
    #[arg(long, default_value = "out/sinusoid")]
    pub out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Named {
    /// MAML, second order
    Maml,
    /// MAML, first order
    Fomaml,
    /// MAML that adapts the last layer alone
    Anil,
    /// MAML that adapts all but the last layer
    Boil,
    /// A learned rate for each element
    MetaSgd,
    /// A learned linear map of each gradient
    MetaCurvature,
    /// Five inputs that adapt, and nothing else
    Cavia,
    /// Implicit gradients, 5 Hessian-free inner steps
    Imaml,
    /// Learned rates and losses after each of 5 steps
    MamlPlusPlus,
    /// A learned optimizer, 5 steps
    MetaLstm,
    /// Reptile, 5 steps
    Reptile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Data {
    /// Sine curves of any amplitude and phase
    Sinusoids,
    /// Draws of a Gaussian process with noise, whose best possible error is known
    GaussianProcess,
}
