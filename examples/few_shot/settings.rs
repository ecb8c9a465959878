//! The settings.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use innerloop::NormMode;

use crate::data::{Changes, Data};
use crate::network::Network;

/// Trains and evaluates any learner of the crate by name, on any data set that it reads.
#[derive(Debug, Clone, Parser)]
#[command(args_override_self = true)]
pub struct Settings {
    /// Learners by name, separated by commas, or `all` that fit the data
    #[arg(long, default_value = "maml")]
    pub learner: String,
    /// Say what learners, data sets and networks there are
    #[arg(long)]
    pub list: bool,
    /// Data set
    #[arg(long, value_enum, default_value_t = Data::Glyphs)]
    pub data: Data,
    /// Data set to test on, if another
    #[arg(long, value_enum)]
    pub test_data: Option<Data>,
    /// Folder or file of the data set, or the parent of a folder `omniglot`, `grocery`, `text/clinc150` and so on
    /// [default: $INNERLOOP_DATA or data]
    #[arg(long, default_value_os_t = default_root(), hide_default_value = true)]
    pub root: PathBuf,
    /// Classes in an episode
    #[arg(long, default_value_t = 5)]
    pub ways: usize,
    /// Support examples of each class
    #[arg(long, default_value_t = 1)]
    pub shots: usize,
    /// Classes of a test episode are of one group: of one alphabet, or what else stands before the slash in their names
    #[arg(long)]
    pub within: bool,
    /// Those of a training episode too
    #[arg(long)]
    pub train_within: bool,
    /// Query examples of each class in evaluation
    #[arg(long, default_value_t = 15)]
    pub eval_queries: usize,
    /// Episodes of unseen classes in the evaluation
    #[arg(long, default_value_t = 600)]
    pub eval_episodes: u64,
    /// Validate after every so many meta-steps on 200 episodes of the validation classes, and test what was best
    #[arg(long)]
    pub validate: Option<u64>,
    /// Best is the transductive figure, of all queries of an episode together, where else it is that of each query by itself
    #[arg(long, requires = "validate")]
    pub transductive: bool,
    /// Network [default: the learner's published one, as far as it fits the data]
    #[arg(long, value_enum)]
    pub network: Option<Network>,
    /// Channels of each of a convolutional network's four blocks [default: 64, and 32 for MAML and its relatives on
    /// photographs]
    #[arg(long)]
    pub filters: Option<usize>,
    /// Numbers of a word's vector, channels of a convolution over words, or units of a hidden layer
    #[arg(long, default_value_t = 64)]
    pub width: usize,
    /// Columns of your own sentences: that of the sentence and that of the class
    #[arg(long, num_args = 2, value_names = ["TEXT", "CLASS"], default_values = ["text", "label"])]
    pub columns: Vec<String>,
    /// Vectors of words for sentences: a text file with a word and its numbers per line. They stay as they are
    #[arg(long)]
    pub vectors: Option<PathBuf>,
    /// Pixels of a photograph's side
    #[arg(long, default_value_t = 84)]
    pub size: usize,
    /// Inner rate of `maml`, `fomaml`, `anil`, `boil`, `meta-curvature`, `maml++`, `imaml` and `cavia`, and the one that
    /// `meta-lstm` begins with, as do all elements of `meta-sgd`, for the mean cross-entropy of the support set; of `reptile` that of
    /// its Adam. The paper's code takes the sum over classes: its 0.4 for 5 ways is 2.0 here
    /// [default: on characters by measurement, see docs/results.md; on photographs the paper's; on other data a first guess]
    #[arg(long)]
    pub inner_lr: Option<f64>,
    /// Inner steps in training of `maml`, `fomaml`, `anil`, `boil` and `meta-curvature`
    /// [default: 1 on characters, 30 with `anil`; 5 on photographs, 3 on others], and of `maml++` [5], `imaml` [16, or 3 with
    /// `--hessian-free`], `meta-sgd` [1], `cavia` [2], `meta-lstm` [8] and `reptile` [5, or 10 with more than 5 ways]
    #[arg(long)]
    pub inner_steps: Option<usize>,
    /// Inner rate of all but the head as a multiple of `--inner-lr`, with `maml`, `fomaml`, `meta-sgd`, `meta-curvature`, `maml++`,
    /// `imaml` and `reptile`
    #[arg(long)]
    pub slow_body: Option<f64>,
    /// Inner steps in the test of `maml`, `fomaml`, `anil`, `boil` and `meta-curvature` [default: as in training, or 3 on characters, 10 on
    /// photographs and 5 on others if that is more; 1 with `boil` on characters], of `meta-sgd` [as in training] and `reptile` [50]
    #[arg(long)]
    pub eval_steps: Option<usize>,
    /// Weight λ of the proximal term of `imaml` (2 in the paper; by measurement, see docs/results.md)
    #[arg(long, default_value_t = 0.1)]
    pub lambda: f64,
    /// Added to the diagonal of the system of `imaml` (1 in the authors' code)
    #[arg(long, default_value_t = 1.0)]
    pub damping: f64,
    /// `imaml` solves its inner problem by Newton steps with a line search, and not by gradient descent
    #[arg(long)]
    pub hessian_free: bool,
    /// What the head of a new task multiplies cosines by, with `baseline++` (by measurement, see docs/results.md)
    #[arg(long, default_value_t = 4.0)]
    pub head_scale: f64,
    /// Clip the meta-gradient to this norm
    #[arg(long)]
    pub clip_norm: Option<f64>,
    /// Leave a task whose inner loop or meta-gradient diverges out of its meta-step, where it would end the training
    #[arg(long)]
    pub skip_diverged: bool,
    /// `maml` and `fomaml` adapt all but the scales and shifts of norms, as the paper's code does
    #[arg(long)]
    pub norms_stay: bool,
    /// Statistics of the norms of metric learners, all but `relation`
    #[arg(long, value_enum, default_value_t = Statistics::TrackedTogether)]
    pub statistics: Statistics,
    /// In the test each example goes through the network once, and not in each episode again: the inductive figure in a
    /// fraction of the time (`protonet` and its variants, `matching`, `r2d2`, `meta-opt-net` and baselines with running means)
    #[arg(long, conflicts_with = "test_data")]
    pub embed_once: bool,
    /// Classes in a training episode, where training is by episodes [default: the learner's]
    #[arg(long)]
    pub train_ways: Option<usize>,
    /// Query examples of each class in a training episode [default: the learner's]
    #[arg(long)]
    pub queries: Option<usize>,
    /// Training images are changed at random
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "all")]
    pub augment: Option<Changes>,
    /// Trains on the validation classes too, as Snell et al. do once the number of meta-steps is chosen
    #[arg(long)]
    pub with_validation: bool,
    /// Episodes per meta-step [default: the learner's]
    #[arg(long)]
    pub meta_batch: Option<usize>,
    /// Outer rate [default: 0.001, 1 with `reptile`]
    #[arg(long)]
    pub outer_lr: Option<f64>,
    /// So many times each parameter is added to its meta-gradient
    #[arg(long, default_value_t = 0.0)]
    pub weight_decay: f64,
    /// The outer rate falls to 0 over `--iterations`, by half a cosine
    #[arg(long, requires = "iterations")]
    pub cosine: bool,
    /// Meta-steps
    #[arg(long, default_value_t = 1_000_000)]
    pub iterations: u64,
    /// Begin with those parameters of this checkpoint, of whatever learner, that the learner has too, by name and shape; others
    /// are new. Take the `--seed` that it was trained with: a split at random is drawn by it, and another would train on classes
    /// that the checkpoint's test is of
    #[arg(long)]
    pub start: Option<PathBuf>,
    /// Train nothing, and test what this file holds: what a training left in `--out` besides its checkpoint, or the last parameters of
    /// a checkpoint
    #[arg(long, value_name = "FILE", conflicts_with = "start")]
    pub learned: Option<PathBuf>,
    /// In the test the outputs are the mean of those of what was trained and of these checkpoints, trained by the same command with
    /// other seeds, for instance (not `--embed-once`)
    #[arg(long, num_args = 1.., value_name = "CHECKPOINT", conflicts_with = "embed_once")]
    pub ensemble: Vec<PathBuf>,
    /// In the test the outputs are the mean of those of so many of the best parameters in validation, as MAML++ is published
    #[arg(
        long,
        default_value_t = 1,
        value_name = "COUNT",
        requires = "validate",
        conflicts_with = "embed_once"
    )]
    pub best: usize,
    /// Stop after so many minutes of training
    #[arg(long, default_value_t = 1.0)]
    pub minutes: f64,
    /// Folder for tables, a checkpoint and what was learned of each training; a training that is there already goes on
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Seed of initial parameters, training tasks and random splits
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Flags that the learner does not take are for others that were asked for with it
    #[arg(long, hide = true)]
    pub one_of_several: bool,
}

/// Which statistics normalise the sets of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Statistics {
    /// Each set's own
    Batch,
    /// Those of both sets as one batch; in the test the support set's
    Together,
    /// Each set's own; in the test running means over training
    Tracked,
    /// Those of both sets as one batch; in the test running means over training, as in the published code
    TrackedTogether,
}

impl Statistics {
    /// As the library has it; running means as in PyTorch.
    pub fn mode(self) -> NormMode {
        match self {
            Statistics::Batch => NormMode::Batch,
            Statistics::Together => NormMode::Together,
            Statistics::Tracked => NormMode::Tracked { momentum: 0.1 },
            Statistics::TrackedTogether => NormMode::TrackedTogether { momentum: 0.1 },
        }
    }
}

impl Settings {
    /// The name of a value of a flag.
    pub fn name(value: impl ValueEnum) -> String {
        value.to_possible_value().expect("no value is hidden").get_name().to_owned()
    }
}

fn default_root() -> PathBuf {
    std::env::var_os("INNERLOOP_DATA").map_or_else(|| "data".into(), PathBuf::from)
}
