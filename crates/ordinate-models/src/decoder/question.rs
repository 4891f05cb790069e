//! What a decoder is asked about an item.

use serde::{Deserialize, Serialize};

use super::chat::Role;
use crate::error::ModelError;

/// What a decoder is asked about an item: messages, and what it chooses from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What it is told to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// What it is asked.
    pub user: String,
    /// What is chosen from; `None` where it writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// The most tokens that are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<usize>,
}

impl Question {
    /// Reads one that was written as JSON.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where it is none.
    pub fn read(text: &str) -> Result<Self, ModelError> {
        serde_json::from_str(text).map_err(|error| ModelError::Failed(format!("it is no question: {error}")))
    }

    /// Its messages.
    #[must_use]
    pub fn messages(&self) -> Vec<(Role, &str)> {
        let system = self.system.as_deref().map(|system| (Role::System, system));
        system.into_iter().chain([(Role::User, self.user.as_str())]).collect()
    }
}
