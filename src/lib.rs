//! Few-shot meta-learning with exact second-order gradients, on CPUs.
//!
//! `innerloop` carries its own reverse-mode autodiff whose every rule is itself
//! differentiable, so the gradient of a gradient that MAML needs is exact and is
//! ordinary library code. The whole of MAML on the lowest layer:
//!
//! ```
//! use innerloop::{Conv4, Downsample, EpisodeSampler, EpisodeShape, Glyphs, Model, Norm, Tape, Tasks};
//! use innerloop::{cross_entropy, grad, grad_values};
//!
//! let glyphs = Glyphs::default().alphabets(2).characters_per_alphabet(5).drawers(4).generate()?;
//! let shape = EpisodeShape::new(5, 1, 2);
//! let episode = EpisodeSampler::new(&glyphs, &glyphs.all(), shape, 0)?.task(0);
//! let (support, query) = (&episode.support, &episode.query);
//! let model = Conv4::new([28, 28, 1], 8, Downsample::Stride, Some(5))?;
//! let params = model.init(0);
//! let (inner_lr, inner_steps) = (0.4, 1);
//!
//! let tape = Tape::<f32>::new();
//! let theta = tape.leaves(&params);
//! let mut phi = theta.clone();
//! for _ in 0..inner_steps {
//!     let logits = model.forward(&phi, tape.constant(&support.x), Norm::Batch);
//!     let loss = cross_entropy(logits, support.y.labels().unwrap());
//!     let g = grad(loss, &phi); // recorded: the next line depends on theta through it
//!     phi = phi.iter().zip(g).map(|(&p, g)| p - inner_lr * g).collect();
//! }
//! let logits = model.forward(&phi, tape.constant(&query.x), Norm::Batch);
//! let query_loss = cross_entropy(logits, query.y.labels().unwrap());
//! let meta_grad = grad_values(query_loss, &theta); // exact, second order
//! assert_eq!(meta_grad.len(), params.len());
//! # Ok::<(), innerloop::Error>(())
//! ```
//!
//! # Layers, from the bottom
//!
//! | layer | names |
//! |---|---|
//! | engine | [`Tape`], [`Var`], [`grad`], [`grad_values`], [`vjp`], [`jvp`], [`hvp`], [`hessian`], [`checkpoint`]; your own operations: [`Op`], [`Rule`], [`check_grads`] |
//! | losses | [`cross_entropy`], [`mse`], [`accuracy`], or [`task_loss`] by the kind of targets |
//! | models | [`Model`], [`Network`], [`Conv4`], [`Mlp`], [`ResNet12`], [`R2d2Net`], [`MapConv4`], [`FilmConv4`], [`Contextual`], [`Scaled`], [`EmbeddingBag`], [`TextConv`], [`TextLstm`], [`ParamSpec`], [`Init`]; which statistics batch norm uses is always stated: [`Norm`] |
//! | the inner loop | [`UpdateRule`], [`GradientDescent`], [`MomentumRule`], [`RmsPropRule`], [`AdamRule`], [`ElementRates`], [`StepRates`], [`CurvatureRule`], [`SlowBody`], [`Order`], [`Route`], [`Adapts`], [`MultiStep`] |
//! | learners | [`Learner`] adapts and predicts, [`Trainable`] is meta-trained; [`Maml`] and its relatives, [`Imaml`], [`MetaLstm`], [`Reptile`], [`ProtoNet`], [`SemiProtoNet`], [`MatchingNet`], [`RelationNet`], [`Tadam`], [`CoTrained`], [`R2d2`], [`MetaOptNet`], [`Signatures`], [`Baseline`], [`Nearest`]; the values that they pass on: [`Learned`], [`Lesson`], [`Adapted`] |
//! | all learners | [`meta_grad`] over a meta-batch, [`evaluate`], and in full [`Evaluator`]; without a curve over inner steps: [`LastStep`]; several trainings together: [`Ensemble`]; probabilities, and what fits no class: [`Confidence`]; embeddings of a whole data set: [`embed`]; which statistics normalise in which phase: [`NormMode`] |
//! | training | [`Trainer`], [`TrainConfig`], [`Progress`], [`Adam`], [`Sgd`], [`Schedule`]; runs that are validated, watched and saved: [`Run`], [`Watch`], [`ProgressLines`], [`CsvLog`], `JsonLog`, [`TensorBoard`], [`History`], `stop_on_signals`; `RunReport` (feature `report`); on several machines: [`Ranks`], [`evaluate_across`], `World` (feature `mpi`) |
//! | control | [`Environment`], [`GaussianPolicy`], [`PolicyMaml`]: MAML by policy gradients inside and a [`TrustRegion`] outside |
//! | files | `save_learned`, `save_adapted`, `save_checkpoint` and their `load_..`; `Pretrained`, `Classifier` |
//! | data | [`Tasks`], [`Episode`], [`Examples`], [`EpisodeSampler`], [`ClassBatches`], [`ImageSet`], `Omniglot`, `OneShotRuns`, `Drawings`, `Photos`, [`FeatureSet`], [`TextSet`], [`Vocabulary`], [`CharNgrams`], [`TfIdf`], [`WordVectors`], [`Glyphs`], [`Sinusoids`], [`GaussianProcesses`] |
//!
//! # Adapting and predicting
//!
//! [`Learner::adapt`] turns a support set into a value, [`Adapted`], which holds all that is needed to
//! predict: for MAML the adapted parameters, for prototypical networks the embedding and the
//! prototypes, and for both the statistics of their norms. It can be kept, saved, loaded in another
//! process, and asked. [`Learner::predict`] is *inductive*: the answer for an input is the same whether
//! it comes alone or among others. [`Learner::predict_together`] is *transductive*: batch norm uses the
//! statistics of all inputs of the call together, as most published figures do. [`evaluate`] reports both.
//!
//! ```
//! use innerloop::ndarray::Axis;
//! use innerloop::{Conv4, Downsample, EpisodeSampler, EpisodeShape, Glyphs, Learned, Learner, Maml};
//! use innerloop::{NormMode, Order, Tasks};
//!
//! let glyphs = Glyphs::default().alphabets(2).characters_per_alphabet(5).drawers(4).generate()?;
//! let shape = EpisodeShape::new(5, 1, 2);
//! let episode = EpisodeSampler::new(&glyphs, &glyphs.all(), shape, 0)?.task(0);
//! let model = Conv4::new([28, 28, 1], 8, Downsample::Stride, Some(5))?;
//! let maml = Maml::new(model, 0.4, Order::Second, NormMode::Batch).eval_steps(3);
//! let learned: Learned<f32> = maml.init(0).into(); // or Trainer's, or load_learned's
//!
//! let adapted = maml.adapt(&learned, &episode.support)?;
//! let all = maml.predict(&adapted, &episode.query.x)?;
//! let first = maml.predict(&adapted, &episode.query.x.select(Axis(0), &[0]))?;
//! assert_eq!(first, all.select(Axis(0), &[0]));
//! # Ok::<(), innerloop::Error>(())
//! ```
//!
//! Operations are methods of [`Var`]; arrays are `ndarray`'s, re-exported as
//! [`ndarray`]. Images are channels-last, `[n, h, w, c]`; parameters of frameworks
//! that put channels first come in through [`import_params`], files of PyTorch's through `StateDict`.
//!
//! # What is promised
//!
//! - **Exact.** Every rule is checked against finite differences in `f64` to order 2
//!   or 3 under every kind of sweep, and whole meta-gradients against another framework's.
//! - **Reproducible.** The same seed gives the same bits, on any number of threads
//!   and across interruptions. (Bits may differ between instruction sets.)
//! - **Explicit.** First or second order, and which statistics batch norm uses, are
//!   never defaults.
//!
//! Misused shapes panic, naming the operation and the shapes; data, files and
//! settings give an [`Error`] that says what was wrong, where, and what to do.
//!
//! # Features
//!
//! On by default: `images` (Omniglot from archives or folders, drawings of one's own), `safetensors`
//! (saving and loading), `serde` (settings and results as serde data, and with `safetensors` files that are
//! complete in themselves), `signals` (runs that end saved at Ctrl-C). `photos` reads photographs, `csv` tables of vectors, `npz` NumPy's
//! arrays of vectors and weights, `text` sentences; `report` makes a page of HTML on a training and its evaluation;
//! `fetch` brings Omniglot; `mpi` trains on several machines and needs an MPI library and libclang.
//!
//! Kernels use AVX-512, AVX2 or NEON where the processor has them, and WebAssembly's SIMD128 in a build that has it; the environment variable
//! `INNERLOOP_SIMD` (`portable`, `avx2`, `avx512`; `portable`, `neon`; `portable`, `simd128`) lowers that. In WebAssembly all works without
//! clock, threads and files: seconds are then 0, and a budget of them is refused.
#![deny(unsafe_code, missing_docs, missing_debug_implementations, unreachable_pub)]
#![deny(clippy::undocumented_unsafe_blocks)]
// an iterator's steps are checked in builds with debug assertions: see kernels/simd/each.rs
#![allow(clippy::needless_range_loop, clippy::manual_memcpy)]

