//! Decoders: models that write. [`find`] says where one is, [`open`] reads it, and [`Writer`] writes with it ([`Stream`]) or
//! says how probable given texts are.

mod adapter;
mod branches;
mod cache;
mod chat;
mod config;
mod draw;
mod head;
mod identity;
mod layer;
mod layers;
mod learning;
mod linear;
#[cfg(feature = "llama-cpp")]
mod llama;
mod model;
mod names;
mod open;
mod options;
mod question;
mod rope;
mod stream;
mod trainable;
mod vocabulary;
mod weights;
mod wording;
mod write;

pub use cache::Cache;
pub use chat::{Chat, Role};
pub(crate) use config::KNOWN;
pub use config::{Architecture, Config};
pub use draw::Sampling;
pub(crate) use draw::{draw, log_sum};
pub use identity::identity;
pub use layers::{Layers, Session};
pub use model::Decoder;
pub use open::{Place, decoder, find, layers, open};
pub(crate) use open::{gguf_config, shards};
pub use options::Options;
pub use question::Question;
pub use stream::{End, Piece, Stream};
pub use trainable::{TrainableDecoder, TrainedDecoder};
pub(crate) use vocabulary::tokenizer as vocabulary;
pub(crate) use weights::Weights;
pub use write::{Writer, Written};
