//! What can go wrong when policies are learned, saved or loaded.

pub use ordinate_trials::NotApplicable;

/// Why policies could not be learned or loaded.
#[derive(Debug, thiserror::Error)]
pub enum CombineError {
    /// Cross-fitting needs at least two independent groups of items.
    #[error(
        "the items form {0} independent group(s); cross-fitting needs at least 2: add items, or leave `group` out \
         if the items are independent"
    )]
    TooFewGroups(usize),
    /// No train items.
    #[error("none of the items to learn from has an answer of every candidate; record more answers")]
    NothingToLearnFrom,
    /// A saved policy has another version.
    #[error("the policy file has version {0}, this Ordinate reads version {version}; run the task again",
            version = crate::artefact::VERSION)]
    Version(u64),
    /// A saved policy is not readable.
    #[error("the policy file is damaged: {0}; run the task again")]
    Damaged(String),
    /// A saved policy is of a kind that cannot be loaded.
    #[error("policies of kind {0} cannot be loaded by this version of Ordinate")]
    UnknownKind(String),
    /// JSON.
    #[error("the policy could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