#[macro_use]
mod compiled;

mod arrays;
mod clock;
mod control;
mod data;
mod error;
mod evaluation;
#[cfg(feature = "fetch")]
mod fetch;
mod forward;
mod grad;
mod gradcheck;
#[allow(unsafe_code)] // the one place for it: SIMD intrinsics behind safe functions
mod kernels;
mod meta;
mod nn;
mod op;
mod ops;
mod optim;
mod pool;
mod random;
mod ranks;
mod read;
mod real;
mod recompute;
#[cfg(feature = "report")]
mod report;
mod settings;
mod tape;
mod train;
mod value;
mod var;
#[cfg(any(feature = "npz", feature = "safetensors"))]
mod weights;
mod write;

pub use control::{
    Environment, Experience, Gaussian, GaussianPolicy, LinearBaseline, Navigation, NavigationGoals, Outer,
    PolicyBatch, PolicyMaml, PolicyStage, PolicyStep, Rollout, Transition, TrustRegion, standardized,
};
pub use data::{
    Accompanied, Augment, BesideBatches, CharNgrams, Class, ClassBatches, ClassData, ClassRef, Episode,
    EpisodeSampler, EpisodeShape, Examples, FeatureSet, GaussianProcesses, Glyphs, ImageSet, PixelRange,
    Sinusoids, Split, Targets, Tasks, TextSet, TfIdf, Vocabulary, Warp, WordVectors, WordWeights,
};
#[cfg(feature = "photos")]
pub use data::{Aspect, Photos};
#[cfg(feature = "images")]
pub use data::{Drawings, Omniglot, OneShotRuns};
pub use error::{Error, Result};
pub use evaluation::{
    Calibration, ClassAccuracy, Confidence, Confusion, Evaluation, Evaluator, Figures, Reliability,
    ReliabilityBin, Times, Worst, WorstEpisode,
};
#[cfg(feature = "fetch")]
pub use fetch::{Fetch, RemoteFile};
pub use forward::{hessian, jacobian, jvp};
pub use grad::{grad, grad_values, hvp, vjp, vjp_values};
pub use gradcheck::{GradMismatch, check_grads, check_grads_all, check_grads_at};
pub use meta::{
    AdamRule, Adapted, Adapts, Baseline, BaselineHead, CurvatureRule, Distance, ElementRates, Ensemble,
    Fitted, GradientDescent, HeadFit, LastStep, Learned, Learner, Lesson, Maml, Mean, MetaGrad, MomentumRule,
    MultiStep, Nearest, Nearness, Order, Progress, ProtoNet, Query, Report, Reptile, RmsPropRule, Route,
    Score, Scores, SlowBody, StepRates, StepReport, Task, Trainable, Update, UpdateRule, Updated,
};
pub use meta::{CoTrained, Regularized};
pub use meta::{
    ConvexHead, Follows, MatchingNet, MetaOptNet, R2d2, Refinement, SemiProtoNet, Signatures, Similarity,
    Tadam,
};
pub use meta::{Imaml, Implicit, MetaLstm, RelationNet, Solved, conjugate_gradient};
pub use meta::{
    check_adapt, check_examples, check_inputs, check_learned, embed, evaluate, evaluate_across, meta_grad,
    task_loss,
};
pub use nn::{
    Activation, BlockShape, Contextual, Conv4, Downsample, EmbeddingBag, FilmConv4, Init, MapConv4, Mlp,
    Model, Moments, Network, Norm, NormMode, Observer, OwnInit, ParamSpec, Role,
};
pub use nn::{DropBlocks, InTraining, Noise, NoisyModel, NoisyResNet12, R2d2Net, ResNet12, Scaled};
pub use nn::{
    Framework, check_params, check_specs, export_named, export_params, images_from_channels_first,
    import_named, import_params, init_params,
};
pub use nn::{SignatureAttention, TextConv, TextLstm, WordTable};
pub use op::{Emit, Op, Point, Rule};
pub use ops::{ConvBlock, Key, Mask, Operand, Positions};
pub use ops::{accuracy, cosine_similarity, cross_entropy, lstm_cell, mse, where_};
pub use optim::{Adam, Optimizer, OptimizerState, Schedule, Sgd, clip_grad_norm, grad_norm};
pub use ranks::Ranks;
#[cfg(feature = "mpi")]
pub use ranks::World;
pub use real::Real;
pub use recompute::checkpoint;
#[cfg(feature = "report")]
pub use report::{Gallery, GalleryEpisode, GalleryQuery, GallerySupport, RunReport, peak_memory};
pub use tape::Tape;
#[cfg(feature = "safetensors")]
pub use train::JsonLog;
#[cfg(feature = "signals")]
pub use train::stop_on_signals;
#[cfg(all(feature = "safetensors", feature = "serde"))]
pub use train::{Answer, Classifier, Pretrained};
pub use train::{
    Best, CsvLog, History, ProgressLines, Run, RunEnd, StepPoint, TensorBoard, TrainEvent, Validated,
    ValidationPoint, Watch,
};
pub use train::{StepLog, TrainConfig, TrainState, Trainer};
#[cfg(feature = "safetensors")]
pub use train::{
    changed_settings, load_adapted, load_checkpoint, load_learned, load_params, save_adapted,
    save_checkpoint, save_learned, save_params,
};
pub use value::{MAX_RANK, Shape};
pub use var::Var;
#[cfg(any(feature = "npz", feature = "safetensors"))]
pub use weights::{StateDict, WeightNames};

pub use ndarray;
pub use rand;

/// The README's code is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
