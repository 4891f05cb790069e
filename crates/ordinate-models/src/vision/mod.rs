//! Networks that look at images.
//!
//! - [`Config`] and [`Network`]: a small convolutional network, its weights, and what it makes of pixels.
//! - [`Planes`]: images as the network reads them.
//! - [`TrainableNetwork`]: the same network with weights that are variables.
//! - [`ImageClassifier`]: the model that answers items, and [`ImageEncoder`]: vectors of its features, for a probe.

mod classifier;
mod features;
mod network;
mod planes;
mod trainable;

pub use classifier::ImageClassifier;
pub use features::ImageEncoder;
pub use network::{Config, Network, TYPE};
pub use planes::{Planes, Sample};
pub use trainable::TrainableNetwork;

use crate::encoders::EncoderSource;

/// Whether a source is a folder with a network of images.
#[must_use]
pub fn is_network(source: &EncoderSource) -> bool {
    matches!(source, EncoderSource::Folder(source) if Config::read(&source.folder).is_ok())
}
