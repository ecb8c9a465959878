//! Few-shot meta-learning with exact second-order gradients, on CPUs.
//!
//! `innerloop` carries its own reverse-mode autodiff whose every rule is itself
//! differentiable, so the gradient of a gradient that MAML needs is exact and is
//! ordinary library code. The whole of MAML on the lowest layer:
//!
//! ```
//! use innerloop::{Conv4, Downsample, EpisodeSampler, EpisodeShape, Episodes, Glyphs, Model, Norm, Tape};
//! use innerloop::{cross_entropy, grad, grad_values};
//!
//! let glyphs = Glyphs { alphabets: 2, characters_per_alphabet: 5, drawers: 4, size: 28, seed: 0 }.generate()?;
//! let shape = EpisodeShape { ways: 5, shots: 1, queries: 2 };
//! let episode = EpisodeSampler::new(&glyphs, &glyphs.all(), shape, 0)?.episode(0);
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
//! | losses | [`cross_entropy`], [`mse`], [`accuracy`], or [`loss`] by the kind of targets |
//! | models | [`Model`], [`Network`], [`Conv4`], [`Mlp`], [`ParamSpec`], [`Init`]; which statistics batch norm uses is always stated: [`Norm`] |
//! | learners | [`Learner`], [`Maml`], [`ProtoNet`]; [`meta_grad`] over a meta-batch, [`evaluate`] |
//! | training | [`Trainer`], [`Adam`], [`Sgd`], [`Schedule`], checkpoints |
//! | data | [`Episode`], [`Episodes`], [`EpisodeSampler`], [`ImageSet`], `Omniglot`, [`Glyphs`], [`Sinusoids`] |
//!
//! Operations are methods of [`Var`]; arrays are `ndarray`'s, re-exported as
//! [`ndarray`]. Images are channels-last, `[n, h, w, c]`; parameters of frameworks
//! that put channels first come in through [`params_from_channels_first`].
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
//! Both are on by default: `images` (Omniglot from archives or folders), `safetensors`
//! (saving and loading). Kernels use AVX-512 or AVX2 where the processor has them;
//! the environment variable `INNERLOOP_SIMD` (`portable`, `avx2`, `avx512`) lowers that.
#![deny(unsafe_code, missing_docs, missing_debug_implementations, unreachable_pub)]
#![deny(clippy::undocumented_unsafe_blocks)]
// an iterator's steps are checked in builds with debug assertions: see kernels/simd/each.rs
#![allow(clippy::needless_range_loop, clippy::manual_memcpy)]

#[macro_use]
mod compiled;

mod arrays;
mod data;
mod error;
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
mod real;
mod recompute;
mod tape;
mod train;
mod value;
mod var;

#[cfg(feature = "images")]
pub use data::Omniglot;
pub use data::{
    Class, ClassRef, Episode, EpisodeSampler, EpisodeShape, Examples, Glyphs, ImageSet, Sinusoids, Split,
    Targets, Tasks,
};
pub use error::{Error, Result};
pub use forward::{hessian, jacobian, jvp};
pub use grad::{grad, grad_values, hvp, vjp, vjp_values};
pub use gradcheck::{GradMismatch, check_grads, check_grads_all, check_grads_at};
pub use meta::{
    Adapted, Adapts, Distance, GradientDescent, Learned, Learner, Lesson, Maml, Mean, MetaGrad, MultiStep,
    Order, Progress, ProtoNet, Query, Report, Route, Score, Scores, StepReport, Task, Trainable, Update,
    UpdateRule, Updated,
};
pub use meta::{Follows, R2d2, Refinement, SemiProtoNet};
pub use meta::{check_adapt, check_examples, check_inputs, check_learned, evaluate, meta_grad, task_loss};
pub use nn::{
    Conv4, Downsample, Init, Mlp, Model, Moments, Network, Norm, NormMode, Observer, OwnInit, ParamSpec, Role,
};
pub use nn::{
    check_params, check_specs, images_from_channels_first, init_params, params_from_channels_first,
};
pub use op::{Emit, Op, Point, Rule};
pub use ops::{ConvBlock, Key, Mask, Operand, Positions};
pub use ops::{accuracy, cosine_similarity, cross_entropy, lstm_cell, mse, where_};
pub use optim::{Adam, Optimizer, OptimizerState, Schedule, Sgd, clip_grad_norm, grad_norm};
pub use real::Real;
pub use recompute::checkpoint;
pub use tape::Tape;
pub use train::{StepLog, TrainConfig, TrainState, Trainer};
#[cfg(feature = "safetensors")]
pub use train::{
    load_adapted, load_checkpoint, load_learned, load_params, save_adapted, save_checkpoint, save_learned,
    save_params,
};
pub use value::{MAX_RANK, Shape};
pub use var::Var;

pub use ndarray;
pub use rand;

/// The README's code is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
