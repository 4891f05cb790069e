//! `[images]`: what is kept of the images of a `classify-image` task.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[images]`: what is kept of the images of a `classify-image` task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImagesSection {
    /// The longer side that an image may have, in pixels; larger ones are scaled down to it as they are read. Default 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_side: Option<NonZeroU32>,
}

impl ImagesSection {
    /// The default of `max_side`.
    pub const MAX_SIDE: u32 = 256;

    /// The longer side that an image may have.
    #[must_use]
    pub fn max_side(&self) -> u32 {
        self.max_side.map_or(Self::MAX_SIDE, NonZeroU32::get)
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
