//! Encoders of sentences that are rows of word ids.

mod embedding_bag;
mod ids;

pub use embedding_bag::EmbeddingBag;
