//! Encoders of sentences that are rows of word ids.

mod embedding_bag;

pub use embedding_bag::EmbeddingBag;
