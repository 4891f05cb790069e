//! Downloads models from a Hugging Face hub into the cache that Python's `huggingface_hub` shares.
//!
//! [`Hub::fetch`] asks the hub which commit a revision is and which files it has, and fetches those that a model needs
//! to run here. A file gets its final name only when its size and, where the hub says one, its SHA-256 are right; what
//! was cut off is kept beside it, and gone on with. The token goes to the hub itself and to nobody that it redirects to.

mod blob;
mod client;
mod error;
mod fetch;
mod plan;
mod settings;
mod token;

pub use blob::size;
pub use error::FetchError;
pub use fetch::{Fetched, Hub};
pub use settings::Settings;
pub use token::Token;
