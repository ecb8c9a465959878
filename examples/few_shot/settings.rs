//! The settings.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use innerloop::{Conv4, Downsample, Result};

/// Trains and evaluates any learner of the crate by name.
#[derive(Debug, Clone, Parser)]
#[command(args_override_self = true)]
pub struct Settings {
    /// Learners by name, separated by commas, or `all`
    #[arg(long, default_value = "maml")]
    pub learner: String,
    /// Say what learners there are
    #[arg(long)]
    pub list: bool,
    /// Invented characters, or the real ones
    #[arg(long, value_enum, default_value_t = Data::Glyphs)]
    pub data: Data,
    /// Folder with Omniglot's two archives, or its parent [default: $INNERLOOP_DATA or data]
    #[arg(long, default_value_os_t = default_root(), hide_default_value = true)]
    pub root: PathBuf,
    /// Classes in an episode
    #[arg(long, default_value_t = 5)]
    pub ways: usize,
    /// Support examples of each class
    #[arg(long, default_value_t = 1)]
    pub shots: usize,
    /// Query examples of each class in evaluation
    #[arg(long, default_value_t = 15)]
    pub eval_queries: usize,
    /// Episodes of unseen classes in the evaluation
    #[arg(long, default_value_t = 600)]
    pub eval_episodes: u64,
    /// How the network halves its images [default: the learner's published one]
    #[arg(long, value_enum)]
    pub network: Option<Network>,
    /// Channels of each of the network's four blocks
    #[arg(long, default_value_t = 64)]
    pub filters: usize,
    /// Inner rate of `maml` and `fomaml`, for the mean cross-entropy of the support set. The paper's code takes
    /// the sum over classes: its 0.4 for 5 ways is 2.0 here
    /// [default: 1.0 for `maml`, 0.4 for `fomaml`]
    #[arg(long)]
    pub inner_lr: Option<f64>,
    /// Inner steps of `maml` and `fomaml` in training
    #[arg(long, default_value_t = 1)]
    pub inner_steps: usize,
    /// `maml` and `fomaml` adapt all but the scales and shifts of norms, as the paper's code does
    #[arg(long)]
    pub norms_stay: bool,
    /// Meta-steps
    #[arg(long, default_value_t = 1_000_000)]
    pub iterations: u64,
    /// Stop after so many minutes of training
    #[arg(long, default_value_t = 1.0)]
    pub minutes: f64,
    /// Folder for a checkpoint of each training; a training that is there already goes on
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Seed of initial parameters and training tasks
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Data {
    Glyphs,
    Omniglot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Network {
    Strided,
    Pooled,
}

impl Settings {
    /// The network, with an output for each of `outputs` classes or without a head.
    pub fn network(&self, published: Network, outputs: Option<usize>) -> Result<Conv4> {
        let downsample = match self.network.unwrap_or(published) {
            Network::Strided => Downsample::Stride,
            Network::Pooled => Downsample::MaxPool,
        };
        Conv4::new([28, 28, 1], self.filters, downsample, outputs)
    }
}

fn default_root() -> PathBuf {
    std::env::var_os("INNERLOOP_DATA").map_or_else(|| "data".into(), PathBuf::from)
}
