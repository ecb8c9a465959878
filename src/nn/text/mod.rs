//! Encoders of sentences that are rows of word ids.

mod embedding_bag;
mod encoder;
mod ids;
mod lstm;
mod signature_attention;
mod text_conv;
mod text_lstm;
mod word_table;

pub use embedding_bag::EmbeddingBag;
pub use signature_attention::SignatureAttention;
pub use text_conv::TextConv;
pub use text_lstm::TextLstm;
pub use word_table::WordTable;
