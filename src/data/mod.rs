//! Data sets grouped by class, splits of their classes, and the episodes drawn from them.
//!
//! An [`ImageSet`] holds images by class; a [`Split`] says which classes train and which test; an
//! [`EpisodeSampler`] draws tasks. Every source of tasks implements [`Tasks`]: task `i` is a
//! pure function of the settings, the seed and `i`, so any thread may make any task in any order.
//!
//! | source | what |
//! |---|---|
//! | `Omniglot` | 1623 handwritten characters, read from the published archives (feature `images`) |
//! | `OneShotRuns` | the runs by which people and machines were compared on Omniglot (feature `images`) |
//! | `Photos` | photographs in folders and zip archives, by folder or by a list of files (feature `photos`) |
//! | [`Glyphs`] | invented handwriting, made in milliseconds without any files |
//! | [`ImageSet::from_classes`] | your own images |
//! | [`FeatureSet`] | your own vectors: embeddings of whatever encoder |
//! | [`TextSet`] | sentences, which a [`Vocabulary`] or [`CharNgrams`] turn into rows of ids, [`TfIdf`] or [`WordVectors`] into vectors |
//! | [`Sinusoids`] | the regression tasks of the MAML paper |
//! | [`GaussianProcesses`] | regression tasks whose best possible answer is known |
//! | [`ImageSet::cached`] | any of these image sets, packed in one file |
//! | [`ClassBatches`] | plain batches of labelled images, for a classifier of all classes |

mod accompanied;
#[cfg(feature = "images")]
mod archive;
#[cfg(feature = "images")]
mod archive_file;
mod augment;
mod batches;
#[cfg(feature = "images")]
mod bitmap;
#[cfg(any(feature = "csv", feature = "text"))]
mod by_class;
mod cache;
#[cfg(feature = "images")]
mod cached;
mod char_ngrams;
mod class;
mod class_data;
#[cfg(feature = "images")]
mod drawings;
mod episode;
#[cfg(any(feature = "npz", feature = "safetensors"))]
mod feature_arrays;
mod features;
#[cfg(feature = "csv")]
mod features_csv;
#[cfg(feature = "npz")]
mod features_npz;
#[cfg(feature = "safetensors")]
mod features_safetensors;
#[cfg(feature = "text")]
mod few_rel;
mod gaussian_process;
mod glyphs;
mod groups;
mod hand;
mod id_rows;
mod images;
#[cfg(feature = "images")]
mod ink;
#[cfg(feature = "photos")]
mod listed;
mod normalise;
#[cfg(feature = "npz")]
mod npy;
#[cfg(feature = "images")]
mod omniglot;
#[cfg(feature = "images")]
mod one_shot_runs;
mod pen;
#[cfg(feature = "photos")]
mod photo_files;
#[cfg(feature = "photos")]
mod photos;
#[cfg(feature = "photos")]
mod picture;
mod pixels;
mod sampler;
mod script;
mod sentence;
mod sinusoid;
mod split;
#[cfg(feature = "photos")]
mod split_lists;
mod superclass;
#[cfg(any(feature = "csv", feature = "photos", feature = "text"))]
mod table_lines;
mod tasks;
mod text;
#[cfg(feature = "text")]
mod text_files;
mod tf_idf;
mod unlabelled;
mod vocabulary;
mod warp;
mod word_vectors;
mod word_vectors_file;
mod word_weights;
#[cfg(feature = "images")]
mod zipped;

pub use accompanied::{Accompanied, BesideBatches};
pub use augment::Augment;
pub use batches::ClassBatches;
pub use char_ngrams::CharNgrams;
pub use class::{Class, ClassRef};
pub use class_data::ClassData;
#[cfg(feature = "images")]
pub use drawings::Drawings;
pub use episode::{Episode, Examples, Targets};
pub use features::FeatureSet;
pub use gaussian_process::GaussianProcesses;
pub use glyphs::Glyphs;
pub(crate) use id_rows::PADDING;
pub use images::ImageSet;
#[cfg(feature = "npz")]
pub(crate) use npy::read_npy;
#[cfg(feature = "images")]
pub use omniglot::Omniglot;
#[cfg(feature = "images")]
pub use one_shot_runs::OneShotRuns;
#[cfg(feature = "photos")]
pub use photos::Photos;
#[cfg(feature = "photos")]
pub use picture::Aspect;
pub use pixels::PixelRange;
pub use sampler::{EpisodeSampler, EpisodeShape};
pub use sinusoid::Sinusoids;
pub use split::Split;
pub use tasks::Tasks;
pub use text::TextSet;
pub use tf_idf::TfIdf;
pub use vocabulary::Vocabulary;
pub use warp::Warp;
pub use word_vectors::WordVectors;
pub use word_weights::WordWeights;
