//! Decoders: models that write. [`find`] says where one is, [`open`] reads it, and [`Writer`] writes with it or says
//! how probable given texts are.

mod chat;
mod config;
mod model;
mod open;
mod vocabulary;
mod weights;
mod write;

pub use chat::{Chat, Role};
pub(crate) use config::KNOWN;
pub use config::{Architecture, Config};
pub use model::{Cache, Decoder};
pub use open::{Place, decoder, find, open};
pub(crate) use open::{enough_memory, gguf_config, shards};
pub(crate) use weights::Weights;
pub use write::{Piece, Sampling, Writer, Written};
