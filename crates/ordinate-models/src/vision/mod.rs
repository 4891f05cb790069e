//! Networks that look at images.
//!
//! - [`Config`] and [`Network`]: a small convolutional network, its weights, and what it makes of pixels.
//! - [`Planes`]: images as the network reads them.
//! - [`TrainsImages`]: a network whose weights are variables: [`TrainableNetwork`] the same network, [`TrainablePublished`] one that others trained.
//! - [`ImageClassifier`]: the model that answers items, and [`ImageEncoder`]: vectors of its features, for a probe.
//! - [`PublishedNetwork`]: residual networks and vision transformers that others trained.

mod classifier;
mod features;
mod network;
mod planes;
mod published;
mod trainable;

pub use classifier::ImageClassifier;
pub use features::ImageEncoder;
pub use network::{Config, Network, TYPE};
pub use planes::{Planes, Sample};
pub(crate) use published::{PublishedFeatures, unfit_config};
pub use published::{PublishedNetwork, TrainablePublished, TunedNetwork, is_published_network};
pub use trainable::{TrainableNetwork, TrainsImages};

use crate::encoders::EncoderSource;

/// Whether a source is a folder with a network of images, one that was trained here or one that was published.
#[must_use]
pub fn sees(source: &EncoderSource) -> bool {
    is_network(source) || matches!(source, EncoderSource::Folder(source) if is_published_network(source))
}

/// Whether a source is a folder with a network of images that was trained here.
#[must_use]
pub fn is_network(source: &EncoderSource) -> bool {
    matches!(source, EncoderSource::Folder(source) if Config::read(&source.folder).is_ok())
}
