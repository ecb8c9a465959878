//! The settings, their checks, and their conversion into the library's types.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use innerloop::{EpisodeShape, Error, Result, TrainConfig};

/// Meta-steps of each run when neither --iterations nor --minutes is given: a default run, both
/// orders, then takes about two minutes on two cores.
pub const DEFAULT_ITERATIONS: u64 = 500;

/// Few-shot classification of handwritten characters with second-order MAML. The defaults are the
/// settings of the MAML paper for 5-way 1-shot Omniglot, except for the data, the number of iterations and
/// the inner rate (see --inner-lr).
#[derive(Debug, Clone, Parser)]
pub struct Settings {
    /// Invented characters, or the real ones
    #[arg(long, value_enum, default_value_t = Data::Glyphs)]
    pub data: Data,
    /// Folder with Omniglot's two archives, or its parent [default: $INNERLOOP_DATA or data]
    #[arg(long, default_value_os_t = default_root(), hide_default_value = true)]
    pub root: PathBuf,
    /// Which classes are held back for testing [default: vinyals for Omniglot, random for glyphs]
    #[arg(long, value_enum)]
    pub split: Option<SplitKind>,

    /// Classes in an episode
    #[arg(long, default_value_t = 5)]
    pub ways: usize,
    /// Classes in a training episode, for learners that may train with more than they are tested
    /// with (ProtoNet) [default: as in the test]
    #[arg(long)]
    pub train_ways: Option<usize>,
    /// Support examples of each class
    #[arg(long, default_value_t = 1)]
    pub shots: usize,
    /// Query examples of each class in training
    #[arg(long, default_value_t = 1)]
    pub queries: usize,
    /// Query examples of each class in evaluation
    #[arg(long, default_value_t = 15)]
    pub eval_queries: usize,

    /// The learner
    #[arg(long, value_enum, default_value_t = LearnerKind::Maml)]
    pub learner: LearnerKind,
    /// Train with this order only
    #[arg(long, value_enum)]
    pub order: Option<OrderKind>,
    /// Without --order: train twice from the same start, with second order and with first
    #[arg(long, action = clap::ArgAction::Set, default_value_t = true)]
    pub compare: bool,
    /// How the network halves its images
    #[arg(long, value_enum, default_value_t = Network::Strided)]
    pub network: Network,
    /// Channels of each of the network's four blocks
    #[arg(long, default_value_t = 64)]
    pub filters: usize,
    /// Inner steps in training
    #[arg(long, default_value_t = 1)]
    pub inner_steps: usize,
    /// Inner steps in evaluation
    #[arg(long, default_value_t = 3)]
    pub eval_steps: usize,
    /// Rate of the inner gradient descent, for the mean cross-entropy of the support set. The paper's code
    /// takes the sum over classes: its 0.4 for 5 ways is 2.0 here
    #[arg(long, default_value_t = 0.4)]
    pub inner_lr: f64,
    /// Adam's rate in the outer loop
    #[arg(long, default_value_t = 1e-3)]
    pub outer_lr: f64,
    /// Episodes per meta-step
    #[arg(long, default_value_t = 32)]
    pub meta_batch: usize,

    /// Meta-steps of each run [default: 500, or no limit with --minutes]
    #[arg(long)]
    pub iterations: Option<u64>,
    /// Stop each run after so many minutes of training, evaluation not counted
    #[arg(long)]
    pub minutes: Option<f64>,
    /// Also evaluate after so many minutes of training: 1,5,10
    #[arg(long, value_delimiter = ',')]
    pub eval_at: Vec<f64>,
    /// Also evaluate after so many meta-steps: 100,200
    #[arg(long, value_delimiter = ',')]
    pub eval_steps_at: Vec<u64>,
    /// Episodes of unseen classes in an evaluation
    #[arg(long, default_value_t = 600)]
    pub eval_episodes: u64,

    /// Seed of initial parameters, training episodes and random split
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads; 0 takes all cores. The results do not depend on it
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Folder for everything that is written
    #[arg(long, default_value = "out/omniglot_maml")]
    pub out: PathBuf,
    /// Continue from the checkpoints in --out, with the same bits as if never stopped
    #[arg(long)]
    pub resume: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Data {
    Glyphs,
    Omniglot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitKind {
    Vinyals,
    Random,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LearnerKind {
    Maml,
    Protonet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OrderKind {
    Second,
    First,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Network {
    Strided,
    Pooled,
}

fn default_root() -> PathBuf {
    std::env::var_os("INNERLOOP_DATA").unwrap_or_else(|| "data".into()).into()
}

impl Settings {
    fn train_ways(&self) -> usize {
        self.train_ways.unwrap_or(self.ways)
    }

    pub fn train_shape(&self) -> EpisodeShape {
        EpisodeShape::new(self.train_ways(), self.shots, self.queries)
    }

    pub fn eval_shape(&self) -> EpisodeShape {
        EpisodeShape::new(self.ways, self.shots, self.eval_queries)
    }

    pub fn split(&self) -> SplitKind {
        self.split.unwrap_or(if self.data == Data::Omniglot { SplitKind::Vinyals } else { SplitKind::Random })
    }

    pub fn outer(&self) -> TrainConfig {
        let iterations = self.last_iteration().max(1); // 0 only evaluates
        TrainConfig::new(self.meta_batch, self.outer_lr, iterations).seed(self.seed)
    }

    /// Meta-steps after which a run ends at the latest.
    pub fn last_iteration(&self) -> u64 {
        self.iterations.unwrap_or(if self.minutes.is_some() { u64::MAX } else { DEFAULT_ITERATIONS })
    }

    /// Seconds of training after which a run ends at the latest.
    pub fn last_second(&self) -> f64 {
        self.minutes.map_or(f64::INFINITY, |minutes| 60.0 * minutes)
    }

    /// The meta-step and the second of training at which a run is evaluated next after an evaluation at these: the next that was
    /// asked for, or the end.
    pub fn next_evaluation(&self, (iteration, seconds): (u64, f64)) -> (u64, f64) {
        let steps = self.eval_steps_at.iter().copied().filter(|&step| step > iteration);
        let times = self.eval_at.iter().map(|minutes| 60.0 * minutes).filter(|&time| time > seconds);
        (steps.fold(self.last_iteration(), u64::min), times.fold(self.last_second(), f64::min))
    }

    /// Checks what the library would check only at the end of training.
    pub fn check(&self) -> Result<()> {
        if self.eval_episodes == 0 {
            return Err(Error::Setting { name: "eval-episodes", value: "0".into(), need: "at least 1" });
        }
        if self.threads > 1024 {
            let (value, need) = (self.threads.to_string(), "at most 1024; 0 takes all cores");
            return Err(Error::Setting { name: "threads", value, need });
        }
        let minutes = self.minutes.iter().map(|&m| ("minutes", m));
        for (name, value) in minutes.chain(self.eval_at.iter().map(|&m| ("eval-at", m))) {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::Setting { name, value: value.to_string(), need: "a number above 0" });
            }
        }
        Ok(())
    }

    /// Everything that the bits of a training run depend on, as text. Resuming must not change it.
    pub fn identity(&self) -> String {
        let Settings { shots, queries, inner_steps, inner_lr, outer_lr, meta_batch, filters, .. } = self;
        format!(
            "{:?} data, {:?} split, {} ways, {shots} shots, {queries} queries, {:?} network, \
             {filters} filters, {inner_steps} inner steps of {inner_lr}, outer rate {outer_lr}, \
             meta-batch {meta_batch}, seed {}\n",
            self.data,
            self.split(),
            self.train_ways(),
            self.network,
            self.seed
        )
    }
}
