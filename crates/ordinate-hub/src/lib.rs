//! Names of models on a Hugging Face hub ([`ModelName`]), and the cache on this disk that Python's `huggingface_hub`
//! shares ([`Cache`]). There is no network here: `ordinate-fetch` downloads.

mod cache;
mod intact;
mod name;
mod path;
mod whole;

pub use cache::{Cache, Cached, Snapshot};
pub use intact::{is_intact, set_damaged_aside};
pub use name::{ModelName, NameError, is_commit};
pub use path::is_safe;
pub use whole::{missing, reads_no_texts, shards_of};
